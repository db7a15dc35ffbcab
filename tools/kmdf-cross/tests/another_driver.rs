//! A driver that is not this project's, built, checked and packaged by the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn hello_driver() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hello-driver")
}

fn kmdf_cross(task: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kmdf-cross"))
        .arg(task)
        .arg(hello_driver())
        .output()
        .unwrap()
}

/// The standard output of a task, which has to succeed.
fn succeeded(task: &str) -> String {
    let output = kmdf_cross(task);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{task}: {text}{errors}");
    text
}

#[test]
#[ignore = "needs the cross toolchain"]
fn a_small_driver_is_built_checked_and_packaged() {
    succeeded("package");

    let report = succeeded("check");
    for line in [
        "imports wdfldr.sys: WdfVersionBind WdfVersionUnbind",
        "ok     entry is FxDriverEntry",
        "ok     forced integrity",
        "ok     checksum",
    ] {
        assert!(report.contains(line), "no {line:?} in {report}");
    }
    // Its manifest requires neither.
    assert!(!report.contains("version resource") && !report.contains("no panic machinery"));

    let package = hello_driver().join("target/package/amd64");
    for file in ["hello_driver.sys", "hello_driver.pdb"] {
        assert!(package.join(file).exists(), "no {file}");
    }
    let inf = std::fs::read_to_string(package.join("hello_driver.inf")).unwrap();
    assert!(inf.contains("KmdfLibraryVersion = 1.33\r\n"), "{inf}");
    assert!(inf.contains("[Models.NTamd64]\r\n"), "{inf}");
    let version = inf.lines().find(|line| line.starts_with("DriverVer"));
    assert!(
        version.is_some_and(|line| line.ends_with(",0.2.0.0")),
        "{inf}"
    );
}

#[test]
fn a_folder_without_a_driver_is_refused_with_its_path() {
    let output = Command::new(env!("CARGO_BIN_EXE_kmdf-cross"))
        .args(["build", "/nowhere"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && errors.contains("/nowhere"),
        "{errors}"
    );
}
