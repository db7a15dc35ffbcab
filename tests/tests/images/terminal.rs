//! A program that draws on a terminal, which `script` provides.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

pub(crate) const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// What leaves the alternate screen, on which the program draws.
const LEAVE: &[u8] = b"\x1b[?1049l";

/// What the terminal shows of a command line when the user presses `q`, after two intervals of
/// `pfbctl top --interval 1`: a rate needs two sets of counters. `prepare` sets folder and
/// environment.
pub(crate) fn shown(line: &str, prepare: impl FnOnce(&mut Command)) -> vt100::Screen {
    let command = format!("stty columns {COLUMNS} rows {ROWS} && {line}");
    let mut script = Command::new("script");
    prepare(&mut script);
    let mut terminal = script
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
