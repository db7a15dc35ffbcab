//! `pfbctl top` in a terminal, which `script` provides.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use end_to_end::PROGRAM;

pub(crate) const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// What leaves the alternate screen, on which the program draws.
const LEAVE: &[u8] = b"\x1b[?1049l";

/// What the terminal shows when the user presses `q`, after two intervals: a rate needs two sets of
/// counters.
pub(crate) fn top(device: &str) -> vt100::Screen {
    let command = format!(
        "stty columns {COLUMNS} rows {ROWS} && {} top --interval 1 --device {device}",
        PROGRAM.display()
    );
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts");
    let mut keyboard = terminal.stdin.take().expect("standard input is a pipe");
    thread::sleep(Duration::from_millis(2500));
    keyboard.write_all(b"q").expect("a key");
    keyboard.flush().expect("a key");
    let mut bytes = Vec::new();
    let output = terminal.stdout.as_mut().expect("standard output is a pipe");
    output.read_to_end(&mut bytes).expect("what it draws");
    assert!(terminal.wait().expect("script ends").success());
    let end = bytes
        .windows(LEAVE.len())
        .position(|window| window == LEAVE)
        .expect("the program leaves the alternate screen");
    let mut parser = vt100::Parser::new(ROWS, COLUMNS, 0);
    parser.process(&bytes[..end]);
    parser.screen().clone()
}

/// A row with spaces in place of the sequences that move the cursor to the right.
pub(crate) fn with_spaces(row: &[u8]) -> String {
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
