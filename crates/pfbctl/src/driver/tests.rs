use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use block_manifest::Manifest;
use chrono::{DateTime, Utc};
use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use pf_broker_client::{Control, Device};
use zerocopy::{FromBytes as _, FromZeros as _, IntoBytes as _};

use super::clock::Clock;
use super::names::Names;
use super::publishing::Content;
use super::reply::{Event, Line, Location, Queried, Refused, Stats, VfInDetail, VfStats};
use super::report::Date;
use super::watch::{Printer, View};
use super::{
    acknowledge_at, drain_block, every_vf, journal_of, list_devices, one_vf, read_block, report,
};
use crate::cli;
use crate::failure::Failure;

fn text(write: impl FnOnce(&mut dyn std::io::Write)) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    write(&mut out);
    String::from_utf8(out.into_inner()).expect("text")
}

fn stats(refused: &[(Refusal, u64)]) -> abi::StatsReply {
    let mut stats = abi::StatsReply::new_zeroed();
    stats.service = abi::Service::Open.code();
    stats.reason_count = u32::try_from(Refusal::ALL.len()).expect("few reasons");
    for &(refusal, count) in refused {
        stats.refused[refusal.index()] = count;
    }
    stats
}

fn entry(sequence: u64, operation: abi::Operation, status: u32) -> abi::JournalEntry {
    let mut entry = abi::JournalEntry::new_zeroed();
    entry.sequence = sequence;
    entry.time = 12_345_678_901;
    entry.block = 7;
    entry.length = 64;
    entry.status = status.cast_signed();
    entry.operation = operation.code();
    entry
}

/// A driver that answers one control code after the other.
struct Script(RefCell<VecDeque<(u32, Vec<u8>)>>);

impl Control for Script {
    fn control(&self, code: u32, _: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        let (expected, answer) = self.0.borrow_mut().pop_front().expect("another call");
        assert_eq!(code, expected);
        output[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }
}

fn device(mut answers: Vec<(u32, Vec<u8>)>) -> Device<Script> {
    let mut query = abi::QueryReply::new_zeroed();
    query.abi_version = abi::ABI_VERSION;
    query.num_vfs = 1;
    answers.insert(0, (abi::IOCTL_QUERY, query.as_bytes().to_vec()));
    Device::new(Script(RefCell::new(answers.into()))).expect("the same version")
}

/// The counters of VFs from 0 on.
fn every(vfs: &[abi::StatsReply]) -> Stats {
    Stats {
        vfs: (0..)
            .zip(vfs)
            .map(|(vf, stats)| VfStats::new(vf, stats))
            .collect(),
        host_refusals: Vec::new(),
    }
}

/// The same, with refusals of the host side only.
fn host(refusals: &abi::HostRefusalsReply) -> Stats {
    Stats {
        vfs: Vec::new(),
        host_refusals: Refused::list(&refusals.refused),
    }
}

#[test]
fn a_row_of_stats_fits_into_80_columns_and_no_word_of_it_is_broken() {
    let mut busy = stats(&[(Refusal::Invalidate, 9_999_999)]);
    busy.reads = 123_456_789;
    busy.writes = 12_345_678;
    busy.publishes = 123_456_789;
    busy.withdrawn = 12_345;
    busy.dropped = 1_234_567;
    busy.floods = 4711;
    busy.resets = 815;
    busy.service = abi::Service::Held.code();
    let stats = every(&[stats(&[]), busy]);
    let mut rows = report::table_of_vfs(&stats.vfs);
    let rows = rows.set_width(80).trim_fmt();
    for line in rows.lines() {
        assert!(line.chars().count() <= 80, "{line}\n{rows}");
    }
    let words: Vec<&str> = rows.split_whitespace().collect();
    for word in [
        "publishes",
        "held",
        "12345678",
        "123456789",
        "9999999",
        "invalidate",
        "withdrawn,",
        "dropped,",
        "1234567",
        "floods,",
        "resets",
    ] {
        assert!(words.contains(&word), "{word}\n{rows}");
    }
    assert!(!rows.contains("0 dropped"), "{rows}");
}

#[test]
fn the_vf_that_misbehaves_stands_out() {
    let quiet = stats(&[(Refusal::Length, 2)]);
    let loud = stats(&[(Refusal::Length, 3), (Refusal::Limit, 900)]);
    let text = text(|out| report::every_vf(out, &every(&[quiet, loud])).expect("written"));
    assert!(
        text.contains("VF 1 was refused 903 times, most often for `limit`"),
        "{text}"
    );
    assert!(!text.contains("VF 0 was refused"), "{text}");
    let none = self::text(|out| report::every_vf(out, &every(&[stats(&[])])).expect("written"));
    assert!(!none.contains("was refused"), "{none}");
}

#[test]
fn what_the_host_side_was_refused_is_shown_by_reason_and_only_if_there_is_something() {
    let mut refusals = abi::HostRefusalsReply::new_zeroed();
    let shown = text(|out| report::every_vf(out, &host(&refusals)).expect("written"));
    assert!(!shown.contains("Host"), "{shown}");
    refusals.refused[Refusal::Changed.index()] = 3;
    refusals.refused[Refusal::Length.index()] = 1;
    let shown = text(|out| report::every_vf(out, &host(&refusals)).expect("written"));
    assert!(
        shown.contains("Host: 4 operations")
            && shown.contains("changed")
            && shown.contains("0xC0000206")
            && !shown.contains("0xC0000225"),
        "{shown}"
    );
}

#[test]
fn the_state_says_why_a_vf_is_not_served() {
    let shown = |code| {
        let stats = abi::StatsReply {
            service: code,
            ..stats(&[])
        };
        let text = text(|out| report::every_vf(out, &every(&[stats])).expect("written"));
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ")
    };
    let [held, open, waits] = abi::Service::ALL.map(|service| shown(service.code()));
    assert!(held.contains("D0, held back"), "{held}");
    assert!(!open.contains("D0,"), "{open}");
    assert!(waits.contains("D0, waits for"), "{waits}");
    assert!(waits.contains("acknowledgement"), "{waits}");
    let newer = shown(3);
    assert!(newer.contains("D0, held back"), "{newer}");
}

/// A driver whose VFs were reset seven times, and what it was sent to acknowledge.
struct Acknowledged(Rc<RefCell<Vec<(u16, u64)>>>);

impl Control for Acknowledged {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        if code == abi::IOCTL_ACKNOWLEDGE {
            let request = abi::AcknowledgeRequest::read_from_bytes(input).expect("a request");
            self.0.borrow_mut().push((request.vf, request.resets));
            return Ok(0);
        }
        let mut query = abi::QueryReply::new_zeroed();
        query.abi_version = abi::ABI_VERSION;
        let stats = abi::StatsReply {
            resets: 7,
            ..stats(&[])
        };
        let answer = match code {
            abi::IOCTL_QUERY => query.as_bytes(),
            _ => stats.as_bytes(),
        };
        output[..answer.len()].copy_from_slice(answer);
        Ok(answer.len())
    }
}

#[test]
fn without_a_number_the_last_reset_is_acknowledged() {
    let acknowledged = Rc::new(RefCell::new(vec![]));
    let device = Device::new(Acknowledged(Rc::clone(&acknowledged))).expect("the same version");
    acknowledge_at(&device, 2, None).expect("answered");
    acknowledge_at(&device, 2, Some(6)).expect("answered");
    assert_eq!(*acknowledged.borrow(), [(2, 7), (2, 6)]);
}

/// A newer driver of the same interface version may count codes that this tool does not know.
#[test]
fn an_unknown_refusal_code_is_shown_as_unknown() {
    let mut refusals = abi::HostRefusalsReply::new_zeroed();
    refusals.refused[Refusal::ALL.len()] = 7;
    let text = text(|out| report::every_vf(out, &host(&refusals)).expect("written"));
    let code = format!("code {}", Refusal::ALL.len());
    assert!(text.contains(&code), "{text}");
    assert!(
        text.contains("The driver is newer than this tool."),
        "{text}"
    );
}

#[test]
fn a_vf_in_detail_names_every_refusal_and_every_block() {
    let mut block = abi::BlockInfo::new_zeroed();
    block.id = 7;
    block.name[..9].copy_from_slice(b"hello\x1b[2J");
    let mut counters = abi::BlockStatsReply::new_zeroed();
    counters.queued = 31;
    counters.revision = 4711;
    let device = device(vec![
        (
            abi::IOCTL_STATS,
            stats(&[(Refusal::Sequence, 12)]).as_bytes().to_vec(),
        ),
        (abi::IOCTL_BLOCKS, block.as_bytes().to_vec()),
        (abi::IOCTL_LOCATION, at(1).as_bytes().to_vec()),
        (abi::IOCTL_BLOCK_STATS, counters.as_bytes().to_vec()),
    ]);
    let text = text(|out| one_vf(&device, 3, false, out).expect("answered"));
    assert!(
        text.starts_with("VF 3: at 0000:03:00.1, D0, 0 resets"),
        "{text}"
    );
    assert!(
        text.contains(r"hello\u{1b}[2J") && text.contains("31") && text.contains("4711"),
        "what a table holds is no command for the terminal: {text}"
    );
    assert!(text.contains("0xC000042A") && text.contains("12"), "{text}");
    assert!(text.contains(Refusal::Sequence.reason()), "{text}");
}

#[test]
fn a_journal_line_says_when_what_and_how_it_ended() {
    use abi::Operation::{Reset, Write};
    let line = |entry| {
        text(|out| {
            report::journal_line(
                out,
                2,
                &Event::new(&entry, &Names::NONE, None),
                &Names::NONE,
            )
            .expect("written");
        })
    };
    let refused = line(entry(1, Write, Refusal::Value.status()));
    assert!(
        refused.contains("1234.5678901") && refused.contains("VF 2"),
        "{refused}"
    );
    assert!(
        refused.contains("block 7") && refused.contains("refused: value"),
        "{refused}"
    );
    let mut placed = entry(6, Write, Refusal::Value.status());
    for (fault, ending) in [
        (0, "refused: value\n"),
        (1, "refused: value at byte 0\n"),
        (128, "refused: value at byte 127\n"),
    ] {
        placed.fault = fault;
        assert!(line(placed).ends_with(ending), "{}", line(placed));
    }
    let mut declined = entry(5, Write, Refusal::Declined.status());
    declined.companion_status = 0xC000_0001_u32.cast_signed();
    assert!(line(declined).ends_with("refused: declined with 0xC0000001\n"));
    let reset = line(entry(2, Reset, 0));
    assert!(
        !reset.contains("block") && !reset.contains("refused"),
        "{reset}"
    );
    let mut flood = entry(3, Write, Refusal::Limit.status());
    flood.repeated = 99;
    assert!(line(flood).contains("×100"));
    let mut unknown = entry(4, Write, 0xC000_0001);
    unknown.operation = 200;
    assert!(line(unknown).contains("0xC0000001"));
}

#[test]
fn a_fault_is_that_of_a_field_if_every_layout_has_it_there() {
    let manifest = MANIFEST.replace("length = 4", "length = 8")
        + r#"
        [[block.layout]]
        when = "link == link.up"
        [[block.layout.field]]
        name = "speed"
        offset = 4
        type = "u16"
        [[block.layout.field]]
        name = "lanes"
        type = "u8"
        [[block.layout]]
        when = "else"
        [[block.layout.field]]
        name = "speed"
        offset = 4
        type = "u8"
        [[block.layout.field]]
        name = "cause"
        type = "u16"
        "#;
    let manifest = Manifest::parse("port.toml", &manifest);
    let names = Names::of_manifest(manifest.unwrap_or_else(|wrong| panic!("{wrong}")));
    let fields = (0..9).map(|offset| names.field(7, offset));
    let [link, mtu, speed] = ["link", "mtu", "speed"].map(Some);
    assert!(fields.eq([link, None, mtu, mtu, speed, None, None, None, None]));
    assert_eq!(names.field(8, 0), None);
    assert_eq!(Names::NONE.field(7, 0), None);
}

#[test]
fn a_vf_and_a_device_are_shown_with_their_locations() {
    let location = |segment, bus, function| {
        Location::new(abi::LocationReply {
            segment,
            bus,
            function,
        })
    };
    let shown = |stats: VfStats| {
        let detail = VfInDetail {
            stats,
            blocks: Vec::new(),
        };
        text(|out| report::one_vf(out, &detail).expect("written"))
    };
    let of_vf = || VfStats::new(3, &stats(&[]));
    let text_of = shown(of_vf().at(Some(location(2, 0xAB, 0xFF))));
    assert!(
        text_of.starts_with("VF 3: at 0002:ab:1f.7, D0, "),
        "{text_of}"
    );
    assert!(shown(of_vf()).starts_with("VF 3: D0, "));

    let list = |ends: [Option<Location>; 2]| {
        text(|out| {
            let query = abi::QueryReply::new_zeroed();
            let queried = |_: &str| {
                Ok(Queried {
                    query,
                    ends: ends.clone(),
                })
            };
            let paths = vec!["one".to_owned()];
            list_devices(paths, false, out, queried).expect("it answers");
        })
    };
    let ends = [Some(location(0, 3, 1)), Some(location(0, 3, 12))];
    assert!(list(ends).ends_with("0: one\n   VFs at 0000:03:00.1 to 0000:03:01.4\n"));
    assert!(list([None, None]).ends_with("0: one\n"));
}

#[test]
fn an_event_has_its_local_time_and_the_first_one_of_a_day_the_date() {
    const DAY: u64 = 24 * 60 * 60 * 10_000_000;
    let clock = Clock::new(4 * DAY, noon());
    let mut date = Date::default();
    let mut shown = |time| {
        let mut entry = entry(1, abi::Operation::Reset, 0);
        entry.time = time;
        let event = Event::new(&entry, &Names::NONE, Some(clock));
        text(|out| {
            date.note(out, &event).expect("written");
            report::journal_line(out, 2, &event, &Names::NONE).expect("written");
        })
    };
    let first = shown(DAY + 12_345_678);
    let (date, line) = first.split_once('\n').expect("two lines");
    assert!(date.starts_with("2026-11-2") && date.len() == 10, "{first}");
    // Hour and minute depend on the time zone.
    assert!(line[5..].starts_with(":01.234  VF 2"), "{first}");
    assert_eq!(shown(DAY + 12_345_678), line, "the same day");
    assert_eq!(shown(3 * DAY).lines().count(), 2, "another day");
}

#[test]
fn every_journal_operation_has_a_name() {
    let mut after = 0;
    for operation in abi::Operation::ALL {
        let name = super::reply::operation(operation.code()).0;
        assert_ne!(name, "unknown", "{operation:?}");
        after = after.max(operation.code() + 1);
    }
    assert_eq!(super::reply::operation(after).0, "unknown");
}

#[test]
fn a_device_that_does_not_answer_does_not_hide_the_others() {
    let paths = ["one", "two", "three"].map(str::to_owned).to_vec();
    let list = |answer: &dyn Fn(&str) -> Result<abi::QueryReply, Failure>| {
        let mut out = Vec::new();
        let ended = list_devices(paths.clone(), false, &mut out, |path| {
            Ok(answer(path)?.into())
        });
        let text = anstream::adapter::strip_bytes(&out).into_vec();
        (ended, String::from_utf8(text).expect("text"))
    };
    let mut reply = abi::QueryReply::new_zeroed();
    reply.name[..7].copy_from_slice(b"CX\x1b]0;\x07");

    let (ended, text) = list(&|path| match path {
        "two" => Err(pf_broker_client::Error::Status(0xC000_02B6).into()),
        _ => Ok(reply),
    });
    let failure = ended.expect_err("one device is missing");
    assert_eq!(failure.to_string(), "1 of 3 devices did not answer");
    assert_eq!(failure.exit_code(), 1, "the driver refused");
    assert_eq!(text.matches(r"CX\u{1b}]0;\u{7}").count(), 2, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| *line == "1: two");
    let error = lines[at.expect("the device's path") + 1];
    assert!(
        error.starts_with("   error: the driver answers 0xC00002B6 (removed)"),
        "{text}"
    );
    assert!(
        text.contains("no answer") && text.contains("2: three"),
        "{text}"
    );

    let (ended, _) = list(&|path| match path {
        "two" => Err(pf_broker_client::Error::Status(0xC000_02B6).into()),
        _ => Err(std::io::Error::other("not a handle").into()),
    });
    assert_eq!(
        ended.expect_err("none answers").exit_code(),
        2,
        "the highest"
    );
    assert!(list(&|_| Ok(reply)).0.is_ok());
}

/// The documents of docs/json.md for commands that use a driver. `UPDATE_DOCS=1` writes them.
#[test]
fn the_page_shows_what_the_commands_print() {
    let mut documents = vec![
        ("list", text(json_list)),
        ("stats", text(json_stats)),
        ("stats --vf 3", text(json_vf)),
    ];
    documents.extend([("read", text(json_read)), ("drain", text(json_drain))]);
    documents.extend([("journal", text(json_journal)), ("watch", text(json_watch))]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");
    let mut page = std::fs::read_to_string(path).expect("the page");
    for (command, document) in documents {
        let begin = format!("<!-- json: {command} -->\n```json\n");
        let (head, rest) = page.split_once(&begin).expect(command);
        let (shown, tail) = rest.split_once("```\n").expect("the end of the block");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            page = format!("{head}{begin}{document}```\n{tail}");
            std::fs::write(path, &page).expect("written");
        } else {
            assert_eq!(shown, document, "{command}: UPDATE_DOCS=1 writes it");
        }
    }
}

fn no_manifest() -> cli::ManifestFile {
    cli::ManifestFile { manifest: None }
}

/// The driver's blocks: 7, with a name.
fn blocks() -> (u32, Vec<u8>) {
    let mut block = abi::BlockInfo::new_zeroed();
    block.id = 7;
    block.name[..4].copy_from_slice(b"port");
    (abi::IOCTL_BLOCKS, block.as_bytes().to_vec())
}

/// The driver's table, compiled from [`MANIFEST`].
fn table() -> (u32, Vec<u8>) {
    (abi::IOCTL_TABLE, manifest().compile())
}

fn manifest() -> Manifest {
    Manifest::parse("port.toml", MANIFEST).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The manifest of this block.
const MANIFEST: &str = r#"
[device]
name = "X"
vendor-id = 1
device-id = 1
max-vfs = 4

[enum.link]
down = 0
up = 1

[[block]]
id = 7
name = "port"
vf-access = "read-only"
length = 4

[[block.field]]
name = "link"
type = "u8"
valid = { one-of = "link" }

[[block.field]]
name = "mtu"
type = "u16"
offset = 2
default = 1500
"#;

fn port() -> Names {
    Names::of_manifest(manifest())
}

fn selection() -> cli::Selection {
    cli::Selection { device: None }
}

const JSON: cli::Form = cli::Form { json: true };

fn sample_stats() -> abi::StatsReply {
    let mut sample = stats(&[(Refusal::Checksum, 3)]);
    (sample.reads, sample.writes, sample.publishes) = (1, 2, 1);
    sample.pending = 0b1;
    sample
}

/// A location with this function number.
fn at(function: u8) -> abi::LocationReply {
    abi::LocationReply {
        segment: 0,
        bus: 3,
        function,
    }
}

fn json_list(out: &mut dyn std::io::Write) {
    let mut reply = abi::QueryReply::new_zeroed();
    reply.name[..14].copy_from_slice(b"Contoso CX-100");
    (reply.vendor_id, reply.device_id) = (0x1414, 0xB001);
    (reply.num_vfs, reply.block_count) = (4, 5);
    (reply.table_crc, reply.table_source) = (0x0C0F_FEE0, abi::TableSource::Registry.code());
    reply.attached = 1;
    reply.driver_version = [0, 1, 0];
    let paths = [
        r"\\?\pci#ven_1414&dev_b001#1",
        r"\\?\pci#ven_1414&dev_b001#2",
    ];
    let paths = paths.map(str::to_owned).to_vec();
    let listed = list_devices(paths, true, out, |path| {
        if path.ends_with('1') {
            let ends = [1, 4].map(at).map(|location| Some(Location::new(location)));
            Ok(Queried { query: reply, ends })
        } else {
            Err(pf_broker_client::Error::Status(Refusal::Removed.status()).into())
        }
    });
    assert!(listed.is_err());
}

fn json_stats(out: &mut dyn std::io::Write) {
    let mut query = abi::QueryReply::new_zeroed();
    query.num_vfs = 1;
    let mut refusals = abi::HostRefusalsReply::new_zeroed();
    refusals.reason_count = u32::try_from(Refusal::ALL.len()).expect("few reasons");
    refusals.refused[Refusal::Vf.index()] = 1;
    let device = device(vec![
        (abi::IOCTL_QUERY, query.as_bytes().to_vec()),
        (abi::IOCTL_STATS, sample_stats().as_bytes().to_vec()),
        (abi::IOCTL_LOCATION, at(1).as_bytes().to_vec()),
        (abi::IOCTL_HOST_REFUSALS, refusals.as_bytes().to_vec()),
    ]);
    every_vf(&device, true, out).expect("answered");
}

fn json_vf(out: &mut dyn std::io::Write) {
    let mut block = abi::BlockInfo::new_zeroed();
    block.id = 1;
    block.name[..7].copy_from_slice(b"command");
    let mut counters = abi::BlockStatsReply::new_zeroed();
    (counters.writes, counters.refused, counters.revision) = (2, 3, 2);
    let device = device(vec![
        (abi::IOCTL_STATS, sample_stats().as_bytes().to_vec()),
        (abi::IOCTL_BLOCKS, block.as_bytes().to_vec()),
        (abi::IOCTL_LOCATION, at(1).as_bytes().to_vec()),
        (abi::IOCTL_BLOCK_STATS, counters.as_bytes().to_vec()),
    ]);
    one_vf(&device, 3, true, out).expect("answered");
}

fn json_contents() -> cli::Contents {
    cli::Contents {
        names: no_manifest(),
        form: JSON,
        raw: false,
    }
}

fn json_read(out: &mut dyn std::io::Write) {
    let reply = [7_u64.as_bytes(), &[1, 0, 0xAB, 0xCD]].concat();
    let device = device(vec![table(), (abi::IOCTL_READ, reply)]);
    let arguments = cli::Read {
        selection: selection(),
        contents: json_contents(),
        vf: 3,
        block: "port".to_owned(),
        length: 4,
    };
    read_block(&device, &arguments, out).expect("answered");
}

fn json_drain(out: &mut dyn std::io::Write) {
    let mut messages = [abi::Message::new_zeroed(); 2];
    for (number, message) in (1..).zip(&mut messages) {
        message.length = 2;
        message.data[0] = number;
    }
    let device = device(vec![
        table(),
        (abi::IOCTL_DRAIN, messages.as_bytes().to_vec()),
    ]);
    let arguments = cli::Drain {
        selection: selection(),
        contents: json_contents(),
        vf: 3,
        block: "7".to_owned(),
        most: 4096,
    };
    drain_block(&device, &arguments, out).expect("answered");
}

/// The present time of the documents.
fn noon() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().expect("a time")
}

fn json_journal(out: &mut dyn std::io::Write) {
    let mut refused = entry(1, abi::Operation::Write, Refusal::Checksum.status());
    refused.repeated = 2;
    refused.fault = 61;
    let mut power = entry(2, abi::Operation::SetPower, 0);
    power.length = abi::PowerState::D3.code().into();
    let device = device(vec![
        table(),
        (abi::IOCTL_JOURNAL, [refused, power].as_bytes().to_vec()),
        (abi::IOCTL_CLOCK, 12_365_678_901_u64.as_bytes().to_vec()),
    ]);
    let arguments = cli::Journal {
        selection: selection(),
        form: JSON,
        names: no_manifest(),
        vf: 3,
        filter: cli::EventFilter::default(),
        after: 0,
    };
    journal_of(&device, &arguments, noon, out).expect("answered");
}

fn json_watch(out: &mut dyn std::io::Write) {
    let names = port();
    let mut refused = entry(4, abi::Operation::Write, Refusal::Value.status());
    refused.fault = 4;
    let event = &Event::new(&refused, &names, Some(Clock::new(12_365_678_901, noon())));
    let vf = 3;
    let mut printer = Printer {
        out,
        json: true,
        view: View {
            names,
            ..View::default()
        },
        date: Date::default(),
    };
    for line in [
        Line::Event { vf, event },
        Line::Repeated {
            vf,
            times: 2,
            event,
        },
        Line::Lost { vf, events: 30 },
        Line::Gone,
        Line::Back,
        Line::Restarted,
    ] {
        printer.print(&line).expect("written");
    }
}

/// A driver that keeps the publish that it got, and has block 7 with a content and a revision.
struct Publishing(std::rc::Rc<RefCell<Vec<u8>>>);

impl Control for Publishing {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        let mut query = abi::QueryReply::new_zeroed();
        query.abi_version = abi::ABI_VERSION;
        let mut content = [0; 8 + abi::MAX_BLOCK_LENGTH];
        content[0] = 41;
        content[8..12].copy_from_slice(&[0, 0, 0x28, 0x23]);
        let answer = match code {
            abi::IOCTL_QUERY => query.as_bytes().to_vec(),
            abi::IOCTL_BLOCKS => blocks().1,
            abi::IOCTL_READ => content.to_vec(),
            abi::IOCTL_PUBLISH => {
                self.0.replace(input.to_vec());
                Vec::new()
            }
            other => panic!("code {other:#x}"),
        };
        output[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }
}

/// What a publish sends: whether it expects a revision, which one, and the bytes.
fn published(vf: pf_broker_client::Vfs, words: &[&str]) -> Result<(u32, u64, Vec<u8>), Failure> {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("port.toml");
    std::fs::write(&manifest, MANIFEST).expect("written");
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let content = Content::parse(&words)?;
    let arguments = cli::Publish {
        selection: selection(),
        names: cli::ManifestFile {
            manifest: Some(manifest),
        },
        vf,
        block: "port".to_owned(),
        content: words,
        expect: None,
    };
    let sent = std::rc::Rc::default();
    let device = Device::new(Publishing(std::rc::Rc::clone(&sent))).expect("the same version");
    super::publish_block(&device, &arguments, content)?;
    let sent = sent.borrow().clone();
    let (request, data) = abi::PublishRequest::read_from_prefix(&sent).expect("a request");
    assert_eq!(request.block, 7);
    Ok((request.flags, request.expected, data.to_vec()))
}

#[test]
fn a_publish_of_fields_keeps_the_others_of_one_vf_and_expects_their_revision() {
    use pf_broker_client::Vfs;
    let sent = published(Vfs::One(3), &["link=up"]).expect("sent");
    assert_eq!(sent, (abi::PUBLISH_EXPECTS, 41, vec![1, 0, 0x28, 0x23]));
    let sent = published(Vfs::All, &["link=up"]).expect("sent");
    assert_eq!(sent, (0, 0, vec![1, 0, 0xDC, 5]), "defaults for all");
    let sent = published(Vfs::One(3), &["0102"]).expect("sent");
    assert_eq!(sent, (0, 0, vec![1, 2]));
    for (words, problem) in [
        (vec!["link=on"], "has no value `on`"),
        (vec!["0102", "03"], "is not FIELD=VALUE"),
        (vec!["010"], "odd number"),
    ] {
        let failure = published(Vfs::All, &words).expect_err(problem).to_string();
        assert!(failure.contains(problem), "{failure}");
    }
}

/// A driver that answers one control code, or is older than it.
struct Reporting(Result<Vec<u8>, u32>);

impl Control for Reporting {
    fn control(&self, code: u32, _: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        let mut query = abi::QueryReply::new_zeroed();
        query.abi_version = abi::ABI_VERSION;
        let answer = match code {
            abi::IOCTL_QUERY => query.as_bytes().to_vec(),
            abi::IOCTL_BLOCKS => blocks().1,
            abi::IOCTL_TABLE => self.0.clone()?,
            other => panic!("code {other:#x}"),
        };
        output[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }
}

#[test]
fn a_driver_s_table_names_fields_and_without_it_blocks_have_names() {
    let names = |table| {
        let device = Device::new(Reporting(table)).expect("the same version");
        Names::of(&device, None)
    };
    let value = [1, 0, 0xDC, 5];
    let decoded = names(Ok(table().1)).expect("answered").decode(7, &value);
    assert_eq!(
        decoded.map(|decoded| crate::codec::in_one_line(&decoded)),
        Some("link=up mtu=1500".to_owned())
    );
    let mut cut = table().1;
    cut.pop();
    // An older driver, a table of another version, and no table at all.
    for table in [Err(0xC000_0010), Ok(cut), Ok(Vec::new())] {
        let names = names(table).expect("answered");
        assert_eq!(names.block("port").expect("a name"), 7);
        assert!(names.decode(7, &value).is_none());
    }
    assert!(names(Err(0xC000_02B6)).is_err(), "a removed device");
}

#[test]
fn blocks_are_found_by_name_and_shown_with_it_and_with_their_values() {
    let names = port();
    assert_eq!(names.block("port").expect("known"), 7);
    assert_eq!(names.block("9").expect("the driver judges it"), 9);
    let unknown = names.block("prot").expect_err("no such block").to_string();
    assert!(
        unknown.contains("did you mean `port`?") && unknown.contains("7 (port)"),
        "{unknown}"
    );
    let line = text(|out| {
        let event = Event::new(&entry(1, abi::Operation::Write, 0), &names, None);
        report::journal_line(out, 2, &event, &names).expect("written");
    });
    assert!(line.contains("port      64 bytes"), "{line}");
    // The columns of a terminal, with the longest names of operations and reasons.
    let mut refused = entry(1, abi::Operation::Write, Refusal::Companion.status());
    refused.repeated = 998;
    let clock = Some(Clock::new(0, noon()));
    let line = text(|out| {
        let event = Event::new(&refused, &names, clock);
        report::journal_line(out, 255, &event, &names).expect("written");
    });
    let line = anstream::adapter::strip_str(&line).to_string();
    assert!(line.trim_end().chars().count() <= 80, "{line}");
    assert!(line.ends_with("refused: companion  ×999\n"), "{line}");
    let decoded = names.decode(7, &[1, 0, 0xDC, 5]).expect("fields");
    assert_eq!(crate::codec::in_one_line(&decoded), "link=up mtu=1500");
}
