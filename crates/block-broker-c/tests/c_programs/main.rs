//! Programs in C and C++ on the static library: every trace of the project, checks of what traces do
//! not reach, and threads; and the same on the example of an NDIS PF driver.
//!
//! The tests that need more than the C compiler of the host are ignored; `cargo xtask test` installs
//! the compilers and runs them.
#![cfg(target_os = "linux")]

mod build;
mod guide;
mod ndis;
mod trace;

use std::path::{Path, PathBuf};
use std::process::Command;

use block_manifest::Manifest;
use block_trace::Operation;
use build::{Compiler, Sanitizer, library, program, run, small_library};

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

/// Plays every trace, and compares each result line: `same` gets the operation, the line and the
/// expected one.
fn play_every_trace(player: &Path, same: impl Fn(&Operation, &str, &str) -> bool) {
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
            let operations = text.lines().filter(|line| !line.trim().is_empty());
            let lines = operations.zip(results.lines().zip(expected.lines()));
            for (number, (operation, (got, wanted))) in (1..).zip(lines) {
                let parsed = Operation::parse(operation.as_bytes()).expect("an operation");
                assert!(
                    same(&parsed, got, wanted),
                    "{name}, result {number}, of {operation}: {got}, expected {wanted}"
                );
            }
            assert_eq!(results.lines().count(), expected.lines().count(), "{name}");
            count += 1;
        }
    }
    assert!(count > 20, "only {count} traces were played");
}

/// The table of a manifest in `tests/c`.
fn table_of(manifest: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c");
    let name = manifest.replace('/', "-");
    table(&name, &folder.join(manifest))
}

/// Paths of sources in `tests/c`.
fn sources(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("tests/c/{name}")).collect()
}

/// A compiler, a sanitizer and the library that was built with it.
#[derive(Clone, Copy)]
struct Build<'b> {
    compiler: Compiler,
    sanitizer: Sanitizer,
    library: &'b Path,
}

impl Build<'_> {
    fn program(self, name: &str, sources: &[String]) -> PathBuf {
        program(self.compiler, self.sanitizer, name, sources, self.library)
    }
}

/// Runs a program that prints one word if it finds nothing. A lost wake would make its threads wait
/// for ever.
fn run_checks(program: &Path, arguments: &[&str]) {
    let mut limited = Command::new("timeout");
    limited.arg("300").arg(program).args(arguments);
    assert_eq!(run(&mut limited), "done\n", "{}", program.display());
}

/// Plays every trace through the calls of the library.
fn play_with_calls(build: Build<'_>, name: &str) {
    let player = build.program(
        name,
        &sources(&["player.c", "companion.c", "device.c", "vf_calls.c"]),
    );
    play_every_trace(&player, |_, got, wanted| got == wanted);
}

/// Builds and runs all programs.
fn check(build: Build<'_>, rounds: u32) {
    play_with_calls(build, "player");
    let table = table_of("device.toml");
    let table = table.to_str().expect("a path in UTF-8");
    let checks = build.program("checks", &sources(&["checks.c", "device.c"]));
    run_checks(&checks, &[table]);
    let threads = build.program("threads", &sources(&["threads.c", "device.c"]));
    run_checks(&threads, &[table, &rounds.to_string()]);
    ndis::check(build, rounds / 10);
}

#[test]
fn every_trace_gives_its_expected_lines_through_the_c_interface() {
    let build = Build {
        compiler: HOST,
        sanitizer: Sanitizer::None,
        library: &library(Sanitizer::None),
    };
    check(build, 5000);
}

#[test]
fn the_code_of_the_guide_compiles() {
    guide::check(HOST);
}

#[test]
#[ignore = "builds the library once more"]
fn the_small_library_gives_the_same_lines() {
    let build = Build {
        compiler: HOST,
        sanitizer: Sanitizer::None,
        library: &small_library(),
    };
    play_with_calls(build, "small_player");
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
    compilers.into_iter().for_each(guide::check);
    for (sanitizer, rounds) in [
        (Sanitizer::None, 5000),
        (Sanitizer::Address, 2000),
        (Sanitizer::Thread, 500),
    ] {
        let library = library(sanitizer);
        let build = |compiler| Build {
            compiler,
            sanitizer,
            library: &library,
        };
        for compiler in compilers {
            check(build(compiler), rounds);
        }
        check_sight(build(compilers[0]));
    }
}

/// How often the faulty program is started: on a busy machine its threads may not meet at once.
const ATTEMPTS: usize = 5;

/// The sanitizers see into the library: a fault of the caller that shows only there is found.
fn check_sight(build: Build<'_>) {
    let (fault, found) = match build.sanitizer {
        Sanitizer::None => return,
        Sanitizer::Address => ("reply", "heap-buffer-overflow"),
        Sanitizer::Thread => ("lock", "data race"),
    };
    let faults = build.program("faults", &sources(&["faults.c", "device.c"]));
    let table = table_of("device.toml");
    let is_found = || {
        let output = Command::new(&faults)
            .arg(&table)
            .arg(fault)
            .output()
            .expect("the program starts");
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains(found)
    };
    assert!((0..ATTEMPTS).any(|_| is_found()), "no {found}");
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
