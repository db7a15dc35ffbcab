//! The images of the README are what `pfbctl` prints. `UPDATE_DOCS=1` draws them anew.
#![cfg(target_os = "linux")]

mod terminal;

use std::env;
use std::fmt::Write as _;
use std::fs;

use anstyle_svg::Term;
use end_to_end::{PROGRAM, Served, pfbctl, repository};

/// A manifest with a name that is misspelt and a range beyond its type.
const MISTAKEN: &str = include_str!("../../manifests/two-mistakes.toml");

/// Lines of output after which an image ends.
const HEIGHT: usize = 40;

/// Compares `docs/images/NAME.svg` with a command and its output, which has colors.
fn check(name: &str, command: &str, output: &str) {
    let text = format!("$ {command}\n{output}");
    let image = Term::new().min_width_px(720).render_svg(&text);
    let path = repository().join(format!("docs/images/{name}.svg"));
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &image).expect("the image can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == image,
        "docs/images/{name}.svg is not what `{command}` prints; UPDATE_DOCS=1 draws it anew"
    );
}

/// Runs `pfbctl`, and compares its first lines with the image.
fn check_lines(name: &str, arguments: &[&str], stdin: &str) {
    let run = pfbctl(&[arguments, &["--color", "always"]].concat(), stdin);
    let output = run.stdout + &run.stderr;
    let mut lines: Vec<_> = output.lines().take(HEIGHT).collect();
    if output.lines().count() > HEIGHT {
        lines.push("…");
    }
    let command = format!("pfbctl {}", arguments.join(" "));
    check(name, &command, &lines.join("\n"));
}

#[test]
fn the_image_of_a_diagnostic_is_current() {
    check_lines("check", &["check", "-"], MISTAKEN);
}

#[test]
fn the_image_of_a_block_is_current() {
    check_lines("show", &["show", "blocks/accelerator.toml"], "");
}

#[test]
fn the_image_of_a_simulation_is_current() {
    check_lines("simulate", &["simulate", "blocks/mlx5-hv-vhca.toml"], "");
}

/// A device whose VF 2 writes blocks of a wrong length and ID.
fn device_with_a_hostile_guest() -> Served {
    let served = Served::start(&repository().join("blocks/accelerator.toml"), 4);
    let mut lines = String::new();
    for block in [1, 1, 99].repeat(20) {
        let line = format!(r#"{{"op":"write","vf":2,"block":{block},"data":"0102"}}"#);
        writeln!(lines, "{line}").expect("a string grows");
    }
    let run = pfbctl(&["play", "-", "--device", &served.device], &lines);
    assert_eq!(run.code, 0, "{}", run.stderr);
    served
}

#[test]
fn top_shows_the_guest_with_the_most_refusals_first_and_its_image_is_current() {
    let served = device_with_a_hostile_guest();
    let line = format!(
        "{} top --interval 1 --device {}",
        PROGRAM.display(),
        served.device
    );
    let screen = terminal::shown(&line, |_| {});
    let text = screen.contents();
    let is_vf = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
    let first = text.lines().find(is_vf).unwrap_or_default();
    let columns: Vec<_> = first.split_whitespace().take(4).collect();
    assert_eq!(columns, ["2", "0.0", "60", "length"], "{text}");
    let rows: Vec<_> = screen
        .rows_formatted(0, terminal::COLUMNS)
        .map(|row| with_spaces(&row) + "\x1b[0m")
        .collect();
    check("top", "pfbctl top", &rows.join("\n"));
}

/// A row with spaces in place of the sequences that move the cursor to the right.
fn with_spaces(row: &[u8]) -> String {
    let row = std::str::from_utf8(row).expect("text");
    let mut parts = row.split("\x1b[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('C') {
            Some((count, rest)) if count.bytes().all(|digit| digit.is_ascii_digit()) => {
                let spaces = " ".repeat(count.parse().unwrap_or(1));
                text.extend([spaces.as_str(), rest]);
            }
            _ => text.extend(["\x1b[", part]),
        }
    }
    text
}
