//! Every command that calls a device, and every trace.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use end_to_end::{PROGRAM, Served, pfbctl, repository};

use super::{accelerator, manifest};

/// A status of the accelerator.
const STATUS: &str = "0100014300000010000000000200000000010001000000000000000000000000";
/// A sample of its telemetry.
const SAMPLE: &str = "010000000000000001010000000000000500000000000000";

/// Runs a command on the device, and returns what it prints.
fn run(served: &Served, words: &[&str], code: i32) -> String {
    let all = [words, &["--device", &served.device]].concat();
    let run = pfbctl(&all, "");
    assert_eq!(run.code, code, "{words:?}: {}", run.stderr);
    run.stdout + &run.stderr
}

/// Plays lines on the device, and returns their results.
fn play(served: &Served, lines: &str) -> String {
    let run = pfbctl(&["play", "-", "--device", &served.device], lines);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout
}

#[test]
fn every_command_calls_a_simulated_device() {
    let served = accelerator();
    assert!(run(&served, &["list"], 0).contains("Contoso CX-100  1414:b001  4 "));
    run(&served, &["publish", "all", "status", STATUS], 0);
    let sample = format!("{{\"op\":\"write\",\"vf\":3,\"block\":70,\"data\":\"{SAMPLE}\"}}\n");
    assert_eq!(play(&served, &sample), "{\"status\":\"0x00000000\"}\n");
    let read = run(&served, &["read", "3", "status", "--raw"], 0);
    assert!(
        read.starts_with("00  01 00 01 43") && read.ends_with("revision 1\n"),
        "{read}"
    );
    run(&served, &["publish", "3", "status", "link=down"], 0);
    let read = run(&served, &["read", "3", "status"], 0);
    assert!(
        read.starts_with("version       1\nlink          down\n") && read.ends_with("revision 2\n"),
        "{read}"
    );
    assert_eq!(
        run(&served, &["drain", "3", "telemetry", "--raw"], 0),
        format!("{SAMPLE}\n")
    );
    play(&served, &sample.replace("\"01", "\"02"));
    assert_eq!(
        run(&served, &["drain", "3", "telemetry"], 0),
        "time=2 samples=1 unit=1 values=[5 0…]\n"
    );
    run(&served, &["invalidate", "3", "response"], 0);
    let taken = play(&served, "{\"op\":\"take-invalidation\",\"vf\":3}\n");
    assert_eq!(taken, "{\"status\":\"0x00000000\",\"mask\":\"0x5\"}\n");
    run(&served, &["reset", "3"], 0);
    let stats = run(&served, &["stats"], 0);
    assert!(stats.contains("3   D0     0      2       2"), "{stats}");
    assert!(run(&served, &["stats", "--vf", "3"], 0).contains("VF 3: D0, 1 resets,"));
    let journal = run(&served, &["journal", "3"], 0);
    assert!(
        journal.contains("telemetry") && journal.contains("reset"),
        "{journal}"
    );
    let metrics = run(&served, &["metrics"], 0);
    let up = format!("pfbroker_device_up{{device=\"{}\"}} 1", served.device);
    assert!(metrics.contains(&up), "{metrics}");
    let refused = run(&served, &["read", "64", "status"], 1);
    assert!(refused.contains("VFs are 0 to 3"), "{refused}");
    let refused = run(&served, &["acknowledge", "3"], 1);
    assert!(refused.contains("(state)"), "{refused}");
    // It calls the device before it needs a terminal.
    assert!(run(&served, &["top"], 2).contains("needs a terminal"));
}

#[test]
fn watch_shows_what_the_guests_do_and_waits_for_a_device_that_is_restarted() {
    let served = accelerator();
    let address = served.address().to_owned();
    let mut watch = Command::new(&*PROGRAM)
        .args(["watch", "--device", &served.device])
        .stdout(Stdio::piped())
        .spawn()
        .expect("pfbctl starts");
    let output = watch.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(output)
        .lines()
        .map(|line| line.expect("text"))
        // A date precedes its first event.
        .filter(|line| line.len() != "2026-11-28".len() || line.matches('-').count() != 2);
    let mut next = |words: &str| {
        let line = lines.next().expect("a line");
        assert!(line.contains(words), "{line:?} instead of {words}");
    };
    run(&served, &["publish", "2", "status", STATUS], 0);
    next("VF 2   publish      status");
    play(
        &served,
        "{\"op\":\"write\",\"vf\":1,\"block\":0,\"data\":\"00\"}\n",
    );
    next("refused: access");
    drop(served);
    next("the device has gone");
    let served = Served::start_at(&manifest("accelerator"), 4, &address);
    next("the device is back");
    next("the driver has started anew");
    run(&served, &["reset", "0"], 0);
    next("VF 0");
    watch.kill().expect("it runs");
    watch.wait().expect("it ends");
}

#[test]
fn a_reset_waits_for_its_acknowledgement_or_for_its_time_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(manifest("accelerator")).expect("a manifest");
    for (timeout, served_by) in [(60_000, "acknowledge"), (200, "time limit")] {
        let reset = format!("max-vfs = 64\nreset = \"acknowledged\"\nreset-timeout = {timeout}\n");
        let file = folder.path().join(format!("{timeout}.toml"));
        std::fs::write(&file, text.replace("max-vfs = 64", &reset)).expect("written");
        let served = Served::start(&file, 1);
        run(&served, &["reset", "0"], 0);
        if served_by == "acknowledge" {
            assert!(run(&served, &["stats"], 0).contains("waits for acknowledgement"));
            run(&served, &["acknowledge", "0"], 0);
        } else {
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        assert!(!run(&served, &["stats"], 0).contains("waits"));
        assert!(run(&served, &["journal", "0"], 0).contains(served_by));
    }
}

/// The clock of a served device runs, so traces about time are left to `pfbctl simulate`.
#[test]
fn every_trace_gives_its_expected_lines_on_a_served_device() {
    let mut count = 0;
    for suite in end_to_end::suites().expect("the suites can be read") {
        for trace in &suite.traces {
            if trace.simulation_only.is_some() {
                continue;
            }
            let served = Served::start(&suite.manifest, trace.vfs);
            let file = trace.operations.to_str().expect("a name in UTF-8");
            let played = pfbctl(&["play", file, "--device", &served.device], "");
            let expected = std::fs::read_to_string(&trace.expected).expect("its lines");
            assert_eq!(played.stdout, expected, "{}/{}", suite.name, trace.name);
            count += 1;
        }
    }
    assert!(count > 10, "only {count} traces were played");
}

#[test]
fn a_line_that_is_no_operation_ends_a_trace_with_its_number() {
    let served = accelerator();
    let read = "{\"op\":\"read\",\"vf\":0,\"block\":0,\"length\":2}";
    let lines = format!("{read}\n{{\"op\":\"raed\"}}\n{read}\n");
    let run = pfbctl(&["play", "-", "--device", &served.device], &lines);
    assert_eq!(run.code, 2);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    assert!(run.stderr.contains("line 2"), "{}", run.stderr);
    let absent = pfbctl(&["play", "no.jsonl", "--device", &served.device], "");
    assert_eq!(absent.code, 2);
    let other = pfbctl(&["play", "-", "--device", "0"], "");
    assert!(other.stderr.contains("no simulated device"));
}

#[test]
fn a_device_is_served_on_this_machine_only_and_at_a_port_of_its_own() {
    let served = accelerator();
    let file = repository().join("blocks/hello.toml");
    let file = file.to_str().expect("a name in UTF-8");
    for (address, words) in [
        ("0.0.0.0:0", "0.0.0.0:0 is no loopback address"),
        ("192.0.2.1:9820", "192.0.2.1:9820 is no loopback address"),
        ("[::]:0", "no loopback address"),
        (served.address(), "cannot listen at"),
    ] {
        let run = pfbctl(&["serve", file, "--listen", address], "");
        assert_eq!(run.code, 2, "{address}");
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    let many = pfbctl(&["serve", file, "--vfs", "5000"], "");
    assert!(many.stderr.contains("--vfs"), "{}", many.stderr);
    let remote = pfbctl(&["list", "--device", "sim:192.0.2.1:9820"], "");
    assert!(remote.stdout.contains("no loopback address"), "{remote:?}");
}

/// Ctrl-C ends it in the same way, unless the tests run in the background of a shell: there every
/// program ignores `SIGINT`.
#[cfg(unix)]
#[test]
fn a_signal_ends_the_device_its_clients_notice_and_its_port_is_free() {
    let mut served = accelerator();
    let address = served.address().to_owned();
    let mut player = std::net::TcpStream::connect(&address).expect("connected");
    let ended = Command::new("kill")
        .args(["-TERM", &served.process().to_string()])
        .status();
    assert!(ended.expect("kill runs").success());
    assert!(!served.wait());
    assert_eq!(player.read(&mut [0]).unwrap_or(0), 0);
    let gone = pfbctl(&["stats", "--device", &served.device], "");
    assert_eq!(gone.code, 2);
    assert!(gone.stderr.contains("cannot open sim:"), "{}", gone.stderr);
    let again = Served::start_at(&manifest("accelerator"), 4, &address);
    assert_eq!(again.address(), address);
}
