//! Calls into the companion beside each other, a reset, a power change, a detach and a removal.

use std::num::NonZeroUsize;

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread::{spawn, yield_now};
use pf_state::companion::{
    Attachment, Caller, Handed, PowerChange, Turn, Unavailable, VfCalls, change_power, hand_over,
};
use pf_state::status::{self, NtStatus};

use super::{Event, Pf};
use pf_state::removal::drain;

/// One VF, its companion, and what the broker would hold.
struct Vf {
    attachment: Attachment,
    turn: Turn<Event>,
    /// What the companion works on, inside its calls alone.
    companion: UnsafeCell<u32>,
    /// The tenant of the VF, and of each committed write the tenant that sent it.
    broker: Mutex<(u32, Vec<u32>)>,
}

// SAFETY: the cell is used inside calls alone; loom checks that they do not overlap.
unsafe impl Sync for Vf {}
// SAFETY: as above.
unsafe impl Send for Vf {}

impl Vf {
    fn new() -> Arc<Self> {
        let attachment = Attachment::absent();
        attachment.begin_attach().unwrap();
        attachment.attached();
        attachment.set_ready(true).unwrap();
        Arc::new(Self {
            attachment,
            turn: Turn::new(Event::new()),
            companion: UnsafeCell::new(0),
            broker: Mutex::new((0, Vec::new())),
        })
    }

    fn calls(&self, caller: usize) -> VfCalls<'_, Event> {
        VfCalls {
            attachment: &self.attachment,
            turn: &self.turn,
            caller: Caller(NonZeroUsize::new(caller).unwrap()),
        }
    }

    fn call_companion(&self) {
        // SAFETY: loom checks that no other call runs.
        self.companion.with_mut(|calls| unsafe { *calls += 1 });
    }

    fn write(&self, caller: usize) -> Result<(), Unavailable> {
        hand_over(&Write { vf: self, caller })
    }

    /// A reset as `reset_vf` does it. The tenant changes before the wait for the call.
    fn reset(&self, caller: usize) {
        let calls = self.calls(caller).begin_reset().expect("the only reset");
        self.broker.lock().unwrap().0 += 1;
        while !calls.is_granted() {
            yield_now();
        }
        calls.finish(|| self.call_companion());
    }
}

struct Write<'v> {
    vf: &'v Vf,
    caller: usize,
}

impl Handed for Write<'_> {
    type Signal = Event;
    /// The tenant.
    type Pending = u32;
    type Refusal = Unavailable;

    fn calls(&self) -> VfCalls<'_, Event> {
        self.vf.calls(self.caller)
    }

    fn begin(&self, companion: Result<(), Unavailable>) -> Result<Option<u32>, Unavailable> {
        companion?;
        Ok(Some(self.vf.broker.lock().unwrap().0))
    }

    fn call(&self, _: &mut u32) -> NtStatus {
        self.vf.call_companion();
        status::SUCCESS
    }

    fn finish(&self, tenant: u32, answer: NtStatus) -> Result<(), Unavailable> {
        assert_eq!(answer, status::SUCCESS);
        let mut broker = self.vf.broker.lock().unwrap();
        if broker.0 != tenant {
            return Err(Unavailable::Reset);
        }
        broker.1.push(tenant);
        Ok(())
    }

    fn committed(&self) {
        self.vf.call_companion();
    }
}

#[test]
fn two_writes_are_called_one_after_the_other_and_both() {
    loom::model(|| {
        let vf = Vf::new();
        let other = {
            let vf = Arc::clone(&vf);
            spawn(move || vf.write(2))
        };
        assert_eq!(vf.write(1), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        assert_eq!(vf.broker.lock().unwrap().1.len(), 2);
        // SAFETY: no call runs any more.
        assert_eq!(vf.companion.with(|calls| unsafe { *calls }), 4);
    });
}

#[test]
fn a_write_beside_a_reset_is_the_tenants_before_or_after_it_or_is_refused() {
    loom::model(|| {
        let vf = Vf::new();
        let write = {
            let vf = Arc::clone(&vf);
            spawn(move || vf.write(2))
        };
        vf.reset(1);
        let written = write.join().unwrap();
        let committed = vf.broker.lock().unwrap().1.len();
        assert_eq!(usize::from(written.is_ok()), committed);
        assert!(matches!(written, Ok(()) | Err(Unavailable::Reset)));
        assert!(vf.turn.acquire(vf.calls(1).caller).is_ok(), "it is free");
    });
}

/// A call runs, two operations wait, and a reset or a removal comes: none waits for ever.
#[test]
fn operations_that_wait_are_let_go_by_a_reset_or_a_removal() {
    for removal in [false, true] {
        // Of three threads loom cannot try every order in a test's time.
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(move || {
            let vf = Vf::new();
            let call = vf.turn.acquire(vf.calls(1).caller).expect("free");
            let waiting = [2, 3].map(|caller| {
                let vf = Arc::clone(&vf);
                spawn(move || vf.turn.acquire(vf.calls(caller).caller).map(drop))
            });
            if removal {
                vf.turn.remove();
                drop(call);
            } else {
                let reset = vf.turn.begin_reset(vf.calls(4).caller).expect("the first");
                drop(call);
                assert!(reset.is_granted());
            }
            for waiting in waiting {
                let unavailable = if removal {
                    Unavailable::Removed
                } else {
                    Unavailable::Reset
                };
                // One that arrives after the reset gets the turn.
                let result = waiting.join().unwrap();
                assert!(result == Err(unavailable) || (result.is_ok() && !removal));
            }
        });
    }
}

struct Power<'v> {
    vf: &'v Vf,
    recorded: &'v Mutex<bool>,
}

impl PowerChange for Power<'_> {
    type Signal = Event;
    type Refusal = ();

    fn calls(&self) -> VfCalls<'_, Event> {
        self.vf.calls(2)
    }

    fn record(&self) -> Result<(), ()> {
        *self.recorded.lock().unwrap() = true;
        Ok(())
    }

    fn notify(&self) {
        self.vf.call_companion();
    }
}

#[test]
fn a_power_change_waits_for_a_reset_and_is_notified() {
    loom::model(|| {
        let vf = Vf::new();
        let power = {
            let vf = Arc::clone(&vf);
            spawn(move || {
                let recorded = Mutex::new(false);
                change_power(&Power {
                    vf: &vf,
                    recorded: &recorded,
                })
            })
        };
        vf.reset(1);
        assert_eq!(power.join().unwrap(), Ok(()));
        // SAFETY: no call runs any more.
        assert_eq!(vf.companion.with(|calls| unsafe { *calls }), 2);
    });
}

#[test]
fn a_companion_that_is_detached_is_not_called_once_it_is_idle() {
    loom::model(|| {
        let vf = Vf::new();
        let write = {
            let vf = Arc::clone(&vf);
            spawn(move || vf.write(2))
        };
        vf.attachment.detach();
        while !vf.attachment.is_idle() {
            yield_now();
        }
        // It is gone now. SAFETY: loom checks that no call runs.
        vf.companion.with_mut(|calls| unsafe { *calls = 0 });
        let written = write.join().unwrap();
        assert!(matches!(written, Ok(()) | Err(Unavailable::NotReady)));
    });
}

#[test]
fn a_removal_waits_for_the_call_that_runs() {
    loom::model(|| {
        let pf = Pf::new();
        pf.companion.begin_attach().unwrap();
        pf.companion.attached();
        pf.companion.set_ready(true).unwrap();
        let finished = Arc::new(Mutex::new(0));
        let call = {
            let (pf, finished) = (Arc::clone(&pf), Arc::clone(&finished));
            spawn(move || {
                let guard = pf.companion.enter();
                *finished.lock().unwrap() += u32::from(guard.is_some());
                guard.is_some()
            })
        };
        drain(&*pf);
        let finished = *finished.lock().unwrap();
        assert_eq!(
            call.join().unwrap(),
            finished == 1,
            "a call after the removal"
        );
    });
}
