//! Reads what the checks need from the headers of an image.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use object::LittleEndian as LE;
use object::pe;
use object::pod;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader as _, Import, PeFile64};

use super::checksum;
use super::imports::Imports;
use super::link_map::LinkMap;

/// The properties of an image that the checks examine.
#[derive(Debug, Clone)]
pub struct Description {
    /// The processor, as `IMAGE_FILE_MACHINE_*`.
    pub machine: u16,
    /// `IMAGE_SUBSYSTEM_*`.
    pub subsystem: u16,
    /// `IMAGE_DLLCHARACTERISTICS_*`.
    pub flags: u16,
    /// The entry point and the address of `FxDriverEntry`, from the image's start.
    pub entry: u32,
    /// Where the link map puts `FxDriverEntry`.
    pub framework_entry: Option<u64>,
    /// The checksum in the header and the one that the bytes give.
    pub checksum: (u32, u32),
    /// What it imports, by file.
    pub imports: Imports,
    /// Its sections.
    pub sections: Vec<Section>,
    /// The file version of its version resource: four numbers.
    pub version: Option<[u16; 4]>,
    /// Its Control Flow Guard tables, where it has a load configuration.
    pub guard: Option<Guard>,
    /// Readable names of symbols that only panics use.
    pub panic_symbols: Vec<String>,
    /// Texts in the image that look like the path of a source file.
    pub source_paths: Vec<String>,
    /// Size of the file in bytes.
    pub file_size: usize,
    /// Size of the loaded image in bytes.
    pub memory_size: u32,
}

/// One section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its size in memory, in bytes.
    pub size: u32,
    /// `IMAGE_SCN_*`.
    pub flags: u32,
}

/// The Control Flow Guard tables in the load configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// `IMAGE_GUARD_*`.
    pub flags: u32,
    /// Whether the pointer for calls that check their target first is there.
    pub check_pointer: bool,
    /// Whether the pointer for calls through the kernel's dispatcher is there.
    pub dispatch_pointer: bool,
    /// The number of valid call targets.
    pub functions: u64,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |flag: pe::SectionFlags, letter| {
            if self.flags & flag.0 != 0 {
                letter
            } else {
                '-'
            }
        };
        write!(
            f,
            "{:8} {:7} bytes {}{}{}{}",
            self.name,
            self.size,
            letter(pe::IMAGE_SCN_MEM_READ, 'r'),
            letter(pe::IMAGE_SCN_MEM_WRITE, 'w'),
            letter(pe::IMAGE_SCN_MEM_EXECUTE, 'x'),
            letter(pe::IMAGE_SCN_MEM_DISCARDABLE, 'd'),
        )
    }
}

impl Description {
    /// Reads `image`, a 64-bit PE file, and takes its symbols from `map`.
    ///
    /// # Errors
    /// When the bytes are not a well-formed 64-bit PE file.
    pub fn read(image: &[u8], map: &LinkMap) -> Result<Self> {
        let file = PeFile64::parse(image).context("not a 64-bit PE file")?;
        let headers = file.nt_headers();
        let optional = headers.optional_header();
        Ok(Self {
            machine: headers.file_header().machine.get(LE).0,
            subsystem: optional.subsystem().0,
            flags: optional.dll_characteristics().0,
            entry: optional.address_of_entry_point(),
            framework_entry: map.offset("FxDriverEntry"),
            checksum: (
                optional.check_sum(),
                checksum::of(image, &checksum::place(&file)),
            ),
            imports: imports(&file).context("import table")?,
            sections: sections(&file),
            version: version(&file).context("version resource")?,
            guard: guard(&file).context("load configuration")?,
            panic_symbols: map.names().filter(|name| only_for_panics(name)).collect(),
            source_paths: source_paths(image),
            file_size: image.len(),
            memory_size: optional.size_of_image(),
        })
    }
}

fn imports(file: &PeFile64) -> Result<Imports> {
    let mut imports = Imports::new();
    let Some(table) = file.import_table()? else {
        return Ok(imports);
    };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let library = text(table.name(descriptor.name.get(LE))?).to_ascii_lowercase();
        let names = imports.entry(library).or_default();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        while let Some(thunk) = thunks.next::<pe::ImageNtHeaders64>()? {
            names.insert(match table.import::<pe::ImageNtHeaders64>(thunk)? {
                Import::Name(_, name) => text(name),
                Import::Ordinal(number) => format!("#{number}"),
            });
        }
    }
    Ok(imports)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn sections(file: &PeFile64) -> Vec<Section> {
    file.section_table()
        .iter()
        .map(|section| Section {
            name: text(section.raw_name()),
            size: section.virtual_size.get(LE),
            flags: section.characteristics.get(LE).0,
        })
        .collect()
}

/// The file version out of the fixed part of the first version resource.
fn version(file: &PeFile64) -> Result<Option<[u16; 4]>> {
    // VS_VERSIONINFO: a header of six bytes, the name in UTF-16 with its zero, padding to four
    // bytes, then VS_FIXEDFILEINFO, whose third and fourth words of 32 bits are the file version.
    const FIXED: usize = 40;
    let Some(bytes) = resource(file, pe::RT_VERSION)? else {
        return Ok(None);
    };
    let word = |index: usize| {
        bytes
            .get(FIXED + 4 * index..FIXED + 4 * index + 4)
            .and_then(|word| word.try_into().ok())
            .map(u32::from_le_bytes)
            .context("it is cut short")
    };
    if word(0)? != 0xFEEF_04BD {
        bail!("it has no fixed part");
    }
    let [high, low] = [word(2)?, word(3)?];
    Ok(Some(
        [high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF].map(|part| {
            // Each part is 16 bits by construction.
            u16::try_from(part).unwrap_or(u16::MAX)
        }),
    ))
}

/// The bytes of the first resource of type `kind`, in whatever name and language.
fn resource<'data>(file: &PeFile64<'data>, kind: u16) -> Result<Option<&'data [u8]>> {
    let sections = file.section_table();
    let Some(directory) = file
        .data_directories()
        .resource_directory(file.data(), &sections)?
    else {
        return Ok(None);
    };
    let root = directory.root()?;
    let Some(entry) = root
        .entries
        .iter()
        .find(|entry| !entry.has_name() && entry.name_or_id.get(LE) == u32::from(kind))
    else {
        return Ok(None);
    };
    let mut data = entry.data(directory)?;
    // Type, name, language: the tree has three levels.
    for _ in 0..2 {
        let table = data.table().context("the resource tree is too flat")?;
        let first = table.entries.first().context("an empty resource table")?;
        data = first.data(directory)?;
    }
    let leaf = data.data().context("the resource tree is too deep")?;
    let bytes = sections
        .pe_data_at(file.data(), leaf.offset_to_data.get(LE))
        .and_then(|rest| rest.get(..usize::try_from(leaf.size.get(LE)).ok()?));
    bytes.map(Some).context("a resource outside the image")
}

fn guard(file: &PeFile64) -> Result<Option<Guard>> {
    let Some(directory) = file.data_directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG) else {
        return Ok(None);
    };
    let address = directory.virtual_address.get(LE);
    if address == 0 {
        return Ok(None);
    }
    let bytes = file
        .section_table()
        .pe_data_at(file.data(), address)
        .context("it lies outside the image")?;
    let (load, _) = pod::from_bytes::<pe::ImageLoadConfigDirectory64>(bytes)
        .map_err(|()| anyhow::anyhow!("it is cut short"))?;
    Ok(Some(Guard {
        flags: load.guard_flags.get(LE).0,
        check_pointer: load.guard_cf_check_function_pointer.get(LE) != 0,
        dispatch_pointer: load.guard_cf_dispatch_function_pointer.get(LE) != 0,
        functions: load.guard_cf_function_count.get(LE),
    }))
}

/// Whether a symbol is reached through a panic or through formatting a message alone.
fn only_for_panics(name: &str) -> bool {
    const PARTS: [&str; 4] = [
        "core::panicking",
        "panic_fmt",
        "rust_begin_unwind",
        "core::fmt::",
    ];
    // Such as `core::slice::index::slice_index_fail`.
    let failing_check = name.starts_with("core::") && name.contains("_fail");
    failing_check || PARTS.iter().any(|part| name.contains(part))
}

/// Texts that end in `.rs`: a panic's location names its source file.
fn source_paths(image: &[u8]) -> Vec<String> {
    let printable = |byte: &u8| byte.is_ascii_graphic();
    let mut paths: Vec<String> = image
        .windows(3)
        .enumerate()
        .filter(|(_, window)| window == b".rs")
        .map(|(end, _)| {
            let start = image[..end]
                .iter()
                .rposition(|byte| !printable(byte))
                .map_or(0, |at| at + 1);
            text(&image[start..end + 3])
        })
        .filter(|path| path.len() > 4)
        .collect();
    paths.dedup();
    paths
}
