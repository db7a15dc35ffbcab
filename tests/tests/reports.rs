//! Snapshots of the reports on the real manifests, which a person reads at each change, and exit
//! codes as the help documents them.

use std::fs;

use end_to_end::pfbctl;

/// Runs the tool, which must end with `code`, and returns all its output.
fn report(arguments: &[&str], code: i32) -> String {
    let run = pfbctl(arguments, "");
    assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
    assert!(
        !run.stdout.contains('\x1b') && !run.stderr.contains('\x1b'),
        "colour without a terminal"
    );
    if run.stderr.is_empty() {
        run.stdout
    } else {
        format!("{}--- stderr\n{}", run.stdout, run.stderr)
    }
}

#[test]
fn check_of_the_real_manifests() {
    let blocks = [
        "blocks/hello.toml",
        "blocks/mlx5-hv-vhca.toml",
        "blocks/accelerator.toml",
    ];
    let run = pfbctl(&[&["check"][..], &blocks].concat(), "");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    // The sizes of tables change with the format.
    for manifest in blocks {
        assert!(
            run.stdout.contains(&format!("ok      {manifest}: ")),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn check_shows_every_mistake_of_every_manifest_in_one_run() {
    let manifests = ["blocks/hello.toml", "tests/manifests/mistakes.toml"];
    let run = pfbctl(&[&["check"][..], &manifests].concat(), "");
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("ok      blocks/hello.toml"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("refused tests/manifests/mistakes.toml"),
        "{}",
        run.stdout
    );
    // The place of each mistake, and a word of its message. block-manifest's own tests check the
    // sentences.
    for (place, word) in [
        (":7:", "5000"),
        (":16:", "vf-acess"),
        (":18:", "lenght"),
        (":23:", "default"),
        (":27:", "overlaps"),
        (":32:", "ID 0"),
    ] {
        assert!(
            run.stderr.contains(&format!("mistakes.toml{place}")),
            "{place}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
}

#[test]
fn show_of_the_real_manifests() {
    for name in ["hello", "mlx5-hv-vhca", "accelerator"] {
        let report = report(&["show", &format!("blocks/{name}.toml")], 0);
        insta::with_settings!({filters => vec![(r"\d+ bytes, CRC [0-9a-f]{8}", "[…] bytes, CRC […]")]}, {
            insta::assert_snapshot!(format!("show_{name}"), report);
        });
    }
}

/// Refusals of each kind: the field, its place and value, and the rule.
#[test]
fn simulate_explains_what_a_trace_is_refused() {
    for (manifest, trace) in [
        ("accelerator", "content"),
        ("accelerator", "arithmetic"),
        ("accelerator", "sequence"),
        ("ixgbe-mailbox", "conversation"),
        ("virtchnl", "content"),
    ] {
        let file = format!("tests/traces/{manifest}/{trace}.jsonl");
        let manifest_file = format!("blocks/{manifest}.toml");
        let plain = ["simulate", &manifest_file, "--vfs", "4", "--trace", &file];
        let explained = pfbctl(&[&plain[..], &["--explain"]].concat(), "");
        // The results are the same with reasons and without.
        assert_eq!(explained.stdout, report(&plain, 0));
        insta::assert_snapshot!(format!("explain_{manifest}_{trace}"), explained.stderr);
    }
}

/// Programs rely on every name in these documents.
#[test]
fn json_of_check_show_and_simulate() {
    let mistakes = "tests/manifests/mistakes.toml";
    for (name, arguments, code) in [
        (
            "check",
            vec!["check", "--json", mistakes, "no-such.toml"],
            2,
        ),
        (
            "show",
            vec!["show", "--json", "blocks/mlx5-hv-vhca.toml"],
            0,
        ),
        (
            "simulate",
            vec!["simulate", "--json", "blocks/hello.toml"],
            0,
        ),
    ] {
        let run = pfbctl(&arguments, "");
        assert_eq!(run.code, code, "{name}: {}", run.stderr);
        insta::with_settings!({filters => vec![
            (r#""bytes": \d+"#, r#""bytes": "[…]""#),
            (r#""crc": "0x[0-9A-F]{8}""#, r#""crc": "[…]""#),
        ]}, {
            insta::assert_snapshot!(format!("json_{name}"), run.stdout);
        });
    }
    let by_name = pfbctl(&["check", "--message-format", "json", mistakes], "");
    assert_eq!(
        by_name.stdout,
        pfbctl(&["check", "--json", mistakes], "").stdout
    );
    assert_eq!(
        by_name.stderr, "error: errors in 1 of 1 manifest\n",
        "diagnostics are in the JSON"
    );
}

#[test]
fn the_story_of_the_real_manifests() {
    for name in ["hello", "mlx5-hv-vhca", "accelerator"] {
        let report = report(&["simulate", &format!("blocks/{name}.toml")], 0);
        insta::assert_snapshot!(format!("story_{name}"), report);
        assert!(
            !report.contains("no valid bytes"),
            "a valid write is found for every block of {name}"
        );
        let words: Vec<&str> = report.split_whitespace().collect();
        assert!(words.join(" ").contains("are unchanged"));
    }
}

#[test]
fn a_story_needs_no_more_than_one_vf() {
    for vfs in ["1", "2", "64"] {
        let report = report(&["simulate", "blocks/accelerator.toml", "--vfs", vfs], 0);
        assert!(
            report.contains("is hostile") && report.contains("Summary"),
            "{vfs} VFs"
        );
    }
}

#[test]
fn every_manifest_has_a_story() {
    for manifest in [
        "tests/manifests/opaque.toml",
        "tests/manifests/every-key.toml",
    ] {
        for vfs in ["1", "2"] {
            let report = report(&["simulate", manifest, "--vfs", vfs], 0);
            assert!(!report.contains("no valid bytes"), "{report}");
            let hostile = report.find("is hostile").expect("a hostile VF");
            assert!(
                !report[..hostile].contains("refused"),
                "who behaves is served: {report}"
            );
            assert!(report[hostile..].contains("refused: limit"), "{report}");
            assert!(report[hostile..].contains("refused: full"), "{report}");
        }
        report(&["show", manifest], 0);
    }
}

#[test]
fn a_story_has_every_layout_of_registers_and_of_streams() {
    // Each request waits for the answer to the one before.
    let story = report(&["simulate", "blocks/ixgbe-mailbox.toml", "--vfs", "2"], 0);
    for message in [
        "header type=2, new_mac",
        "header type=3",
        "header type=4, vlan",
        "header type=5, frame_length",
        "header type=6, filter_mac",
        "header type=8, version",
        "header type=9",
    ] {
        let line = format!("VF 0   writes mailbox           {message}");
        assert!(story.contains(&line), "{message}: {story}");
    }
    assert!(story.contains("host   answers mailbox          of VF 0: header type=2"));
    // Twice as many kinds of messages as the stream holds, and of a register that is published.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = folder.path().join("kinds.toml");
    let layout = |kind: u8| {
        format!(
            "[[block.layout]]\nwhen = \"kind == {kind}\"\n[[block.layout.field]]\nname = \"value_{kind}\"\n\
             type = \"u16\"\nvalid = {{ min = {kind}00, max = {kind}01 }}\ndefault = {kind}00\n"
        )
    };
    let layouts: String = (1..=4).map(layout).collect();
    let block = |id: u8, keys: &str| {
        format!(
            "[[block]]\nid = {id}\n{keys}length = 4\n[[block.field]]\nname = \"kind\"\ntype = \"u8\"\n{layouts}"
        )
    };
    let text = [
        "[device]\nname = \"Kinds\"\nvendor-id = 1\ndevice-id = 2\nmax-vfs = 2\n".to_owned(),
        block(
            0,
            "name = \"events\"\nkind = \"stream\"\nvf-access = \"write-only\"\ndepth = 2\n",
        ),
        block(1, "name = \"news\"\nvf-access = \"read-only\"\n"),
    ]
    .concat();
    fs::write(&manifest, text).expect("written");
    let story = report(
        &["simulate", manifest.to_str().expect("UTF-8"), "--vfs", "2"],
        0,
    );
    for kind in 1..=4 {
        let of = |action: &str| format!("{action}kind {kind}, value_{kind} {kind}0");
        for line in [
            of("publishes news           to every VF: "),
            of("VF 0   sends to events          "),
            of(&format!(
                "drains events            VF 0, {} of 2: ",
                (kind - 1) % 2 + 1
            )),
        ] {
            assert!(story.contains(&line), "{line}: {story}");
        }
    }
    assert!(!story.contains("no valid bytes"), "{story}");
    assert!(
        story.contains("VF 0   reads news               kind 1"),
        "{story}"
    );
}

#[test]
fn a_story_that_was_recorded_is_played_again_as_a_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("story.jsonl");
    let trace = trace.to_str().expect("a path in UTF-8");
    for manifest in [
        "blocks/accelerator.toml",
        "tests/manifests/every-key.toml",
        "tests/manifests/signed.toml",
    ] {
        let story = report(&["simulate", manifest, "--record", trace], 0);
        let lines = report(&["simulate", manifest, "--trace", trace], 0);
        let operations = fs::read_to_string(trace).expect("the trace");
        assert_eq!(operations.lines().count(), lines.lines().count());
        // The story ends with the counters of its VFs, which the first columns of its summary show.
        let summary: Vec<&str> = story
            .lines()
            .rev()
            .take_while(|line| !line.contains('─'))
            .collect();
        let rows = summary.iter().rev().filter(|row| !row.starts_with("   "));
        let counters: Vec<&str> = lines.lines().rev().take(4).collect();
        for (row, counters) in rows.zip(counters.iter().rev()) {
            let row: Vec<&str> = row.split_whitespace().collect();
            for (name, value) in ["reads", "writes", "publishes"].iter().zip(&row[1..]) {
                assert!(
                    counters.contains(&format!("\"{name}\":{value},")),
                    "{row:?}: {counters}"
                );
            }
        }
    }
}

#[test]
fn show_of_a_block_table_says_what_a_table_knows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = folder.path().join("hello.table");
    let table = table.to_str().expect("a path in UTF-8");
    assert_eq!(
        report(&["compile", "blocks/hello.toml", "-o", table], 0),
        ""
    );
    let shown = report(&["show", table], 0);
    assert!(
        shown.contains("greeting") && shown.contains("1414:b000"),
        "{shown}"
    );

    let mut bytes = fs::read(table).expect("the table");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(table, bytes).expect("written");
    let refused = report(&["show", table], 1);
    assert!(refused.contains("hello.table"), "{refused}");
}

#[test]
fn compile_writes_each_output_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    };
    let (header, rust, doc) = (
        path("accelerator.h"),
        path("accelerator.rs"),
        path("accelerator.md"),
    );
    let manifest = "blocks/accelerator.toml";
    report(
        &[
            "compile", manifest, "--header", &header, "--rust", &rust, "--doc", &doc,
        ],
        0,
    );
    for file in [&header, &rust, &doc] {
        let text = fs::read_to_string(file).expect("it was written");
        assert!(
            text.to_lowercase().contains("granted_queues"),
            "{file}: {text}"
        );
    }
    assert!(!folder.path().join("accelerator.table").exists());
}

#[test]
fn a_dash_is_standard_input_or_standard_output() {
    let manifest = fs::read_to_string(end_to_end::repository().join("blocks/hello.toml"));
    let manifest = manifest.expect("the manifest");
    let checked = pfbctl(&["check", "-"], &manifest);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    assert!(
        checked.stdout.contains("standard input: "),
        "{}",
        checked.stdout
    );
    let wrong = pfbctl(&["check", "-"], "[device]\nname = 1\n");
    assert!(
        wrong.stderr.contains("standard input:2:8"),
        "{}",
        wrong.stderr
    );

    let folder = tempfile::tempdir().expect("a temporary folder");
    for option in ["--output", "--header", "--rust", "--doc"] {
        let path = folder.path().join("output");
        let file = path.to_str().expect("a path in UTF-8");
        let written = pfbctl(&["compile", "blocks/hello.toml", option, file], "");
        let printed = end_to_end::pfbctl_bytes(&["compile", "-", option, "-"], &manifest, &[]);
        assert_eq!((written.code, printed.code), (0, 0), "{}", printed.stderr);
        assert_eq!(fs::read(&path).expect("the output"), printed.stdout);
    }
    let installed = pfbctl(
        &["inf", "-", "--driver-ver", "01/02/2026,1.0.0.0"],
        &manifest,
    );
    assert!(
        installed.stdout.contains("DriverVer"),
        "{}",
        installed.stderr
    );
    let both = pfbctl(&["compile", "-", "--header", "-", "--doc", "-"], &manifest);
    assert_eq!(
        (both.code, both.stdout.as_str()),
        (2, ""),
        "{}",
        both.stderr
    );
    let mixed = pfbctl(&["simulate", "blocks/hello.toml", "--record", "-"], "");
    assert_eq!(
        (mixed.code, mixed.stdout.as_str()),
        (2, ""),
        "{}",
        mixed.stderr
    );
}

#[test]
fn a_new_manifest_passes_the_check_and_replaces_no_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("new.toml");
    let file = path.to_str().expect("a path in UTF-8");
    assert_eq!(report(&["new", "-o", file], 0), "");
    let checked = report(&["check", file], 0);
    assert!(
        checked.contains("3 blocks") && !checked.contains("warning"),
        "{checked}"
    );
    let story = report(&["simulate", file], 0);
    assert!(!story.contains("no valid bytes"), "{story}");
    let again = report(&["new", "-o", file], 2);
    assert!(again.contains("new.toml"), "{again}");
    let wrong = report(
        &["new", "--block", "9:stream", "--block", "x:stream:129"],
        1,
    );
    assert!(
        wrong.contains("`9` cannot be the name") && wrong.contains("129"),
        "{wrong}"
    );
}

#[test]
fn shells_complete_every_command_and_each_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("a path in UTF-8");
    assert_eq!(report(&["man", path], 0), "");
    let commands = commands();
    assert_eq!(
        fs::read_dir(path).expect("pages").count(),
        commands.len() + 1
    );
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = report(&["completions", shell], 0);
        for command in &commands {
            assert!(script.contains(command), "{shell}: {command}");
            let page = fs::read_to_string(folder.path().join(format!("pfbctl-{command}.1")));
            assert!(page.expect("a page").contains("SYNOPSIS"), "{command}");
        }
    }
}

/// The commands that the help names.
fn commands() -> Vec<String> {
    let help = report(&["--help"], 0);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn one_block_is_shown_by_id_or_name() {
    let by_id = report(&["show", "blocks/accelerator.toml", "--block", "3"], 0);
    let by_name = report(
        &["show", "blocks/accelerator.toml", "--block", "mailbox"],
        0,
    );
    assert_eq!(by_id, by_name);
    assert!(by_id.contains("wanted_queues") && !by_id.contains("telemetry"));
    let none = report(
        &["show", "blocks/accelerator.toml", "--block", "no-such"],
        2,
    );
    assert!(none.contains("no-such"), "{none}");
}

#[test]
fn a_manifest_with_errors_is_neither_compiled_nor_simulated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = folder.path().join("mistakes.table");
    let path = table.to_str().expect("a path in UTF-8");
    let mistakes = "tests/manifests/mistakes.toml";
    for arguments in [
        vec!["compile", mistakes, "-o", path],
        vec!["show", mistakes],
        vec!["simulate", mistakes],
        vec!["inf", mistakes, "-o", path],
    ] {
        let report = report(&arguments, 1);
        assert!(report.contains("mistakes.toml:"), "{report}");
    }
    assert!(!table.exists(), "nothing is written");
}

#[test]
fn files_that_cannot_be_read_or_written_are_named() {
    for (arguments, words) in [
        (
            vec!["check", "blocks/hello.toml", "no-such.toml"],
            "no-such.toml",
        ),
        (vec!["show", "no-such.toml"], "no-such.toml"),
        (
            vec!["compile", "blocks/hello.toml", "-o", "no-such-folder/table"],
            "no-such-folder",
        ),
    ] {
        let report = report(&arguments, 2);
        assert!(report.contains(words), "{report}");
    }
    let run = pfbctl(&["check", "blocks/hello.toml", "no-such.toml"], "");
    assert!(
        run.stdout.contains("ok      blocks/hello.toml"),
        "the others are checked all the same"
    );
}

#[test]
fn wrong_usage_ends_with_exit_code_2() {
    for arguments in [
        vec![],
        vec!["no-such-command"],
        vec!["check"],
        vec!["compile", "blocks/hello.toml"],
        vec!["simulate", "blocks/hello.toml", "--vfs", "65536"],
        vec!["simulate", "blocks/hello.toml", "--vfs", "x"],
        vec!["publish", "70000", "0", "00"],
        vec!["publish", "all", "0", "0"],
        vec!["invalidate", "all", "64"],
    ] {
        assert_eq!(pfbctl(&arguments, "").code, 2, "{arguments:?}");
    }
}

#[cfg(not(windows))]
#[test]
fn commands_for_the_driver_say_that_they_need_windows() {
    for arguments in [
        vec!["list"],
        vec!["stats"],
        vec!["read", "0", "0"],
        vec!["publish", "all", "0", "00"],
        vec!["invalidate", "0", "0"],
        vec!["drain", "0", "1"],
        vec!["reset", "0"],
        vec!["acknowledge", "0", "--reset", "1"],
        vec!["watch"],
        vec!["journal", "0"],
        vec!["metrics"],
        vec!["top"],
    ] {
        let report = report(&arguments, 2);
        assert!(report.contains("Windows"), "{arguments:?}: {report}");
    }
}

#[test]
fn help_names_the_exit_codes_and_every_command_explains_itself() {
    let help = report(&["--help"], 0);
    assert!(help.contains("Exit codes:"), "{help}");
    let commands = commands();
    assert!(commands.len() >= 14, "{commands:?}");
    for command in commands {
        let help = report(&[&command, "--help"], 0);
        assert!(help.contains("Usage: pfbctl"), "{command}: {help}");
    }
}

#[test]
fn colour_comes_when_asked_for_and_no_color_takes_it_away() {
    let coloured = pfbctl(&["--color", "always", "show", "blocks/hello.toml"], "");
    assert!(coloured.stdout.contains("\x1b["), "asked for");
    let plain = pfbctl(&["--color", "never", "show", "blocks/hello.toml"], "");
    assert!(!plain.stdout.contains('\x1b'), "refused");
    for (variable, coloured) in [("CLICOLOR_FORCE", true), ("NO_COLOR", false)] {
        let output = std::process::Command::new(&*end_to_end::PROGRAM)
            .args(["show", "blocks/hello.toml"])
            .current_dir(end_to_end::repository())
            .env(variable, "1")
            .output()
            .expect("pfbctl runs");
        assert_eq!(output.stdout.contains(&0x1b), coloured, "{variable}");
    }
}

#[test]
fn a_reader_who_has_had_enough_is_no_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(&*end_to_end::PROGRAM)
        .args(["simulate", "blocks/accelerator.toml"])
        .current_dir(end_to_end::repository())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("pfbctl starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("pfbctl ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
