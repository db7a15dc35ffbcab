//! A copy of the source that faults are put into and taken out of again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use crate::kit::write_if_changed;
use crate::places::Places;
use crate::process::{git, output};
use crate::source_edit::SourceEdit;

/// The copy, as the working tree is now, uncommitted changes included.
#[derive(Debug)]
pub(super) struct WorkingCopy {
    places: Places,
}

impl WorkingCopy {
    /// Makes or renews the copy. Unchanged files keep their times, so cargo reuses what it built.
    pub(super) fn make(places: &Places) -> Result<Self> {
        let root = places.target().join("mutants/tree");
        let files = source_files(places)?;
        for file in &files {
            write_if_changed(&root.join(file), &fs_err::read(places.root().join(file))?)?;
        }
        let copy = Self {
            places: Places::below(&root),
        };
        // The copy is a repository of its own, so that git lists it and what left can go.
        if !root.join(".git").exists() {
            output(&mut git(&root, ["init", "--quiet"]))?;
        }
        for stale in source_files(&copy.places)?.difference(&files) {
            fs_err::remove_file(root.join(stale))?;
        }
        Ok(copy)
    }

    /// The copy's folders.
    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Runs `trial` with `edit` applied, and takes the edit back whatever happens.
    pub(super) fn with<T>(
        &self,
        edit: &SourceEdit,
        trial: impl FnOnce(&Places) -> Result<T>,
    ) -> Result<T> {
        let path = self.places.root().join(&edit.file);
        let original = fs_err::read(&path)?;
        edit.apply_below(self.places.root())?;
        let result = trial(&self.places);
        fs_err::write(&path, original)?;
        result
    }
}

/// What git would have: tracked files and new ones that are not ignored.
fn source_files(places: &Places) -> Result<BTreeSet<PathBuf>> {
    let words = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    Ok(output(&mut git(places.root(), words))?
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|file| places.root().join(file).is_file())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::WorkingCopy;
    use crate::places::Places;
    use crate::process::{git, output};
    use crate::source_edit::SourceEdit;

    fn workspace() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        output(&mut git(folder.path(), ["init", "--quiet"])).unwrap();
        fs_err::write(folder.path().join(".gitignore"), "target/\n").unwrap();
        fs_err::write(folder.path().join("a.rs"), "lock();\nwork();\n").unwrap();
        let places = Places::below(folder.path());
        (folder, places)
    }

    #[test]
    fn a_fault_is_in_the_copy_during_the_trial_alone() {
        let (_folder, places) = workspace();
        let copy = WorkingCopy::make(&places).unwrap();
        let edit = SourceEdit {
            name: "no lock".into(),
            file: "a.rs".into(),
            before: "lock();\n".into(),
            after: String::new(),
        };
        let read = |places: &Places| fs_err::read_to_string(places.root().join("a.rs")).unwrap();
        let during = copy.with(&edit, |places| Ok(read(places))).unwrap();
        assert_eq!(during, "work();\n");
        assert_eq!(read(copy.places()), "lock();\nwork();\n");
        assert_eq!(read(&places), "lock();\nwork();\n");
    }

    #[test]
    fn a_renewed_copy_has_no_file_that_is_gone_from_the_source() {
        let (_folder, places) = workspace();
        let copy = WorkingCopy::make(&places).unwrap();
        fs_err::rename(places.root().join("a.rs"), places.root().join("b.rs")).unwrap();
        WorkingCopy::make(&places).unwrap();
        assert!(!copy.places().root().join("a.rs").exists());
        assert!(copy.places().root().join("b.rs").exists());
    }
}
