//! What a VF did in one life of the PF, as a trace.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use block_trace::{
    Change, Direction, Failure, HandedWrite, Host, PowerState, Stats, Status, Target,
};
use lab_control::stack::{self as abi, operation};

use crate::session::Session;
use crate::status;
use crate::trace::{Lab, Trouble};

/// Operations and how each ended.
pub(super) struct Record(Vec<(abi::Transfer, abi::Transferred)>);

impl Record {
    /// Takes what was played: of the operations those that have a result.
    pub(super) fn new(operations: Vec<abi::Transfer>, results: Vec<abi::Transferred>) -> Self {
        Self(operations.into_iter().zip(results).collect())
    }

    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Cuts off what came after the removal of the PF, and says whether there was something. From
    /// the first operation on that reported the removal none may succeed.
    pub(super) fn cut(&mut self) -> Result<bool> {
        let told = |(_, result): &(_, abi::Transferred)| result.status == status::DEVICE_REMOVED;
        let Some(end) = self.0.iter().position(told) else {
            return Ok(false);
        };
        let after = self.0.split_off(end);
        let served = after
            .iter()
            .find(|(_, result)| result.status == status::SUCCESS);
        if let Some((operation, _)) = served {
            anyhow::bail!("the PF was removed, and this is served afterwards: {operation:?}");
        }
        Ok(true)
    }

    /// Writes the trace of a VF and its results; and, where the PF is still there, what its blocks
    /// hold in the end.
    ///
    /// Each rebalance invalidates every block that notifies, some time between the VF's own
    /// operations: at the latest before the operation that takes all of these invalidations, so an
    /// `invalidate` is written there.
    pub(super) fn write(self, session: &Session, life: u32, vf: u16, ended: bool) -> Result<()> {
        let played = self.0.into_iter().flat_map(|(operation, result)| {
            let told = operation.operation == operation::TAKE
                && result.status == status::SUCCESS
                && mask(&result.data) & NOTIFYING == NOTIFYING;
            let power_up = told.then(|| powered_up(vf));
            power_up.into_iter().chain([(operation, result)])
        });
        let (operations, results): (Vec<_>, Vec<_>) = played.unzip();
        let mut trace: String = operations.iter().map(line).collect::<Result<_>>()?;
        let mut lines = Vec::new();
        let mut recorded = Recorded(results.into_iter());
        block_trace::play(trace.as_bytes(), &mut lines, &mut recorded)?;
        if !ended {
            let mut end = String::new();
            for block in [0, 1, 2, 4, 63] {
                let _ = writeln!(
                    end,
                    r#"{{"op":"read","vf":{vf},"block":{block},"length":128}}"#
                );
            }
            let _ = writeln!(end, r#"{{"op":"drain","vf":{vf},"block":3}}"#);
            block_trace::play(end.as_bytes(), &mut lines, &mut Lab::new(session))?;
            trace.push_str(&end);
        }
        let folder = &session.bench.drivers;
        let name = format!("storm-{life}-{vf}");
        std::fs::write(folder.join(format!("{name}.jsonl")), trace)
            .with_context(|| format!("write the operations of {name}"))?;
        std::fs::write(folder.join(format!("{name}.results.jsonl")), lines)
            .with_context(|| format!("write the results of {name}"))
    }
}

/// The bits of the blocks of tests/manifests/storm.toml that notify.
const NOTIFYING: u64 = 0b1_0101;

/// What the PF's return to D0 does to a VF, as an operation of the host with its result.
fn powered_up(vf: u16) -> (abi::Transfer, abi::Transferred) {
    let mut data = [0; lab_control::MAX_BLOCK_LENGTH];
    data[..8].copy_from_slice(&NOTIFYING.to_le_bytes());
    let invalidate = abi::Transfer {
        operation: operation::INVALIDATE,
        path: abi::path::SRIOV,
        vf,
        block: 0,
        length: 0,
        data,
    };
    let done = abi::Transferred {
        status: status::SUCCESS,
        spoiled: 0,
        length: 0,
        raised: 0,
        data: [0; lab_control::MAX_BLOCK_LENGTH],
    };
    (invalidate, done)
}

/// An operation as a line of a trace.
fn line(transfer: &abi::Transfer) -> Result<String> {
    let abi::Transfer {
        vf, block, length, ..
    } = transfer;
    let rest = match transfer.operation {
        operation::READ => format!(r#""read","vf":{vf},"block":{block},"length":{length}"#),
        operation::RESET => format!(r#""reset","vf":{vf}"#),
        operation::TAKE => format!(r#""take-invalidation","vf":{vf}"#),
        operation::POWER => format!(r#""power","vf":{vf},"state":"D{block}""#),
        operation::INVALIDATE => {
            let mask = mask(&transfer.data);
            format!(r#""invalidate","vf":{vf},"mask":"{mask:#x}""#)
        }
        operation::WRITE | operation::PUBLISH => {
            let name = if transfer.operation == operation::WRITE {
                "write"
            } else {
                "publish"
            };
            let mut data = String::new();
            for index in 0..usize::try_from(*length)? {
                let byte = transfer.data.get(index).copied().unwrap_or(0);
                let _ = write!(data, "{byte:02x}");
            }
            format!(r#""{name}","vf":{vf},"block":{block},"data":"{data}""#)
        }
        other => anyhow::bail!("operation {other} has no line in a trace"),
    };
    Ok(format!("{{\"op\":{rest}}}\n"))
}

fn mask(data: &[u8]) -> u64 {
    data.first_chunk()
        .map_or(0, |&mask| u64::from_le_bytes(mask))
}

/// Returns the recorded results when the operations are played again.
struct Recorded(std::vec::IntoIter<abi::Transferred>);

impl Recorded {
    fn next(&mut self) -> Result<abi::Transferred, Failure<Trouble>> {
        let trouble = |what| Failure::Host(Trouble::Spoiled(what));
        let end = || trouble("there are too few results".to_owned());
        let result = self.0.next().ok_or_else(end)?;
        if result.spoiled != 0 {
            return Err(trouble(format!("a buffer was spoiled: {result:?}")));
        }
        if result.status == status::SUCCESS {
            Ok(result)
        } else {
            Err(Failure::Refused(Status::new(result.status)))
        }
    }

    fn unexpected<T>() -> Result<T, Failure<Trouble>> {
        Err(Failure::Host(Trouble::Spoiled(
            "not part of a storm".to_owned(),
        )))
    }
}

impl Host for Recorded {
    type Error = Trouble;

    fn write(&mut self, _: u16, _: u32, _: &[u8]) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn read(&mut self, _: u16, _: u32, _: u32) -> Result<Vec<u8>, Failure<Trouble>> {
        let result = self.next()?;
        let length = usize::try_from(result.length).unwrap_or(0);
        Ok(result.data.get(..length).unwrap_or_default().to_vec())
    }

    fn publish(
        &mut self,
        _: u16,
        _: u32,
        _: &[u8],
        _: Option<u64>,
    ) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn publish_all(&mut self, _: u32, _: &[u8]) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }

    fn host_read(&mut self, _: u16, _: u32, _: u32) -> Result<(Vec<u8>, u64), Failure<Trouble>> {
        Self::unexpected()
    }

    fn reset(&mut self, _: u16) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn invalidate(&mut self, _: Target, _: u64) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn take_invalidation(&mut self, _: u16) -> Result<u64, Failure<Trouble>> {
        self.next().map(|result| mask(&result.data))
    }

    fn power(&mut self, _: u16, _: PowerState) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn acknowledge(&mut self, _: u16) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }

    fn drain(&mut self, _: u16, _: u32) -> Result<Vec<Vec<u8>>, Failure<Trouble>> {
        Self::unexpected()
    }

    fn stats(&mut self, _: u16) -> Result<Stats, Failure<Trouble>> {
        Self::unexpected()
    }

    fn changes(&mut self) -> Result<Vec<Change>, Failure<Trouble>> {
        Self::unexpected()
    }

    fn advance(&mut self, _: u32) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }

    fn companion(&mut self, _: bool) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }

    fn answer(
        &mut self,
        _: u32,
        _: Direction,
        _: u32,
        _: Option<&[u8]>,
    ) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }

    fn handed(&mut self) -> Result<Vec<HandedWrite>, Failure<Trouble>> {
        Self::unexpected()
    }
}

/// Fails unless the removal came in the middle: every VF was served before, and one at least had
/// something left to do.
pub(super) fn cut_in_the_middle(records: &mut [Record]) -> Result<()> {
    let mut cut = 0;
    for (vf, record) in records.iter_mut().enumerate() {
        cut += u32::from(record.cut()?);
        ensure!(
            record.len() > 0,
            "VF {vf} was not served before the removal"
        );
    }
    ensure!(cut > 0, "every VF was done before the PF was removed");
    Ok(())
}
