//! The mlx5 VF driver of Linux, as far as it uses configuration blocks: what it writes, when, and
//! what it does when a write fails. Every rule is read from
//! `drivers/net/ethernet/mellanox/mlx5/core` (6.1 and 6.12): `lib/hv.c`, `lib/hv_vhca.c` and
//! `en/hv_vhca_stats.c`. Offsets and numbers are literals here, so that a wrong one in the manifest
//! is found.

use block_broker::{Broker, VfLock};
use pf_broker_abi::Refusal;

use crate::shell::Calls;

/// The two blocks, and the length of every transfer.
pub(crate) const CONTROL: u32 = 0;
pub(crate) const STATISTICS: u32 = 1;
pub(crate) const LENGTH: usize = 128;
/// `command`: one update.
pub(crate) const ONCE: u16 = 0xFFFF;
/// Counters of a ring, and in a fragment.
pub(crate) const COUNTERS_OF_RING: usize = 4;
pub(crate) const COUNTERS_OF_FRAGMENT: usize = 15;

/// The driver of one VF, from loading to unloading.
pub(crate) struct Client {
    vf: u16,
    /// Whether the statistics agent is registered: from when the network device exists.
    agent: bool,
    /// Rings with statistics: 0 until the interface is up, and never fewer than before.
    pub(crate) rings: u16,
    /// The number of the next update; 0 in a new agent.
    pub(crate) sequence: u16,
    /// Whether updates go on after the next one.
    periodic: bool,
    /// Whether an update is due.
    pub(crate) due: bool,
    /// Updates since the driver was loaded, so that each has counters of its own.
    updates: u64,
}

impl Client {
    /// The core of the driver is probed: its control agent comes first, and answers once.
    pub(crate) fn load<C: VfLock>(device: &Broker<'_, C>, vf: u16) -> Result<Self, Refusal> {
        let mut client = Self {
            vf,
            agent: false,
            rings: 0,
            sequence: 0,
            periodic: false,
            due: false,
            updates: 0,
        };
        client.invalidated(device)?;
        Ok(client)
    }

    /// The network device is created, with its statistics agent.
    pub(crate) fn enable<C: VfLock>(&mut self, device: &Broker<'_, C>) -> Result<(), Refusal> {
        self.agent = true;
        self.sequence = 0;
        self.invalidated(device)
    }

    /// The driver is unloaded: the statistics agent goes first, which the control agent answers.
    pub(crate) fn unload<C: VfLock>(&mut self, device: &Broker<'_, C>) -> Result<(), Refusal> {
        self.agent = false;
        self.due = false;
        self.invalidated(device)
    }

    /// Bit 0 of an invalidation, or an agent that came or went.
    pub(crate) fn invalidated<C: VfLock>(&mut self, device: &Broker<'_, C>) -> Result<(), Refusal> {
        let mut block = device.vf_read(self.vf, CONTROL, 128)?;
        let capabilities: u32 = self.agent.into();
        if capabilities == 0 {
            return device.vf_write(self.vf, CONTROL, &[0; LENGTH]);
        }
        put(&mut block, 0, &capabilities.to_le_bytes());
        let control = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
        if control & !capabilities != 0 {
            return Ok(());
        }
        let command = u16::from_le_bytes([block[8], block[9]]);
        if control & 1 != 0 {
            put(&mut block, 12, &1_u16.to_le_bytes());
            put(&mut block, 14, &self.rings.to_le_bytes());
            // A work item that is queued already keeps its time, and takes the new period after it.
            self.periodic = command != 0 && command != ONCE;
            self.due = command != 0;
        }
        put(&mut block, 10, &command.to_le_bytes());
        device.vf_write(self.vf, CONTROL, &block)
    }

    /// The work item runs: one update. A fragment that is refused ends the statistics, and leaves
    /// the number of the update to the next one.
    ///
    /// Returns the counters of the update.
    pub(crate) fn update<C: VfLock>(
        &mut self,
        device: &Broker<'_, C>,
    ) -> Result<Vec<u64>, Refusal> {
        assert!(self.due, "no command asked for an update");
        self.due = false;
        self.updates += 1;
        let count = u64::from(self.rings) * COUNTERS_OF_RING as u64;
        let counters: Vec<u64> = (0..count).map(|n| self.updates << 32 | (n + 1)).collect();
        for (offset, part) in counters.chunks(COUNTERS_OF_FRAGMENT).enumerate() {
            let mut fragment = [0; LENGTH];
            put(&mut fragment, 0, &self.sequence.to_le_bytes());
            let offset = u16::try_from(offset).expect("few fragments");
            put(&mut fragment, 2, &offset.to_le_bytes());
            for (index, counter) in part.iter().enumerate() {
                put(&mut fragment, 8 + 8 * index, &counter.to_le_bytes());
            }
            device.vf_write(self.vf, STATISTICS, &fragment)?;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.due = self.periodic;
        Ok(counters)
    }
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

/// A control block as the host publishes it.
pub(crate) fn request(control: u32, command: u16) -> [u8; LENGTH] {
    let mut block = [0; LENGTH];
    put(&mut block, 4, &control.to_le_bytes());
    put(&mut block, 8, &command.to_le_bytes());
    block
}

/// Host software's view of drained fragments: the counters of each complete update, without the
/// zeros after the last ring, by offset 0 and sequence alone. `rings` bounds nothing here.
pub(crate) fn reassembled(fragments: &[Vec<u8>]) -> Vec<Vec<u64>> {
    let number = |fragment: &[u8], at: usize| u16::from_le_bytes([fragment[at], fragment[at + 1]]);
    let mut updates: Vec<(u16, Vec<u64>)> = Vec::new();
    let mut next = None;
    for fragment in fragments {
        let (sequence, offset) = (number(fragment, 0), number(fragment, 2));
        if offset == 0 {
            // The number of the last one again: its end was refused.
            updates.pop_if(|(last, _)| *last == sequence);
            updates.push((sequence, Vec::new()));
        } else if next != Some((sequence, offset)) {
            // The beginning of this update was dropped from the full stream.
            next = None;
            continue;
        }
        next = Some((sequence, offset + 1));
        if let Some((_, counters)) = updates.last_mut() {
            let data = fragment[8..].chunks_exact(8);
            counters.extend(data.map(|bytes| u64::from_le_bytes(bytes.try_into().expect("8"))));
        }
    }
    let trimmed = |(_, mut counters): (u16, Vec<u64>)| {
        while counters.pop_if(|counter| *counter == 0).is_some() {}
        counters
    };
    updates.into_iter().map(trimmed).collect()
}
