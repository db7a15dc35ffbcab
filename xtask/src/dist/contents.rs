//! Which files are in which release archive.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::archive::Files;

/// What was built for the archives.
pub(super) struct Built {
    /// The workspace.
    pub(super) root: PathBuf,
    pub(super) pfbctl: PathBuf,
    pub(super) pfbctl_exe: PathBuf,
    /// A folder for each architecture with image, symbols and INF.
    pub(super) drivers: Vec<PathBuf>,
    /// A folder for each architecture with the library for drivers in C.
    pub(super) libraries: Vec<PathBuf>,
    /// `completions`, `man` and `schema`.
    pub(super) generated: PathBuf,
}

/// Committed files that every archive has: single files, and folders by their `/`.
const FOR_ALL: [&str; 8] = [
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "blocks/",
    "docs/",
    "fleet/",
];

/// Committed headers for drivers and programs in C.
const HEADERS: [&str; 3] = [
    "crates/block-broker-c/include/block_broker.h",
    "crates/pf-broker-abi/include/pf_broker.h",
    "examples/companion/c/pf_companion.h",
];

/// The files of the archive for Linux.
pub(super) fn of_linux(built: &Built, committed: &[String]) -> Result<Files> {
    let mut files = for_all(built, committed)?;
    files.insert("pfbctl".to_owned(), built.pfbctl.clone());
    add_folder(&mut files, "man", &built.generated.join("man"))?;
    Ok(files)
}

/// The files of the archive for Windows.
pub(super) fn of_windows(built: &Built, committed: &[String]) -> Result<Files> {
    let mut files = for_all(built, committed)?;
    files.insert("pfbctl.exe".to_owned(), built.pfbctl_exe.clone());
    for folder in &built.drivers {
        add_folder(&mut files, &format!("driver/{}", last(folder)?), folder)?;
    }
    for folder in &built.libraries {
        let library = folder.join("block_broker.lib");
        files.insert(format!("lib/{}/block_broker.lib", last(folder)?), library);
    }
    for header in HEADERS {
        let source = built.root.join(header);
        files.insert(format!("include/{}", last(&source)?), source);
    }
    Ok(files)
}

fn for_all(built: &Built, committed: &[String]) -> Result<Files> {
    let wanted = |name: &String| {
        FOR_ALL
            .iter()
            .any(|entry| name == entry || (entry.ends_with('/') && name.starts_with(entry)))
    };
    let mut files: Files = committed
        .iter()
        .filter(|name| wanted(name))
        .map(|name| (name.clone(), built.root.join(name)))
        .collect();
    for name in ["completions", "schema"] {
        add_folder(&mut files, name, &built.generated.join(name))?;
    }
    Ok(files)
}

fn add_folder(files: &mut Files, name: &str, folder: &Path) -> Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        files.insert(format!("{name}/{}", last(&path)?), path);
    }
    Ok(())
}

fn last(path: &Path) -> Result<String> {
    let name = path.file_name().context("a path with a name")?;
    Ok(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use build_steps::paths::Paths;

    use super::{Built, FOR_ALL, HEADERS, of_linux, of_windows};

    /// Empty files in the places of what a build makes.
    fn built(folder: &std::path::Path) -> Built {
        let file = |name: &str| {
            let path = folder.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, "").unwrap();
            path
        };
        file("completions/pfbctl.bash");
        file("man/pfbctl.1");
        file("schema/manifest.json");
        for name in ["pf_broker.inf", "pf_broker.pdb", "pf_broker.sys"] {
            file(&format!("driver/amd64/{name}"));
        }
        file("library/x86_64/block_broker.lib");
        Built {
            root: folder.to_path_buf(),
            pfbctl: file("pfbctl"),
            pfbctl_exe: file("pfbctl.exe"),
            drivers: vec![folder.join("driver/amd64")],
            libraries: vec![folder.join("library/x86_64")],
            generated: folder.to_path_buf(),
        }
    }

    fn committed() -> Vec<String> {
        [
            "README.md",
            "README.md.orig",
            "docs/manifest.md",
            "docsx/a",
            "src/lib.rs",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn the_archive_for_linux_has_program_manual_and_pages_and_no_source() {
        let folder = tempfile::tempdir().unwrap();
        let files = of_linux(&built(folder.path()), &committed()).unwrap();
        assert_eq!(
            files.into_keys().collect::<Vec<_>>(),
            [
                "README.md",
                "completions/pfbctl.bash",
                "docs/manifest.md",
                "man/pfbctl.1",
                "pfbctl",
                "schema/manifest.json"
            ]
        );
    }

    #[test]
    fn the_archive_for_windows_has_program_driver_library_and_headers() {
        let folder = tempfile::tempdir().unwrap();
        let files = of_windows(&built(folder.path()), &committed()).unwrap();
        assert_eq!(
            files.into_keys().collect::<Vec<_>>(),
            [
                "README.md",
                "completions/pfbctl.bash",
                "docs/manifest.md",
                "driver/amd64/pf_broker.inf",
                "driver/amd64/pf_broker.pdb",
                "driver/amd64/pf_broker.sys",
                "include/block_broker.h",
                "include/pf_broker.h",
                "include/pf_companion.h",
                "lib/x86_64/block_broker.lib",
                "pfbctl.exe",
                "schema/manifest.json"
            ]
        );
    }

    #[test]
    fn every_committed_file_that_the_archives_name_exists() {
        let root = Paths::of_this_workspace().root().to_path_buf();
        for name in FOR_ALL.iter().chain(&HEADERS) {
            assert!(root.join(name).exists(), "{name}");
        }
    }
}
