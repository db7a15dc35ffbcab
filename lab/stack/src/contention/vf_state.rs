//! One VF that many are on: which calls are under way, how they end, and what is known of its blocks.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use lab_control::contention::{Contended, kind, lie};
use lab_control::stack::Transferred;
use oracle::image::Mark;
use oracle::register::{Lie, Register};
use wdk_sys::{STATUS_DEVICE_NOT_READY, STATUS_DEVICE_REMOVED, STATUS_SUCCESS};
use zerocopy::FromZeros as _;

use super::{Field, PATIENCE};
use crate::kernel::clock;

/// One VF.
#[derive(Default)]
pub(super) struct VfState {
    pub(super) vf: u16,
    /// What is known of block 0, 1, the halves of 2, and of the messages of block 3.
    pub(super) shared: Register,
    pub(super) sealed: Register,
    pub(super) of_the_vf: Register,
    pub(super) of_the_pf: Register,
    pub(super) messages: Register,
    running: [AtomicU32; kind::COUNT],
    overlaps: AtomicU64,
    /// Somebody was told that the PF is removed.
    removed: AtomicBool,
    /// A reset is under way or about to be.
    resetting: AtomicBool,
    /// Somebody waits to be told, and no reset may begin.
    listening: AtomicBool,
    served: [AtomicU32; kind::COUNT],
    held_back: [AtomicU32; kind::COUNT],
}

/// How a call ended, as far as the players care.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Served,
    /// The VF is held back, or the PF is stopped; the call had no effect.
    HeldBack,
    /// It was refused as it must be.
    Refused,
    /// There is nothing more to do.
    Over,
}

/// A call that is made: its kind, the block that it is about, and the refusal that it asks for.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) kind: usize,
    pub(super) block: u32,
    /// It is for all VFs: one that is held back takes part.
    pub(super) to_all: bool,
    /// The status that it must end with if the VF is served; success if it is no bad call.
    pub(super) expected: u32,
}

impl Call {
    pub(super) const fn new(kind: usize, block: u32) -> Self {
        Self {
            kind,
            block,
            to_all: false,
            expected: STATUS_SUCCESS.cast_unsigned(),
        }
    }
}

impl VfState {
    pub(super) fn new(vf: u16) -> Self {
        Self {
            vf,
            ..Self::default()
        }
    }

    /// What is known of every block.
    pub(super) fn registers(&self) -> [&Register; 5] {
        [
            &self.shared,
            &self.sealed,
            &self.of_the_vf,
            &self.of_the_pf,
            &self.messages,
        ]
    }

    /// Makes a call, notes what it overlapped with, and judges how it ended.
    pub(super) fn make(
        &self,
        field: &Field,
        call: Call,
        perform: impl FnOnce() -> Transferred,
    ) -> (End, Transferred) {
        let was_removed = self.is_removed();
        let reset = field.pci.recent_reset(self.vf);
        let result = self.while_running(call.kind, perform);
        // The same reset was under way from the call's beginning to its end.
        let in_reset = reset.is_some() && reset == field.pci.recent_reset(self.vf);
        let held_back = in_reset && !call.to_all && call.kind != kind::RESET;
        if held_back && result.status == STATUS_SUCCESS.cast_unsigned() {
            self.accuse(field, call, lie::DURING_RESET, &result);
            return (End::Over, result);
        }
        let end = self.judge(field, call, &result, was_removed);
        let counters = match end {
            End::Served => &self.served,
            End::HeldBack | End::Refused | End::Over => &self.held_back,
        };
        if let Some(counter) = counters.get(call.kind) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        (end, result)
    }

    fn while_running<T>(&self, kind: usize, perform: impl FnOnce() -> T) -> T {
        let Some(own) = self.running.get(kind) else {
            return perform();
        };
        let alone = own.fetch_add(1, Ordering::SeqCst) == 0;
        for (other, count) in self.running.iter().enumerate() {
            let least = u32::from(other == kind);
            if (other == kind && !alone) || count.load(Ordering::SeqCst) > least {
                let bits = 1 << (kind::COUNT * kind + other) | 1 << (kind::COUNT * other + kind);
                self.overlaps.fetch_or(bits, Ordering::SeqCst);
            }
        }
        let result = perform();
        own.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn judge(&self, field: &Field, call: Call, result: &Transferred, was_removed: bool) -> End {
        let status = result.status;
        let removed = STATUS_DEVICE_REMOVED.cast_unsigned();
        if result.spoiled != 0 {
            self.accuse(field, call, lie::SPOILED, result);
            return End::Over;
        }
        if status == removed && field.removal {
            self.removed.store(true, Ordering::SeqCst);
            return End::Over;
        }
        if status == STATUS_DEVICE_NOT_READY.cast_unsigned() {
            return End::HeldBack;
        }
        if status != call.expected {
            self.accuse(field, call, lie::STATUS, result);
            return End::Over;
        }
        if status != STATUS_SUCCESS.cast_unsigned() {
            return End::Refused;
        }
        // Configuration space is served a little longer than the blocks.
        if was_removed && call.kind != kind::CONFIG {
            self.accuse(field, call, lie::SERVED_AFTER_REMOVAL, result);
            return End::Over;
        }
        End::Served
    }

    /// Whether somebody was told that the PF is removed.
    pub(super) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }

    /// Runs a reset while nobody listens.
    pub(super) fn while_resetting<T>(&self, reset: impl FnOnce() -> T) -> T {
        self.resetting.store(true, Ordering::SeqCst);
        clock::wait_until(PATIENCE, || !self.listening.load(Ordering::SeqCst));
        let result = reset();
        self.resetting.store(false, Ordering::SeqCst);
        result
    }

    /// Runs `listen`, and says to it whether no reset comes between.
    pub(super) fn while_listening<T>(&self, listen: impl FnOnce(bool) -> T) -> T {
        self.listening.store(true, Ordering::SeqCst);
        let calm = !self.resetting.load(Ordering::SeqCst);
        if !calm {
            self.listening.store(false, Ordering::SeqCst);
        }
        let result = listen(calm);
        self.listening.store(false, Ordering::SeqCst);
        result
    }

    /// Says that something is wrong.
    pub(super) fn accuse(&self, field: &Field, call: Call, lie: u32, result: &Transferred) {
        let mut verdict = self.verdict(call, lie, result);
        verdict.writer = u32::MAX;
        field.accuse(verdict);
    }

    /// Says that what was read cannot be.
    pub(super) fn accuse_read(&self, field: &Field, call: Call, lie: Lie, result: &Transferred) {
        let (lie, mark) = match lie {
            Lie::Mixed => (lie::MIXED, None),
            Lie::Lost => (lie::LOST, None),
            Lie::OutlivedReset(mark) => (lie::OUTLIVED_RESET, Some(mark)),
            Lie::Stale(mark) => (lie::STALE, Some(mark)),
            Lie::Refused(mark) => (lie::REFUSED, Some(mark)),
            Lie::OutOfOrder(mark) => (lie::OUT_OF_ORDER, Some(mark)),
        };
        let mut verdict = self.verdict(call, lie, result);
        let unknown = (u32::MAX, 0);
        (verdict.writer, verdict.number) =
            mark.map_or(unknown, |Mark { writer, number }| (writer.into(), number));
        field.accuse(verdict);
    }

    fn verdict(&self, call: Call, lie: u32, result: &Transferred) -> Contended {
        Contended {
            lie,
            kind: u32::try_from(call.kind).unwrap_or(u32::MAX),
            vf: self.vf.into(),
            block: call.block,
            status: result.status,
            data: result.data,
            ..Contended::new_zeroed()
        }
    }

    /// Adds what was counted here.
    pub(super) fn add_to(&self, contended: &mut Contended) {
        let sums = contended
            .served
            .iter_mut()
            .zip(&self.served)
            .chain(contended.held_back.iter_mut().zip(&self.held_back));
        for (sum, count) in sums {
            *sum += count.load(Ordering::SeqCst);
        }
        contended.overlaps |= self.overlaps.load(Ordering::SeqCst);
    }
}
