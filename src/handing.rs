//! Writes and reads of VFs that the companion handles, and changes of VFs' power states, of which
//! it is notified. [`pf_state::companion`] has their steps and the order.

use core::cell::Cell;

use block_broker::{PendingRead, PendingWrite};
use block_table::{Image, MAX_BLOCK_LENGTH};
use pf_broker_abi::{Operation, PowerState};
use pf_state::{
    companion::{self, Handed, PowerChange, Unavailable, VfCalls},
    status::{self, NtStatus},
};

use crate::{
    follow_up,
    os::{
        kernel,
        wait::{self, Event},
    },
    pf::Pf,
    vfs::{VfContext, VfSet},
};

/// An operation of a VF on a block that the companion handles.
#[derive(Clone, Copy)]
pub(crate) struct OnVf<'p> {
    pf: &'p Pf,
    vfs: &'p VfSet,
    context: &'p VfContext,
    vf: u16,
    block: u32,
    length: u32,
}

impl<'p> OnVf<'p> {
    /// The operation, if the companion handles it; otherwise the broker does the whole of it.
    #[inline]
    pub(crate) fn find(
        pf: &'p Pf,
        vfs: &'p VfSet,
        operation: Operation,
        (vf, block, length): (u16, u32, u32),
    ) -> Option<Self> {
        let any = match operation {
            Operation::Write => vfs.hands_over.writes,
            _ => vfs.hands_over.reads,
        };
        if !any || !vfs.broker.is_handed_over(operation, block) {
            return None;
        }
        Some(Self {
            pf,
            vfs,
            context: vfs.vf(vf)?,
            vf,
            block,
            length,
        })
    }

    fn calls(&self) -> VfCalls<'_, Event> {
        self.pf.companion.calls(&self.context.turn)
    }
}

/// Hands an operation over, at `PASSIVE_LEVEL`. Above it, the companion cannot be called: the
/// operation is refused as without one.
fn hand_over<O: Handed<Refusal = NtStatus>>(operation: &O) -> Result<(), NtStatus> {
    if kernel::may_wait() {
        companion::hand_over(operation)
    } else {
        operation.begin(Err(Unavailable::NotReady)).map(drop)
    }
}

/// A VF's write, whose first `length` bytes are private to this call; up to `DISPATCH_LEVEL`.
#[cold]
pub(crate) fn write(on: OnVf<'_>, sent: &Image) -> Result<(), NtStatus> {
    hand_over(&VfWrite { on, sent })
}

/// A VF's read, which fills `reply`; up to `DISPATCH_LEVEL`.
#[cold]
pub(crate) fn read(on: OnVf<'_>, reply: &mut Image) -> Result<(), NtStatus> {
    hand_over(&VfRead {
        on,
        reply: Cell::from_mut(reply),
    })
}

struct VfWrite<'p> {
    on: OnVf<'p>,
    sent: &'p Image,
}

impl<'p> Handed for VfWrite<'p> {
    type Signal = Event;
    type Pending = PendingWrite<'p, VfContext>;
    type Refusal = NtStatus;

    fn calls(&self) -> VfCalls<'_, Event> {
        self.on.calls()
    }

    fn begin(&self, companion: Result<(), Unavailable>) -> Result<Option<Self::Pending>, NtStatus> {
        let OnVf {
            pf,
            vfs,
            vf,
            block,
            length,
            ..
        } = self.on;
        let companion = companion.map_err(Unavailable::refusal);
        let broker = &vfs.broker;
        let begun = broker.begin_write(companion, vf, block, length, self.sent, wait::now());
        Ok(follow_up::complete_write(pf, vfs, vf, begun)?.pending())
    }

    fn call(&self, pending: &mut Self::Pending) -> NtStatus {
        let data = pending.data();
        // SAFETY: `companion::hand_over` calls.
        let function = unsafe { self.on.pf.companion.function(|all| all.vf_write) };
        let Some((context, write)) = function else {
            return status::NOT_SUPPORTED;
        };
        let OnVf { vf, block, .. } = self.on;
        // SAFETY: the companion is attached while a call is in flight, the thread is at
        // PASSIVE_LEVEL without a lock, and the data live through the call.
        unsafe { write(context, vf, block, data.as_ptr(), length_of(data)) }
    }

    fn finish(&self, pending: Self::Pending, answer: NtStatus) -> Result<(), NtStatus> {
        let finished = pending.finish(answer.cast_unsigned(), wait::now());
        follow_up::complete(self.on.pf, self.on.vfs, finished)
    }

    fn committed(&self) {
        // SAFETY: `companion::hand_over` calls.
        let function = unsafe { self.on.pf.companion.function(|all| all.vf_committed) };
        let Some((context, committed)) = function else {
            return;
        };
        // SAFETY: the companion is attached while a call is in flight, and the thread is at
        // PASSIVE_LEVEL without a lock.
        unsafe { committed(context, self.on.vf, self.on.block) };
    }
}

struct VfRead<'p> {
    on: OnVf<'p>,
    reply: &'p Cell<Image>,
}

impl<'p> Handed for VfRead<'p> {
    type Signal = Event;
    type Pending = PendingRead<'p, VfContext>;
    type Refusal = NtStatus;

    fn calls(&self) -> VfCalls<'_, Event> {
        self.on.calls()
    }

    fn begin(&self, companion: Result<(), Unavailable>) -> Result<Option<Self::Pending>, NtStatus> {
        let OnVf {
            pf,
            vfs,
            vf,
            block,
            length,
            ..
        } = self.on;
        let companion = companion.map_err(Unavailable::refusal);
        let mut reply = [0; MAX_BLOCK_LENGTH];
        let broker = &vfs.broker;
        let begun = broker.begin_read(companion, vf, block, length, &mut reply, wait::now());
        let pending = follow_up::complete(pf, vfs, begun)?.pending();
        if pending.is_none() {
            self.reply.set(reply);
        }
        Ok(pending)
    }

    fn call(&self, pending: &mut Self::Pending) -> NtStatus {
        let data = pending.data_mut();
        // SAFETY: `companion::hand_over` calls.
        let function = unsafe { self.on.pf.companion.function(|all| all.vf_read) };
        let Some((context, read)) = function else {
            return status::NOT_SUPPORTED;
        };
        let OnVf { vf, block, .. } = self.on;
        let length = length_of(data);
        // SAFETY: the companion is attached while a call is in flight, the thread is at
        // PASSIVE_LEVEL without a lock, and the data live through the call.
        unsafe { read(context, vf, block, data.as_mut_ptr(), length) }
    }

    fn finish(&self, pending: Self::Pending, answer: NtStatus) -> Result<(), NtStatus> {
        let mut reply = [0; MAX_BLOCK_LENGTH];
        let finished = pending.finish(answer.cast_unsigned(), &mut reply, wait::now());
        follow_up::complete(self.on.pf, self.on.vfs, finished)?;
        self.reply.set(reply);
        Ok(())
    }

    /// A read commits nothing of the VF.
    fn committed(&self) {}
}

/// The length of a block's bytes, at most 128.
fn length_of(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap_or(0)
}

/// Sets the power state of a VF, at `PASSIVE_LEVEL`, and notifies the companion.
pub(crate) fn set_power(pf: &Pf, vfs: &VfSet, vf: u16, state: PowerState) -> Result<(), NtStatus> {
    let record = || follow_up::complete(pf, vfs, vfs.broker.set_power(vf, state, wait::now()));
    // The broker refuses a VF that does not exist, and counts that.
    let Some(context) = vfs.vf(vf) else {
        return record();
    };
    companion::change_power(&VfPower {
        pf,
        context,
        vf,
        state,
        record,
    })
}

struct VfPower<'p, R> {
    pf: &'p Pf,
    context: &'p VfContext,
    vf: u16,
    state: PowerState,
    record: R,
}

impl<R: Fn() -> Result<(), NtStatus>> PowerChange for VfPower<'_, R> {
    type Signal = Event;
    type Refusal = NtStatus;

    fn calls(&self) -> VfCalls<'_, Event> {
        self.pf.companion.calls(&self.context.turn)
    }

    fn record(&self) -> Result<(), NtStatus> {
        (self.record)()
    }

    fn notify(&self) {
        // SAFETY: `companion::change_power` calls, which holds a call guard meanwhile.
        let function = unsafe { self.pf.companion.function(|all| all.vf_power) };
        let Some((context, power)) = function else {
            return;
        };
        // SAFETY: the companion is attached while a call is in flight, and the thread is at
        // PASSIVE_LEVEL without a lock.
        unsafe { power(context, self.vf, self.state.code().into()) };
    }
}
