//! `pfbctl check`: all mistakes of all manifests in one run.

use std::io::Write;

use block_manifest::Manifest;

use crate::cli;
use crate::failure::Failure;
use crate::source;
use crate::style::{BAD, GOOD};

/// `pfbctl check`. A file that cannot be read does not keep the others from being checked.
pub(crate) fn run(arguments: &cli::Check, out: &mut dyn Write) -> Result<(), Failure> {
    let mut wrong = 0;
    let mut unreadable = None;
    for path in &arguments.manifests {
        let name = path.display();
        let text = match source::read(path).and_then(|bytes| source::text(path, &bytes)) {
            Ok(text) => text,
            Err(failure) => {
                writeln!(out, "{BAD}unread{BAD:#}  {name}")?;
                wrong += 1;
                unreadable.get_or_insert(failure);
                continue;
            }
        };
        match Manifest::parse(&path.to_string_lossy(), &text) {
            Ok(manifest) => {
                let warnings = manifest.warnings();
                source::show(warnings);
                let size = manifest.compile().len();
                let blocks = counted(manifest.blocks().len(), "block");
                let more = match warnings.warning_count() {
                    0 => String::new(),
                    count => format!(", {}", counted(count, "warning")),
                };
                writeln!(
                    out,
                    "{GOOD}ok{GOOD:#}      {name}: {blocks}, table of {size} bytes{more}"
                )?;
            }
            Err(diagnostics) => {
                source::show(&diagnostics);
                wrong += 1;
                let errors = counted(diagnostics.error_count(), "error");
                writeln!(out, "{BAD}refused{BAD:#} {name}: {errors}")?;
            }
        }
    }
    match unreadable {
        Some(failure) => Err(failure),
        None if wrong > 0 => Err(Failure::Findings {
            manifests: wrong,
            of: arguments.manifests.len(),
        }),
        None => Ok(()),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
