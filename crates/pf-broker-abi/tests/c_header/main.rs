//! The header for C is what this crate declares. Run the tests with `UPDATE_DOCS=1` to write it anew.

mod compile;
mod generate;

use std::path::{Path, PathBuf};

/// The folder of the header.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

#[test]
fn the_header_is_what_the_crate_says() {
    let path = folder().join("pf_broker.h");
    let generated = generate::header();
    assert!(generated.is_ascii());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == generated,
        "{} is not what the crate says; UPDATE_DOCS=1 writes it anew",
        path.display()
    );
}
