//! What changed since a reader's last call.

use pf_broker_abi::{CHANGES_MORE, CHANGES_RESTARTED, Change, ChangesCookie};

use super::{Broker, VfLock};
use crate::changes::{Batch, ChangesEnd, MalformedCookie, Wanted};
use crate::kinds::Kinds;
use crate::outcome::{Deliver, FollowUp};
use crate::sync::{Ordering, fence};

/// Where a list continues.
#[derive(Clone, Copy)]
struct Place {
    vf: u16,
    entry: u32,
}

impl<L: VfLock> Broker<'_, L> {
    /// Lists the changes of `kinds` after those of `cookie`: that of the device first, then by VF,
    /// and within a VF the VF itself before its blocks. `take` gets each entry and returns whether
    /// it had room for it; if not, the list ends before the entry.
    ///
    /// Every change is listed at least once. One that happens while the list is made may be listed
    /// again by the next call, with the same revision.
    ///
    /// It loads one word for each VF, and acquires the locks of VFs that may have changed, one at a
    /// time: for 64 blocks or 16 entries, whichever comes first. `take` runs without a lock. At
    /// `PASSIVE_LEVEL`.
    ///
    /// # Errors
    /// When the cookie is one of this start of the device and malformed. A cookie of another start,
    /// or from the future, lists everything since this start, with [`CHANGES_RESTARTED`].
    pub fn changes(
        &self,
        kinds: Kinds,
        cookie: &ChangesCookie,
        mut take: impl FnMut(&Change) -> bool,
    ) -> Result<ChangesEnd, MalformedCookie> {
        self.list_changes(kinds, cookie, &mut take)
    }

    /// [`changes`](Self::changes), once for all closures.
    fn list_changes(
        &self,
        kinds: Kinds,
        cookie: &ChangesCookie,
        take: &mut dyn FnMut(&Change) -> bool,
    ) -> Result<ChangesEnd, MalformedCookie> {
        let is_known = *cookie == ChangesCookie::default() || self.is_of_this_start(cookie);
        let (cookie, flags) = if is_known {
            (*cookie, 0)
        } else {
            (ChangesCookie::default(), CHANGES_RESTARTED)
        };
        self.check(&cookie)?;
        let wanted = Wanted {
            kinds,
            since: cookie.since,
        };
        let mut next = ChangesCookie {
            start: self.start,
            ..cookie
        };
        if cookie.upto == 0 {
            let ended = self.epoch.advance();
            if let Some(change) = self.device_change(wanted)
                && !take(&change)
            {
                return Ok(ChangesEnd {
                    cookie: next,
                    flags: flags | CHANGES_MORE,
                });
            }
            next.upto = ended;
        } else {
            // As in `advance`, for a list whose first part another thread made.
            fence(Ordering::SeqCst);
        }
        let from = Place {
            vf: cookie.vf,
            entry: cookie.entry,
        };
        Ok(match self.list(wanted, from, take) {
            Some(Place { vf, entry }) => ChangesEnd {
                cookie: ChangesCookie { vf, entry, ..next },
                flags: flags | CHANGES_MORE,
            },
            None => ChangesEnd {
                cookie: ChangesCookie {
                    start: self.start,
                    since: next.upto,
                    ..ChangesCookie::default()
                },
                flags,
            },
        })
    }

    /// Whether there are changes of `kinds` after those of `cookie`.
    pub(crate) fn has_changes(&self, kinds: Kinds, cookie: &ChangesCookie) -> bool {
        self.changes(kinds, cookie, |_| false)
            .is_ok_and(|end| end.flags & CHANGES_MORE != 0)
    }

    /// Records that the virtualization stack has attached or detached. Calls come one at a time.
    pub fn note_attachment(&self, attached: bool) -> FollowUp {
        self.attachment.note(attached, &self.epoch);
        FollowUp {
            changed: if attached {
                Kinds::ATTACHED
            } else {
                Kinds::DETACHED
            },
            deliver: Deliver::Nothing,
        }
    }

    fn is_of_this_start(&self, cookie: &ChangesCookie) -> bool {
        let now = self.epoch.current();
        cookie.start == self.start && cookie.since < now && cookie.upto < now
    }

    /// Checks the place and the epochs of a cookie of this start.
    fn check(&self, cookie: &ChangesCookie) -> Result<(), MalformedCookie> {
        let blocks = u32::try_from(self.table.block_count()).unwrap_or(u32::MAX);
        let is_valid = if cookie.upto == 0 {
            cookie.vf == 0 && cookie.entry == 0
        } else {
            cookie.since <= cookie.upto
                && usize::from(cookie.vf) < self.vfs.len()
                && cookie.entry <= blocks
        };
        is_valid.then_some(()).ok_or(MalformedCookie)
    }

    /// The entry of the device, if it has one.
    fn device_change(&self, wanted: Wanted) -> Option<Change> {
        let (attached, detached) = self.attachment.since(wanted.since);
        let of = |kind, changed| if changed { kind } else { Kinds::NONE };
        let kinds = of(Kinds::ATTACHED, attached)
            .union(of(Kinds::DETACHED, detached))
            .intersection(wanted.kinds);
        (kinds != Kinds::NONE).then(|| Change {
            vf: 0,
            kinds: kinds.bits(),
            block: 0,
            revision: self.attachment.number(),
        })
    }

    /// Lists the changes of the VFs from a place on; returns the place of the first entry that had
    /// no room.
    fn list(
        &self,
        wanted: Wanted,
        from: Place,
        take: &mut dyn FnMut(&Change) -> bool,
    ) -> Option<Place> {
        let mut entry = from.entry;
        for (index, lock) in (from.vf..).zip(self.vfs.iter().skip(usize::from(from.vf))) {
            let mut next = lock
                .newest()
                .may_be_above(wanted.since)
                .then_some(core::mem::take(&mut entry));
            while let Some(place) = next {
                let mut batch = Batch::new();
                next = lock.with(|vf| {
                    if place == 0 {
                        lock.newest().mark_read(vf.newest_stamp());
                    }
                    vf.collect(&self.table, index, wanted, place, &mut batch)
                });
                for (place, change) in batch.entries() {
                    if !take(change) {
                        return Some(Place {
                            vf: index,
                            entry: *place,
                        });
                    }
                }
            }
            entry = 0;
        }
        None
    }
}
