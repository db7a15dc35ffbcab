//! The operations of VFs and of the host's side upon all VFs of a device.

use block_table::{Access, Image, Kind, Table, Writer};

use crate::journal::{Entry, Excerpt, Operation};
use crate::publication::Publication;
use crate::request::{Request, Target};
use crate::sync::{AtomicU64, Ordering};
use crate::vf::bit;
use crate::{BlockStatus, PowerState, Refusal, Ticks, Vf, VfStatus};

/// One VF behind the lock that the shell brings.
///
/// A kernel brings a spin lock, a simulation a mutex. The cells of two VFs should share no cache
/// line, nor a pair of them that the processor fetches together: align them to 128 bytes.
pub trait VfCell {
    /// Runs `operation` on the VF while nobody else does.
    ///
    /// Operations are bounded, take no other lock, and touch nothing but the memory of the table,
    /// the VF and the caller, so they may run at `DISPATCH_LEVEL` if all that memory is resident.
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R;
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

/// What a committed publish or reset asks of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The block is now invalidated for each VF it was published to: requests that wait for
    /// invalidations can be answered.
    pub notified: bool,
}

/// The blocks of all VFs of one device.
///
/// # How to call it
/// All operations take `&self` and may run at the same time on any number of processors. Those of
/// one VF exclude each other by that VF's lock, which is held for one copy and, for a write, for
/// the evaluation of the block's rules; no operation ever holds two locks. Everything is bounded
/// and works up to `DISPATCH_LEVEL` with a spin lock and non-paged memory, but [`Broker::publish_all`],
/// [`Broker::invalidate_all`], [`Broker::begin_reset`], [`Broker::change_count`] and
/// [`Broker::remove`] visit every VF or every block, one lock at a time, and are better called
/// at `PASSIVE_LEVEL`.
///
/// Data goes in and out through private arrays of 128 bytes beside the length that the caller
/// named. A length of 0 or above 128 is refused here, in its turn, so that every surface gives the
/// same reason; no byte of the array counts then.
///
/// # Errors
/// Every operation that is refused changes nothing but counters and journal. The checks come in the
/// order VF, block, access or kind, state, limit, length, checksum, other rules; the first that
/// fails is the answer. Each refusal is counted once, at the VF it concerns or, where there is none,
/// in [`Broker::refused_without_vf`].
#[derive(Debug)]
pub struct Broker<'a, C> {
    table: Table<'a>,
    cells: &'a [C],
    /// The blocks that exist and have a bit in an invalidation mask.
    invalidatable: u64,
    publication: Publication,
    refused_without_vf: AtomicU64,
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
        let invalidatable = table.blocks().fold(0, |mask, block| mask | bit(block.id()));
        Ok(Self {
            table,
            cells,
            invalidatable,
            publication: Publication::new(),
            refused_without_vf: AtomicU64::new(0),
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

    /// A VF reads a register. On success `reply` holds what `length` bytes get: the value, then
    /// zeros, over all of its 128 bytes.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (write-only blocks and streams), `state`, `removed`, or `length`:
    /// shorter than the block unless `short-read` allows a prefix. `reply` is left as it is then.
    #[inline]
    pub fn read(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Result<(), Refusal> {
        self.read_as(
            vf,
            &Request::on_block(Operation::Read, block, length, now),
            reply,
        )
    }

    /// The host's side reads a register, whatever the VF may do with it.
    ///
    /// # Errors
    /// As for [`Broker::read`], but `kind` for a stream, and never `access`.
    pub fn host_read(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Result<(), Refusal> {
        self.read_as(
            vf,
            &Request::on_block(Operation::HostRead, block, length, now),
            reply,
        )
    }

    #[inline]
    fn read_as(&self, vf: u16, request: &Request, reply: &mut Image) -> Result<(), Refusal> {
        let cell = self.cell(vf)?;
        let target = self.target(cell, request)?;
        self.visit(cell, |vf| vf.read(target, request, reply))
    }

    /// A VF writes a register or appends a message to a stream. The first `length` bytes of `sent`
    /// count; a shorter write is filled with zeros up to the length of the block.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (read-only blocks), `state`, `removed`, `limit`, `length`, `checksum`,
    /// the other rules of the manifest, and `full`.
    #[inline]
    pub fn write(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        sent: &Image,
        now: Ticks,
    ) -> Result<(), Refusal> {
        let request = Request::on_block(Operation::Write, block, length, now);
        let cell = self.cell(vf)?;
        let target = self.target(cell, &request)?;
        let limits = self.table.limits();
        let sent = sent_bytes(sent, length);
        if !target.block.checksummed_by(Writer::Vf) {
            return self.visit(cell, |vf| {
                let era = vf.let_in(limits, target, &request)?;
                vf.write(&self.table, &self.publication, target, &request, era, sent)
            });
        }
        // The checksum takes the longest of all checks, and nothing of the VF: no lock is held for it.
        let era = self.visit(cell, |vf| vf.let_in(limits, target, &request))?;
        if let Err(violation) = target.block.check_sent(Writer::Vf, sent) {
            return Err(self.refuse(cell, &request, Some(target.index), violation.into()));
        }
        self.visit(cell, |vf| {
            vf.write(&self.table, &self.publication, target, &request, era, sent)
        })
    }

    /// The host's side writes a register for one VF; bytes that the VF owns stay as they are.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (streams), `state`, `removed`, `length`, `checksum`, and the other rules
    /// of the manifest.
    pub fn publish(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        sent: &Image,
        now: Ticks,
    ) -> Result<Published, Refusal> {
        let request = Request::on_block(Operation::Publish, block, length, now);
        let cell = self.cell(vf)?;
        let target = self.target(cell, &request)?;
        let sent = sent_bytes(sent, length);
        self.visit(cell, |vf| vf.publish(target, &request, sent))?;
        Ok(Published {
            notified: target.block.notify(),
        })
    }

    /// The host's side writes a register for every VF, or, if one of them refuses, for none.
    ///
    /// All VFs change in one moment: whoever has seen the new value at one VF sees it at each of
    /// them. While it is under way (for each VF one check and two short visits, so well below a
    /// millisecond for 4096 VFs) VFs are served as always. One such publish can be under way at a
    /// time.
    ///
    /// VFs that are held back take part, on the values that their reset has wiped: a reset that takes
    /// long or has failed keeps nothing from the other VFs.
    ///
    /// # Errors
    /// As for [`Broker::publish`], but `state` only while another publish to all VFs is under way, or
    /// when the wipe of a VF comes in between; to try again helps then. The refusal is counted at
    /// the VF that gave it.
    pub fn publish_all(
        &self,
        block: u32,
        length: u32,
        sent: &Image,
        now: Ticks,
    ) -> Result<Published, Refusal> {
        let request = Request::on_block(Operation::Publish, block, length, now);
        let target = self
            .find(&request)
            .map_err(|(_, refusal)| self.refuse_without_vf(refusal))?;
        self.publication
            .begin()
            .map_err(|refusal| self.refuse_without_vf(refusal))?;
        let message = sent_bytes(sent, length);
        let mut image = [0; block_table::MAX_BLOCK_LENGTH];
        for (byte, sent) in image.iter_mut().zip(message) {
            *byte = *sent;
        }
        let agreed = self.cells.iter().try_for_each(|cell| {
            self.visit(cell, |vf| vf.stage(target, &request, &image, message.len()))
        });
        let outcome = match agreed {
            Ok(()) => self.publication.commit(),
            Err(refusal) => {
                self.publication.abort(refusal);
                Err(refusal)
            }
        };
        for cell in self.cells {
            self.visit(cell, |_| ());
        }
        self.publication.end();
        outcome.map(|()| Published {
            notified: target.block.notify(),
        })
    }

    /// Latches invalidations for one VF: bit n of `mask` stands for block n. They stay latched until
    /// [`Broker::take_invalidation`] or a reset of the VF.
    ///
    /// # Errors
    /// `vf`, `invalidate` for a bit of a block that does not exist, `state`, `removed`.
    pub fn invalidate(&self, vf: u16, mask: u64, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::Invalidate, now);
        let cell = self.cell(vf)?;
        if mask & !self.invalidatable != 0 {
            return Err(self.refuse(cell, &request, None, Refusal::Invalidate));
        }
        self.visit(cell, |vf| vf.invalidate(&request, mask))
    }

    /// Latches invalidations for every VF. One that is held back finds them when it is served again.
    ///
    /// # Errors
    /// `invalidate` for a bit of a block that does not exist.
    pub fn invalidate_all(&self, mask: u64, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::Invalidate, now);
        if mask & !self.invalidatable != 0 {
            return Err(self.refuse_without_vf(Refusal::Invalidate));
        }
        for cell in self.cells {
            self.visit(cell, |vf| vf.invalidate_with_all(&request, mask));
        }
        Ok(())
    }

    /// Takes all latched invalidations of a VF; 0 when there are none. Each is taken once.
    ///
    /// # Errors
    /// `vf`, `state`, `removed`.
    pub fn take_invalidation(&self, vf: u16, now: Ticks) -> Result<u64, Refusal> {
        let handed_over = self.hand_over_invalidation(vf, now, || Some(()))?;
        Ok(handed_over.map_or(0, |((), mask)| mask))
    }

    /// Takes all latched invalidations of a VF together with something to carry them, such as a
    /// request that waits for them: both or neither, so none is lost for want of a request and no
    /// request is used up in vain. `carrier` is asked only if something is latched.
    ///
    /// `carrier` runs under the VF's lock. It may take locks of the shell that are never held
    /// around a call of the broker.
    ///
    /// # Errors
    /// `vf`, `state`, `removed`.
    pub fn hand_over_invalidation<R>(
        &self,
        vf: u16,
        now: Ticks,
        carrier: impl FnOnce() -> Option<R>,
    ) -> Result<Option<(R, u64)>, Refusal> {
        let request = Request::on_vf(Operation::TakeInvalidation, now);
        self.visit(self.cell(vf)?, |vf| {
            vf.hand_over_invalidation(&request, carrier)
        })
    }

    /// Takes the oldest message of a stream: `Ok(false)` when there is none. On `Ok(true)` the first
    /// `max_length` bytes of `message` are the message, and the others zero.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (registers), `state`, `removed`. `message` is left as it is then, and
    /// when there is none.
    pub fn drain(
        &self,
        vf: u16,
        block: u32,
        message: &mut Image,
        now: Ticks,
    ) -> Result<bool, Refusal> {
        let request = Request::on_block(Operation::Drain, block, 0, now);
        let cell = self.cell(vf)?;
        let target = self.target(cell, &request)?;
        let taken = self.visit(cell, |vf| vf.drain(target, &request))?;
        if let Some(taken) = &taken {
            *message = *taken;
        }
        Ok(taken.is_some())
    }

    /// Begins a reset: from here on the VF is held back, and all that concerns it alone, but its
    /// status and journal, is refused as `state`. Calls that have reached the broker before either
    /// are done or will be refused.
    ///
    /// Everything that the VF wrote is wiped, with its streams, latched invalidations, sequences and
    /// limit; what the host's side wrote becomes what the manifest's `on-reset` says. The lock is
    /// taken anew for each block, so it is never held for longer than one block's wipe. Resets of
    /// one VF must come one at a time.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn begin_reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::BeginReset, now);
        let cell = self.cell(vf)?;
        self.visit(cell, |vf| vf.hold(&self.table, &self.publication, &request))?;
        for (index, block) in self.table.blocks().enumerate() {
            self.visit(cell, |vf| vf.wipe(Target { index, block }));
        }
        self.visit(cell, |vf| {
            vf.end_wiping();
        });
        Ok(())
    }

    /// Finishes a reset that has succeeded: serves the VF again. A VF that is served already is left
    /// as it is.
    ///
    /// # Errors
    /// `vf`, `removed`; `state` while [`Broker::begin_reset`] is still under way.
    pub fn finish_reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::Reset, now);
        self.visit(self.cell(vf)?, |vf| vf.open(&request))
    }

    /// Notes that a reset has failed. The VF stays held back until another one succeeds.
    ///
    /// # Errors
    /// `vf`.
    pub fn fail_reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::FailReset, now);
        self.visit(self.cell(vf)?, |vf| vf.note(&request));
        Ok(())
    }

    /// Resets a VF that has no hardware to wait for.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        self.begin_reset(vf, now)?;
        self.finish_reset(vf, now)
    }

    /// Records the power state of a VF, which is served in each of them.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn set_power(&self, vf: u16, state: PowerState, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_block(Operation::SetPower, 0, u32::from(state as u8), now);
        self.visit(self.cell(vf)?, |vf| vf.set_power(state, &request))
    }

    /// The device is gone: from here on every VF answers `removed`. What they hold stays readable
    /// through [`Broker::status`] and [`Broker::journal`].
    pub fn remove(&self, now: Ticks) {
        let request = Request::on_vf(Operation::Remove, now);
        for cell in self.cells {
            self.visit(cell, |vf| {
                vf.remove(&self.table, &self.publication, &request);
            });
        }
    }

    /// State and counters of a VF. It is answered in every state.
    ///
    /// # Errors
    /// `vf`.
    pub fn status(&self, vf: u16) -> Result<VfStatus, Refusal> {
        Ok(self.visit(self.cell(vf)?, |vf| vf.status()))
    }

    /// State and counters of one block of a VF. It is answered in every state, and not counted.
    ///
    /// # Errors
    /// `vf`, `block`.
    pub fn block_status(&self, vf: u16, block: u32) -> Result<BlockStatus, Refusal> {
        let cell = self.cell(vf)?;
        let index = self.table.find(block).ok_or(Refusal::Block)?;
        self.visit(cell, |vf| vf.block_status(index))
    }

    /// Copies those of a VF's last events that are numbered above `after`, the oldest first, as many
    /// as fit into `entries`.
    ///
    /// # Errors
    /// `vf`.
    pub fn journal(&self, vf: u16, after: u64, entries: &mut [Entry]) -> Result<Excerpt, Refusal> {
        Ok(self.visit(self.cell(vf)?, |vf| vf.excerpt(after, entries)))
    }

    /// How many writes of VFs were committed and how many resets finished, over all VFs, since the
    /// device started. It never decreases.
    ///
    /// Each VF counts for itself, so that counting makes no VF wait for another; this sum visits
    /// all of them. Whoever waits for a change must announce itself before it asks for the sum.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        self.cells.iter().fold(0, |sum, cell| {
            sum.wrapping_add(self.visit(cell, |vf| vf.changes()))
        })
    }

    /// How many operations were refused that no VF can be charged with: those with a VF index that
    /// does not exist, and those upon all VFs that were refused whatever the VF.
    #[must_use]
    pub fn refused_without_vf(&self) -> u64 {
        self.refused_without_vf.load(Ordering::Relaxed)
    }

    #[inline]
    fn cell(&self, vf: u16) -> Result<&'a C, Refusal> {
        self.cells
            .get(usize::from(vf))
            .ok_or_else(|| self.refuse_without_vf(Refusal::Vf))
    }

    /// Runs an operation on a VF under its lock, on top of what was published to all VFs before.
    #[inline]
    fn visit<R>(&self, cell: &C, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        cell.with(|vf| {
            vf.settle(&self.table, &self.publication);
            operation(vf)
        })
    }

    #[cold]
    fn refuse_without_vf(&self, refusal: Refusal) -> Refusal {
        self.refused_without_vf.fetch_add(1, Ordering::Relaxed);
        refusal
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
        self.visit(cell, |vf| vf.refuse(request, index, refusal))
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

/// The first `length` bytes; none for a length that is refused in its turn.
#[inline]
fn sent_bytes(sent: &Image, length: u32) -> &[u8] {
    usize::try_from(length)
        .ok()
        .and_then(|length| sent.get(..length))
        .unwrap_or_default()
}
