use std::io::{self, BufReader, Write};

use super::{Failure, Host, MAX_LINE_LENGTH, PlayError, Played, play};
use crate::{Change, Direction, HandedWrite, LineError, PowerState, Stats, Status, Target};

#[derive(Debug, thiserror::Error)]
#[error("the driver is gone")]
struct Gone;

type Answer<T> = Result<T, Failure<Gone>>;

/// Records the calls; block 9 is refused, VF 99 loses the host.
#[derive(Default)]
struct Recorder(Vec<String>);

impl Recorder {
    fn note<T>(&mut self, vf: u16, block: u32, call: String, answer: T) -> Answer<T> {
        self.0.push(call);
        match (vf, block) {
            (99, _) => Err(Failure::Host(Gone)),
            (_, 9) => Err(Status::new(0xC000_0225).into()),
            _ => Ok(answer),
        }
    }
}

impl Host for Recorder {
    type Error = Gone;

    fn write(&mut self, vf: u16, block: u32, data: &[u8]) -> Answer<()> {
        self.note(vf, block, format!("write {vf} {block} {data:?}"), ())
    }
    fn read(&mut self, vf: u16, block: u32, length: u32) -> Answer<Vec<u8>> {
        self.note(vf, block, format!("read {vf} {block} {length}"), vec![0xAA])
    }
    fn publish(&mut self, vf: u16, block: u32, data: &[u8], expect: Option<u64>) -> Answer<()> {
        let call = format!("publish {vf} {block} {data:?} {expect:?}");
        self.note(vf, block, call, ())
    }
    fn publish_all(&mut self, block: u32, data: &[u8]) -> Answer<()> {
        self.note(0, block, format!("publish all {block} {data:?}"), ())
    }
    fn host_read(&mut self, vf: u16, block: u32, length: u32) -> Answer<(Vec<u8>, u64)> {
        let call = format!("host-read {vf} {block} {length}");
        self.note(vf, block, call, (vec![0xBB], 7))
    }
    fn invalidate(&mut self, vf: Target, mask: u64) -> Answer<()> {
        self.note(0, 0, format!("invalidate {vf:?} {mask}"), ())
    }
    fn take_invalidation(&mut self, vf: u16) -> Answer<u64> {
        self.note(vf, 0, format!("take {vf}"), 2)
    }
    fn drain(&mut self, vf: u16, block: u32) -> Answer<Vec<Vec<u8>>> {
        self.note(vf, block, format!("drain {vf} {block}"), vec![vec![1]])
    }
    fn reset(&mut self, vf: u16) -> Answer<()> {
        self.note(vf, 0, format!("reset {vf}"), ())
    }
    fn acknowledge(&mut self, vf: u16) -> Answer<()> {
        self.note(vf, 0, format!("acknowledge {vf}"), ())
    }
    fn power(&mut self, vf: u16, state: PowerState) -> Answer<()> {
        self.note(vf, 0, format!("power {vf} {state:?}"), ())
    }
    fn stats(&mut self, vf: u16) -> Answer<Stats> {
        self.note(vf, 0, format!("stats {vf}"), Stats::default())
    }
    fn changes(&mut self) -> Answer<Vec<Change>> {
        let change = Change::Vf {
            vf: 3,
            reset: true,
            power: false,
        };
        self.note(0, 0, "changes".to_owned(), vec![change])
    }
    fn advance(&mut self, milliseconds: u32) -> Answer<()> {
        self.note(0, 0, format!("advance {milliseconds}"), ())
    }
    fn companion(&mut self, ready: bool) -> Answer<()> {
        self.note(0, 0, format!("companion {ready}"), ())
    }
    fn answer(
        &mut self,
        block: u32,
        to: Direction,
        status: u32,
        data: Option<&[u8]>,
    ) -> Answer<()> {
        let call = format!("answer {block} {to:?} {status:x} {data:?}");
        self.note(0, block, call, ())
    }
    fn handed(&mut self) -> Answer<Vec<HandedWrite>> {
        let write = HandedWrite {
            vf: 1,
            block: 2,
            data: vec![3, 4],
        };
        self.note(0, 0, "handed".to_owned(), vec![write])
    }
}

fn run(trace: &str) -> (Result<Played, PlayError<Gone>>, String, Vec<String>) {
    let mut host = Recorder::default();
    let mut output = Vec::new();
    let played = play(trace.as_bytes(), &mut output, &mut host);
    (
        played,
        String::from_utf8(output).expect("result lines are text"),
        host.0,
    )
}

#[test]
fn each_operation_reaches_its_method_and_its_result_line_is_written() {
    let (played, output, calls) = run(r#"{"op":"write","vf":1,"block":2,"data":"0304"}
{"op":"read","vf":1,"block":2,"length":3}
{"op":"publish","vf":"all","block":2,"data":"05"}
{"op":"publish","vf":1,"block":2,"data":"05"}
{"op":"publish","vf":1,"block":2,"data":"05","expect":18446744073709551615}
{"op":"host-read","vf":1,"block":2,"length":1}
{"op":"invalidate","vf":3,"mask":"0x10"}
{"op":"take-invalidation","vf":4}
{"op":"drain","vf":5,"block":6}
{"op":"reset","vf":7}
{"op":"acknowledge","vf":7}
{"op":"power","vf":8,"state":"D2"}
{"op":"changes"}
{"op":"advance","milliseconds":9}
{"op":"companion","ready":true}
{"op":"answer","block":2,"status":"0xC0000001"}
{"op":"answer","block":2,"to":"read","status":"0x0","data":"05"}
{"op":"handed"}
{"op":"drain","vf":5,"block":9}"#);
    assert_eq!(
        played.expect("a good trace"),
        Played {
            operations: 19,
            refused: 1
        }
    );
    assert_eq!(
        calls,
        [
            "write 1 2 [3, 4]",
            "read 1 2 3",
            "publish all 2 [5]",
            "publish 1 2 [5] None",
            "publish 1 2 [5] Some(18446744073709551615)",
            "host-read 1 2 1",
            "invalidate Vf(3) 16",
            "take 4",
            "drain 5 6",
            "reset 7",
            "acknowledge 7",
            "power 8 D2",
            "changes",
            "advance 9",
            "companion true",
            "answer 2 Write c0000001 None",
            "answer 2 Read 0 Some([5])",
            "handed",
            "drain 5 9",
        ]
    );
    let expected = [
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000","data":"aa"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000","data":"bb","revision":7}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000","mask":"0x2"}"#,
        r#"{"status":"0x00000000","messages":["01"]}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000","changes":[{"vf":3,"reset":true}]}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000"}"#,
        r#"{"status":"0x00000000","calls":[{"vf":1,"block":2,"data":"0304"}]}"#,
    ];
    assert_eq!(output.lines().take(18).collect::<Vec<_>>(), expected);
    assert!(
        output
            .lines()
            .nth(18)
            .expect("the refusal is a result")
            .contains("0xC0000225")
    );
}

#[test]
fn blank_lines_are_skipped_and_counted() {
    let (played, output, _) =
        run("\n  \r\n{\"op\":\"reset\",\"vf\":0}\r\n\n\t\n{\"op\":\"oops\"}\n");
    assert!(
        matches!(
            played,
            Err(PlayError::Malformed {
                line: 6,
                problem: LineError::Key { .. }
            })
        ),
        "{played:?}"
    );
    assert_eq!(
        output.lines().count(),
        1,
        "the result before the malformed line stands"
    );
}

#[test]
fn a_byte_order_mark_is_skipped_in_front_of_the_first_line_alone() {
    let (played, _, calls) = run("\u{FEFF}{\"op\":\"reset\",\"vf\":0}\r\n");
    assert_eq!(played.expect("a good trace").operations, 1);
    assert_eq!(calls, ["reset 0"]);

    let (played, ..) = run("\u{FEFF}\n\u{FEFF}{\"op\":\"reset\",\"vf\":0}\n");
    assert_eq!(
        played.expect_err("a mark within the trace").to_string(),
        "line 2, column 1: a line holds one JSON object"
    );
    let (played, ..) = run("\u{FEFF}nonsense\n");
    assert_eq!(
        played.expect_err("no JSON").to_string(),
        "line 1, column 1: a line holds one JSON object",
        "columns count without the mark, as editors do"
    );
}

#[test]
fn a_malformed_line_ends_the_run_and_is_named() {
    let (played, _, calls) =
        run("{\"op\":\"reset\",\"vf\":0}\nnonsense\n{\"op\":\"reset\",\"vf\":1}\n");
    assert_eq!(
        played.expect_err("line 2 is no JSON").to_string(),
        "line 2, column 1: a line holds one JSON object"
    );
    assert_eq!(
        calls,
        ["reset 0"],
        "nothing behind the malformed line is carried out"
    );
}

#[test]
fn the_last_line_needs_no_line_end() {
    let (played, ..) = run(r#"{"op":"reset","vf":0}"#);
    assert_eq!(played.expect("one operation").operations, 1);
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let mut host = Recorder::default();
    let endless = BufReader::new(io::repeat(b'x'));
    let played = play(endless, io::sink(), &mut host);
    assert!(matches!(played, Err(PlayError::TooLong { line: 1 })));

    let mut padded = r#"{"op":"reset","vf":0}"#.to_owned();
    padded.push_str(&" ".repeat(MAX_LINE_LENGTH - padded.len()));
    padded.push('\n');
    assert_eq!(padded.len(), MAX_LINE_LENGTH + 1);
    let played = play(padded.as_bytes(), io::sink(), &mut host);
    assert_eq!(played.expect("the longest line is a line").operations, 1);
    let played = play(format!(" {padded}").as_bytes(), io::sink(), &mut host);
    assert!(matches!(played, Err(PlayError::TooLong { line: 1 })));
}

#[test]
fn the_loss_of_the_host_ends_the_run_and_names_the_operation() {
    let (played, output, _) = run("{\"op\":\"reset\",\"vf\":0}\n{\"op\":\"stats\",\"vf\":99}\n");
    assert_eq!(
        played.expect_err("VF 99 loses the host").to_string(),
        "line 2: `stats` could not be carried out"
    );
    assert_eq!(output.lines().count(), 1);
}

/// Accepts one result line, then fails; records whether each line was flushed.
#[derive(Default)]
struct Narrow {
    lines: usize,
    flushed: usize,
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.lines == 1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.lines += usize::from(bytes.contains(&b'\n'));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.flushed = self.lines;
        Ok(())
    }
}

#[test]
fn each_line_is_flushed_and_an_output_that_is_gone_ends_the_run() {
    let trace = "{\"op\":\"reset\",\"vf\":0}\n{\"op\":\"reset\",\"vf\":0}\n";
    let mut output = Narrow::default();
    let played = play(trace.as_bytes(), &mut output, &mut Recorder::default());
    assert!(matches!(played, Err(PlayError::Output { line: 2, .. })));
    assert_eq!((output.lines, output.flushed), (1, 1));
}
