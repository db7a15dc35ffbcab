//! Shared state of one contended VF: the calls that run, how they end, and its blocks' history.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use kernel_runtime::clock;
use lab_control::contention::{Contended, kind, violation};
use lab_control::stack::Transferred;
use oracle::history::{BlockHistory, Violation};
use oracle::image::WriteId;
use wdk_sys::{STATUS_DEVICE_NOT_READY, STATUS_DEVICE_REMOVED, STATUS_SUCCESS};
use zerocopy::FromZeros as _;

use super::run::{END_LIMIT, Run};

/// One VF.
#[derive(Default)]
pub(super) struct VfState {
    pub(super) vf: u16,
    /// The history of blocks 0 and 1, of the halves of block 2, and of block 3's messages.
    pub(super) shared: BlockHistory,
    pub(super) sealed: BlockHistory,
    pub(super) of_the_vf: BlockHistory,
    pub(super) of_the_pf: BlockHistory,
    pub(super) messages: BlockHistory,
    running: [AtomicU32; kind::COUNT],
    overlaps: AtomicU64,
    /// A call has failed because the PF is removed.
    removed: AtomicBool,
    /// A reset runs or is about to begin.
    resetting: AtomicBool,
    /// A worker waits for an invalidation, and no reset may begin.
    listening: AtomicBool,
    served: [AtomicU32; kind::COUNT],
    held_back: [AtomicU32; kind::COUNT],
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It succeeded.
    Served,
    /// The VF is held back, or the PF is stopped; the call had no effect.
    HeldBack,
    /// It was refused, as expected.
    Refused,
    /// The worker ends.
    Over,
}

/// A call that a worker makes.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) kind: usize,
    pub(super) block: u32,
    /// It is for all VFs, including one that is held back.
    pub(super) to_all: bool,
    /// The status that it must end with if the VF is served.
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

    /// The history of every block.
    pub(super) fn histories(&self) -> [&BlockHistory; 5] {
        [
            &self.shared,
            &self.sealed,
            &self.of_the_vf,
            &self.of_the_pf,
            &self.messages,
        ]
    }

    /// Makes a call, records the calls that it overlapped with, and checks how it ended.
    pub(super) fn make(
        &self,
        run: &Run,
        call: Call,
        perform: impl FnOnce() -> Transferred,
    ) -> (End, Transferred) {
        let was_removed = self.is_removed();
        let reset = run.pci.recent_reset(self.vf);
        let result = self.while_running(call.kind, perform);
        // The same reset ran from the call's beginning to its end.
        let in_reset = reset.is_some() && reset == run.pci.recent_reset(self.vf);
        let held_back = in_reset && !call.to_all && call.kind != kind::RESET;
        if held_back && result.status == STATUS_SUCCESS.cast_unsigned() {
            self.fail(run, call, violation::DURING_RESET, &result);
            return (End::Over, result);
        }
        let end = self.judge(run, call, &result, was_removed);
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

    fn judge(&self, run: &Run, call: Call, result: &Transferred, was_removed: bool) -> End {
        let status = result.status;
        let removed = STATUS_DEVICE_REMOVED.cast_unsigned();
        if result.spoiled != 0 {
            self.fail(run, call, violation::SPOILED, result);
            return End::Over;
        }
        if status == removed && run.removal {
            self.removed.store(true, Ordering::SeqCst);
            return End::Over;
        }
        if status == STATUS_DEVICE_NOT_READY.cast_unsigned() {
            return End::HeldBack;
        }
        if status != call.expected {
            self.fail(run, call, violation::STATUS, result);
            return End::Over;
        }
        if status != STATUS_SUCCESS.cast_unsigned() {
            return End::Refused;
        }
        // Configuration space is served a little longer than the blocks.
        if was_removed && call.kind != kind::CONFIG {
            self.fail(run, call, violation::SERVED_AFTER_REMOVAL, result);
            return End::Over;
        }
        End::Served
    }

    /// Whether a call has failed because the PF is removed.
    pub(super) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }

    /// Runs a reset while no worker waits for an invalidation.
    pub(super) fn while_resetting<T>(&self, reset: impl FnOnce() -> T) -> T {
        self.resetting.store(true, Ordering::SeqCst);
        clock::wait_until(END_LIMIT, || !self.listening.load(Ordering::SeqCst));
        let result = reset();
        self.resetting.store(false, Ordering::SeqCst);
        result
    }

    /// Runs `listen`; its argument is true if no reset begins meanwhile.
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

    /// Ends the contention: a call broke a rule.
    pub(super) fn fail(&self, run: &Run, call: Call, violation: u32, result: &Transferred) {
        let mut contended = self.contended(call, violation, result);
        contended.writer = u32::MAX;
        run.fail(contended);
    }

    /// Ends the contention: a read cannot have returned what it did.
    pub(super) fn fail_read(
        &self,
        run: &Run,
        call: Call,
        violation: Violation,
        result: &Transferred,
    ) {
        let (violation, id) = match violation {
            Violation::Mixed => (violation::MIXED, None),
            Violation::Lost => (violation::LOST, None),
            Violation::OutlivedReset(id) => (violation::OUTLIVED_RESET, Some(id)),
            Violation::Stale(id) => (violation::STALE, Some(id)),
            Violation::Refused(id) => (violation::REFUSED, Some(id)),
            Violation::OutOfOrder(id) => (violation::OUT_OF_ORDER, Some(id)),
        };
        let mut contended = self.contended(call, violation, result);
        let unknown = (u32::MAX, 0);
        (contended.writer, contended.number) = id.map_or(unknown, |WriteId { writer, number }| {
            (writer.into(), number)
        });
        run.fail(contended);
    }

    fn contended(&self, call: Call, violation: u32, result: &Transferred) -> Contended {
        Contended {
            violation,
            kind: u32::try_from(call.kind).unwrap_or(u32::MAX),
            vf: self.vf.into(),
            block: call.block,
            status: result.status,
            data: result.data,
            ..Contended::new_zeroed()
        }
    }

    /// Adds this VF's counters.
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
