//! Compiles the header with each compiler, as C and as C++, and has it check every layout.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::{folder, generate};

/// The sources of this crate, whose `assert_layout!` the Rust compiler checks.
const SOURCES: [&str; 4] = [
    include_str!("../../src/changes.rs"),
    include_str!("../../src/reply.rs"),
    include_str!("../../src/request.rs"),
    include_str!("../../src/simulated.rs"),
];

/// A C file that compiles if each structure has the size and the offsets that `assert_layout!` has.
fn layouts() -> String {
    let mut text =
        String::from("#include <stddef.h>\n#include \"pf_broker.h\"\n#include \"pf_broker.h\"\n");
    text.push_str("#ifdef __cplusplus\n#define HOLDS static_assert\n#else\n#define HOLDS _Static_assert\n#endif\n");
    let mut count = 0;
    for source in SOURCES {
        for assertion in source.split("assert_layout!(").skip(1) {
            let (assertion, _) = assertion.split_once(");").expect("its end");
            let mut parts = assertion
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            let rust = parts.next().expect("a structure");
            let c =
                generate::structure(rust).unwrap_or_else(|| panic!("{rust} is not in the header"));
            for part in parts {
                let words: Vec<&str> = part.split(' ').collect();
                let check = match words[..] {
                    ["size", size] => format!("sizeof({c}) == {size}"),
                    [field, "@", offset] => format!("offsetof({c}, {field}) == {offset}"),
                    _ => panic!("{part:?} of {rust}"),
                };
                writeln!(text, "HOLDS({check}, \"{c}\");").expect("written");
            }
            count += 1;
        }
    }
    assert_eq!(count, 25, "structures");
    text
}

/// Compiles the checks of the layouts.
fn compile(program: &str, language: &str, standard: &str, more: &[&str]) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{program}-{standard}.c"));
    std::fs::write(&file, layouts()).expect("written");
    let run = Command::new(program)
        .args(["-x", language, &format!("-std={standard}")])
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"])
        .args(more)
        .arg("-I")
        .arg(folder())
        .arg(&file)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let messages = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success(),
        "{program} -std={standard} {more:?}: {messages}"
    );
}

/// C11, C17 and C++17.
fn compile_each(c: &str, cpp: &str, more: &[&str]) {
    compile(c, "c", "c11", more);
    compile(c, "c", "c17", more);
    compile(cpp, "c++", "c++17", more);
}

#[test]
fn the_compiler_of_the_host_finds_the_layouts_of_the_crate() {
    compile("cc", "c", "c11", &[]);
}

#[test]
#[ignore = "needs gcc and g++"]
fn gcc_compiles_the_header_without_a_warning() {
    compile_each("gcc", "g++", &[]);
}

#[test]
#[ignore = "needs clang-19"]
fn clang_compiles_the_header_for_linux_and_windows_without_a_warning() {
    compile_each("clang-19", "clang++-19", &[]);
    for target in ["x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc"] {
        let target = format!("--target={target}");
        compile_each(
            "clang-19",
            "clang++-19",
            &[&target, "-ffreestanding", "-nostdlibinc"],
        );
    }
}
