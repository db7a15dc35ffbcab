//! One guest: it writes requests, and reads the responses and a counter.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use lab_control::stack::{self as abi, operation};
use oracle::image::{self, Content, WriteId};

use crate::operations::transfer;
use crate::stack::Stack;
use crate::status;

/// The blocks of tests/manifests/storm.toml that the companion handles, and the length of the VF's
/// half of the first.
pub(crate) const EXCHANGE: u32 = 5;
pub(super) const COUNTER: u32 = 6;
const HALF: usize = 64;

/// Exchanges of one batch, and the pause after it, which leaves the processor to the others.
const BATCH: u32 = 8;
const PAUSE: Duration = Duration::from_millis(1);

/// A guest's write.
pub(super) struct Sent {
    pub(super) id: WriteId,
    pub(super) status: u32,
}

/// The thread of a guest on a VF.
pub(super) struct Guest {
    pub(super) vf: u16,
    writer: u8,
    /// The number of the last write.
    number: u32,
    /// Every write, in its order.
    pub(super) sent: Vec<Sent>,
    /// The number of the last write that was accepted.
    accepted: u32,
    /// How often the block was blank after a write that was accepted.
    pub(super) blanks: usize,
    /// The values of the counter.
    pub(super) counts: Vec<u32>,
    /// The device's removal has ended the exchange.
    pub(super) is_removed: bool,
}

impl Guest {
    pub(super) fn new(vf: u16, writer: u8) -> Self {
        Self {
            vf,
            writer,
            number: 0,
            sent: Vec::new(),
            accepted: 0,
            blanks: 0,
            counts: Vec::new(),
            is_removed: false,
        }
    }

    /// Exchanges until it is stopped or the device is removed.
    pub(super) fn exchange(mut self, stop: &AtomicBool) -> Result<Self> {
        let stack = Stack::open()?;
        while !self.is_removed && !stop.load(Ordering::SeqCst) {
            let batch: Vec<_> = (0..BATCH).flat_map(|_| self.operations()).collect();
            let results = stack.batch(&batch)?;
            for (transfer, result) in batch.iter().zip(&results) {
                self.note(transfer, result)?;
            }
            thread::sleep(PAUSE);
        }
        Ok(self)
    }

    /// A write, the read of its response, and a read of the counter.
    fn operations(&mut self) -> [abi::Transfer; 3] {
        self.number += 1;
        let mut write = transfer(operation::WRITE, self.vf, EXCHANGE, 128);
        let (request, _) = write.data.split_at_mut(HALF);
        image::fill(request, self.id(self.number));
        [
            write,
            transfer(operation::READ, self.vf, EXCHANGE, 128),
            transfer(operation::READ, self.vf, COUNTER, 4),
        ]
    }

    fn id(&self, number: u32) -> WriteId {
        WriteId {
            writer: self.writer,
            number,
        }
    }

    fn note(&mut self, transfer: &abi::Transfer, result: &abi::Transferred) -> Result<()> {
        let vf = self.vf;
        ensure!(
            result.spoiled == 0,
            "a buffer was spoiled ({:#x}) by {transfer:?}",
            result.spoiled
        );
        let is_write = transfer.operation == operation::WRITE;
        match result.status {
            status::SUCCESS => ensure!(
                !self.is_removed,
                "VF {vf}: {transfer:?} is served after the removal"
            ),
            status::DEVICE_REMOVED => self.is_removed = true,
            // In a reset, while the PF is stopped, and while no companion is attached.
            status::DEVICE_NOT_READY | status::DEVICE_NOT_CONNECTED => {}
            // The detach has come between the call and the companion's publish.
            status::REQUEST_ABORTED if is_write => {}
            status => bail!("VF {vf}: {transfer:?} ends with 0x{status:08X}"),
        }
        if is_write {
            self.note_write(transfer, result.status)
        } else if result.status != status::SUCCESS {
            Ok(())
        } else if transfer.block == COUNTER {
            self.note_count(result)
        } else {
            self.note_response(result)
        }
    }

    fn note_write(&mut self, transfer: &abi::Transfer, status: u32) -> Result<()> {
        let Content::Whole(id) = request(&transfer.data) else {
            bail!("a guest sends no image");
        };
        if status == status::SUCCESS {
            self.accepted = id.number;
        }
        self.sent.push(Sent { id, status });
        Ok(())
    }

    fn note_count(&mut self, result: &abi::Transferred) -> Result<()> {
        let count = result
            .data
            .first_chunk()
            .map_or(0, |&bytes| u32::from_le_bytes(bytes));
        let last = self.counts.last().copied().unwrap_or(0);
        ensure!(
            count > last,
            "VF {}: the companion sets {count}, and the VF read {last} before",
            self.vf
        );
        self.counts.push(count);
        Ok(())
    }

    /// A block of the VF's own last write has the response to it. The other guest of the VF may
    /// have written since, and a reset may have come.
    fn note_response(&mut self, result: &abi::Transferred) -> Result<()> {
        let (vf, halves) = (self.vf, [request(&result.data), response(&result.data)]);
        for half in halves {
            let is_stale = match half {
                Content::Mixed => true,
                Content::Whole(id) => id.writer == self.writer && id.number != self.accepted,
                Content::Blank => false,
            };
            ensure!(
                !is_stale,
                "VF {vf}: a guest whose write {} was accepted last reads {halves:?}",
                self.accepted
            );
        }
        match halves {
            [Content::Whole(_), Content::Blank] => {
                bail!("VF {vf}: a request has no response: {halves:?}")
            }
            [Content::Blank, _] => {
                let accepted = self.sent.last().is_some_and(|sent| sent.status == 0);
                self.blanks += usize::from(accepted);
            }
            _ => {}
        }
        Ok(())
    }

    /// How each write ended.
    pub(super) fn outcomes(&self) -> BTreeMap<(u8, u32), u32> {
        let outcome = |sent: &Sent| ((sent.id.writer, sent.id.number), sent.status);
        self.sent.iter().map(outcome).collect()
    }
}

/// The VF's half of the block.
pub(super) fn request(data: &[u8]) -> Content {
    image::identify(data.get(..HALF).unwrap_or_default())
}

/// The companion's half of the block.
pub(super) fn response(data: &[u8]) -> Content {
    image::identify(data.get(HALF..).unwrap_or_default())
}
