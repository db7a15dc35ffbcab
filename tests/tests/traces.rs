//! Plays every trace of the suites in the simulation. The lab plays the same files on the built
//! driver.

use std::collections::BTreeSet;
use std::fs;

use end_to_end::{Run, Suite, Trace, pfbctl, suites};

fn every_trace() -> Vec<(Suite, Trace)> {
    let suites = suites().expect("the suites can be read");
    let pairs = |suite: Suite| {
        suite
            .traces
            .clone()
            .into_iter()
            .map(move |trace| (suite.clone(), trace))
    };
    suites.into_iter().flat_map(pairs).collect()
}

fn play(suite: &Suite, trace: &Trace) -> Run {
    let manifest = suite.manifest.to_str().expect("a path in UTF-8");
    let operations = trace.operations.to_str().expect("a path in UTF-8");
    pfbctl(
        &[
            "simulate",
            manifest,
            "--vfs",
            &trace.vfs.to_string(),
            "--trace",
            operations,
        ],
        "",
    )
}

#[test]
fn every_trace_gives_its_expected_lines_in_the_simulation() {
    let mut wrong = Vec::new();
    for (suite, trace) in every_trace() {
        let run = play(&suite, &trace);
        let expected = fs::read_to_string(&trace.expected).expect("the expected lines can be read");
        let name = format!("{}/{}", suite.name, trace.name);
        if run.code != 0 || !run.stderr.is_empty() {
            wrong.push(format!("{name}: exit code {}, {}", run.code, run.stderr));
        }
        let operations = fs::read_to_string(&trace.operations).expect("the trace can be read");
        let operations = operations.lines().filter(|line| !line.trim().is_empty());
        let count = run.stdout.lines().count().max(expected.lines().count());
        let lines = operations
            .map(Some)
            .chain(std::iter::repeat(None))
            .take(count);
        let both = run.stdout.lines().map(Some).chain(std::iter::repeat(None));
        let both = both.zip(expected.lines().map(Some).chain(std::iter::repeat(None)));
        for (number, (operation, (got, wanted))) in lines.zip(both).enumerate() {
            if got != wanted {
                wrong.push(format!(
                    "{name}, result {}:\n  {}\n  gives  {}\n  wanted {}",
                    number + 1,
                    operation.unwrap_or("(no operation)"),
                    got.unwrap_or("nothing"),
                    wanted.unwrap_or("nothing"),
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_of_a_suite_is_a_trace_that_is_played() {
    let mut listed = BTreeSet::new();
    for (suite, trace) in every_trace() {
        let folder = end_to_end::traces().join(&suite.name);
        listed.insert(folder.join("traces.toml"));
        assert!(
            listed.insert(trace.operations),
            "{}/{} is listed twice",
            suite.name,
            trace.name
        );
        listed.insert(trace.expected);
    }
    let folders: BTreeSet<_> = listed.iter().filter_map(|file| file.parent()).collect();
    let mut present = BTreeSet::new();
    for folder in folders {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            present.insert(entry.expect("an entry").path());
        }
    }
    assert_eq!(
        present, listed,
        "files that no trace uses, or traces without files"
    );
}

#[test]
fn what_only_the_simulation_plays_says_why_and_what_needs_a_companion_says_so() {
    for (suite, trace) in every_trace() {
        let operations = fs::read_to_string(&trace.operations).expect("the trace can be read");
        let has = |name: &str| operations.contains(&format!("\"op\":\"{name}\""));
        let name = format!("{}/{}", suite.name, trace.name);
        assert_eq!(
            has("advance"),
            trace.simulation_only.is_some(),
            "{name}: the lab plays every trace that does not advance the clock"
        );
        assert_eq!(
            has("companion") || has("answer") || has("handed"),
            trace.companion,
            "{name}: the lab plays it on an upper filter alone if it has a companion"
        );
    }
}

#[test]
fn a_trace_is_answered_line_by_line() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};

    let mut child = Command::new(&*end_to_end::PROGRAM)
        .args(["simulate", "blocks/mlx5-hv-vhca.toml", "--trace", "-"])
        .current_dir(end_to_end::repository())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pfbctl starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for _ in 0..3 {
        writeln!(input, "{{\"op\":\"take-invalidation\",\"vf\":0}}").expect("it is read");
        input.flush().expect("it is read");
        let mut line = String::new();
        // Without a flush after each result this would wait for ever.
        output.read_line(&mut line).expect("a result");
        assert_eq!(line, "{\"status\":\"0x00000000\",\"mask\":\"0x0\"}\n");
    }
    drop(input);
    assert!(child.wait().expect("pfbctl ends").success());
}
