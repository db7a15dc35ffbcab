//! The files of a driver package: image, symbols and stamped INF, ready for catalog and signature.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use build_steps::process::{git, output};
use thiserror::Error;

use crate::architecture::Architecture;
use crate::driver::Driver;

/// Builds the driver and puts image, symbols and stamped INF into `target/package/` of its
/// workspace, in a folder for the architecture. The INF template is `NAME.inx` in the driver's folder.
///
/// # Errors
/// When the build fails, or the template is absent or lacks what is to be stamped.
pub fn make(driver: &Driver, architecture: Architecture) -> Result<PathBuf> {
    let image = driver.build(architecture)?;
    let folder = driver
        .paths()
        .target()
        .join("package")
        .join(architecture.inf_name());
    fs_err::create_dir_all(&folder)?;
    let name = driver.name();
    for extension in ["sys", "pdb"] {
        let file = image.with_extension(extension);
        fs_err::copy(file, folder.join(format!("{name}.{extension}")))?;
    }
    let template = format!("{name}.inx");
    let stamped = Stamp {
        architecture: architecture.inf_name(),
        kmdf_version: &format!("1.{}", driver.minimum_kmdf()),
        date: &commit_date(driver.folder())?,
        version: &format!("{}.0", driver.version()),
    }
    .on(&fs_err::read_to_string(driver.folder().join(&template))?)
    .context(template.clone())?;
    // Windows reads an INF in the system's code page or in UTF-16; plain ASCII is the same in both.
    ensure!(
        stamped.is_ascii(),
        "{template} has characters beyond ASCII, which Windows would misread"
    );
    fs_err::write(folder.join(format!("{name}.inf")), stamped)?;
    eprintln!(
        "packed {}; inf2cat and signtool add catalog and signature on Windows",
        folder.display()
    );
    Ok(folder)
}

/// The day of the last commit as an INF writes it, so that the same source gives the same INF.
fn commit_date(folder: &Path) -> Result<String> {
    let words = ["log", "-1", "--format=%cd", "--date=format:%m/%d/%Y"];
    let date =
        output(&mut git(folder, words)).context("the INF's date is that of the last commit")?;
    Ok(date.trim().to_owned())
}

/// What the Windows tool stampinf fills in.
#[derive(Debug, Clone, Copy)]
struct Stamp<'a> {
    architecture: &'a str,
    kmdf_version: &'a str,
    date: &'a str,
    version: &'a str,
}

/// Why an INF template cannot be stamped.
#[derive(Debug, Error, PartialEq, Eq)]
enum StampError {
    /// There is nothing to stamp the version into.
    #[error("it has no line \"DriverVer = …\"")]
    NoDriverVersion,
    /// A variable that this tool does not know.
    #[error("line {line}: unknown variable {variable}")]
    UnknownVariable {
        /// The line, counted from 1.
        line: usize,
        /// The variable with its dollar signs.
        variable: String,
    },
}

impl Stamp<'_> {
    fn on(&self, template: &str) -> Result<String, StampError> {
        let mut has_version = false;
        let mut stamped = String::with_capacity(template.len());
        for (index, line) in template.lines().enumerate() {
            let key = line.split('=').next().unwrap_or_default().trim();
            if key.eq_ignore_ascii_case("DriverVer") {
                has_version = true;
                stamped.extend(["DriverVer = ", self.date, ",", self.version]);
            } else {
                let line = line
                    .replace("$ARCH$", self.architecture)
                    .replace("$KMDFVERSION$", self.kmdf_version);
                if let Some(variable) = variable(&line) {
                    return Err(StampError::UnknownVariable {
                        line: index + 1,
                        variable,
                    });
                }
                stamped.push_str(&line);
            }
            stamped.push_str("\r\n");
        }
        if has_version {
            Ok(stamped)
        } else {
            Err(StampError::NoDriverVersion)
        }
    }
}

/// The first `$NAME$` outside a comment.
fn variable(line: &str) -> Option<String> {
    let code = line.split(';').next().unwrap_or_default();
    let mut parts = code.split('$').skip(1);
    let name = parts.next()?;
    parts.next()?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase());
    is_name.then(|| format!("${name}$"))
}

#[cfg(test)]
mod tests {
    use super::{Stamp, StampError};

    const STAMP: Stamp = Stamp {
        architecture: "amd64",
        kmdf_version: "1.33",
        date: "11/22/2026",
        version: "0.1.0.0",
    };

    #[test]
    fn version_architecture_and_framework_are_stamped_and_lines_end_as_on_windows() {
        let template = "[Version]\nDriverVer = *\n[M]\n%N% = D, NT$ARCH$\nK = $KMDFVERSION$\n";
        assert_eq!(
            STAMP.on(template).unwrap(),
            "[Version]\r\nDriverVer = 11/22/2026,0.1.0.0\r\n[M]\r\n%N% = D, NTamd64\r\nK = 1.33\r\n"
        );
    }

    #[test]
    fn a_template_without_a_version_line_is_refused() {
        assert_eq!(STAMP.on("[Version]\n"), Err(StampError::NoDriverVersion));
    }

    #[test]
    fn a_variable_that_nothing_fills_in_is_named_with_its_line() {
        let error = STAMP
            .on("DriverVer=*\nA = $UMDFVERSION$ ; $ARCH$\n")
            .unwrap_err();
        let variable = "$UMDFVERSION$".to_owned();
        assert_eq!(error, StampError::UnknownVariable { line: 2, variable });
    }
}
