//! Checks of the finished driver image: what Windows asks of a kernel image, and what this
//! project asks of its own.

mod checks;
mod checksum;
mod description;
mod identity;
mod imports;
mod link_map;

use std::path::Path;

use anyhow::{Context as _, Result};

pub use checks::{Finding, Verdict, check};
pub use description::Description;
pub use identity::seal;
pub use imports::{AllowedImports, Imports};
pub use link_map::LinkMap;

use crate::architecture::Architecture;

/// Reads the image at `path`, its link map beside it, and checks both.
///
/// # Errors
/// When a file cannot be read or is not what its name says. A check that fails is not an error
/// but a [`Finding`].
pub fn examine(path: &Path, architecture: Architecture) -> Result<(Description, Vec<Finding>)> {
    let image = fs_err::read(path)?;
    let map_path = path.with_extension("map");
    let map = LinkMap::parse(&fs_err::read_to_string(&map_path)?)
        .with_context(|| map_path.display().to_string())?;
    let description =
        Description::read(&image, &map).with_context(|| path.display().to_string())?;
    let findings = check(&description, &AllowedImports::committed()?, architecture);
    Ok((description, findings))
}

/// A table of the findings, one line each, ready to print.
#[must_use]
pub fn table(description: &Description, findings: &[Finding]) -> String {
    let width = findings
        .iter()
        .map(|finding| finding.check.len())
        .max()
        .unwrap_or_default();
    let size = format!(
        "{} bytes on disk, {} bytes in memory",
        description.file_size, description.memory_size
    );
    let sections = description
        .sections
        .iter()
        .map(|section| format!("  section {section}"));
    let imports = description.imports.iter().map(|(library, names)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("  imports {library}: {}", names.join(" "))
    });
    let findings = findings.iter().map(
        |Finding {
             check,
             verdict,
             detail,
         }| { format!("  {verdict} {check:width$}  {detail}") },
    );
    let lines: Vec<String> = std::iter::once(size)
        .chain(sections)
        .chain(imports)
        .chain(findings)
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
