//! The operations of VFs and of the host's side upon all VFs of a device.

mod blocks;
mod invalidation;
mod lifecycle;
mod observation;

use block_table::{Access, Block, Kind, Table};
use pf_broker_abi::{Operation, Refusal};

use crate::Vf;
use crate::host_refusals::HostRefusals;
use crate::request::{Request, Target};
use crate::sync::AtomicBool;
use crate::vf::bit;
use crate::watch::Kinds;

pub use blocks::Published;

/// One VF behind the lock that the shell brings.
///
/// A kernel brings a spin lock, a simulation a mutex. The cells of two VFs should share no cache
/// line, nor a pair of them that the processor fetches together: align them to 128 bytes.
pub trait VfCell {
    /// Runs `operation` on the VF while nobody else does.
    ///
    /// Operations are bounded and touch nothing but the memory of the table, the VF and the caller, so
    /// they may run at `DISPATCH_LEVEL` if all that memory is resident. They take no other lock, but
    /// what the shell brings as the carrier of [`Broker::hand_over_invalidation`] may: a lock that it
    /// takes, such as that of a framework's queue, is always the inner one, and is never held around a
    /// call of the broker.
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R;

    /// Something of these kinds happened to the VF and is counted. It is called after
    /// [`VfCell::with`], so without the lock, at the IRQL of the operation, and for a VF's operation
    /// it has to be as bounded as that: see [`Watch::happened`](crate::Watch::happened). A shell in
    /// which no request waits keeps this default.
    #[inline]
    fn happened(&self, kinds: Kinds) {
        let _ = kinds;
    }
}

/// More VFs than the manifest allows.
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
/// the checksum of at most 124 bytes and the evaluation of the block's rules; no operation ever holds
/// two locks. Everything is bounded and works up to `DISPATCH_LEVEL` with a spin lock and non-paged memory, but [`Broker::publish_all`],
/// [`Broker::invalidate_all`], [`Broker::invalidate_notifying`], [`Broker::begin_reset`], [`Broker::count`] and
/// [`Broker::remove`] visit every VF or every block, one lock at a time, and are better called
/// at `PASSIVE_LEVEL`.
///
/// Data goes in and out through private arrays of 128 bytes beside the length that the caller
/// named. A length of 0 or above 128 is refused here, in its turn, so that every surface gives the
/// same reason; no byte of the array counts then.
///
/// # Errors
/// Every operation that is refused changes nothing but counters and journal. The checks come in the
/// order VF, block, access or kind, state, limit, length, revision, checksum, other rules; the first
/// that fails is the answer. Each refusal is counted once: a read or write of a VF at the VF and the
/// block, everything else in [`Broker::host_refusals`]. A VF index that does not exist is the host's
/// mistake too, whatever the operation.
#[derive(Debug)]
pub struct Broker<'a, C> {
    table: Table<'a>,
    cells: &'a [C],
    /// The blocks that exist and have a bit in an invalidation mask.
    invalidatable: u64,
    /// Those of them that notify the VF.
    notifying: u64,
    /// A publish to all VFs is under way.
    publishing_to_all: AtomicBool,
    host_refusals: HostRefusals,
}

impl<'a, C: VfCell> Broker<'a, C> {
    /// Makes the broker of a device whose VFs are `cells`, VF 0 first. Each cell must hold a
    /// [`Vf`] that was made for the same table.
    ///
    /// # Errors
    /// When there are more cells than the manifest's `max-vfs`.
    pub fn new(table: Table<'a>, cells: &'a [C]) -> Result<Self, TooManyVfs> {
        let allowed = table.device().max_vfs;
        if cells.len() > usize::from(allowed) {
            return Err(TooManyVfs {
                given: cells.len(),
                allowed,
            });
        }
        let with_bit = |mask, block: Block<'_>| mask | bit(block.id());
        let invalidatable = table.blocks().fold(0, with_bit);
        let notifying = table.blocks().filter(Block::notify).fold(0, with_bit);
        Ok(Self {
            table,
            cells,
            invalidatable,
            notifying,
            publishing_to_all: AtomicBool::new(false),
            host_refusals: HostRefusals::new(),
        })
    }

    /// The table that all VFs follow.
    #[must_use]
    pub fn table(&self) -> &Table<'a> {
        &self.table
    }

    /// How many VFs there are; their indexes are below this.
    #[must_use]
    pub fn vf_count(&self) -> usize {
        self.cells.len()
    }

    #[inline]
    fn cell(&self, vf: u16) -> Result<&'a C, Refusal> {
        self.cells
            .get(usize::from(vf))
            .ok_or_else(|| self.host_refusals.count(Refusal::Vf))
    }

    /// Runs an operation of the host side on a VF under its lock; a refusal is counted.
    fn visit_for_host<R>(
        &self,
        cell: &C,
        operation: impl FnOnce(&mut Vf<'_>) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        visit(cell, operation).map_err(|refusal| self.host_refusals.count(refusal))
    }

    /// The block that a request names, if the operation is one for it; a refusal is counted.
    #[inline]
    fn target(&self, cell: &C, request: &Request) -> Result<Target<'_>, Refusal> {
        self.find(request)
            .map_err(|(index, refusal)| self.refuse(cell, request, index, refusal))
    }

    /// Refuses what needs nothing of the VF but its counters.
    #[cold]
    #[inline(never)]
    fn refuse(
        &self,
        cell: &C,
        request: &Request,
        index: Option<usize>,
        refusal: Refusal,
    ) -> Refusal {
        if request.is_by_host() {
            self.host_refusals.count(refusal);
        }
        visit(cell, |vf| vf.refuse(request, index, refusal))
    }

    #[inline]
    fn find(&self, request: &Request) -> Result<Target<'_>, (Option<usize>, Refusal)> {
        let unknown = (None, Refusal::Block);
        let index = self.table.find(request.block).ok_or(unknown)?;
        let block = self.table.block(index).ok_or(unknown)?;
        match misfit(request.operation, block.kind(), block.vf_access()) {
            None => Ok(Target { index, block }),
            Some(refusal) => Err((Some(index), refusal)),
        }
    }
}

/// Runs an operation on a VF under its lock, and announces what it changed after the lock.
#[inline]
fn visit<C: VfCell, R>(cell: &C, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
    let (result, happened) = cell.with(|vf| {
        let before = vf.counts();
        let result = operation(vf);
        (result, vf.happened_since(before))
    });
    if happened != Kinds::NONE {
        cell.happened(happened);
    }
    result
}

/// Why an operation is not one for such a block, if so.
#[inline]
fn misfit(operation: Operation, kind: Kind, access: Access) -> Option<Refusal> {
    match (operation, kind) {
        (Operation::Read, _) if !access.readable() => Some(Refusal::Access),
        (Operation::Write, _) if !access.writable() => Some(Refusal::Access),
        (Operation::HostRead | Operation::Publish, Kind::Stream)
        | (Operation::Drain, Kind::Register) => Some(Refusal::Kind),
        _ => None,
    }
}
