//! Stamping a VF's changes, and listing them for a reader.

use block_table::Table;
use pf_broker_abi::{Change, Refusal};

use super::Vf;
use crate::changes::{BLOCKS, Batch, Changed, Stamp, Wanted};
use crate::kinds::Kinds;
use crate::stamps::{Epoch, Newest};

impl Vf<'_> {
    /// Notes a change of the VF itself.
    pub(super) fn note_change(&mut self, kinds: Kinds) {
        self.changed.kinds = self.changed.kinds.union(kinds);
    }

    /// Notes a change of a block.
    #[inline]
    pub(super) fn note_block_change(&mut self, kinds: Kinds, index: usize) {
        self.changed.block = index;
        self.note_change(kinds);
    }

    /// Notes an event that was journaled.
    #[inline]
    pub(super) fn note_event(&mut self, refusal: Option<Refusal>) {
        self.note_change(Kinds::JOURNALED);
        if refusal.is_some() {
            self.note_change(Kinds::REFUSED);
        }
    }

    /// Stamps what the operation that ends has changed, and returns its kinds. `newest` is that of
    /// the VF's lock.
    #[inline]
    pub(crate) fn stamp_changes(&mut self, newest: &Newest, epoch: &Epoch) -> Kinds {
        if self.changed.kinds == Kinds::NONE {
            return Kinds::NONE;
        }
        self.stamp(newest, epoch)
    }

    /// Not inlined, because every operation ends with it.
    #[inline(never)]
    fn stamp(&mut self, newest: &Newest, epoch: &Epoch) -> Kinds {
        let epoch = newest.stamp(epoch);
        let Changed { kinds, block } = core::mem::replace(&mut self.changed, Changed::NOTHING);
        if let (true, Some(slot)) = (
            kinds.intersects(Kinds::OF_BLOCKS),
            self.store.slot_mut(block),
        ) {
            let stamps = slot.stamps_mut();
            if kinds.intersects(Kinds::PUBLISHED) {
                stamps.published = epoch;
            } else {
                stamps.written = epoch;
            }
        }
        let event = self.journal.events();
        let stamps = &mut self.stamps;
        for (kind, stamp) in [
            (Kinds::RESET, &mut stamps.reset),
            (Kinds::POWER, &mut stamps.power),
            (Kinds::REFUSED, &mut stamps.refused),
            (Kinds::JOURNALED, &mut stamps.journaled),
        ] {
            if kinds.intersects(kind) {
                *stamp = Stamp { epoch, event };
            }
        }
        stamps.newest = epoch;
        kinds
    }

    /// The newest stamp of the VF and its blocks.
    pub(crate) fn newest_stamp(&self) -> u64 {
        self.stamps.newest
    }

    /// Adds the wanted entries from the place `from` on to `batch`, and returns the place with
    /// which to continue, if the VF has more places.
    pub(crate) fn collect(
        &self,
        table: &Table<'_>,
        vf: u16,
        wanted: Wanted,
        from: u32,
        batch: &mut Batch,
    ) -> Option<u32> {
        let mut place = from;
        if place == 0 {
            if let Some(change) = self.own_change(vf, wanted) {
                batch.push(0, change);
            }
            place = 1;
        }
        if !wanted.kinds.intersects(Kinds::OF_BLOCKS) {
            return None;
        }
        let end = place.saturating_add(BLOCKS);
        while place < end {
            let index = usize::try_from(place.wrapping_sub(1)).ok()?;
            let block = table.block(index)?;
            let slot = self.store.slot(index)?;
            let kinds = slot
                .stamps()
                .since(wanted.since, block.kind(), wanted.kinds);
            let change = Change {
                vf,
                kinds: kinds.bits(),
                block: block.id(),
                revision: slot.revision(),
            };
            if kinds != Kinds::NONE && !batch.push(place, change) {
                return Some(place);
            }
            place = place.wrapping_add(1);
        }
        Some(place)
    }

    /// The entry of the VF itself, if it has one.
    fn own_change(&self, vf: u16, wanted: Wanted) -> Option<Change> {
        let (kinds, event) = self
            .stamps
            .of_kinds()
            .into_iter()
            .filter(|(kind, stamp)| stamp.epoch > wanted.since && wanted.kinds.intersects(*kind))
            .fold((Kinds::NONE, 0), |(kinds, event), (kind, stamp)| {
                (kinds.union(kind), stamp.event.max(event))
            });
        (kinds != Kinds::NONE).then_some(Change {
            vf,
            kinds: kinds.bits(),
            block: 0,
            revision: event,
        })
    }
}
