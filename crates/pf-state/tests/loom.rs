//! Driver operations that may overlap, in every order that loom can find: here a surprise removal.
//! `RUSTFLAGS="--cfg loom" cargo test -p pf-state --release --test loom`.
//!
//! `EvtDeviceSurpriseRemoval` is not synchronized with the power callbacks, with queries, or with
//! requests that arrive. Each model runs the driver's own removal, rundowns, sleeper and state
//! machine with loom's threads in place of the framework's.
#![cfg(loom)]

#[path = "loom/alarm.rs"]
mod alarm;
#[path = "loom/companion.rs"]
mod companion;
#[path = "loom/invalidation.rs"]
mod invalidation;
#[path = "loom/reset.rs"]
mod reset;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread::{spawn, yield_now};
use pf_state::companion::Attachment;
use pf_state::hardware_rundowns::HardwareRundowns;
use pf_state::rebalance::{Rebalance, Resumption, Signal, Sleeper, Verdict};
use pf_state::removal::{Removal, drain, mark_removed};
use pf_state::rundown::Rundown;
use pf_state::status;

/// A kernel event that lets one waiter go for each time it is set.
struct Event {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Event {
    fn new() -> Self {
        Self {
            set: Mutex::new(false),
            changed: Condvar::new(),
        }
    }
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

/// The parts of a PF that a removal is about.
struct Pf {
    alive: Rundown,
    rundowns: HardwareRundowns,
    rebalance: Mutex<Rebalance>,
    sleeper: Sleeper<Event>,
    companion: Attachment,
    /// Requests that wait.
    queue: Mutex<u32>,
    /// Requests that the removal completed.
    completed: Mutex<u32>,
    /// Whether the hardware is there, written by power callbacks alone.
    hardware: loom::cell::UnsafeCell<bool>,
}

// SAFETY: the models follow the driver's rule for the hardware; loom checks it.
unsafe impl Sync for Pf {}
// SAFETY: as above.
unsafe impl Send for Pf {}

impl Pf {
    fn new() -> Arc<Self> {
        let mut rebalance = Rebalance::new();
        rebalance.attach(1);
        Arc::new(Self {
            alive: Rundown::open(),
            rundowns: HardwareRundowns::closed(),
            rebalance: Mutex::new(rebalance),
            sleeper: Sleeper::new(Event::new()),
            companion: Attachment::absent(),
            queue: Mutex::new(0),
            completed: Mutex::new(0),
            hardware: loom::cell::UnsafeCell::new(false),
        })
    }

    /// What `EvtDeviceD0Entry` or `EvtDeviceReleaseHardware` writes.
    fn change_hardware(&self, there: bool) {
        self.rundowns.close(|| yield_now());
        // SAFETY: loom checks that no other thread reads or writes meanwhile.
        self.hardware.with_mut(|place| unsafe { *place = there });
    }
}

impl Removal for Pf {
    type Signal = Event;

    fn alive(&self) -> &Rundown {
        &self.alive
    }

    fn hardware(&self) -> &HardwareRundowns {
        &self.rundowns
    }

    fn sleeper(&self) -> &Sleeper<Event> {
        &self.sleeper
    }

    fn with_rebalance<R>(&self, function: impl FnOnce(&mut Rebalance) -> R) -> R {
        function(&mut self.rebalance.lock().unwrap())
    }

    fn remove_vfs(&self) {}

    fn companion(&self) -> Option<&Attachment> {
        Some(&self.companion)
    }

    fn pause(&self, _milliseconds: u32) {
        yield_now();
    }

    fn report_companion(&self) {}

    fn is_first_drain(&self) -> bool {
        true
    }

    fn complete_pending(&self) {
        *self.completed.lock().unwrap() += std::mem::take(&mut *self.queue.lock().unwrap());
    }
}

#[test]
fn a_request_that_arrives_is_refused_or_drained() {
    loom::model(|| {
        let pf = Pf::new();
        let arriving = {
            let pf = Arc::clone(&pf);
            spawn(move || {
                let Some(_guard) = pf.alive.enter() else {
                    return 0;
                };
                *pf.queue.lock().unwrap() += 1;
                1
            })
        };
        mark_removed(&*pf);
        drain(&*pf);
        let arrived = arriving.join().unwrap();
        assert_eq!(arrived, *pf.completed.lock().unwrap());
    });
}

#[test]
fn a_query_that_waits_is_woken_whenever_the_removal_comes() {
    loom::model(|| {
        let pf = Pf::new();
        let query = {
            let pf = Arc::clone(&pf);
            spawn(move || {
                let verdict = pf.rebalance.lock().unwrap().query_stop();
                match verdict {
                    Verdict::Wait => pf.sleeper.sleep(),
                    Verdict::Proceed(status) => status,
                }
            })
        };
        mark_removed(&*pf);
        assert_eq!(query.join().unwrap(), status::DEVICE_REMOVED);
    });
}

#[test]
fn a_restart_that_waits_is_woken_by_the_answer_or_by_the_removal_and_once() {
    loom::model(|| {
        let pf = Pf::new();
        {
            let mut rebalance = pf.rebalance.lock().unwrap();
            assert_eq!(rebalance.query_stop(), Verdict::Wait);
            rebalance.mark_delivered();
            let wake = rebalance.event_complete(status::SUCCESS);
            drop(rebalance);
            pf.sleeper.wake(wake.ok());
            assert_eq!(pf.sleeper.sleep(), status::SUCCESS);
        }
        assert_eq!(
            pf.rebalance.lock().unwrap().running_again(),
            Resumption::Wait
        );
        let answer = {
            let pf = Arc::clone(&pf);
            spawn(move || {
                let mut rebalance = pf.rebalance.lock().unwrap();
                rebalance.mark_delivered();
                let wake = rebalance.event_complete(status::SUCCESS);
                drop(rebalance);
                pf.sleeper.wake(wake.ok());
            })
        };
        let removal = {
            let pf = Arc::clone(&pf);
            spawn(move || mark_removed(&*pf))
        };
        pf.sleeper.sleep();
        answer.join().unwrap();
        removal.join().unwrap();
        // No callback is woken twice: the event is not set any more.
        assert!(!*pf.sleeper.signal().set.lock().unwrap());
    });
}

#[test]
fn a_call_reaches_hardware_that_is_there_beside_a_start_and_a_removal() {
    loom::model(|| {
        let pf = Pf::new();
        let start = {
            let pf = Arc::clone(&pf);
            spawn(move || {
                pf.change_hardware(true);
                pf.rundowns.admit_resets();
                pf.rundowns.power_up();
            })
        };
        let removal = {
            let pf = Arc::clone(&pf);
            spawn(move || mark_removed(&*pf))
        };
        if let Some(_guard) = pf.rundowns.enter_powered() {
            // SAFETY: loom checks that no other thread writes meanwhile.
            assert!(pf.hardware.with(|place| unsafe { *place }));
        }
        start.join().unwrap();
        removal.join().unwrap();
        assert!(
            pf.rundowns.enter_powered().is_none(),
            "the removal is for good"
        );
        assert!(pf.rundowns.enter_vfs_on().is_none());
        // D0Exit and ReleaseHardware come after the start.
        pf.change_hardware(false);
    });
}
