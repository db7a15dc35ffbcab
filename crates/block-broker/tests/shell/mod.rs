//! A shell for tests: memory, and a mutex for each VF.
#![allow(dead_code, reason = "each test uses its part")]

use std::sync::{Mutex, PoisonError};

use block_broker::{
    BlockSlot, Broker, ChangesEnd, Deliver, Entry, Event, JOURNAL_LENGTH, Kinds, Newest, Outcome,
    Ticks, Vf, VfLock,
};
use block_table::{Image, Table};
use pf_broker_abi::{Change, ChangesCookie, Operation, Refusal};

/// The manifest that most tests use.
pub(crate) const CONTOSO: &str = include_str!("contoso.toml");

/// Where nothing depends on the time.
pub(crate) const NOW: Ticks = Ticks(0);

/// One VF behind a mutex.
pub(crate) struct Cell<'m> {
    vf: Mutex<Vf<'m>>,
    newest: Newest,
}

impl VfLock for Cell<'_> {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        operation(&mut self.vf.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn newest(&self) -> &Newest {
        &self.newest
    }
}

pub(crate) type Device<'a> = Broker<'a, Cell<'a>>;

/// Compiles a manifest.
pub(crate) fn compile(manifest: &str) -> Vec<u8> {
    block_manifest::Manifest::parse("test.toml", manifest)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .compile()
}

/// Runs `test` on the device of a manifest with `vfs` VFs.
pub(crate) fn with_device<R>(manifest: &str, vfs: usize, test: impl FnOnce(&Device<'_>) -> R) -> R {
    with_table(&compile(manifest), vfs, test)
}

/// Runs `test` on the device of a compiled table with `vfs` VFs.
pub(crate) fn with_table<R>(table: &[u8], vfs: usize, test: impl FnOnce(&Device<'_>) -> R) -> R {
    let table = Table::verify(table).unwrap();
    let (slots, bytes) = (Vf::slots_needed(&table), Vf::bytes_needed(&table));
    let mut slot_memory = vec![BlockSlot::UNUSED; slots * vfs];
    // The previous content of the memory must not be visible.
    let mut byte_memory = vec![0xEE; bytes * vfs];
    let cells: Vec<_> = slot_memory
        .chunks_mut(slots)
        .zip(byte_memory.chunks_mut(bytes))
        .map(|(slots, bytes)| Cell {
            vf: Mutex::new(Vf::new(&table, slots, bytes).unwrap()),
            newest: Newest::new(),
        })
        .collect();
    test(&Broker::new(table, &cells).unwrap())
}

/// `bytes` as a shell passes them.
pub(crate) fn image(bytes: &[u8]) -> Image {
    let mut image = [0; 128];
    let length = bytes.len().min(128);
    image[..length].copy_from_slice(&bytes[..length]);
    image
}

/// The result of a publish, and whether invalidations are to be delivered after it.
pub(crate) fn notified(outcome: Outcome<()>) -> Result<bool, Refusal> {
    let mut deliver = Deliver::Nothing;
    let result = outcome.follow_up(|follow_up| deliver = follow_up.deliver);
    result.map(|()| deliver != Deliver::Nothing)
}

/// The operations with slices instead of arrays and lengths.
pub(crate) trait Calls {
    fn vf_write(&self, vf: u16, block: u32, bytes: &[u8]) -> Result<(), Refusal>;
    fn vf_read(&self, vf: u16, block: u32, length: u32) -> Result<Vec<u8>, Refusal>;
    fn host_sees(&self, vf: u16, block: u32, length: u32) -> Result<Vec<u8>, Refusal>;
    fn host_publish(&self, vf: u16, block: u32, bytes: &[u8]) -> Result<bool, Refusal>;
    fn host_publish_at(
        &self,
        vf: u16,
        block: u32,
        bytes: &[u8],
        expected: u64,
    ) -> Result<bool, Refusal>;
    fn revision(&self, vf: u16, block: u32) -> Result<u64, Refusal>;
    fn host_refusals_in_all(&self) -> u64;
    fn host_publish_all(&self, block: u32, bytes: &[u8]) -> Result<bool, Refusal>;
    fn host_drain(&self, vf: u16, block: u32) -> Result<Vec<Vec<u8>>, Refusal>;
}

impl<C: VfLock> Calls for Broker<'_, C> {
    fn vf_write(&self, vf: u16, block: u32, bytes: &[u8]) -> Result<(), Refusal> {
        self.write(vf, block, length(bytes), &image(bytes), NOW)
            .without_waiters()
    }

    fn vf_read(&self, vf: u16, block: u32, length: u32) -> Result<Vec<u8>, Refusal> {
        let mut reply = [0xAA; 128];
        let result = self
            .read(vf, block, length, &mut reply, NOW)
            .without_waiters();
        answer(result, &reply, length)
    }

    fn host_sees(&self, vf: u16, block: u32, length: u32) -> Result<Vec<u8>, Refusal> {
        let mut reply = [0xAA; 128];
        let result = self
            .host_read(vf, block, length, &mut reply, NOW)
            .without_waiters();
        answer(result.map(drop), &reply, length)
    }

    fn host_publish(&self, vf: u16, block: u32, bytes: &[u8]) -> Result<bool, Refusal> {
        notified(self.publish(vf, block, length(bytes), &image(bytes), None, NOW))
    }

    fn host_publish_at(
        &self,
        vf: u16,
        block: u32,
        bytes: &[u8],
        expected: u64,
    ) -> Result<bool, Refusal> {
        let (length, image) = (length(bytes), image(bytes));
        notified(self.publish(vf, block, length, &image, Some(expected), NOW))
    }

    fn revision(&self, vf: u16, block: u32) -> Result<u64, Refusal> {
        self.host_read(vf, block, 128, &mut [0; 128], NOW)
            .without_waiters()
    }

    fn host_refusals_in_all(&self) -> u64 {
        Refusal::ALL
            .into_iter()
            .map(|refusal| self.host_refusals(refusal))
            .sum()
    }

    fn host_publish_all(&self, block: u32, bytes: &[u8]) -> Result<bool, Refusal> {
        notified(self.publish_all(block, length(bytes), &image(bytes), NOW))
    }

    /// Each message has the bytes that were sent.
    fn host_drain(&self, vf: u16, block: u32) -> Result<Vec<Vec<u8>>, Refusal> {
        let mut messages = Vec::new();
        let taken = self
            .drain(vf, block, usize::MAX, NOW, |message| {
                messages.push(message.to_vec());
            })
            .without_waiters()?;
        assert_eq!(taken, messages.len());
        Ok(messages)
    }
}

/// At most `most` changes of these kinds after those of `cookie`.
pub(crate) fn list<C: VfLock>(
    device: &Broker<'_, C>,
    kinds: Kinds,
    cookie: &ChangesCookie,
    most: usize,
) -> (Vec<Change>, ChangesEnd) {
    let mut changes = Vec::new();
    let take = |change: &Change| {
        let has_room = changes.len() < most;
        if has_room {
            changes.push(*change);
        }
        has_room
    };
    let end = device.changes(kinds, cookie, take).unwrap();
    (changes, end)
}

/// The kept entries of a VF's journal, the oldest first.
pub(crate) fn entries<C: VfLock>(device: &Broker<'_, C>, vf: u16) -> Vec<Entry> {
    let event = Event {
        operation: Operation::Remove,
        block: 0,
        length: 0,
        refusal: None,
        companion_status: 0,
        fault: None,
    };
    let mut entries = [Entry {
        number: 0,
        at: NOW,
        repeated: 0,
        event,
    }; JOURNAL_LENGTH];
    let excerpt = device.journal(vf, 0, &mut entries).unwrap();
    entries[..excerpt.entries].to_vec()
}

/// The events of a VF's journal, the oldest first.
pub(crate) fn events<C: VfLock>(device: &Broker<'_, C>, vf: u16) -> Vec<Event> {
    entries(device, vf)
        .into_iter()
        .map(|entry| entry.event)
        .collect()
}

/// A refused read must not change a byte; a successful one must set every byte, also those after
/// the block.
fn answer(result: Result<(), Refusal>, reply: &Image, length: u32) -> Result<Vec<u8>, Refusal> {
    if let Err(refusal) = result {
        assert_eq!(
            *reply, [0xAA; 128],
            "a refused read leaves the buffer alone"
        );
        return Err(refusal);
    }
    let length = usize::try_from(length).unwrap();
    assert!(
        reply[length..].iter().all(|byte| *byte == 0),
        "no byte behind a reply is left over"
    );
    Ok(reply[..length].to_vec())
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}
