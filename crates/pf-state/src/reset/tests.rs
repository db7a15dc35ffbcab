//! The order of a reset, with each step failing, beside a removal, and beside a second reset.

use std::{
    cell::{Cell, RefCell},
    num::NonZeroUsize,
};

use proptest::prelude::*;

use super::*;
use crate::{
    companion::{Attachment, Caller, Turn, TurnGuard, Unavailable},
    config::tests::vf as registers,
    rundown::{Rundown, RundownGuard},
    saved_registers::SavedRegisters,
    write_list::WriteList,
};

/// What the sequence did, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Wipe,
    Pause,
    ReportCompanion,
    Discard,
    ResetHardware,
    NotifyCompanion,
    ServeAgain,
    KeepClosed,
    Log(Result<Completion, NtStatus>),
    Deliver,
}

/// What each step of a reset returns.
#[derive(Clone, Copy, Debug)]
struct Plan {
    wipe: Result<(), NtStatus>,
    hardware: Result<Completion, ResetFailure>,
    serve_again: Result<(), NtStatus>,
    keep_closed: Result<(), NtStatus>,
    /// The pauses after which the call in flight leaves; none without a call.
    call_leaves_after: Option<usize>,
}

impl Plan {
    const SUCCESS: Self = Self {
        wipe: Ok(()),
        hardware: Ok(Completion::Clean),
        serve_again: Ok(()),
        keep_closed: Ok(()),
        call_leaves_after: None,
    };
}

/// Nothing waits for a turn in these tests.
struct Unwaited;

impl Signal for Unwaited {
    fn set(&self) {}

    fn wait(&self) {
        panic!("it would wait for ever");
    }
}

/// A companion and the turn of the VF.
struct Companion {
    attachment: Attachment,
    turn: Turn<Unwaited>,
}

impl Companion {
    fn attached() -> Self {
        let attachment = Attachment::absent();
        attachment.begin_attach().expect("the first");
        attachment.attached();
        Self {
            attachment,
            turn: Turn::new(Unwaited),
        }
    }
}

/// The threads of the reset, of a call into the companion, and of one that arrives later.
const RESETTING: Caller = Caller(NonZeroUsize::new(1).unwrap());
const CALLING: Caller = Caller(NonZeroUsize::new(2).unwrap());
const ARRIVING: Caller = Caller(NonZeroUsize::new(3).unwrap());

/// One VF with saved registers.
struct Vf<'r> {
    plan: Plan,
    rundown: &'r Rundown,
    saved: Cell<Option<SavedRegisters>>,
    call: RefCell<Option<RundownGuard<'r>>>,
    companion: Option<&'r Companion>,
    /// The call into the companion that runs when the reset begins.
    companion_call: RefCell<Option<TurnGuard<'r, Unwaited>>>,
    steps: RefCell<Vec<Step>>,
    /// Called at each step.
    at_step: Option<&'r dyn Fn(Step)>,
}

impl<'r> Vf<'r> {
    fn new(rundown: &'r Rundown, plan: Plan) -> Self {
        let mut space = registers();
        let list = WriteList::find(&mut space).expect("the VF answers");
        let call = plan.call_leaves_after.and_then(|_| rundown.enter());
        Self {
            plan,
            rundown,
            saved: Cell::new(list.save(&mut space)),
            call: RefCell::new(call),
            companion: None,
            companion_call: RefCell::new(None),
            steps: RefCell::default(),
            at_step: None,
        }
    }

    fn step(&self, step: Step) {
        self.steps.borrow_mut().push(step);
        if let Some(at_step) = self.at_step {
            at_step(step);
        }
        let is_over = matches!(step, Step::Log(Ok(_)) | Step::Deliver);
        assert_eq!(
            self.rundown.enter().is_some(),
            is_over,
            "calls are let in again at the end and not before: {step:?}"
        );
        if step == Step::ResetHardware {
            assert!(self.rundown.is_empty(), "a call is inside");
            assert!(
                self.companion_call.borrow().is_none(),
                "the companion is called"
            );
            assert_eq!(self.saved.get(), None, "registers could be restored");
        }
    }

    fn pauses(&self) -> usize {
        let steps = self.steps.borrow();
        steps.iter().filter(|step| **step == Step::Pause).count()
    }

    fn steps(&self) -> Vec<Step> {
        self.steps.borrow().clone()
    }
}

impl RegisterStore for Vf<'_> {
    fn rundown(&self) -> &Rundown {
        self.rundown
    }

    fn replace(&self, saved: Option<SavedRegisters>) -> Option<SavedRegisters> {
        assert_eq!(saved, None, "a reset saves nothing");
        self.step(Step::Discard);
        self.saved.replace(saved)
    }
}

impl VfReset for Vf<'_> {
    type FollowUp = ();
    type Signal = Unwaited;

    fn calls(&self) -> Option<VfCalls<'_, Unwaited>> {
        let Companion { attachment, turn } = self.companion?;
        Some(VfCalls {
            attachment,
            turn,
            caller: RESETTING,
        })
    }

    fn notify_companion(&self) {
        self.step(Step::NotifyCompanion);
    }

    fn wipe(&self) -> Result<(), NtStatus> {
        self.step(Step::Wipe);
        self.plan.wipe
    }

    fn pause(&self, _milliseconds: u32) {
        self.step(Step::Pause);
        if Some(self.pauses()) >= self.plan.call_leaves_after {
            // The call of the hardware leaves first.
            if self.call.take().is_none() {
                self.companion_call.take();
            }
        }
    }

    fn report_companion(&self) {
        self.step(Step::ReportCompanion);
    }

    fn reset_hardware(&self) -> Result<Completion, ResetFailure> {
        self.step(Step::ResetHardware);
        self.plan.hardware
    }

    fn serve_again(&self) -> Result<(), NtStatus> {
        self.step(Step::ServeAgain);
        self.plan.serve_again
    }

    fn keep_closed(&self) -> Result<(), NtStatus> {
        self.step(Step::KeepClosed);
        self.plan.keep_closed
    }

    fn log(&self, outcome: Result<Completion, NtStatus>) {
        self.step(Step::Log(outcome));
    }

    fn follow_up(&self, (): ()) {
        self.step(Step::Deliver);
    }
}

#[test]
fn a_reset_closes_wipes_drains_resets_and_reopens_in_this_order() {
    for completion in [Completion::Clean, Completion::TransactionsPending] {
        let rundown = Rundown::open();
        let plan = Plan {
            hardware: Ok(completion),
            call_leaves_after: Some(3),
            ..Plan::SUCCESS
        };
        let vf = Vf::new(&rundown, plan);
        assert_eq!(reset_vf(&vf), Ok(()));
        let expected = [
            Step::Wipe,
            Step::Pause,
            Step::Pause,
            Step::Pause,
            Step::Discard,
            Step::ResetHardware,
            Step::ServeAgain,
            Step::Log(Ok(completion)),
            Step::Deliver,
        ];
        assert_eq!(vf.steps(), expected);
        assert!(rundown.is_open());
    }
}

#[test]
fn the_companion_cleans_up_after_the_hardware_and_before_the_vf_is_served() {
    for failure in [None, Some(ResetFailure::Silent)] {
        let (rundown, companion) = (Rundown::open(), Companion::attached());
        let plan = Plan {
            hardware: failure.map_or(Ok(Completion::Clean), Err),
            call_leaves_after: Some(1),
            ..Plan::SUCCESS
        };
        // Until the companion has returned its calls are refused; when the VF is notified of its
        // invalidations, they are not.
        let at_step = |step| {
            let free = companion.turn.acquire(ARRIVING).map(drop);
            match step {
                Step::Wipe
                | Step::Pause
                | Step::ReportCompanion
                | Step::Discard
                | Step::ResetHardware => {
                    assert_eq!(free, Err(Unavailable::Reset), "{step:?}");
                }
                Step::NotifyCompanion => {
                    assert!(!companion.attachment.is_idle());
                    let nested = companion.turn.acquire_after_resets(RESETTING);
                    assert_eq!(nested.map(drop), Err(Unavailable::Nested));
                }
                Step::ServeAgain | Step::KeepClosed | Step::Log(_) | Step::Deliver => {
                    assert_eq!(free, Ok(()), "{step:?}");
                }
            }
        };
        let mut vf = Vf::new(&rundown, plan);
        vf.companion = Some(&companion);
        let call = companion.turn.acquire(CALLING).expect("free");
        vf.companion_call = RefCell::new(Some(call));
        vf.at_step = Some(&at_step);
        let outcome = reset_vf(&vf);
        assert_eq!(
            outcome,
            failure.map_or(Ok(()), |failure| Err(failure.status()))
        );
        let steps = vf.steps();
        assert_eq!(
            steps[..6],
            [
                Step::Wipe,
                Step::Pause,
                Step::Pause,
                Step::Discard,
                Step::ResetHardware,
                Step::NotifyCompanion,
            ]
        );
        let then = if failure.is_some() {
            Step::KeepClosed
        } else {
            Step::ServeAgain
        };
        assert_eq!(steps[6], then);
        assert!(companion.attachment.is_idle());
    }
}

#[test]
fn a_call_that_does_not_return_is_reported_once_and_waited_for() {
    let (rundown, companion) = (Rundown::open(), Companion::attached());
    let plan = Plan {
        call_leaves_after: Some(1000),
        ..Plan::SUCCESS
    };
    let mut vf = Vf::new(&rundown, plan);
    vf.companion = Some(&companion);
    vf.call.take();
    let call = companion.turn.acquire(CALLING).expect("free");
    vf.companion_call = RefCell::new(Some(call));
    assert_eq!(reset_vf(&vf), Ok(()));
    let steps = vf.steps();
    let count = |wanted| steps.iter().filter(|step| **step == wanted).count();
    assert_eq!(count(Step::ReportCompanion), 1);
    assert_eq!(count(Step::Pause), 1000);
}

#[test]
fn a_companion_that_is_not_there_is_not_notified() {
    let (rundown, companion) = (Rundown::open(), Companion::attached());
    companion.attachment.detach();
    let mut vf = Vf::new(&rundown, Plan::SUCCESS);
    vf.companion = Some(&companion);
    assert_eq!(reset_vf(&vf), Ok(()));
    assert!(!vf.steps().contains(&Step::NotifyCompanion));
    assert!(companion.turn.acquire(CALLING).is_ok());
}

#[test]
fn a_reset_inside_a_call_of_the_same_vf_is_refused_and_does_nothing() {
    let (rundown, companion) = (Rundown::open(), Companion::attached());
    let mut vf = Vf::new(&rundown, Plan::SUCCESS);
    vf.companion = Some(&companion);
    let call = companion.turn.acquire(RESETTING).expect("free");
    assert_eq!(reset_vf(&vf), Err(status::DEVICE_NOT_READY));
    assert_eq!(vf.steps(), []);
    assert!(rundown.is_open());
    drop(call);
    assert_eq!(reset_vf(&vf), Ok(()));
}

#[test]
fn a_reset_that_is_refused_lets_the_companion_be_called_again() {
    let (rundown, companion) = (Rundown::open(), Companion::attached());
    let plan = Plan {
        wipe: Err(status::DEVICE_REMOVED),
        ..Plan::SUCCESS
    };
    let mut vf = Vf::new(&rundown, plan);
    vf.companion = Some(&companion);
    assert_eq!(reset_vf(&vf), Err(status::DEVICE_REMOVED));
    assert_eq!(vf.steps(), [Step::Wipe]);
    assert!(companion.turn.acquire(CALLING).is_ok());
}

#[test]
fn a_reset_that_is_refused_changes_nothing() {
    let rundown = Rundown::open();
    let plan = Plan {
        wipe: Err(status::DEVICE_REMOVED),
        call_leaves_after: Some(1),
        ..Plan::SUCCESS
    };
    let vf = Vf::new(&rundown, plan);
    assert_eq!(reset_vf(&vf), Err(status::DEVICE_REMOVED));
    assert_eq!(vf.steps(), [Step::Wipe]);
    assert!(rundown.is_open() && !rundown.is_empty());
    assert!(vf.saved.get().is_some(), "its registers are still saved");
}

#[test]
fn hardware_that_does_not_reset_keeps_the_vf_closed_until_a_reset_succeeds() {
    let rundown = Rundown::open();
    for failure in [
        ResetFailure::Unreachable,
        ResetFailure::Unsupported,
        ResetFailure::Silent,
    ] {
        let plan = Plan {
            hardware: Err(failure),
            ..Plan::SUCCESS
        };
        let vf = Vf::new(&rundown, plan);
        assert_eq!(reset_vf(&vf), Err(failure.status()));
        let expected = [
            Step::Wipe,
            Step::Discard,
            Step::ResetHardware,
            Step::KeepClosed,
            Step::Log(Err(failure.status())),
        ];
        assert_eq!(vf.steps(), expected);
        assert!(!rundown.is_open());
    }
    assert_eq!(reset_vf(&Vf::new(&rundown, Plan::SUCCESS)), Ok(()));
    assert!(rundown.is_open());
}

#[test]
fn a_removal_beside_a_reset_that_succeeds_ends_it_with_the_removals_status() {
    let rundown = Rundown::open();
    // After the removal the VFs are off, which counts as a reset, and the broker refuses to serve.
    let plan = Plan {
        serve_again: Err(status::DEVICE_REMOVED),
        ..Plan::SUCCESS
    };
    let vf = Vf::new(&rundown, plan);
    assert_eq!(reset_vf(&vf), Err(status::DEVICE_REMOVED));
    let expected = [
        Step::Wipe,
        Step::Discard,
        Step::ResetHardware,
        Step::ServeAgain,
    ];
    assert_eq!(vf.steps(), expected, "nothing is delivered");
    assert!(rundown.close().is_ok(), "the reset gave the rundown back");
}

#[test]
fn a_removal_beside_a_reset_that_fails_ends_it_with_the_removals_status() {
    let rundown = Rundown::open();
    let plan = Plan {
        hardware: Err(ResetFailure::Unreachable),
        keep_closed: Err(status::DEVICE_REMOVED),
        ..Plan::SUCCESS
    };
    let vf = Vf::new(&rundown, plan);
    assert_eq!(reset_vf(&vf), Err(status::DEVICE_REMOVED));
    let failure = ResetFailure::Unreachable.status();
    assert_eq!(vf.steps().last(), Some(&Step::Log(Err(failure))));
    assert!(rundown.close().is_ok(), "the reset gave the rundown back");
}

#[test]
fn a_second_reset_is_refused_at_every_step_of_the_first_and_does_nothing() {
    for hardware in [Ok(Completion::Clean), Err(ResetFailure::Silent)] {
        let rundown = Rundown::open();
        let refused = Cell::new(0);
        let second = |step| {
            if matches!(step, Step::Log(_) | Step::Deliver) {
                return;
            }
            let second = Vf::new(&rundown, Plan::SUCCESS);
            assert_eq!(reset_vf(&second), Err(status::DEVICE_NOT_READY));
            assert_eq!(second.steps(), [], "{step:?}");
            refused.set(refused.get() + 1);
        };
        let plan = Plan {
            hardware,
            call_leaves_after: Some(1),
            ..Plan::SUCCESS
        };
        let mut first = Vf::new(&rundown, plan);
        first.at_step = Some(&second);
        let expected = hardware.map(drop).map_err(ResetFailure::status);
        assert_eq!(reset_vf(&first), expected);
        assert_eq!(refused.get(), 5, "wipe, pause, discard, hardware, end");
    }
}

fn refusal() -> impl Strategy<Value = Result<(), NtStatus>> {
    prop_oneof![Just(Ok(())), Just(Err(status::DEVICE_REMOVED))]
}

fn plan() -> impl Strategy<Value = Plan> {
    let hardware = prop_oneof![
        Just(Ok(Completion::Clean)),
        Just(Ok(Completion::TransactionsPending)),
        Just(Err(ResetFailure::Unreachable)),
        Just(Err(ResetFailure::Unsupported)),
        Just(Err(ResetFailure::Silent)),
    ];
    let call = prop::option::of(1_usize..4);
    (refusal(), hardware, refusal(), refusal(), call).prop_map(
        |(wipe, hardware, serve_again, keep_closed, call_leaves_after)| Plan {
            wipe,
            hardware,
            serve_again,
            keep_closed,
            call_leaves_after,
        },
    )
}

proptest! {
    /// [`Vf::step`] checks at each step whether calls may enter.
    #[test]
    fn a_vf_is_closed_from_a_failed_reset_of_its_hardware_to_one_that_succeeds(
        plans in prop::collection::vec(plan(), 1..8),
    ) {
        let rundown = Rundown::open();
        for plan in plans {
            let was_open = rundown.is_open();
            let vf = Vf::new(&rundown, plan);
            let outcome = reset_vf(&vf);
            let steps = vf.steps();
            drop(vf);
            let ran = steps.contains(&Step::ResetHardware);
            prop_assert_eq!(ran, plan.wipe.is_ok());
            let is_open = if ran { plan.hardware.is_ok() } else { was_open };
            prop_assert_eq!(rundown.is_open(), is_open);
            prop_assert_eq!(outcome.is_ok(), steps.contains(&Step::Deliver));
        }
    }
}
