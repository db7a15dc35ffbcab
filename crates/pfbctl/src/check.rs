//! `pfbctl check`: reports all mistakes of all manifests in one run.

use std::io::Write;
use std::path::Path;

use block_manifest::Manifest;

use crate::cli;
use crate::failure::Failure;
use crate::source;
use crate::style::{BAD, GOOD, counted};

/// `pfbctl check`. A file that cannot be read does not stop the check of the others: its error is
/// printed in its turn, and the exit code reports it.
pub(crate) fn run(arguments: &cli::Check, out: &mut dyn Write) -> Result<(), Failure> {
    let (mut wrong, mut unread) = (0, 0);
    for path in &arguments.manifests {
        let name = path.display();
        let bytes = match source::read(path) {
            Ok(bytes) => bytes,
            Err(failure) => {
                failure.print();
                writeln!(out, "{BAD}unread{BAD:#}  {name}")?;
                unread += 1;
                continue;
            }
        };
        let is_right = match source::text(path, &bytes) {
            Ok(text) => judge(path, &text, out)?,
            Err(failure) => {
                failure.print();
                writeln!(out, "{BAD}refused{BAD:#} {name}: not a manifest")?;
                false
            }
        };
        wrong += usize::from(!is_right);
    }
    match (unread, wrong) {
        (0, 0) => Ok(()),
        (0, manifests) => Err(Failure::Findings {
            manifests,
            of: arguments.manifests.len(),
        }),
        (files, manifests) => Err(Failure::Unread {
            files,
            manifests,
            of: arguments.manifests.len(),
        }),
    }
}

/// Prints the diagnostics of one manifest and its result; false if it has errors.
fn judge(path: &Path, text: &str, out: &mut dyn Write) -> Result<bool, Failure> {
    let name = path.display();
    match Manifest::parse(&path.to_string_lossy(), text) {
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
            Ok(true)
        }
        Err(diagnostics) => {
            source::show(&diagnostics);
            let errors = counted(diagnostics.error_count(), "error");
            writeln!(out, "{BAD}refused{BAD:#} {name}: {errors}")?;
            Ok(false)
        }
    }
}
