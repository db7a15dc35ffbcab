//! Checks of a finished driver image: what Windows requires of a kernel image, and what the driver's
//! manifest requires.

mod checks;
mod checksum;
mod description;
mod identity;
mod imports;
mod link_map;

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};

pub use checks::{Finding, Requirements, Verdict, check};
pub use description::Description;
pub use identity::seal;
pub use imports::{AllowedImports, Imports};
pub use link_map::LinkMap;

/// An image and what the checks found; displayed as a table, one line for each finding.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the image's headers say.
    pub description: Description,
    /// A finding for each rule.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Reads the image at `path` and the link map beside it, and checks both.
    ///
    /// # Errors
    /// When a file cannot be read or is not what its name says. A check that fails is not an error
    /// but a [`Finding`].
    pub fn of(path: &Path, requirements: &Requirements) -> Result<Self> {
        let image = fs_err::read(path)?;
        let map_path = path.with_extension("map");
        let map = LinkMap::parse(&fs_err::read_to_string(&map_path)?)
            .with_context(|| map_path.display().to_string())?;
        let description =
            Description::read(&image, &map).with_context(|| path.display().to_string())?;
        let findings = check(&description, requirements);
        Ok(Self {
            description,
            findings,
        })
    }

    /// Whether the image keeps every rule.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.verdict == Verdict::Kept)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description {
            file_size,
            memory_size,
            sections,
            imports,
            ..
        } = &self.description;
        write!(
            f,
            "{file_size} bytes on disk, {memory_size} bytes in memory"
        )?;
        for section in sections {
            write!(f, "\n  section {section}")?;
        }
        for (library, names) in imports {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            write!(f, "\n  imports {library}: {}", names.join(" "))?;
        }
        let width = self.findings.iter().map(|finding| finding.check.len());
        let width = width.max().unwrap_or_default();
        for finding in &self.findings {
            let Finding {
                check,
                verdict,
                detail,
            } = finding;
            write!(f, "\n  {verdict} {check:width$}  {detail}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
