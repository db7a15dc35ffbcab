//! A trace with a malformed line: earlier results remain, standard error names the line, and the
//! exit code is 2.

use std::fs;

use end_to_end::pfbctl;

/// Each malformed line, with the name of its rule.
const MALFORMED: [(&str, &str, &str); 28] = [
    ("not JSON", "write 0 0 00", "one JSON object"),
    ("an array", r#"["reset",0]"#, "one JSON object"),
    ("JSON cut short", r#"{"op":"reset","vf":0"#, "EOF"),
    (
        "two objects",
        r#"{"op":"reset","vf":0}{"op":"reset","vf":0}"#,
        "trailing characters",
    ),
    ("unknown operation", r#"{"op":"peek","vf":0}"#, "`peek`"),
    ("no operation", r#"{"vf":0}"#, "`op`"),
    (
        "unknown key",
        r#"{"op":"reset","vf":0,"force":true}"#,
        "`force`",
    ),
    (
        "another operation's key",
        r#"{"op":"reset","vf":0,"block":1}"#,
        "`block`",
    ),
    (
        "a key that is missing",
        r#"{"op":"read","vf":0,"block":0}"#,
        "`length`",
    ),
    (
        "a key twice",
        r#"{"op":"reset","vf":0,"vf":1}"#,
        "duplicate field `vf`",
    ),
    ("a value of null", r#"{"op":"reset","vf":null}"#, "`vf`"),
    (
        "a VF index too large",
        r#"{"op":"reset","vf":65536}"#,
        "65536",
    ),
    ("a VF index below zero", r#"{"op":"reset","vf":-1}"#, "-1"),
    (
        "a VF index with a point",
        r#"{"op":"reset","vf":1.0}"#,
        "`vf`",
    ),
    ("a VF index as text", r#"{"op":"reset","vf":"0"}"#, "`vf`"),
    (
        "all VFs where one is meant",
        r#"{"op":"reset","vf":"all"}"#,
        "one VF",
    ),
    (
        "an acknowledgement for all VFs",
        r#"{"op":"acknowledge","vf":"all"}"#,
        "one VF",
    ),
    (
        "an acknowledgement that names a reset",
        r#"{"op":"acknowledge","vf":0,"expect":1}"#,
        "`expect`",
    ),
    (
        "a block ID too large",
        r#"{"op":"drain","vf":0,"block":4294967296}"#,
        "4294967296",
    ),
    (
        "a length too large",
        r#"{"op":"read","vf":0,"block":0,"length":4294967296}"#,
        "4294967296",
    ),
    (
        "odd hexadecimal digits",
        r#"{"op":"write","vf":0,"block":0,"data":"000"}"#,
        "`data`",
    ),
    (
        "foreign hexadecimal digits",
        r#"{"op":"write","vf":0,"block":0,"data":"0g"}"#,
        "`data`",
    ),
    (
        "a mask without 0x",
        r#"{"op":"invalidate","vf":0,"mask":"1"}"#,
        "`mask`",
    ),
    (
        "a mask as a number",
        r#"{"op":"invalidate","vf":0,"mask":1}"#,
        "`mask`",
    ),
    (
        "a mask too wide",
        r#"{"op":"invalidate","vf":0,"mask":"0x10000000000000000"}"#,
        "`mask`",
    ),
    (
        "an unknown power state",
        r#"{"op":"power","vf":0,"state":"D4"}"#,
        "`D4`",
    ),
    (
        "an object where an operation's name belongs",
        r#"{"op":{"stats":null},"vf":0}"#,
        "`op`",
    ),
    (
        "an object where a power state belongs",
        r#"{"op":"power","vf":0,"state":{"D3":null}}"#,
        "`state`",
    ),
];

#[test]
fn a_malformed_line_ends_the_run_with_exit_code_2_and_is_named() {
    for (rule, line, words) in MALFORMED {
        // A blank line counts, so the malformed line is the third.
        let trace = format!(
            "{{\"op\":\"take-invalidation\",\"vf\":0}}\n\n{line}\n{{\"op\":\"reset\",\"vf\":0}}\n"
        );
        let run = pfbctl(
            &["simulate", "blocks/mlx5-hv-vhca.toml", "--trace", "-"],
            &trace,
        );
        assert_eq!(run.code, 2, "{rule}: {}", run.stderr);
        assert_eq!(
            run.stdout, "{\"status\":\"0x00000000\",\"mask\":\"0x0\"}\n",
            "{rule}: the result before the line remains, and no line after it is played"
        );
        assert!(run.stderr.contains("line 3"), "{rule}: {}", run.stderr);
        assert!(
            run.stderr.contains(words),
            "{rule}: {} does not say {words}",
            run.stderr
        );
    }
}

#[test]
fn a_trace_that_is_not_utf8_ends_the_run_with_exit_code_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("latin-1.jsonl");
    fs::write(&trace, b"{\"op\":\"reset\xE4\",\"vf\":0}\n").expect("written");
    let trace = trace.to_str().expect("a path in UTF-8");
    let run = pfbctl(
        &["simulate", "blocks/mlx5-hv-vhca.toml", "--trace", trace],
        "",
    );
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("line 1") && run.stderr.contains("latin-1.jsonl"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_trace_that_is_not_there_ends_the_run_with_exit_code_2_and_is_named() {
    let run = pfbctl(
        &[
            "simulate",
            "blocks/mlx5-hv-vhca.toml",
            "--trace",
            "no-such.jsonl",
        ],
        "",
    );
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("no-such.jsonl"), "{}", run.stderr);
}

#[test]
fn blank_lines_and_an_empty_trace_are_no_mistakes() {
    for trace in ["", "\n", "  \n\t\r\n\n"] {
        let run = pfbctl(
            &["simulate", "blocks/mlx5-hv-vhca.toml", "--trace", "-"],
            trace,
        );
        assert_eq!(
            (run.code, run.stdout.as_str(), run.stderr.as_str()),
            (0, "", "")
        );
    }
}

#[test]
fn more_vfs_than_the_manifest_allows_are_refused() {
    for vfs in ["0", "4097", "65535"] {
        let arguments = [
            "simulate",
            "blocks/mlx5-hv-vhca.toml",
            "--vfs",
            vfs,
            "--trace",
            "-",
        ];
        let run = pfbctl(&arguments, "");
        assert_eq!(run.code, 2, "{vfs}");
        assert!(run.stderr.contains(vfs), "{vfs}: {}", run.stderr);
    }
}
