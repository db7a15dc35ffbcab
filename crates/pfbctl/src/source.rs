//! Reads manifests and block tables.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use block_manifest::{Block, Diagnostics, Manifest, closest};
use block_table::Table;

use crate::failure::Failure;
use crate::printable::printable;
use crate::style::listed;

/// The content of a file.
pub(crate) enum Source {
    /// A manifest without errors.
    Manifest(Box<Manifest>),
    /// The bytes of a block table, not yet verified.
    Table(Vec<u8>),
}

/// Reads a manifest, and prints its diagnostics on standard error.
pub(crate) fn manifest(path: &Path) -> Result<Manifest, Failure> {
    parse(path, &read(path)?)
}

/// The block of an ID or a name.
pub(crate) fn block<'m>(manifest: &'m Manifest, text: &str) -> Result<&'m Block, Failure> {
    let blocks = manifest.blocks();
    let named = blocks.iter().find(|block| block.name == text);
    let found = named.or_else(|| {
        let id = text.parse().ok();
        blocks.iter().find(|block| Some(block.id) == id)
    });
    found.ok_or_else(|| {
        let blocks = blocks.iter().map(|block| (block.id, block.name.as_str()));
        no_block("BLOCK", text, &blocks.collect::<Vec<_>>())
    })
}

/// The failure of an argument that names no block.
pub(crate) fn no_block(argument: &'static str, text: &str, blocks: &[(u32, &str)]) -> Failure {
    let meant = closest(text, blocks.iter().map(|(_, name)| *name))
        .map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"));
    let all = blocks.iter().map(|(id, name)| format!("{id} ({name})"));
    let problem = format!(
        "there is no block `{text}`{meant}; blocks are {}",
        listed(&all.collect::<Vec<_>>())
    );
    Failure::Argument {
        argument,
        problem: printable(&problem).into_owned(),
    }
}

/// Reads a file that is a manifest or a block table.
pub(crate) fn load(path: &Path) -> Result<Source, Failure> {
    let bytes = read(path)?;
    if bytes.starts_with(&block_table::format::MAGIC) {
        Ok(Source::Table(bytes))
    } else {
        parse(path, &bytes).map(|manifest| Source::Manifest(Box::new(manifest)))
    }
}

/// Verifies the bytes of a block table.
pub(crate) fn verify<'t>(path: &Path, bytes: &'t [u8]) -> Result<Table<'t>, Failure> {
    Table::verify(bytes).map_err(|error| Failure::Table {
        path: PathBuf::from(name(path)),
        problem: error.to_string(),
    })
}

/// The manifest in a block table, if there is one.
pub(crate) fn embedded(bytes: &[u8]) -> Result<Option<Manifest>, String> {
    let table = Table::verify(bytes).map_err(|error| error.to_string())?;
    if table.manifest().is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(table.manifest())
        .map_err(|_| "the manifest in it is not UTF-8".to_owned())?;
    let manifest = Manifest::parse("", text)
        .map_err(|_| "the manifest in it is of another version of the language".to_owned())?;
    let compiled = table
        .blocks()
        .map(|block| (block.id(), block.max_length(), block.name().to_owned()));
    let described = manifest
        .blocks()
        .iter()
        .map(|block| (block.id, block.max_length.into(), block.name.clone()));
    if compiled.eq(described) {
        Ok(Some(manifest))
    } else {
        Err("the manifest in it has other blocks".to_owned())
    }
}

/// The text of a manifest.
pub(crate) fn text(path: &Path, bytes: &[u8]) -> Result<String, Failure> {
    let unfit = |problem| Failure::Unfit {
        path: PathBuf::from(name(path)),
        problem,
    };
    if bytes.starts_with(&block_table::format::MAGIC) {
        return Err(unfit("this is a block table, not a manifest".to_owned()));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let at = error.valid_up_to();
            let line = bytes[..at].split(|&byte| byte == b'\n').count();
            Err(unfit(format!(
                "line {line} is not UTF-8, so this is not a manifest"
            )))
        }
    }
}

/// The bytes of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if is_standard(path) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    bytes.map_err(|source| Failure::Read {
        path: PathBuf::from(name(path)),
        source,
    })
}

/// Whether a path stands for standard input or standard output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// What messages call an input.
pub(crate) fn name(path: &Path) -> String {
    if is_standard(path) {
        "standard input".to_owned()
    } else {
        path.to_string_lossy().into_owned()
    }
}

/// Refuses outputs that would overwrite the input or each other. Each follows the argument that
/// gives it.
pub(crate) fn keep_apart(input: &Path, outputs: &[(&'static str, &Path)]) -> Result<(), Failure> {
    let mut taken = Vec::new();
    if !is_standard(input) {
        taken.push((identity(input), "the manifest itself".to_owned()));
    }
    for &(argument, path) in outputs {
        let identity = identity(path);
        // A file that is not regular, such as /dev/stdout, may be written several times.
        let known = taken
            .iter()
            .find(|(other, _)| *other == identity && (!path.exists() || path.is_file()));
        if let Some((_, what)) = known {
            return Err(Failure::Argument {
                argument,
                problem: format!("{} is {what}, and would be overwritten", path.display()),
            });
        }
        taken.push((identity, format!("the output of {argument}, too")));
    }
    Ok(())
}

/// A canonical path for comparisons, also of a file that does not exist yet.
fn identity(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let in_folder = || Some(folder.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize()
        .ok()
        .or_else(in_folder)
        .unwrap_or_else(|| path.to_owned())
}

/// Writes a file, or to standard output for `-`: the bytes as they are.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    if is_standard(path) {
        let mut out = io::stdout().lock();
        out.write_all(bytes.as_ref())?;
        return Ok(out.flush()?);
    }
    fs::write(path, bytes).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that does not exist yet.
pub(crate) fn write_new(path: &Path, text: String) -> Result<(), Failure> {
    if is_standard(path) {
        return write(path, text);
    }
    let file = fs::File::create_new(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| Failure::Write {
            path: path.to_owned(),
            source,
        })
}

/// Prints diagnostics on standard error, in colour and in its width if that is a terminal.
pub(crate) fn show(diagnostics: &Diagnostics) {
    let columns = terminal_size::terminal_size_of(io::stderr());
    let columns = columns.map(|(width, _)| usize::from(width.0));
    if !diagnostics.is_empty() {
        anstream::eprintln!("{}\n", diagnostics.render(true, columns));
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Manifest, Failure> {
    let text = text(path, bytes)?;
    match Manifest::parse(&name(path), &text) {
        Ok(manifest) => {
            show(manifest.warnings());
            Ok(manifest)
        }
        Err(diagnostics) => {
            show(&diagnostics);
            Err(Failure::Findings {
                manifests: 1,
                of: 1,
            })
        }
    }
}
