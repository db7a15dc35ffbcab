//! The operations of VFs and host software on the blocks of all VFs of a device.

mod blocks;
mod changes;
pub(crate) mod companion;
mod invalidation;
mod lifecycle;
mod observation;
pub(crate) mod replies;

use core::convert::Infallible;

use block_table::{Access, Block, Kind, Table};
use pf_broker_abi::{Operation, Refusal};

use crate::Vf;
use crate::host_refusals::HostRefusals;
use crate::mask::bit;
use crate::outcome::{FollowUp, Outcome};
use crate::request::{Request, Target};
use crate::stamps::{Attachment, Epoch, Newest};
use crate::sync::AtomicBool;

/// The lock around one VF, which the shell implements.
///
/// A kernel uses a spin lock, a simulation a mutex. The locks of two VFs should share no cache
/// line, nor a pair of lines that the processor fetches together. Align them to 128 bytes.
pub trait VfLock {
    /// Runs `operation` on the VF with exclusive access.
    ///
    /// Operations are bounded and access only the memory of the table, the VF and the caller, so
    /// they may run at `DISPATCH_LEVEL` if all that memory is resident. They take no other lock,
    /// except those that the shell takes in the `carrier` of [`Broker::hand_over_invalidation`],
    /// such as a framework queue's: that one is always the inner lock, and never held around a call
    /// of the broker.
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R;

    /// The VF's [`Newest`], which readers load without the lock. It lies next to the lock, in the
    /// VF's own cache lines.
    fn newest(&self) -> &Newest;
}

/// There are more VFs than the manifest allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyVfs {
    /// How many were given.
    pub given: usize,
    /// `max-vfs` of the manifest.
    pub allowed: u16,
}

impl core::fmt::Display for TooManyVfs {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { given, allowed } = self;
        write!(
            formatter,
            "{given} VFs are more than the {allowed} that `max-vfs` of the manifest allows"
        )
    }
}

impl core::error::Error for TooManyVfs {}

/// The blocks of all VFs of one device.
///
/// # How to call it
/// All operations take `&self` and may run at the same time on any number of processors. Those of
/// one VF exclude each other by that VF's lock, which is held for one copy and, for a write, for
/// the checksum of at most 124 bytes and the evaluation of the block's rules; no operation ever
/// holds two locks. Everything is bounded and works up to `DISPATCH_LEVEL` with a spin lock and
/// non-paged memory, but [`Broker::publish_all`], [`Broker::invalidate_all`],
/// [`Broker::invalidate_notifying`], [`Broker::begin_reset`], [`Broker::expire`],
/// [`Broker::changes`] and [`Broker::remove`] visit every VF or every block, one lock at a time, and are better called at
/// `PASSIVE_LEVEL`.
///
/// Data is passed in private arrays of 128 bytes, together with the length that the caller named.
/// The broker refuses a length of 0 or above 128 itself, in the order of the checks, so that every
/// surface returns the same reason; it ignores the array then.
///
/// # Errors
/// Every operation that is refused changes nothing but counters and journal. The checks come in the
/// order VF, block, access or kind, state, limit, companion, length, revision, checksum, other
/// rules; the first that fails is returned. Each refusal is counted once: a read or write of a VF at the VF
/// and the block, everything else in [`Broker::host_refusals`]. A VF index that does not exist
/// counts there too, for every operation.
#[derive(Debug)]
pub struct Broker<'a, L> {
    table: Table<'a>,
    vfs: &'a [L],
    /// The blocks that exist and have a bit in an invalidation mask.
    invalidatable: u64,
    /// Those of them that notify the VF.
    notifying: u64,
    /// A publish to all VFs is under way.
    publishing_to_all: AtomicBool,
    host_refusals: HostRefusals,
    /// Identifies this start of the device.
    start: [u64; 2],
    attachment: Attachment,
    epoch: Epoch,
}

impl<'a, L: VfLock> Broker<'a, L> {
    /// Creates the broker of a device whose VFs are `vfs`, VF 0 first. Each lock must hold a [`Vf`]
    /// that was created for the same table.
    ///
    /// # Errors
    /// When there are more VFs than the manifest's `max-vfs`.
    pub fn new(table: Table<'a>, vfs: &'a [L]) -> Result<Self, TooManyVfs> {
        let allowed = table.device().max_vfs;
        if vfs.len() > usize::from(allowed) {
            return Err(TooManyVfs {
                given: vfs.len(),
                allowed,
            });
        }
        let with_bit = |mask, block: Block<'_>| mask | bit(block.id());
        let invalidatable = table.blocks().fold(0, with_bit);
        let notifying = table.blocks().filter(Block::notify).fold(0, with_bit);
        Ok(Self {
            table,
            vfs,
            invalidatable,
            notifying,
            publishing_to_all: AtomicBool::new(false),
            host_refusals: HostRefusals::new(),
            start: [1, 0],
            attachment: Attachment::new(),
            epoch: Epoch::first(),
        })
    }

    /// Sets what the cookies of this start of the device contain; see [`Broker::changes`]. A shell
    /// whose callers may keep cookies longer than the device runs gives each start its own value,
    /// which is not zero.
    #[must_use]
    pub fn with_start(mut self, start: [u64; 2]) -> Self {
        self.start = start;
        self
    }

    /// The table that all VFs follow.
    #[must_use]
    pub fn table(&self) -> &Table<'a> {
        &self.table
    }

    /// How many VFs there are; their indexes are below this.
    #[must_use]
    pub fn vf_count(&self) -> usize {
        self.vfs.len()
    }

    /// The lock of a VF. For a VF that does not exist, every operation counts a host refusal.
    #[inline]
    fn vf(&self, vf: u16) -> Result<&'a L, Refusal> {
        self.vfs
            .get(usize::from(vf))
            .ok_or_else(|| self.host_refusals.count(Refusal::Vf))
    }

    /// Runs an operation on a VF under its lock.
    #[inline]
    fn on_vf<R>(
        &self,
        vf: u16,
        request: &Request,
        operation: impl FnOnce(&mut Vf<'_>) -> Result<R, Refusal>,
    ) -> Outcome<R> {
        match self.vf(vf) {
            Ok(vf) => self.count_for_host(request, self.locked(vf, operation)),
            Err(refusal) => Outcome::refused(refusal),
        }
    }

    /// Finds the block that a request names and runs an operation on it under the VF's lock: a read
    /// or a write, for which a guest waits.
    #[inline]
    fn on_block<'t, R>(
        &'t self,
        vf: u16,
        request: &Request,
        operation: impl FnOnce(&mut Vf<'_>, Target<'t>) -> Result<R, Refusal>,
    ) -> Outcome<R> {
        let vf = match self.vf(vf) {
            Ok(vf) => vf,
            Err(refusal) => return Outcome::refused(refusal),
        };
        match self.find(request) {
            Ok(target) => self.locked(vf, |vf| operation(vf, target)),
            Err((index, refusal)) => self
                .refuse(vf, request, index, refusal)
                .map(|never| match never {}),
        }
    }

    /// [`on_block`](Self::on_block) for every other operation, those of the host among them: the
    /// search is not inlined.
    #[inline]
    fn on_block_seldom<'t, R>(
        &'t self,
        vf: u16,
        request: &Request,
        operation: impl FnOnce(&mut Vf<'_>, Target<'t>) -> Result<R, Refusal>,
    ) -> Outcome<R> {
        match self.reach(vf, request) {
            Ok((vf, target)) => {
                let outcome = self.locked(vf, |vf| operation(vf, target));
                self.count_for_host(request, outcome)
            }
            Err(refused) => refused.map(|never| match never {}),
        }
    }

    /// Finds the VF and the block of a request, or refuses it.
    #[inline(never)]
    fn reach(&self, vf: u16, request: &Request) -> Result<(&L, Target<'_>), Outcome<Infallible>> {
        let vf = self.vf(vf).map_err(Outcome::refused)?;
        self.find(request)
            .map(|target| (vf, target))
            .map_err(|(index, refusal)| self.refuse(vf, request, index, refusal))
    }

    /// [`locked`] with this device's epoch.
    #[inline]
    fn locked<R>(
        &self,
        lock: &L,
        operation: impl FnOnce(&mut Vf<'_>) -> Result<R, Refusal>,
    ) -> Outcome<R> {
        locked(&self.epoch, lock, operation)
    }

    /// Runs an operation that cannot be refused on every VF, one lock at a time.
    fn on_all(&self, operation: &dyn Fn(&mut Vf<'_>)) -> FollowUp {
        let mut follow_up = FollowUp::NOTHING;
        for vf in self.vfs {
            let done = self.locked(vf, |vf| {
                operation(vf);
                Ok(())
            });
            follow_up.add(done.follow_up);
        }
        follow_up
    }

    /// Refuses an operation that needs only the counters and journal of the VF.
    #[cold]
    #[inline(never)]
    fn refuse(
        &self,
        vf: &L,
        request: &Request,
        index: Option<usize>,
        refusal: Refusal,
    ) -> Outcome<Infallible> {
        let refused = self.locked(vf, |vf| Err(vf.refuse(request, index, refusal)));
        self.count_for_host(request, refused)
    }

    /// Counts a refusal of the host's own operation for the device.
    #[inline]
    fn count_for_host<R>(&self, request: &Request, outcome: Outcome<R>) -> Outcome<R> {
        if let (true, Err(refusal)) = (request.is_by_host(), &outcome.result) {
            self.host_refusals.count(*refusal);
        }
        outcome
    }

    /// The block that a request names, if the operation is valid for it.
    #[inline]
    fn find(&self, request: &Request) -> Result<Target<'_>, (Option<usize>, Refusal)> {
        let unknown = (None, Refusal::Block);
        let index = self.table.find(request.block).ok_or(unknown)?;
        let block = self.table.block(index).ok_or(unknown)?;
        match check_kind_and_access(request.operation, block.kind(), block.vf_access()) {
            None => Ok(Target { index, block }),
            Some(refusal) => Err((Some(index), refusal)),
        }
    }
}

/// Runs an operation on a VF under its lock, stamps what it changed, and returns that as follow-up.
#[inline]
fn locked<L: VfLock, R>(
    epoch: &Epoch,
    lock: &L,
    operation: impl FnOnce(&mut Vf<'_>) -> Result<R, Refusal>,
) -> Outcome<R> {
    lock.with(|vf| {
        let result = operation(vf);
        let changed = vf.stamp_changes(lock.newest(), epoch);
        Outcome {
            result,
            follow_up: FollowUp {
                changed,
                ..FollowUp::NOTHING
            },
        }
    })
}

/// Why an operation is not valid for a block of this kind and access, if so.
#[inline]
fn check_kind_and_access(operation: Operation, kind: Kind, access: Access) -> Option<Refusal> {
    match (operation, kind) {
        (Operation::Read, _) if !access.readable() => Some(Refusal::Access),
        (Operation::Write, _) if !access.writable() => Some(Refusal::Access),
        (Operation::HostRead | Operation::Publish, Kind::Stream)
        | (Operation::Drain, Kind::Register) => Some(Refusal::Kind),
        _ => None,
    }
}
