//! A driver crate: what its manifest says, and how its image is built.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use build_steps::paths::Paths;
use build_steps::process::{cargo_program, run};
use cargo_metadata::{MetadataCommand, TargetKind};
use serde::Deserialize;

use crate::architecture::Architecture;
use crate::image;
use crate::kit::minimum;
use crate::toolchain::Toolchain;

/// The KMDF version that the kit describes.
const KMDF: (u32, u32) = (1, 33);

/// A KMDF driver crate.
#[derive(Debug, Clone)]
pub struct Driver {
    paths: Paths,
    folder: PathBuf,
    package: String,
    name: String,
    version: String,
    minimum_kmdf: u32,
    settings: Settings,
}

/// What the table `[package.metadata.kmdf-cross]` of a driver's manifest may say.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The cargo profile of the image.
    pub profile: String,
    /// The list of the functions that the image may import, relative to the crate's folder; without
    /// one it may import any.
    pub imports: Option<PathBuf>,
    /// The largest size of the image in bytes on disk.
    pub largest_image: Option<usize>,
    /// Whether the image must not contain the machinery of panics, nor source paths.
    pub no_panics: bool,
    /// Whether the image must have a version resource.
    pub version_resource: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: "release".to_owned(),
            imports: None,
            largest_image: None,
            no_panics: false,
            version_resource: false,
        }
    }
}

/// The driver model in the manifest of the package or of its workspace, as wdk-build reads it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DriverModel {
    driver_type: String,
    kmdf_version_major: u32,
    target_kmdf_version_minor: u32,
    minimum_kmdf_version_minor: Option<u32>,
}

impl Driver {
    /// Reads the manifest of the crate in `folder`.
    ///
    /// # Errors
    /// When `folder` has no package, the package is no KMDF driver for the version that the kit
    /// describes, or its metadata cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let folder = fs_err::canonicalize(folder)?;
        let metadata = MetadataCommand::new()
            .cargo_path(cargo_program())
            .current_dir(&folder)
            .no_deps()
            .exec()
            .with_context(|| format!("cargo metadata in {}", folder.display()))?;
        let package = metadata
            .packages
            .iter()
            .find(|package| {
                package
                    .manifest_path
                    .parent()
                    .is_some_and(|own| own == folder)
            })
            .with_context(|| format!("{} has no package", folder.display()))?;
        let library = package
            .targets
            .iter()
            .find(|target| target.kind.contains(&TargetKind::CDyLib))
            .with_context(|| format!("{} builds no cdylib", package.name))?;
        let model = [&package.metadata, &metadata.workspace_metadata]
            .into_iter()
            .find_map(|metadata| metadata.get("wdk")?.get("driver-model"))
            .with_context(|| format!("{} names no metadata.wdk.driver-model", package.name))?;
        let model = DriverModel::deserialize(model)
            .with_context(|| format!("metadata.wdk.driver-model of {}", package.name))?;
        ensure!(
            model.driver_type == "KMDF",
            "{} is a {} driver; only KMDF drivers can be built",
            package.name,
            model.driver_type
        );
        let named = (model.kmdf_version_major, model.target_kmdf_version_minor);
        if named != KMDF {
            bail!(
                "{} is for KMDF {}.{}; the kit describes {}.{}",
                package.name,
                named.0,
                named.1,
                KMDF.0,
                KMDF.1
            );
        }
        let settings = match package.metadata.get("kmdf-cross") {
            Some(settings) => Settings::deserialize(settings)
                .with_context(|| format!("metadata.kmdf-cross of {}", package.name))?,
            None => Settings::default(),
        };
        Ok(Self {
            paths: Paths::below(metadata.workspace_root.as_std_path()),
            folder,
            package: package.name.to_string(),
            name: library.name.clone(),
            version: package.version.to_string(),
            minimum_kmdf: model.minimum_kmdf_version_minor.unwrap_or(KMDF.1),
            settings,
        })
    }

    /// The paths of the driver's workspace.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The crate's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the image's file without its extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The package's version: three numbers.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The minor version of the oldest KMDF 1.x that the driver runs on.
    #[must_use]
    pub fn minimum_kmdf(&self) -> u32 {
        self.minimum_kmdf
    }

    /// What the manifest says about the build and the image.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Builds the image and returns its path, [`Driver::image`]. The symbols (`.pdb`) and the link
    /// map (`.map`) are beside it.
    ///
    /// # Errors
    /// When the driver calls what its oldest KMDF lacks, the toolchain cannot be prepared, or the
    /// build fails.
    pub fn build(&self, architecture: Architecture) -> Result<PathBuf> {
        minimum::check(self.minimum_kmdf, &self.folder)?;
        let toolchain = Toolchain::kernel(&self.paths, architecture)?;
        let profile = &self.settings.profile;
        let mut cargo = toolchain.cargo(self.paths.root(), "build")?;
        run(cargo.args(["--package", &self.package, "--profile", profile]))?;

        let built = toolchain.output_folder(profile);
        let file = |extension| format!("{}.{extension}", self.name);
        let mut image =
            fs_err::read(built.join(file("dll"))).context("cargo succeeded but left no image")?;
        let mut symbols = fs_err::read(built.join(file("pdb")))?;
        image::seal(&mut image, &mut symbols)
            .with_context(|| format!("{} and {}", file("dll"), file("pdb")))?;

        let path = self.image(architecture);
        fs_err::create_dir_all(path.with_file_name(""))?;
        fs_err::write(&path, image)?;
        fs_err::write(path.with_extension("pdb"), symbols)?;
        let map = built.join("deps").join(file("map"));
        fs_err::copy(map, path.with_extension("map"))?;
        eprintln!("built {}", path.display());
        Ok(path)
    }

    /// Where the finished image goes: `target/driver/NAME.sys` in the workspace, for 64-bit Arm
    /// `target/driver/aarch64/NAME.sys`.
    #[must_use]
    pub fn image(&self, architecture: Architecture) -> PathBuf {
        let folder = self.paths.target().join("driver");
        let folder = match architecture {
            Architecture::X86_64 => folder,
            Architecture::Aarch64 => folder.join("aarch64"),
        };
        folder.join(format!("{}.sys", self.name))
    }

    /// Checks the finished image, [`Driver::image`].
    ///
    /// # Errors
    /// When there is no image, or a file cannot be read.
    pub fn check(&self, architecture: Architecture) -> Result<image::Report> {
        let imports = self.settings.imports.as_ref();
        let imports = imports.map(|list| self.folder.join(list));
        let requirements = image::Requirements {
            architecture,
            imports: imports
                .as_deref()
                .map(image::AllowedImports::read)
                .transpose()?,
            largest_file: self.settings.largest_image,
            no_panics: self.settings.no_panics,
            version_resource: self.settings.version_resource,
        };
        image::Report::of(&self.image(architecture), &requirements)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::Driver;

    /// A package with this metadata.
    fn package(metadata: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            "[workspace]\n[package]\nname = \"a-driver\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\
             [lib]\ncrate-type = [\"cdylib\"]\n{metadata}"
        );
        fs_err::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        fs_err::create_dir(folder.path().join("src")).unwrap();
        fs_err::write(folder.path().join("src/lib.rs"), "").unwrap();
        folder
    }

    fn refusal(folder: &Path) -> String {
        format!("{:#}", Driver::read(folder).unwrap_err())
    }

    const MODEL: &str = "[package.metadata.wdk.driver-model]\ndriver-type = \"KMDF\"\n\
         kmdf-version-major = 1\ntarget-kmdf-version-minor = 33\n";

    #[test]
    fn names_version_and_settings_come_from_the_manifest() {
        let folder = package(&format!(
            "{MODEL}[package.metadata.kmdf-cross]\nprofile = \"driver\"\nno-panics = true\n"
        ));
        let driver = Driver::read(folder.path()).unwrap();
        assert_eq!((driver.name(), driver.version()), ("a_driver", "1.2.3"));
        assert_eq!(driver.minimum_kmdf(), 33);
        assert_eq!(driver.settings().profile, "driver");
        assert!(driver.settings().no_panics && !driver.settings().version_resource);
    }

    #[test]
    fn what_is_no_kmdf_driver_is_refused() {
        let none = package("");
        assert!(refusal(none.path()).contains("names no metadata.wdk.driver-model"));
        let old = package(&MODEL.replace("33", "31"));
        assert!(refusal(old.path()).contains("is for KMDF 1.31; the kit describes 1.33"));
        let wdm = package(&MODEL.replace("KMDF", "WDM"));
        assert!(refusal(wdm.path()).contains("is a WDM driver"));
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let folder = package(&format!(
            "{MODEL}[package.metadata.kmdf-cross]\nimport = \"a\"\n"
        ));
        assert!(refusal(folder.path()).contains("unknown field `import`"));
    }
}
