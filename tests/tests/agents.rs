//! The agents of `examples/agent`, in Rust and in C, on a simulated device: they print the same lines
//! and publish the same responses.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use end_to_end::{Served, pfbctl, repository};

/// The agent in Rust.
static RUST: LazyLock<PathBuf> = LazyLock::new(|| {
    escargot::CargoBuild::new()
        .manifest_path(repository().join("Cargo.toml"))
        .package("agent")
        .run()
        .expect("the agent builds")
        .path()
        .to_owned()
});

/// The agent in C.
static C: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agent-c");
    let folder = repository().join("examples/agent/c");
    let files = ["agent.c", "device.c", "device_simulated.c"].map(|file| folder.join(file));
    let run = Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-O1",
        ])
        // inet_pton and others.
        .arg("-D_DEFAULT_SOURCE")
        .arg("-I")
        .arg(repository().join("crates/pf-broker-abi/include"))
        .args(files)
        .arg("-o")
        .arg(&program)
        .output()
        .expect("a C compiler");
    let messages = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{messages}");
    program
});

fn file(name: &str) -> String {
    let path = repository().join("examples/agent/test").join(name);
    fs::read_to_string(path).expect("the file can be read")
}

fn accelerator() -> Served {
    Served::start(&repository().join("blocks/accelerator.toml"), 4)
}

/// Plays lines, and returns their results.
fn play(served: &Served, lines: &str) -> String {
    let run = pfbctl(&["play", "-", "--device", &served.device], lines);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout
}

fn once(agent: &Path, device: &str) -> Output {
    let mut command = Command::new(agent);
    command
        .args(["--once", device])
        .output()
        .expect("it starts")
}

/// What guests did before the agent starts is answered.
fn answer_what_is_there(agent: &Path) {
    let served = accelerator();
    assert_eq!(
        play(&served, &file("before.jsonl")),
        file("before.expected.jsonl")
    );
    let ended = once(agent, &served.device);
    let messages = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{messages}");
    assert_eq!(String::from_utf8_lossy(&ended.stdout), file("agent.txt"));
    assert_eq!(
        play(&served, &file("after.jsonl")),
        file("after.expected.jsonl")
    );
}

#[test]
fn the_agent_in_rust_answers_what_is_there() {
    answer_what_is_there(&RUST);
}

#[test]
fn the_agent_in_c_answers_what_is_there() {
    answer_what_is_there(&C);
}

/// An agent that waits for changes, and a player beside it.
struct Conversation {
    served: Option<Served>,
    agent: Child,
    lines: BufReader<std::process::ChildStdout>,
    player: TcpStream,
    results: BufReader<TcpStream>,
}

impl Conversation {
    fn start(agent: &Path) -> Self {
        let served = accelerator();
        // An agent that is silent fails the test.
        let mut agent = Command::new("timeout")
            .arg("60")
            .arg(agent)
            .arg(&served.device)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let player = TcpStream::connect(served.address()).expect("connected");
        let mut this = Self {
            lines: BufReader::new(agent.stdout.take().expect("a pipe")),
            agent,
            results: BufReader::new(player.try_clone().expect("a copy")),
            player,
            served: Some(served),
        };
        this.expect("status published to 4 VFs");
        this
    }

    /// The next line of the agent.
    fn expect(&mut self, line: &str) {
        let mut printed = String::new();
        self.lines.read_line(&mut printed).expect("text");
        assert_eq!(printed.trim_end(), line);
    }

    /// Plays an operation, and returns its result.
    fn play(&mut self, operation: &str) -> String {
        writeln!(self.player, "{operation}").expect("sent");
        let mut result = String::new();
        self.results.read_line(&mut result).expect("text");
        result
    }

    /// VF 1 writes a command.
    fn command(&mut self, fields: &[&str]) {
        let words = [&["encode", "blocks/accelerator.toml", "command"], fields].concat();
        let bytes = pfbctl(&words, "");
        assert_eq!(bytes.code, 0, "{}", bytes.stderr);
        let result = self.play(&format!(
            "{{\"op\":\"write\",\"vf\":1,\"block\":1,\"data\":\"{}\"}}",
            bytes.stdout.trim()
        ));
        assert_eq!(result, "{\"status\":\"0x00000000\"}\n");
    }

    /// Waits until VF 1 is notified of blocks.
    fn notified(&mut self, mask: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let taken = self.play("{\"op\":\"take-invalidation\",\"vf\":1}");
            if taken.contains(mask) {
                return;
            }
            assert!(Instant::now() < end, "{taken} instead of {mask}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // One that has ended cannot be ended.
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

/// Commands while the agent waits, a change of the tenant, and the end of the device.
fn converse(agent: &Path) {
    let mut talk = Conversation::start(agent);
    talk.notified("0x1");
    talk.command(&[
        "opcode=map",
        "sequence=1",
        "address=0x10000",
        "size=8192",
        "entries=1",
    ]);
    talk.expect("VF 1: map 1: result 0, detail 0, mapping 1");
    talk.notified("0x4");
    let job = [
        "input_length=16",
        "output_offset=64",
        "output_length=32",
        "limit=8192",
    ];
    talk.command(&[&["opcode=submit", "sequence=2"], &job[..]].concat());
    talk.expect("VF 1: submit 2: result 0, detail 0, mapping 0");
    talk.command(&["opcode=unmap", "sequence=3", "mapping=2"]);
    talk.expect("VF 1: unmap 3: result 1, detail 2, mapping 0");
    talk.command(&["opcode=unmap", "sequence=4", "mapping=1"]);
    talk.expect("VF 1: unmap 4: result 0, detail 0, mapping 0");
    talk.command(&[&["opcode=submit", "sequence=5"], &job[..]].concat());
    talk.expect("VF 1: submit 5: result 1, detail 3, mapping 0");
    // 16 mappings of 16 MiB are the limit.
    for sequence in 6..22 {
        let sequence = format!("sequence={sequence}");
        talk.command(&["opcode=map", &sequence, "size=0x1000000", "entries=1"]);
        talk.expect(&format!(
            "VF 1: map {}: result 0, detail 0, mapping {}",
            &sequence[9..],
            sequence[9..].parse::<u32>().expect("a number") - 4
        ));
    }
    talk.command(&["opcode=map", "sequence=22", "size=4096"]);
    talk.expect("VF 1: map 22: result 2, detail 1, mapping 0");
    // The next tenant begins with nothing.
    talk.play("{\"op\":\"reset\",\"vf\":1}");
    talk.expect("VF 1: reset");
    talk.command(&["opcode=map", "sequence=1", "size=4096"]);
    talk.expect("VF 1: map 1: result 0, detail 0, mapping 1");
    drop(talk.served.take());
    let mut problem = String::new();
    let errors = talk.agent.stderr.take().expect("a pipe");
    BufReader::new(errors)
        .read_line(&mut problem)
        .expect("text");
    assert!(problem.contains("0xC00002B6"), "{problem}");
    assert_eq!(talk.agent.wait().expect("it ends").code(), Some(1));
}

#[test]
fn the_agent_in_rust_waits_for_commands_and_keeps_tenants_apart() {
    converse(&RUST);
}

#[test]
fn the_agent_in_c_waits_for_commands_and_keeps_tenants_apart() {
    converse(&C);
}

#[test]
fn agents_open_simulated_devices_of_this_machine_only() {
    for agent in [&*RUST, &*C] {
        for device in [
            "sim:192.0.2.1:9820",
            "sim:127.0.0.1",
            "sim:127.0.0.1:1",
            r"\\?\pci",
        ] {
            let ended = once(agent, device);
            assert_eq!(ended.status.code(), Some(1), "{device}");
            assert!(!ended.stderr.is_empty(), "{device}");
        }
    }
}
