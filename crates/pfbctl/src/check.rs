//! `pfbctl check`: reports all mistakes of all manifests in one run.

use std::io::Write;
use std::path::Path;

use block_manifest::{Diagnostic, Diagnostics, Manifest, Severity, Span};
use serde::Serialize;

use crate::cli;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable_lines;
use crate::source;
use crate::style::{BAD, GOOD, counted};

/// The result for all files. docs/json.md documents the serialized names; they are only added to.
#[derive(Debug, Serialize)]
struct Results {
    files: Vec<Checked>,
}

/// The result for one file.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    result: Verdict,
    /// Why the file is unread or is no manifest.
    problem: Option<String>,
    /// Blocks of a manifest without errors.
    blocks: Option<usize>,
    /// Bytes of its block table.
    table_bytes: Option<usize>,
    errors: usize,
    warnings: usize,
    /// In the order of the text.
    diagnostics: Vec<Finding>,
    #[serde(skip)]
    rendered: Option<Diagnostics>,
}

/// Whether a manifest compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// It compiles.
    Ok,
    /// It has errors, or is no manifest.
    Refused,
    /// It cannot be read.
    Unread,
}

/// A diagnostic.
#[derive(Debug, Serialize)]
struct Finding {
    severity: &'static str,
    message: String,
    span: Place,
    label: String,
    related: Vec<Related>,
    notes: Vec<String>,
    help: Vec<String>,
}

/// Another relevant place.
#[derive(Debug, Serialize)]
struct Related {
    span: Place,
    label: String,
}

/// A part of the text.
#[derive(Debug, Serialize)]
struct Place {
    start: Position,
    /// After its last character.
    end: Position,
}

/// A place in the text. Lines and columns count from 1, columns in characters, bytes from 0.
#[derive(Debug, Serialize)]
struct Position {
    line: usize,
    column: usize,
    byte: usize,
}

/// `pfbctl check`. A file that cannot be read does not stop the check of the others: its error is
/// printed in its turn, and the exit code reports it.
pub(crate) fn run(arguments: &cli::Check, out: &mut dyn Write) -> Result<(), Failure> {
    let mut files = Vec::new();
    for path in &arguments.manifests {
        let checked = check(path);
        if !arguments.prints_json() {
            print(&checked, out)?;
        }
        files.push(checked);
    }
    let count = |result| files.iter().filter(|file| file.result == result).count();
    let (of, wrong, unread) = (files.len(), count(Verdict::Refused), count(Verdict::Unread));
    if arguments.prints_json() {
        json::document(out, &Results { files })?;
    }
    match (unread, wrong) {
        (0, 0) => Ok(()),
        (0, manifests) => Err(Failure::Findings { manifests, of }),
        (files, manifests) => Err(Failure::Unread {
            files,
            manifests,
            of,
        }),
    }
}

/// Checks one file.
fn check(path: &Path) -> Checked {
    let file = source::name(path);
    let text = match source::read(path) {
        Ok(bytes) => source::text(path, &bytes),
        Err(failure) => return Checked::failed(file, Verdict::Unread, &failure),
    };
    match text {
        Ok(text) => match Manifest::parse(&file, &text) {
            Ok(manifest) => Checked {
                blocks: Some(manifest.blocks().len()),
                table_bytes: Some(manifest.compile().len()),
                ..Checked::judged(file, Verdict::Ok, manifest.warnings().clone())
            },
            Err(diagnostics) => Checked::judged(file, Verdict::Refused, diagnostics),
        },
        Err(failure) => Checked::failed(file, Verdict::Refused, &failure),
    }
}

impl Checked {
    /// A file with these diagnostics.
    fn judged(file: String, result: Verdict, diagnostics: Diagnostics) -> Self {
        let found = diagnostics.iter();
        Self {
            file,
            result,
            problem: None,
            blocks: None,
            table_bytes: None,
            errors: diagnostics.error_count(),
            warnings: diagnostics.warning_count(),
            diagnostics: found.map(|each| Finding::new(each, &diagnostics)).collect(),
            rendered: Some(diagnostics),
        }
    }

    /// A file that is no manifest.
    fn failed(file: String, result: Verdict, failure: &Failure) -> Self {
        Self {
            file,
            result,
            problem: Some(failure.with_causes()),
            blocks: None,
            table_bytes: None,
            errors: 1,
            warnings: 0,
            diagnostics: Vec::new(),
            rendered: None,
        }
    }
}

impl Finding {
    fn new(diagnostic: &Diagnostic, all: &Diagnostics) -> Self {
        let related = diagnostic.related.iter().map(|(span, label)| Related {
            span: Place::new(span, all),
            label: label.clone(),
        });
        Self {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: diagnostic.message.clone(),
            span: Place::new(&diagnostic.span, all),
            label: diagnostic.label.clone(),
            related: related.collect(),
            notes: diagnostic.notes.clone(),
            help: diagnostic.help.clone(),
        }
    }
}

impl Place {
    fn new(span: &Span, all: &Diagnostics) -> Self {
        let position = |byte| {
            let (line, column) = all.position(byte);
            Position { line, column, byte }
        };
        Self {
            start: position(span.start),
            end: position(span.end),
        }
    }
}

/// Prints the diagnostics of one file on standard error, and its result.
fn print(checked: &Checked, out: &mut dyn Write) -> Result<(), Failure> {
    if let Some(problem) = &checked.problem {
        anstream::eprintln!("{BAD}error{BAD:#}: {}", printable_lines(problem));
    }
    if let Some(diagnostics) = &checked.rendered {
        source::show(diagnostics);
    }
    let name = &checked.file;
    match (checked.result, checked.blocks, checked.table_bytes) {
        (Verdict::Unread, ..) => writeln!(out, "{BAD}unread{BAD:#}  {name}")?,
        (Verdict::Ok, Some(blocks), Some(size)) => {
            let blocks = counted(blocks, "block");
            let more = match checked.warnings {
                0 => String::new(),
                count => format!(", {}", counted(count, "warning")),
            };
            writeln!(
                out,
                "{GOOD}ok{GOOD:#}      {name}: {blocks}, table of {size} bytes{more}"
            )?;
        }
        _ if checked.problem.is_some() => {
            writeln!(out, "{BAD}refused{BAD:#} {name}: not a manifest")?;
        }
        _ => {
            let errors = counted(checked.errors, "error");
            writeln!(out, "{BAD}refused{BAD:#} {name}: {errors}")?;
        }
    }
    Ok(())
}
