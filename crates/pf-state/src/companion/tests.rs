//! Every event in every state of an attachment, and the steps of operations with threads that wait.

use std::{
    cell::{Cell, RefCell},
    num::NonZeroUsize,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::*;
use crate::{
    rebalance::Signal,
    status::{self, NtStatus},
};

/// A kernel event that lets one waiter go for each time it is set.
#[derive(Default)]
struct Event {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Signal for Event {
    fn set(&self) {
        *self.set.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut set = self.set.lock().unwrap();
        while !*set {
            set = self.changed.wait(set).unwrap();
        }
        *set = false;
    }
}

fn caller(number: usize) -> Caller {
    Caller(NonZeroUsize::new(number).expect("not zero"))
}

/// The state of an attachment, in plain words.
#[derive(Clone, Copy)]
struct Words {
    state: AttachmentState,
    calls: usize,
}

/// Plays one event on the attachment and on the words, and compares what can be seen.
fn play<'a>(
    event: usize,
    attachment: &'a Attachment,
    inside: &mut Vec<CallGuard<'a>>,
    words: &mut Words,
) {
    use AttachmentState::{Absent, Attaching, Detached, NotReady, Ready};
    let attached = matches!(words.state, NotReady | Ready);
    let may_call = attached || matches!(words.state, Attaching { .. });
    let removed = may_call.then_some(()).ok_or(status::DEVICE_REMOVED);
    assert_eq!(attachment.check_caller(), removed);
    match event {
        0 => {
            let possible = !may_call && words.calls == 0;
            let expected = possible.then_some(()).ok_or(status::INVALID_DEVICE_STATE);
            assert_eq!(attachment.begin_attach(), expected);
            if possible {
                words.state = Attaching { ready: false };
            }
        }
        1 | 2 => {
            let ready = event == 1;
            assert_eq!(attachment.set_ready(ready), removed);
            words.state = match words.state {
                Attaching { .. } => Attaching { ready },
                NotReady | Ready if ready => Ready,
                NotReady | Ready => NotReady,
                gone => gone,
            };
        }
        3 | 4 => {
            let (admitted, guard) = if event == 3 {
                (words.state == Ready, attachment.enter())
            } else {
                (attached, attachment.enter_notification())
            };
            assert_eq!(guard.is_some(), admitted);
            words.calls += usize::from(admitted);
            inside.extend(guard);
        }
        5 => {
            words.calls = words.calls.saturating_sub(1);
            drop(inside.pop());
        }
        6 => {
            attachment.attached();
            words.state = match words.state {
                Attaching { ready: true } => Ready,
                Attaching { ready: false } => NotReady,
                other => other,
            };
        }
        7 => {
            attachment.declined();
            if matches!(words.state, Attaching { .. }) {
                words.state = Absent;
            }
        }
        _ => {
            attachment.detach();
            if may_call {
                words.state = Detached;
            }
        }
    }
    assert_eq!(attachment.state(), words.state);
    assert_eq!(attachment.is_idle(), words.calls == 0);
}

#[test]
fn every_order_of_six_events_leaves_the_attachment_as_its_words_say() {
    const EVENTS: usize = 9;
    const LENGTH: u32 = 6;
    for order in 0..EVENTS.pow(LENGTH) {
        let attachment = Attachment::absent();
        let mut inside = Vec::new();
        let mut words = Words {
            state: AttachmentState::Absent,
            calls: 0,
        };
        let mut rest = order;
        for _ in 0..LENGTH {
            play(rest % EVENTS, &attachment, &mut inside, &mut words);
            rest /= EVENTS;
        }
    }
}

fn attached(ready: bool) -> Attachment {
    let attachment = Attachment::absent();
    attachment.begin_attach().unwrap();
    attachment.attached();
    attachment.set_ready(ready).unwrap();
    attachment
}

/// What an operation did, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Begin(Result<(), Unavailable>),
    Call,
    Finish(NtStatus),
    Committed,
}

/// A write whose steps succeed, or not, as planned.
struct Write<'c> {
    attachment: &'c Attachment,
    turn: &'c Turn<Event>,
    begin: Result<Option<u8>, &'static str>,
    answer: NtStatus,
    finish: Result<(), &'static str>,
    during_call: &'c dyn Fn(),
    steps: RefCell<Vec<Step>>,
}

impl<'c> Write<'c> {
    fn new(attachment: &'c Attachment, turn: &'c Turn<Event>) -> Self {
        Self {
            attachment,
            turn,
            begin: Ok(Some(1)),
            answer: status::SUCCESS,
            finish: Ok(()),
            during_call: &|| {},
            steps: RefCell::default(),
        }
    }

    fn steps(&self) -> Vec<Step> {
        self.steps.borrow().clone()
    }
}

impl Handed for Write<'_> {
    type Signal = Event;
    type Pending = u8;
    type Refusal = &'static str;

    fn calls(&self) -> VfCalls<'_, Event> {
        VfCalls {
            attachment: self.attachment,
            turn: self.turn,
            caller: caller(1),
        }
    }

    fn begin(&self, companion: Result<(), Unavailable>) -> Result<Option<u8>, &'static str> {
        self.steps.borrow_mut().push(Step::Begin(companion));
        companion.map_err(|_| "companion")?;
        self.begin
    }

    fn call(&self, pending: &mut u8) -> NtStatus {
        assert_eq!(*pending, 1);
        assert!(!self.attachment.is_idle(), "a detach waits for the call");
        assert_eq!(
            self.turn.acquire(caller(1)).map(drop),
            Err(Unavailable::Nested),
            "the call has the turn"
        );
        self.steps.borrow_mut().push(Step::Call);
        (self.during_call)();
        self.answer
    }

    fn finish(&self, pending: u8, answer: NtStatus) -> Result<(), &'static str> {
        assert_eq!(pending, 1);
        self.steps.borrow_mut().push(Step::Finish(answer));
        self.finish
    }

    fn committed(&self) {
        assert!(!self.attachment.is_idle(), "a detach waits for the call");
        self.steps.borrow_mut().push(Step::Committed);
    }
}

#[test]
fn an_accepted_write_goes_through_all_steps_and_leaves_the_turn_free() {
    let (attachment, turn) = (attached(true), Turn::new(Event::default()));
    let write = Write::new(&attachment, &turn);
    assert_eq!(hand_over(&write), Ok(()));
    assert_eq!(
        write.steps(),
        [
            Step::Begin(Ok(())),
            Step::Call,
            Step::Finish(status::SUCCESS),
            Step::Committed
        ]
    );
    assert!(attachment.is_idle() && turn.acquire(caller(1)).is_ok());
}

#[test]
fn a_step_that_fails_is_the_last_and_nothing_is_notified() {
    let (attachment, turn) = (attached(true), Turn::new(Event::default()));
    let refused = Write {
        begin: Err("value"),
        ..Write::new(&attachment, &turn)
    };
    assert_eq!(hand_over(&refused), Err("value"));
    assert_eq!(refused.steps(), [Step::Begin(Ok(()))]);
    let done = Write {
        begin: Ok(None),
        ..Write::new(&attachment, &turn)
    };
    assert_eq!(hand_over(&done), Ok(()));
    assert_eq!(done.steps(), [Step::Begin(Ok(()))]);
    let declined = Write {
        answer: status::UNSUCCESSFUL,
        finish: Err("declined"),
        ..Write::new(&attachment, &turn)
    };
    assert_eq!(hand_over(&declined), Err("declined"));
    assert_eq!(
        declined.steps(),
        [
            Step::Begin(Ok(())),
            Step::Call,
            Step::Finish(status::UNSUCCESSFUL)
        ]
    );
    assert!(attachment.is_idle() && turn.acquire(caller(1)).is_ok());
}

#[test]
fn without_a_companion_that_is_ready_nothing_waits_and_nothing_is_called() {
    let detached = attached(true);
    detached.detach();
    for attachment in [Attachment::absent(), attached(false), detached] {
        let turn = Turn::new(Event::default());
        let _busy = turn.acquire(caller(2)).expect("free");
        let write = Write::new(&attachment, &turn);
        assert_eq!(hand_over(&write), Err("companion"));
        assert_eq!(write.steps(), [Step::Begin(Err(Unavailable::NotReady))]);
    }
}

#[test]
fn a_reset_or_a_removal_refuses_a_write_that_arrives() {
    let (attachment, turn) = (attached(true), Turn::new(Event::default()));
    let reset = turn.begin_reset(caller(2)).expect("free");
    let write = Write::new(&attachment, &turn);
    assert_eq!(hand_over(&write), Err("companion"));
    assert_eq!(write.steps(), [Step::Begin(Err(Unavailable::Reset))]);
    drop(reset);
    assert_eq!(hand_over(&Write::new(&attachment, &turn)), Ok(()));
    turn.remove();
    let write = Write::new(&attachment, &turn);
    assert_eq!(hand_over(&write), Err("companion"));
    assert_eq!(write.steps(), [Step::Begin(Err(Unavailable::Removed))]);
}

#[test]
fn a_companion_that_is_not_ready_any_more_still_finishes_its_call() {
    let (attachment, turn) = (attached(true), Turn::new(Event::default()));
    let write = Write {
        during_call: &|| attachment.set_ready(false).unwrap(),
        ..Write::new(&attachment, &turn)
    };
    assert_eq!(hand_over(&write), Ok(()));
    assert_eq!(write.steps().last(), Some(&Step::Committed));
    let next = Write::new(&attachment, &turn);
    assert_eq!(hand_over(&next), Err("companion"));
}

#[test]
fn writes_of_one_vf_are_called_one_at_a_time_and_all_of_them() {
    let (attachment, turn) = (attached(true), Turn::new(Event::default()));
    let (inside, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 1..=4 {
            let (turn, inside, calls) = (&turn, &inside, &calls);
            scope.spawn(move || {
                for _ in 0..500 {
                    let _turn = turn.acquire(caller(number)).expect("no reset");
                    assert!(!inside.swap(true, Ordering::AcqRel), "two at once");
                    calls.fetch_add(1, Ordering::Relaxed);
                    inside.store(false, Ordering::Release);
                }
            });
        }
    });
    assert_eq!(calls.load(Ordering::Relaxed), 2000);
    assert!(attachment.is_idle());
}

/// Three operations of the tenant wait when a reset begins. None is called any more, also not for
/// the next tenant; the power change that waits beside them goes on after the reset.
#[test]
fn a_reset_lets_all_that_wait_go_before_the_call_returns() {
    let turn = Turn::new(Event::default());
    let call = turn.acquire(caller(1)).expect("free");
    let waiting = AtomicUsize::new(0);
    thread::scope(|scope| {
        let wait = |number| {
            waiting.fetch_add(1, Ordering::AcqRel);
            turn.acquire(caller(number)).map(drop)
        };
        let writes = [2, 3, 4].map(|number| scope.spawn(move || wait(number)));
        while waiting.load(Ordering::Acquire) < 3 {
            thread::yield_now();
        }
        // A write that has not looked at the turn yet is refused for the reset itself.
        let reset = turn.begin_reset(caller(9)).expect("the first");
        for write in writes {
            assert_eq!(write.join().unwrap(), Err(Unavailable::Reset));
        }
        let power = scope.spawn(|| turn.acquire_after_resets(caller(5)).map(drop));
        assert!(!reset.is_granted(), "the call runs");
        drop(call);
        assert!(reset.is_granted());
        assert!(!power.is_finished());
        drop(reset);
        assert_eq!(power.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_detach_waits_for_the_call_and_not_for_those_that_wait_for_their_turn() {
    let (attachment, turn) = (attached(true), Turn::new(Event::default()));
    let write = Write {
        during_call: &|| {
            attachment.detach();
            assert!(!attachment.is_idle());
            assert_eq!(attachment.begin_attach(), Err(status::INVALID_DEVICE_STATE));
        },
        ..Write::new(&attachment, &turn)
    };
    assert_eq!(hand_over(&write), Ok(()));
    assert!(attachment.is_idle());
    attachment.begin_attach().expect("a new companion");
}

/// A power change with the states of its companion.
struct Power<'c> {
    attachment: &'c Attachment,
    turn: &'c Turn<Event>,
    record: Result<(), &'static str>,
    recorded: Cell<bool>,
    notified: Cell<bool>,
}

impl PowerChange for Power<'_> {
    type Signal = Event;
    type Refusal = &'static str;

    fn calls(&self) -> VfCalls<'_, Event> {
        VfCalls {
            attachment: self.attachment,
            turn: self.turn,
            caller: caller(1),
        }
    }

    fn record(&self) -> Result<(), &'static str> {
        self.recorded.set(true);
        self.record
    }

    fn notify(&self) {
        assert!(self.recorded.get(), "recorded before");
        assert!(!self.attachment.is_idle());
        self.notified.set(true);
    }
}

#[test]
fn a_power_change_is_recorded_in_every_state_and_notified_while_there_is_a_companion() {
    let detached = attached(true);
    detached.detach();
    for (attachment, notified) in [
        (Attachment::absent(), false),
        (attached(false), true),
        (attached(true), true),
        (detached, false),
    ] {
        for record in [Ok(()), Err("removed")] {
            let turn = Turn::new(Event::default());
            let power = Power {
                attachment: &attachment,
                turn: &turn,
                record,
                recorded: Cell::new(false),
                notified: Cell::new(false),
            };
            assert_eq!(change_power(&power), record);
            assert!(power.recorded.get());
            assert_eq!(power.notified.get(), notified && record.is_ok());
            // The companion changes the state inside a call of its own.
            let _call = turn.acquire(caller(1)).expect("free");
            let nested = Power {
                notified: Cell::new(false),
                recorded: Cell::new(false),
                ..power
            };
            assert_eq!(change_power(&nested), record);
            assert!(nested.recorded.get() && !nested.notified.get());
        }
    }
}
