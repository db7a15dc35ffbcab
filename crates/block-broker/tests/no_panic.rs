//! No panic can be reached from any operation of the broker, nor from the table's verifier.
//!
//! `no-panic/` links every operation into a library as a kernel would, with a panic handler that
//! carries a marker. Optimisation removes the handler and its marker only if no code can reach it.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

/// The marker of `no-panic/src/lib.rs`, and a part of the name of each function that starts a
/// panic.
const SIGNS: [&[u8]; 2] = [b"a panic is reachable in this library", b"9panicking"];

fn build(features: &[&str]) -> Vec<u8> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("no-panic");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-panic");
    let status = Command::new(env!("CARGO"))
        .current_dir(&package)
        .args(["build", "--quiet", "--release", "--target-dir"])
        .arg(&target)
        .args(features)
        // Instrumentation of the test would add panics of its own to the library.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the library builds");
    std::fs::read(target.join("release/libno_panic.so")).expect("cargo built the library")
}

fn shows_a_panic(library: &[u8]) -> bool {
    SIGNS
        .iter()
        .any(|sign| library.windows(sign.len()).any(|window| window == *sign))
}

#[test]
fn no_operation_of_the_broker_can_reach_a_panic() {
    assert!(
        shows_a_panic(&build(&["--features", "can-panic"])),
        "the check would not notice a panic"
    );
    assert!(
        !shows_a_panic(&build(&[])),
        "a panic can be reached: disassemble no-panic's library and look for who calls core::panicking"
    );
}
