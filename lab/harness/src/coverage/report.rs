//! Reports of LLVM's tools about an image and its profile.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use build_steps::process::{command, output};
use kmdf_cross::llvm::LLVM;

/// An image with counters and what they counted.
#[derive(Debug)]
pub(super) struct Report {
    /// The workspace, and where files of coverage go.
    root: PathBuf,
    folder: PathBuf,
    image: PathBuf,
    profile: PathBuf,
}

impl Report {
    /// Takes a raw profile of `image`.
    pub(super) fn make(
        root: &Path,
        folder: PathBuf,
        image: PathBuf,
        raw_profile: &[u8],
    ) -> Result<Self> {
        let raw = folder.join("lab.profraw");
        fs_err::write(&raw, raw_profile)?;
        let profile = raw.with_extension("profdata");
        let mut merge = command(format!("{LLVM}/bin/llvm-profdata"), ["merge", "-sparse"]);
        output(merge.arg(&raw).arg("-o").arg(&profile))?;
        Ok(Self {
            root: root.to_path_buf(),
            folder,
            image,
            profile,
        })
    }

    /// A line for each file: its functions, lines and regions, and how many are missed.
    pub(super) fn table(&self) -> Result<String> {
        output(&mut self.tool("report", &["--show-branch-summary=false"]))
    }

    /// Every function and its count, as JSON.
    pub(super) fn functions(&self) -> Result<String> {
        output(&mut self.tool("export", &["--skip-expansions"]))
    }

    /// Writes the source with its counts as HTML pages; returns the first one.
    pub(super) fn pages(&self) -> Result<PathBuf> {
        let folder = self.folder.join("pages");
        let mut show = self.tool("show", &["--format=html", "--output-dir"]);
        output(show.arg(&folder))?;
        Ok(folder.join("index.html"))
    }

    /// `llvm-cov SUBCOMMAND`, without crates of other projects.
    fn tool(&self, subcommand: &str, options: &[&str]) -> Command {
        let mut tool = command(format!("{LLVM}/bin/llvm-cov"), [subcommand]);
        tool.current_dir(&self.root)
            .arg(&self.image)
            .arg(format!("--instr-profile={}", self.profile.display()))
            .arg("--ignore-filename-regex=^/(cargo|rust)/")
            .args(options);
        tool
    }
}
