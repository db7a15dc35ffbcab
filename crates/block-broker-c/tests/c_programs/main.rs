//! Programs in C and C++ on the static library: every trace of the project, checks of what traces do
//! not reach, and threads.
//!
//! The tests that need more than the C compiler of the host are ignored; `cargo xtask test` installs
//! the compilers and runs them.
#![cfg(target_os = "linux")]

mod build;
mod trace;

use std::path::{Path, PathBuf};
use std::process::Command;

use block_manifest::Manifest;
use build::{Compiler, Sanitizer, library, program, run};

/// The C compiler of the host, which Rust needs too.
const HOST: Compiler = Compiler {
    program: "cc",
    standard: "c11",
};

const fn all_of(c: &'static str, cpp: &'static str) -> [Compiler; 3] {
    [
        Compiler {
            program: c,
            standard: "c11",
        },
        Compiler {
            program: c,
            standard: "c17",
        },
        Compiler {
            program: cpp,
            standard: "c++17",
        },
    ]
}

const GCC: [Compiler; 3] = all_of("gcc", "g++");
const CLANG: [Compiler; 3] = all_of("clang-19", "clang++-19");

/// A compiled manifest in a file.
fn table(name: &str, manifest: &Path) -> PathBuf {
    let text = std::fs::read_to_string(manifest).expect("the manifest can be read");
    let compiled = Manifest::parse(&manifest.display().to_string(), &text)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .compile();
    let path = temporary(&format!("{name}.table"));
    std::fs::write(&path, compiled).expect("the table can be written");
    path
}

/// A file that belongs to the test that runs.
fn temporary(name: &str) -> PathBuf {
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.join("c").join(test);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder.join(name)
}

/// Plays every trace, and compares each result line.
fn play_every_trace(player: &Path) {
    let mut count = 0;
    for suite in end_to_end::suites().expect("the suites can be read") {
        let table = table(&suite.name, &suite.manifest);
        for trace in &suite.traces {
            let name = format!("{}/{}", suite.name, trace.name);
            let text = std::fs::read_to_string(&trace.operations).expect("the trace can be read");
            let flat = temporary(&format!("{}-{}", suite.name, trace.name));
            std::fs::write(&flat, trace::flat(&text)).expect("the trace can be written");
            let vfs = trace.vfs.to_string();
            let results = run(Command::new(player).arg(&table).arg(vfs).arg(&flat));
            let expected = std::fs::read_to_string(&trace.expected).expect("the lines can be read");
            for (number, (got, wanted)) in (1..).zip(results.lines().zip(expected.lines())) {
                assert_eq!(got, wanted, "{name}, result {number}");
            }
            assert_eq!(results.lines().count(), expected.lines().count(), "{name}");
            count += 1;
        }
    }
    assert!(count > 20, "only {count} traces were played");
}

/// The table of the programs that play no traces.
fn device_table() -> PathBuf {
    table(
        "device",
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/device.toml"),
    )
}

/// Builds and runs all programs.
fn check(compiler: Compiler, sanitizer: Sanitizer, rounds: u32, library: &Path) {
    let player = program(
        compiler,
        sanitizer,
        &["player.c", "companion.c", "device.c"],
        library,
    );
    play_every_trace(&player);
    let table = device_table();
    let checks = program(compiler, sanitizer, &["checks.c", "device.c"], library);
    assert_eq!(run(Command::new(&checks).arg(&table)), "done\n");
    let threads = program(compiler, sanitizer, &["threads.c", "device.c"], library);
    // A lost wake would make the threads wait for ever.
    let mut limited = Command::new("timeout");
    limited.arg("300").arg(threads).arg(&table);
    assert_eq!(run(limited.arg(rounds.to_string())), "done\n");
}

#[test]
fn every_trace_gives_its_expected_lines_through_the_c_interface() {
    check(HOST, Sanitizer::None, 5000, &library(Sanitizer::None));
}

#[test]
#[ignore = "needs gcc and g++"]
fn gcc_and_its_sanitizers_find_nothing() {
    check_all(GCC);
}

#[test]
#[ignore = "needs clang-19 and libclang-rt-19-dev"]
fn clang_and_its_sanitizers_find_nothing() {
    check_all(CLANG);
}

fn check_all(compilers: [Compiler; 3]) {
    for (sanitizer, rounds) in [
        (Sanitizer::None, 5000),
        (Sanitizer::Address, 2000),
        (Sanitizer::Thread, 500),
    ] {
        let library = library(sanitizer);
        for compiler in compilers {
            check(compiler, sanitizer, rounds, &library);
        }
        check_sight(compilers[0], sanitizer, &library);
    }
}

/// The sanitizers see into the library: a fault of the caller that shows only there is found.
fn check_sight(compiler: Compiler, sanitizer: Sanitizer, library: &Path) {
    let (fault, found) = match sanitizer {
        Sanitizer::None => return,
        Sanitizer::Address => ("reply", "heap-buffer-overflow"),
        Sanitizer::Thread => ("lock", "data race"),
    };
    let faults = program(compiler, sanitizer, &["faults.c", "device.c"], library);
    let output = Command::new(faults)
        .arg(device_table())
        .arg(fault)
        .output()
        .expect("the program starts");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && report.contains(found),
        "{report}"
    );
}

/// Drivers are compiled by compilers for Windows, which have no headers of a C library here.
#[test]
#[ignore = "needs clang-19"]
fn the_header_compiles_for_windows_without_a_warning() {
    for target in ["x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc"] {
        for compiler in CLANG {
            let mut command = compiler.command();
            command
                .arg(format!("--target={target}"))
                .args(["-Weverything", "-ffreestanding", "-nostdlibinc"])
                .args(["-include", "block_broker.h", "-fsyntax-only", "/dev/null"]);
            run(&mut command);
        }
    }
}
