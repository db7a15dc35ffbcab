//! The tool neither loses nor overwrites files, whatever they contain.

use std::fs;
use std::path::Path;

use end_to_end::pfbctl;

/// A copy of a manifest in a folder of its own.
fn copied(folder: &Path) -> String {
    let path = folder.join("hello.toml");
    let manifest = end_to_end::repository().join("blocks/hello.toml");
    fs::copy(manifest, &path).expect("copied");
    path.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn check_reports_why_each_file_cannot_be_read() {
    let mistakes = "tests/manifests/mistakes.toml";
    let run = pfbctl(
        &[
            "check",
            "no-such.toml",
            "blocks",
            mistakes,
            "blocks/hello.toml",
        ],
        "",
    );
    assert_eq!(run.code, 2, "the highest of the codes: {}", run.stderr);
    for reason in [
        "error: cannot read no-such.toml: ",
        "error: cannot read blocks: ",
        "error: 2 of 4 files cannot be read; errors in 1 other",
    ] {
        assert!(run.stderr.contains(reason), "{reason}: {}", run.stderr);
    }
    assert!(
        run.stderr.find("no-such.toml: ") < run.stderr.find("mistakes.toml:"),
        "said at its turn: {}",
        run.stderr
    );
    for line in [
        "unread  no-such.toml",
        "unread  blocks",
        "refused tests/",
        "ok      blocks/hello.toml",
    ] {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
}

#[test]
fn check_refuses_what_is_not_a_manifest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = copied(folder.path());
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    };
    let (latin, table) = (path("latin-1.toml"), path("hello.table"));
    fs::write(&latin, b"[device]\nname = \"\xE4\"\n").expect("written");
    assert_eq!(pfbctl(&["compile", &manifest, "-o", &table], "").code, 0);
    let run = pfbctl(&["check", &latin, &table], "");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("latin-1.toml: line 2 is not UTF-8, so this is not a manifest"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("hello.table: this is a block table, not a manifest"),
        "{}",
        run.stderr
    );
    assert_eq!(
        run.stdout.matches(": not a manifest").count(),
        2,
        "{}",
        run.stdout
    );
}

#[test]
fn an_output_that_is_the_input_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = copied(folder.path());
    let before = fs::read(&manifest).expect("the manifest");
    let detour = format!(
        "{}/../{}/hello.toml",
        folder.path().display(),
        folder.path().file_name().expect("a name").display()
    );
    for (arguments, named) in [
        (vec!["compile", &manifest, "-o", &manifest], "--output"),
        (vec!["compile", &manifest, "--header", &detour], "--header"),
        (vec!["compile", &manifest, "--rust", &manifest], "--rust"),
        (vec!["compile", &manifest, "--doc", &manifest], "--doc"),
        (vec!["inf", &manifest, "-o", &manifest], "--output"),
        (
            vec!["simulate", &manifest, "--record", &manifest],
            "--record",
        ),
    ] {
        let run = pfbctl(&arguments, "");
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            run.stderr
        );
        assert!(
            run.stderr.contains(named) && run.stderr.contains("is the manifest itself"),
            "{}",
            run.stderr
        );
        assert_eq!(
            fs::read(&manifest).expect("the manifest"),
            before,
            "{arguments:?}"
        );
    }
}

#[test]
fn two_outputs_in_one_file_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = copied(folder.path());
    let output = folder.path().join("both");
    let output = output.to_str().expect("a path in UTF-8");
    let run = pfbctl(&["compile", &manifest, "-o", output, "--doc", output], "");
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("--doc") && run.stderr.contains("the output of --output, too"),
        "{}",
        run.stderr
    );
    assert!(!Path::new(output).exists(), "nothing is written");
    let apart = format!("{output}.md");
    assert_eq!(
        pfbctl(&["compile", &manifest, "-o", output, "--doc", &apart], "").code,
        0
    );
}

#[test]
fn a_block_that_is_not_there_is_an_error_and_nothing_else() {
    for name in ["nope", "99"] {
        let run = pfbctl(&["show", "blocks/hello.toml", "--block", name], "");
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(
            run.stderr.contains(&format!("there is no block `{name}`")),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_misspelt_block_is_answered_with_the_one_that_is_like_it_and_with_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = folder.path().join("accelerator.table");
    let table = table.to_str().expect("a path in UTF-8");
    let manifest = "blocks/accelerator.toml";
    assert_eq!(pfbctl(&["compile", manifest, "-o", table], "").code, 0);
    for file in [manifest, table] {
        let run = pfbctl(&["show", file, "--block", "comand"], "");
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(
            run.stderr.starts_with(
                "error: --block: there is no block `comand` (did you mean `command`?); blocks are 0 ("
            ),
            "{}",
            run.stderr
        );
    }
}

/// Replaces the text `before` in a block table by `name`, and updates the CRC in its header.
fn renamed(bytes: &mut [u8], before: &[u8], name: &[u8]) {
    let at = bytes
        .windows(before.len())
        .position(|window| window == before)
        .expect("the name is in the table");
    bytes[at..at + before.len()].copy_from_slice(name);
    block_table::encode::seal(bytes);
}

#[test]
fn control_characters_in_the_names_of_a_table_are_no_commands_for_the_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("hostile.table");
    let path = file.to_str().expect("a path in UTF-8");
    assert_eq!(
        pfbctl(&["compile", "blocks/accelerator.toml", "-o", path], "").code,
        0
    );
    let mut bytes = fs::read(&file).expect("the table");
    renamed(&mut bytes, b"Contoso", b"\x1b[2J\x07\r\n");
    renamed(&mut bytes, b"command", b"c\x1b]0;\xc2\x9b");
    fs::write(&file, &bytes).expect("written");
    // With colour, so that the escape sequences of the names are not removed by chance.
    for arguments in [
        &["--color", "always", "show", path][..],
        &["--color", "always", "show", path, "--block", "nope"],
    ] {
        let run = pfbctl(arguments, "");
        let text = run.stdout + &run.stderr;
        assert!(text.contains(r"c\u{1b}]0;\u{9b}"), "{text:?}");
        for command in ["\x1b[2J", "\x1b]0;", "\u{7}", "\r", "\u{9b}"] {
            assert!(!text.contains(command), "{command:?} in {text:?}");
        }
    }
    let run = pfbctl(&["show", path], "");
    assert!(
        run.stdout.starts_with(r"\u{1b}[2J\u{7}\u{d}\u{a} CX-100"),
        "{}",
        run.stdout
    );
}
