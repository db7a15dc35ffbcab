//! The sample companion: a companion driver in process, which answers as a trace says. It is called
//! as `pf_state::companion` orders the calls of the driver.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, PoisonError};

use block_broker::{Broker, PendingRead, PendingWrite, ResetBy, Ticks, VfLock};
use block_table::{Image, MAX_BLOCK_LENGTH};
use block_trace::{Direction, HandedWrite, PowerState};
use pf_broker_abi::Refusal;
use pf_state::companion::{
    Attachment, Caller, Handed, PowerChange, Turn, Unavailable, VfCalls, change_power, hand_over,
};
use pf_state::rebalance::Signal;
use pf_state::status::{self, NtStatus};

/// An event that lets one waiter go for each time it is set.
#[derive(Default)]
struct Event {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Signal for Event {
    fn set(&self) {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_set {
            is_set = self
                .changed
                .wait(is_set)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *is_set = false;
    }
}

/// How the companion answers writes or reads of a block.
struct Answer {
    status: NtStatus,
    /// What it publishes to the block during the call, or sets before a read.
    data: Option<Vec<u8>>,
}

/// The most writes that are kept until a trace takes them.
const MOST_HANDED: usize = 1 << 16;

/// The companion and what a trace has set.
pub(super) struct SampleCompanion {
    attachment: Attachment,
    /// One for each VF.
    turns: Vec<Turn<Event>>,
    /// Operations without an answer are accepted.
    answers: RefCell<BTreeMap<(u32, Direction), Answer>>,
    /// The last [`MOST_HANDED`] writes.
    handed: RefCell<VecDeque<HandedWrite>>,
}

/// One operation on a block of a VF, as it arrived.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) vf: u16,
    pub(super) block: u32,
    pub(super) length: u32,
    pub(super) now: Ticks,
}

impl SampleCompanion {
    /// A companion for this many VFs that is attached and not ready.
    pub(super) fn new(vfs: u16) -> Self {
        let attachment = Attachment::absent();
        attachment
            .begin_attach()
            .expect("there is no other companion");
        attachment.attached();
        Self {
            attachment,
            turns: (0..vfs).map(|_| Turn::new(Event::default())).collect(),
            answers: RefCell::default(),
            handed: RefCell::default(),
        }
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.attachment
            .set_ready(ready)
            .expect("the companion is attached");
    }

    pub(super) fn set_answer(&self, to: (u32, Direction), status: u32, data: Option<&[u8]>) {
        let answer = Answer {
            status: status.cast_signed(),
            data: data.map(<[u8]>::to_vec),
        };
        self.answers.borrow_mut().insert(to, answer);
    }

    /// The writes since the last time.
    pub(super) fn take_handed(&self) -> Vec<HandedWrite> {
        self.handed.take().into()
    }

    /// What orders the calls about the VF that has this turn.
    fn calls<'c>(&'c self, turn: &'c Turn<Event>) -> VfCalls<'c, Event> {
        VfCalls {
            attachment: &self.attachment,
            turn,
            caller: this_thread(),
        }
    }

    /// The turn of a VF; `None` if it does not exist.
    fn turn(&self, vf: u16) -> Option<&Turn<Event>> {
        self.turns.get(usize::from(vf))
    }

    /// A VF's write that the companion handles.
    pub(super) fn write<L: VfLock>(
        &self,
        broker: &Broker<'_, L>,
        request: Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        hand_over(&VfWrite {
            vf: self.vf(broker, request)?,
            sent,
        })
    }

    /// A VF's read that the companion handles: the reply.
    pub(super) fn read<L: VfLock>(
        &self,
        broker: &Broker<'_, L>,
        request: Request,
    ) -> Result<Image, Refusal> {
        let read = VfRead {
            vf: self.vf(broker, request)?,
            reply: Cell::new([0; MAX_BLOCK_LENGTH]),
        };
        hand_over(&read)?;
        Ok(read.reply.get())
    }

    /// A reset of a VF: its calls into the companion end before the blocks are served again.
    pub(super) fn reset<L: VfLock>(
        &self,
        broker: &Broker<'_, L>,
        vf: u16,
        now: Ticks,
    ) -> Result<(), Refusal> {
        let turn = self.turn(vf);
        let begun = turn.map(|turn| self.calls(turn).begin_reset()).transpose();
        let calls = begun.map_err(Unavailable::refusal)?;
        broker
            .begin_reset(vf, ResetBy::Host, now)
            .without_waiters()?;
        if let Some(calls) = calls {
            // One thread runs the simulation, so no call is in progress.
            debug_assert!(calls.is_granted());
            calls.finish(|| {});
        }
        broker.finish_reset(vf, now).without_waiters().map(drop)
    }

    /// Sets the power state of a VF.
    pub(super) fn set_power<L: VfLock>(
        &self,
        broker: &Broker<'_, L>,
        vf: u16,
        state: PowerState,
        now: Ticks,
    ) -> Result<(), Refusal> {
        let Some(turn) = self.turn(vf) else {
            return broker.set_power(vf, state, now).without_waiters();
        };
        change_power(&VfPower {
            companion: self,
            turn,
            record: || broker.set_power(vf, state, now).without_waiters(),
        })
    }

    fn vf<'c, L: VfLock>(
        &'c self,
        broker: &'c Broker<'_, L>,
        request: Request,
    ) -> Result<OnVf<'c, L>, Refusal> {
        Ok(OnVf {
            companion: self,
            broker,
            turn: self.turn(request.vf).ok_or(Refusal::Vf)?,
            request,
        })
    }

    /// Runs `with` on the data of an answer, and returns its status.
    fn answer(&self, to: (u32, Direction), with: impl FnOnce(&[u8])) -> NtStatus {
        let answers = self.answers.borrow();
        let Some(answer) = answers.get(&to) else {
            return status::SUCCESS;
        };
        if let Some(data) = &answer.data {
            with(data);
        }
        answer.status
    }
}

/// The broker's private copy: the first 128 bytes, and the requested length.
pub(crate) fn sent(data: &[u8]) -> (u32, Image) {
    let mut image = [0; MAX_BLOCK_LENGTH];
    let length = data.len().min(MAX_BLOCK_LENGTH);
    image[..length].copy_from_slice(&data[..length]);
    (u32::try_from(data.len()).unwrap_or(u32::MAX), image)
}

/// The address of a value that belongs to this thread.
fn this_thread() -> Caller {
    thread_local!(static HERE: u8 = const { 0 });
    let here = HERE.with(|here| std::ptr::from_ref(here).addr());
    Caller(NonZeroUsize::new(here).unwrap_or(NonZeroUsize::MIN))
}

/// An operation of a VF and where it goes.
struct OnVf<'c, L> {
    companion: &'c SampleCompanion,
    broker: &'c Broker<'c, L>,
    turn: &'c Turn<Event>,
    request: Request,
}

impl<L: VfLock> OnVf<'_, L> {
    fn calls(&self) -> VfCalls<'_, Event> {
        self.companion.calls(self.turn)
    }
}

struct VfWrite<'c, L> {
    vf: OnVf<'c, L>,
    sent: &'c Image,
}

impl<'c, L: VfLock> Handed for VfWrite<'c, L> {
    type Signal = Event;
    type Pending = PendingWrite<'c, L>;
    type Refusal = Refusal;

    fn calls(&self) -> VfCalls<'_, Event> {
        self.vf.calls()
    }

    fn begin(&self, companion: Result<(), Unavailable>) -> Result<Option<Self::Pending>, Refusal> {
        let Request {
            vf,
            block,
            length,
            now,
        } = self.vf.request;
        let companion = companion.map_err(Unavailable::refusal);
        let broker = self.vf.broker;
        let begun = broker.begin_write(companion, vf, block, length, self.sent, now);
        Ok(begun.without_waiters()?.pending())
    }

    fn call(&self, pending: &mut Self::Pending) -> NtStatus {
        let OnVf {
            companion,
            broker,
            request,
            ..
        } = self.vf;
        let Request { vf, block, now, .. } = request;
        let mut handed = companion.handed.borrow_mut();
        if handed.len() == MOST_HANDED {
            handed.pop_front();
        }
        handed.push_back(HandedWrite {
            vf,
            block,
            data: pending.data().to_vec(),
        });
        drop(handed);
        companion.answer((block, Direction::Write), |data| {
            let (length, image) = sent(data);
            let published = broker.publish(vf, block, length, &image, None, now);
            // A companion may ignore that its publish is refused. The journal has it.
            let _ = published.without_waiters();
        })
    }

    fn finish(&self, pending: Self::Pending, answer: NtStatus) -> Result<(), Refusal> {
        pending
            .finish(answer.cast_unsigned(), self.vf.request.now)
            .without_waiters()
    }

    /// The sample does nothing with it.
    fn committed(&self) {}
}

struct VfRead<'c, L> {
    vf: OnVf<'c, L>,
    reply: Cell<Image>,
}

impl<'c, L: VfLock> Handed for VfRead<'c, L> {
    type Signal = Event;
    type Pending = PendingRead<'c, L>;
    type Refusal = Refusal;

    fn calls(&self) -> VfCalls<'_, Event> {
        self.vf.calls()
    }

    fn begin(&self, companion: Result<(), Unavailable>) -> Result<Option<Self::Pending>, Refusal> {
        let Request {
            vf,
            block,
            length,
            now,
        } = self.vf.request;
        let companion = companion.map_err(Unavailable::refusal);
        let mut reply = [0; MAX_BLOCK_LENGTH];
        let broker = self.vf.broker;
        let begun = broker.begin_read(companion, vf, block, length, &mut reply, now);
        let pending = begun.without_waiters()?.pending();
        if pending.is_none() {
            self.reply.set(reply);
        }
        Ok(pending)
    }

    fn call(&self, pending: &mut Self::Pending) -> NtStatus {
        let OnVf {
            companion, request, ..
        } = self.vf;
        companion.answer((request.block, Direction::Read), |data| {
            for (byte, set) in pending.data_mut().iter_mut().zip(data) {
                *byte = *set;
            }
        })
    }

    fn finish(&self, pending: Self::Pending, answer: NtStatus) -> Result<(), Refusal> {
        let mut reply = [0; MAX_BLOCK_LENGTH];
        pending
            .finish(answer.cast_unsigned(), &mut reply, self.vf.request.now)
            .without_waiters()?;
        self.reply.set(reply);
        Ok(())
    }

    /// A read commits nothing of the VF.
    fn committed(&self) {}
}

struct VfPower<'c, R> {
    companion: &'c SampleCompanion,
    turn: &'c Turn<Event>,
    record: R,
}

impl<R: Fn() -> Result<(), Refusal>> PowerChange for VfPower<'_, R> {
    type Signal = Event;
    type Refusal = Refusal;

    fn calls(&self) -> VfCalls<'_, Event> {
        self.companion.calls(self.turn)
    }

    fn record(&self) -> Result<(), Refusal> {
        (self.record)()
    }

    /// The sample does nothing with it.
    fn notify(&self) {}
}
