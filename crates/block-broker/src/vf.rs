//! One VF, whose operations run under its lock.

mod changes;
mod companion;
mod invalidation;
mod publishing;
mod resetting;
#[cfg(test)]
mod tests;
mod writing;

use block_table::{Image, Table};
use pf_broker_abi::{Operation, PowerState, Refusal, Service};

use crate::changes::{Changed, VfStamps};
use crate::counters::increment;
use crate::journal::{Entry, Event, Excerpt, Journal};
use crate::kinds::Kinds;
use crate::limits::Bucket;
use crate::refusal::Refused;
use crate::request::{Request, Target, readable_length};
use crate::store::{BlockSlot, Message, Store, bytes_needed};
use crate::{BlockCounters, Ticks, VfCounters};

/// Everything of one VF: its blocks' values and messages, latched invalidations, power state,
/// limit, counters and journal.
///
/// The [`Broker`](crate::Broker) operates it under the lock of the shell, a
/// [`VfLock`](crate::VfLock).
#[derive(Debug)]
pub struct Vf<'m> {
    service: ServiceState,
    /// A reset that may change the tenant has begun since the VF was served last.
    may_change_tenant: bool,
    power: PowerState,
    /// Latched invalidations: bit n stands for block n.
    pending: u64,
    bucket: Bucket,
    counters: VfCounters,
    store: Store<'m>,
    journal: Journal,
    /// What the operation that holds the lock has changed.
    changed: Changed,
    stamps: VfStamps,
}

/// The tenant of a VF at one moment: how many resets had begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tenancy(u64);

/// Whether the VF is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServiceState {
    /// Served.
    Open,
    /// A reset has begun, and its blocks are being wiped.
    Wiping,
    /// Wiped, from then on until the reset has succeeded.
    Held,
    /// The reset has succeeded: host software prepares the blocks for the next tenant, until it
    /// acknowledges the reset or the time is up.
    Unacknowledged {
        deadline: Ticks,
    },
    Removed,
}

/// The memory for a VF is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryTooSmall {
    /// How many slots the table needs.
    pub slots_needed: usize,
    /// How many slots were given.
    pub slots_given: usize,
    /// How many bytes the table needs.
    pub bytes_needed: usize,
    /// How many bytes were given.
    pub bytes_given: usize,
}

impl core::fmt::Display for MemoryTooSmall {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            slots_needed,
            slots_given,
            bytes_needed,
            bytes_given,
        } = self;
        write!(
            formatter,
            "a VF of this table needs {slots_needed} slots and {bytes_needed} bytes, but was given {slots_given} slots and {bytes_given} bytes"
        )
    }
}

impl core::error::Error for MemoryTooSmall {}

/// The state and the counters of a VF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VfStatus {
    /// The counters since the device started.
    pub counters: VfCounters,
    /// Invalidations that no request has taken yet; bit n stands for block n.
    pub pending: u64,
    /// The power state that was set last. A VF is served in each of them.
    pub power: PowerState,
    /// Whether the VF is served.
    pub service: Service,
}

/// The state and the counters of one block of a VF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockStatus {
    /// The counters since the device started.
    pub counters: BlockCounters,
    /// Messages of a stream that wait to be drained; 0 for a register.
    pub queued: u16,
    /// How often the block was committed or reset, since the device started.
    pub revision: u64,
}

impl<'m> Vf<'m> {
    /// How many [`BlockSlot`]s a VF of this table needs: one for each block.
    #[must_use]
    pub fn slots_needed(table: &Table<'_>) -> usize {
        table.block_count()
    }

    /// How many bytes of memory a VF of this table needs for values and messages, a multiple of 64.
    #[must_use]
    pub fn bytes_needed(table: &Table<'_>) -> usize {
        bytes_needed(table)
    }

    /// Creates a VF in D0 whose blocks have their default values.
    ///
    /// `slots` and `bytes` are the VF's memory for as long as it lives; their content is
    /// overwritten. `bytes` should begin at a multiple of 64, so that VFs share no cache line.
    ///
    /// # Errors
    /// When the memory is smaller than [`Vf::slots_needed`] and [`Vf::bytes_needed`] say.
    pub fn new(
        table: &Table<'_>,
        slots: &'m mut [BlockSlot],
        bytes: &'m mut [u8],
    ) -> Result<Self, MemoryTooSmall> {
        let too_small = MemoryTooSmall {
            slots_needed: Self::slots_needed(table),
            slots_given: slots.len(),
            bytes_needed: Self::bytes_needed(table),
            bytes_given: bytes.len(),
        };
        Ok(Self {
            service: ServiceState::Open,
            may_change_tenant: false,
            power: PowerState::D0,
            pending: 0,
            bucket: Bucket::FULL,
            counters: VfCounters::default(),
            store: Store::new(table, slots, bytes).ok_or(too_small)?,
            journal: Journal::EMPTY,
            changed: Changed::NOTHING,
            stamps: VfStamps::NEVER,
        })
    }

    pub(crate) fn status(&self) -> VfStatus {
        VfStatus {
            counters: self.counters,
            pending: self.pending,
            power: self.power,
            service: match self.service {
                ServiceState::Open => Service::Open,
                ServiceState::Unacknowledged { .. } => Service::Unacknowledged,
                ServiceState::Wiping | ServiceState::Held | ServiceState::Removed => Service::Held,
            },
        }
    }

    pub(crate) fn block_status(&self, index: usize) -> Result<BlockStatus, Refusal> {
        let slot = self.store.slot(index).ok_or(Refusal::Block)?;
        Ok(BlockStatus {
            counters: *slot.counters(),
            queued: slot.queued(),
            revision: slot.revision(),
        })
    }

    pub(crate) fn tenancy(&self) -> Tenancy {
        Tenancy(self.counters.resets)
    }

    pub(crate) fn excerpt(&self, after: u64, entries: &mut [Entry]) -> Excerpt {
        self.journal.excerpt(after, entries)
    }

    /// Journals a refusal, counts it if the VF caused it, and returns it. The broker counts
    /// refusals of host software.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse(
        &mut self,
        request: &Request,
        index: Option<usize>,
        refusal: impl Into<Refused>,
    ) -> Refusal {
        self.refuse_with(request, index, refusal.into(), 0)
    }

    /// Like [`refuse`](Self::refuse); `companion_status` is the companion's answer.
    #[cold]
    fn refuse_with(
        &mut self,
        request: &Request,
        index: Option<usize>,
        Refused { refusal, fault }: Refused,
        companion_status: u32,
    ) -> Refusal {
        if !request.is_by_host() {
            self.count_refusal(index, refusal);
        }
        let event = Event {
            refusal: Some(refusal),
            companion_status,
            fault,
            ..request.event()
        };
        self.journal_event(event, request.now);
        refusal
    }

    fn count_refusal(&mut self, index: Option<usize>, refusal: Refusal) {
        self.counters.count_refusal(refusal);
        if let Some(slot) = index.and_then(|index| self.store.slot_mut(index)) {
            increment(&mut slot.counters_mut().refused);
        }
    }

    /// Journals an operation that succeeded.
    fn record(&mut self, request: &Request) {
        self.journal_event(request.event(), request.now);
    }

    fn journal_event(&mut self, event: Event, now: Ticks) {
        self.journal.record(event, now);
        self.note_event(event.refusal);
    }

    /// Refuses an operation of the VF unless it is served.
    #[inline]
    fn admit_vf(&self) -> Result<(), Refusal> {
        match self.service {
            ServiceState::Open => Ok(()),
            ServiceState::Wiping | ServiceState::Held | ServiceState::Unacknowledged { .. } => {
                Err(Refusal::State)
            }
            ServiceState::Removed => Err(Refusal::Removed),
        }
    }

    /// Refuses an operation of host software on this VF alone during a reset and after one that
    /// failed. A VF whose reset is not acknowledged yet is open to host software.
    #[inline]
    fn admit_host(&self) -> Result<(), Refusal> {
        match self.service {
            ServiceState::Open | ServiceState::Unacknowledged { .. } => Ok(()),
            ServiceState::Wiping | ServiceState::Held => Err(Refusal::State),
            ServiceState::Removed => Err(Refusal::Removed),
        }
    }

    /// The revision of a block.
    pub(crate) fn revision(&self, index: usize) -> u64 {
        self.store.slot(index).map_or(0, BlockSlot::revision)
    }

    /// Fills `reply` with a register's value. `length` is the length in the request; the bytes of
    /// `reply` after it become zero.
    #[inline]
    pub(crate) fn read(
        &mut self,
        target: Target<'_>,
        request: &Request,
        reply: &mut Image,
    ) -> Result<(), Refusal> {
        let Target { index, block } = target;
        let by_vf = request.operation == Operation::Read;
        let admitted = if by_vf {
            self.admit_vf()
        } else {
            self.admit_host()
        };
        let length = match admitted
            .and_then(|()| {
                if by_vf && block.companion().reads() {
                    Err(Refusal::Companion)
                } else {
                    Ok(())
                }
            })
            .and_then(|()| readable_length(block, request.length))
        {
            Ok(length) => length,
            Err(refusal) => return Err(self.refuse(request, Some(index), refusal)),
        };
        self.store.read_register(index, length, reply);
        if by_vf {
            self.count_read(index);
        }
        Ok(())
    }

    /// Counts a read of the VF that was answered.
    fn count_read(&mut self, index: usize) {
        increment(&mut self.counters.reads);
        if let Some(slot) = self.store.slot_mut(index) {
            increment(&mut slot.counters_mut().reads);
        }
    }

    /// Takes the oldest message of a stream.
    pub(crate) fn drain(
        &mut self,
        target: Target<'_>,
        request: &Request,
    ) -> Result<Option<Message>, Refusal> {
        match self.admit_host() {
            Ok(()) => Ok(self.store.pop(target.index, target.block)),
            Err(refusal) => Err(self.refuse(request, Some(target.index), refusal)),
        }
    }

    /// Takes one more message of a stream; none once the VF is held back.
    pub(crate) fn drain_on(&mut self, target: Target<'_>) -> Option<Message> {
        self.admit_host().ok()?;
        self.store.pop(target.index, target.block)
    }

    /// Journals an event that does not change the VF.
    pub(crate) fn note(&mut self, request: &Request) {
        self.record(request);
    }

    pub(crate) fn set_power(
        &mut self,
        state: PowerState,
        request: &Request,
    ) -> Result<(), Refusal> {
        if self.service == ServiceState::Removed {
            return Err(self.refuse(request, None, Refusal::Removed));
        }
        self.power = state;
        self.note_change(Kinds::POWER);
        self.record(request);
        Ok(())
    }
}
