//! Replies of the management interface that change nothing, in the layouts of [`pf_broker_abi`].
//! Every shell that offers the interface answers with these.

use block_table::{Access, Block, Companion, Kind, ShortRead, WhenFull};
use pf_broker_abi::{self as abi, Operation, Refusal};

use super::{Broker, VfLock};
use crate::journal::{Entry, Event};
use crate::ticks::Ticks;
use crate::vf::BlockStatus;

impl<L: VfLock> Broker<'_, L> {
    /// The output of [`abi::IOCTL_STATS`].
    ///
    /// # Errors
    /// When there is no such VF.
    pub fn stats_reply(&self, vf: u16) -> Result<abi::StatsReply, Refusal> {
        let vf = self.status(vf)?;
        let (reason_count, refused) = by_reason(|reason| vf.counters.refused(reason));
        Ok(abi::StatsReply {
            reads: vf.counters.reads,
            writes: vf.counters.writes,
            publishes: vf.counters.publishes,
            withdrawn: vf.counters.withdrawn,
            dropped: vf.counters.dropped,
            resets: vf.counters.resets,
            floods: vf.counters.floods,
            pending: vf.pending,
            power: vf.power.code(),
            service: vf.service.code(),
            reserved: [0; 2],
            reason_count,
            refused,
        })
    }

    /// The output of [`abi::IOCTL_BLOCK_STATS`].
    ///
    /// # Errors
    /// When there is no such VF or block.
    pub fn block_stats_reply(&self, vf: u16, block: u32) -> Result<abi::BlockStatsReply, Refusal> {
        let BlockStatus {
            counters,
            queued,
            revision,
        } = self.block_status(vf, block)?;
        Ok(abi::BlockStatsReply {
            reads: counters.reads,
            writes: counters.writes,
            publishes: counters.publishes,
            refused: counters.refused,
            dropped: counters.dropped,
            queued: u64::from(queued),
            revision,
        })
    }

    /// The output of [`abi::IOCTL_HOST_REFUSALS`].
    #[must_use]
    pub fn host_refusals_reply(&self) -> abi::HostRefusalsReply {
        let (reason_count, refused) = by_reason(|reason| self.host_refusals(reason));
        abi::HostRefusalsReply {
            reason_count,
            reserved: 0,
            refused,
        }
    }
}

/// The number of refusal codes, and a count for each.
fn by_reason(count: impl Fn(Refusal) -> u64) -> (u32, [u64; abi::MAX_REASONS]) {
    let mut counts = [0; abi::MAX_REASONS];
    for reason in Refusal::ALL {
        if let Some(place) = counts.get_mut(reason.index()) {
            *place = count(reason);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most MAX_REASONS")]
    let reason_count = Refusal::ALL.len() as u32;
    (reason_count, counts)
}

/// One entry of the output of [`abi::IOCTL_BLOCKS`].
#[must_use]
pub fn block_info(block: &Block<'_>) -> abi::BlockInfo {
    // Lengths are at most 128 and depths at most 4096.
    let small = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    abi::BlockInfo {
        id: block.id(),
        kind: match block.kind() {
            Kind::Register => abi::BlockKind::Register,
            Kind::Stream => abi::BlockKind::Stream,
        }
        .code(),
        vf_access: match block.vf_access() {
            Access::None => abi::VfAccess::None,
            Access::ReadOnly => abi::VfAccess::ReadOnly,
            Access::WriteOnly => abi::VfAccess::WriteOnly,
            Access::ReadWrite => abi::VfAccess::ReadWrite,
        }
        .code(),
        notify: u8::from(block.notify()),
        prefix_reads: u8::from(matches!(block.short_read(), ShortRead::Prefix)),
        min_length: small(block.min_length()),
        max_length: small(block.max_length()),
        depth: small(block.depth()),
        drop_oldest: u8::from(matches!(block.when_full(), WhenFull::DropOldest)),
        companion: match block.companion() {
            Companion::None => abi::Companion::None,
            Companion::Write => abi::Companion::Write,
            Companion::Read => abi::Companion::Read,
            Companion::ReadWrite => abi::Companion::ReadWrite,
        }
        .code(),
        name: padded_name(block.name()),
    }
}

/// A name in the fixed room that the interface has for it; names are shorter by construction.
#[must_use]
pub fn padded_name(name: &str) -> [u8; abi::NAME_LENGTH] {
    let mut padded = [0; abi::NAME_LENGTH];
    for (to, from) in padded.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    padded
}

impl Entry {
    /// Room for an entry that [`Broker::journal`] writes.
    pub const UNUSED: Self = Self {
        number: 0,
        at: Ticks(0),
        repeated: 0,
        event: Event {
            operation: Operation::Read,
            block: 0,
            length: 0,
            refusal: None,
            companion_status: 0,
            fault: None,
        },
    };

    /// The entry in the output of [`abi::IOCTL_JOURNAL`].
    #[must_use]
    pub fn reply(&self) -> abi::JournalEntry {
        abi::JournalEntry {
            sequence: self.number,
            time: self.at.0,
            block: self.event.block,
            length: self.event.length,
            status: self
                .event
                .refusal
                .map_or(0, |refusal| refusal.status().cast_signed()),
            repeated: self.repeated,
            operation: self.event.operation.code(),
            fault: self
                .event
                .fault
                .map_or(0, |offset| offset.saturating_add(1)),
            reserved: [0; 2],
            companion_status: self.event.companion_status.cast_signed(),
        }
    }
}
