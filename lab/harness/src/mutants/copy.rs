//! A copy of the source, to which faults are applied and reverted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use build_steps::paths::Paths;
use build_steps::process::{git, output};
use build_steps::source_edit::SourceEdit;
use build_steps::write;

/// The copy, as the working tree is now, uncommitted changes included.
#[derive(Debug)]
pub(super) struct WorkingCopy {
    paths: Paths,
}

impl WorkingCopy {
    /// Makes or renews the copy. Unchanged files keep their times, so cargo reuses what it built.
    pub(super) fn make(paths: &Paths) -> Result<Self> {
        let root = paths.target().join("mutants/tree");
        let files = source_files(paths)?;
        for file in &files {
            write::if_changed(&root.join(file), &fs_err::read(paths.root().join(file))?)?;
        }
        let copy = Self {
            paths: Paths::below(&root),
        };
        // The copy is a repository of its own: git lists its files, so that removed ones are
        // deleted.
        if !root.join(".git").exists() {
            output(&mut git(&root, ["init", "--quiet"]))?;
        }
        for stale in source_files(&copy.paths)?.difference(&files) {
            fs_err::remove_file(root.join(stale))?;
        }
        Ok(copy)
    }

    /// The copy's folders.
    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Runs `trial` with `edit` applied, and reverts the edit in any case.
    pub(super) fn with<T>(
        &self,
        edit: &SourceEdit,
        trial: impl FnOnce(&Paths) -> Result<T>,
    ) -> Result<T> {
        let path = self.paths.root().join(&edit.file);
        let original = fs_err::read(&path)?;
        edit.apply_below(self.paths.root())?;
        let result = trial(&self.paths);
        fs_err::write(&path, original)?;
        result
    }
}

/// Tracked files and new ones that are not ignored.
fn source_files(paths: &Paths) -> Result<BTreeSet<PathBuf>> {
    let words = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    Ok(output(&mut git(paths.root(), words))?
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|file| paths.root().join(file).is_file())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::WorkingCopy;
    use build_steps::paths::Paths;
    use build_steps::process::{git, output};
    use build_steps::source_edit::SourceEdit;

    fn workspace() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        output(&mut git(folder.path(), ["init", "--quiet"])).unwrap();
        fs_err::write(folder.path().join(".gitignore"), "target/\n").unwrap();
        fs_err::write(folder.path().join("a.rs"), "lock();\nwork();\n").unwrap();
        let paths = Paths::below(folder.path());
        (folder, paths)
    }

    #[test]
    fn a_fault_is_in_the_copy_during_the_trial_alone() {
        let (_folder, paths) = workspace();
        let copy = WorkingCopy::make(&paths).unwrap();
        let edit = SourceEdit {
            name: "no lock".into(),
            file: "a.rs".into(),
            before: "lock();\n".into(),
            after: String::new(),
        };
        let read = |paths: &Paths| fs_err::read_to_string(paths.root().join("a.rs")).unwrap();
        let during = copy.with(&edit, |paths| Ok(read(paths))).unwrap();
        assert_eq!(during, "work();\n");
        assert_eq!(read(copy.paths()), "lock();\nwork();\n");
        assert_eq!(read(&paths), "lock();\nwork();\n");
    }

    #[test]
    fn a_renewed_copy_has_no_file_that_is_gone_from_the_source() {
        let (_folder, paths) = workspace();
        let copy = WorkingCopy::make(&paths).unwrap();
        fs_err::rename(paths.root().join("a.rs"), paths.root().join("b.rs")).unwrap();
        WorkingCopy::make(&paths).unwrap();
        assert!(!copy.paths().root().join("a.rs").exists());
        assert!(copy.paths().root().join("b.rs").exists());
    }
}
