//! Exact edits to source text: a piece that must occur exactly once, and what replaces it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use thiserror::Error;

/// One edit of one file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEdit {
    /// What the edit is for; errors name it.
    pub name: String,
    /// The file, relative to the folder the edits apply to.
    pub file: PathBuf,
    /// The exact text that must occur once.
    pub before: String,
    /// The text that takes its place.
    pub after: String,
}

/// Why an edit does not fit the text it was written for.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MisfitError {
    /// The text to replace is not there.
    #[error("edit \"{edit}\": its text does not occur in {file}")]
    Absent {
        /// Name of the edit.
        edit: String,
        /// The file it is for.
        file: String,
    },
    /// The text to replace is there more than once.
    #[error("edit \"{edit}\": its text occurs {count} times in {file}, once is allowed")]
    Ambiguous {
        /// Name of the edit.
        edit: String,
        /// The file it is for.
        file: String,
        /// How often the text occurs.
        count: usize,
    },
}

impl SourceEdit {
    /// `text` with the edit applied.
    ///
    /// # Errors
    /// When the text to replace does not occur exactly once.
    pub fn applied_to(&self, text: &str) -> Result<String, MisfitError> {
        let edit = self.name.clone();
        let file = self.file.display().to_string();
        match text.matches(&self.before).count() {
            0 => Err(MisfitError::Absent { edit, file }),
            1 => Ok(text.replacen(&self.before, &self.after, 1)),
            count => Err(MisfitError::Ambiguous { edit, file, count }),
        }
    }

    /// Applies the edit to its file below `folder`.
    ///
    /// # Errors
    /// When the file cannot be read or written, or the edit does not fit it.
    pub fn apply_below(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.file);
        let text = fs_err::read_to_string(&path)
            .with_context(|| format!("edit \"{}\" needs this file", self.name))?;
        fs_err::write(&path, self.applied_to(&text)?)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{MisfitError, SourceEdit};

    fn edit() -> SourceEdit {
        SourceEdit {
            name: "swap".into(),
            file: "src/lib.rs".into(),
            before: "one".into(),
            after: "two".into(),
        }
    }

    #[test]
    fn an_edit_replaces_the_single_occurrence() {
        assert_eq!(edit().applied_to("a one b").unwrap(), "a two b");
    }

    #[test]
    fn an_edit_whose_text_is_gone_is_refused_by_name() {
        let error = edit().applied_to("nothing here").unwrap_err();
        assert_eq!(
            error,
            MisfitError::Absent {
                edit: "swap".into(),
                file: "src/lib.rs".into()
            }
        );
    }

    #[test]
    fn an_edit_whose_text_occurs_twice_is_refused() {
        let error = edit().applied_to("one one").unwrap_err();
        assert_eq!(
            error.to_string(),
            "edit \"swap\": its text occurs 2 times in src/lib.rs, once is allowed"
        );
    }
}
