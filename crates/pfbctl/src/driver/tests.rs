use std::cell::RefCell;
use std::collections::VecDeque;

use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use pf_broker_client::{Control, Device};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::{list_devices, one_vf, report};
use crate::failure::Failure;

fn text(write: impl FnOnce(&mut dyn std::io::Write)) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    write(&mut out);
    String::from_utf8(out.into_inner()).expect("text")
}

fn stats(refused: &[(Refusal, u64)]) -> abi::StatsReply {
    let mut stats = abi::StatsReply::new_zeroed();
    stats.open = 1;
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

#[test]
fn the_vf_that_misbehaves_stands_out() {
    let quiet = stats(&[(Refusal::Length, 2)]);
    let loud = stats(&[(Refusal::Length, 3), (Refusal::Limit, 900)]);
    let text = text(|out| report::every_vf(out, &[(0, quiet), (1, loud)]).expect("written"));
    assert!(
        text.contains("VF 1 was refused 903 times, most often for `limit`"),
        "{text}"
    );
    assert!(!text.contains("VF 0 was refused"), "{text}");
    let none = self::text(|out| report::every_vf(out, &[(0, stats(&[]))]).expect("written"));
    assert!(!none.contains("was refused"), "{none}");
}

#[test]
fn what_the_host_side_was_refused_is_shown_by_reason_and_only_if_there_is_something() {
    let mut refusals = abi::HostRefusalsReply::new_zeroed();
    let shown = text(|out| report::host_refusals(out, &refusals).expect("written"));
    assert_eq!(shown, "");
    refusals.refused[Refusal::Changed.index()] = 3;
    refusals.refused[Refusal::Length.index()] = 1;
    let shown = text(|out| report::host_refusals(out, &refusals).expect("written"));
    assert!(
        shown.starts_with("Host: 4 operations")
            && shown.contains("changed")
            && shown.contains("0xC0000206")
            && !shown.contains("0xC0000225"),
        "{shown}"
    );
}

/// A newer driver of the same interface version may count codes that this tool does not know.
#[test]
fn an_unknown_refusal_code_is_shown_as_unknown() {
    let mut refusals = abi::HostRefusalsReply::new_zeroed();
    refusals.refused[Refusal::ALL.len()] = 7;
    let text = text(|out| report::host_refusals(out, &refusals).expect("written"));
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
        (abi::IOCTL_BLOCK_STATS, counters.as_bytes().to_vec()),
    ]);
    let text = text(|out| one_vf(&device, 3, out).expect("answered"));
    assert!(text.starts_with("VF 3: D0, 0 resets"), "{text}");
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
    let line = |entry| text(|out| report::journal_line(out, 2, &entry).expect("written"));
    let refused = line(entry(1, Write, Refusal::Value.status()));
    assert!(
        refused.contains("1234.5678901") && refused.contains("VF 2"),
        "{refused}"
    );
    assert!(
        refused.contains("block 7") && refused.contains("refused: value"),
        "{refused}"
    );
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
    assert!(line(flood).contains("and 99 times more"));
    let mut unknown = entry(4, Write, 0xC000_0001);
    unknown.operation = 200;
    assert!(line(unknown).contains("0xC0000001"));
}

#[test]
fn every_journal_operation_has_a_name() {
    for number in 0..13 {
        assert_ne!(report::operation(number).0, "unknown", "{number}");
    }
    assert_eq!(report::operation(13).0, "unknown");
}

#[test]
fn a_device_that_does_not_answer_does_not_hide_the_others() {
    let paths = ["one", "two", "three"].map(str::to_owned).to_vec();
    let list = |answer: &dyn Fn(&str) -> Result<abi::QueryReply, Failure>| {
        let mut out = Vec::new();
        let ended = list_devices(paths.clone(), &mut out, answer);
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
