//! What may overlap in the driver, in every order that loom can find: here a surprise removal.
//! `RUSTFLAGS="--cfg loom" cargo test -p pf-state --release --test loom`.
//!
//! `EvtDeviceSurpriseRemoval` is not synchronized with the power callbacks, with queries, or with
//! requests that arrive (`src/pf.rs`, `mark_removed` and `drain`). Each model runs the driver's own
//! rundowns, sleeper and state machine with loom's threads in place of the framework's.
#![cfg(loom)]

#[path = "loom/invalidation.rs"]
mod invalidation;
#[path = "loom/reset.rs"]
mod reset;

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread::{spawn, yield_now};
use pf_state::rebalance::{Rebalance, Resumption, Signal, Sleeper, Verdict};
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
    powered: Rundown,
    rebalance: Mutex<Rebalance>,
    sleeper: Sleeper<Event>,
    /// Requests that wait.
    queue: Mutex<u32>,
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
            powered: Rundown::closed(),
            rebalance: Mutex::new(rebalance),
            sleeper: Sleeper::new(Event::new()),
            queue: Mutex::new(0),
            hardware: loom::cell::UnsafeCell::new(false),
        })
    }

    /// `Pf::mark_removed` of the driver.
    fn mark_removed(&self) {
        let wake = self.rebalance.lock().unwrap().removed();
        self.sleeper.wake(wake);
        self.powered.shut();
        self.alive.shut();
    }

    /// `Pf::drain` of the driver: how many requests it completes.
    fn drain(&self) -> u32 {
        while !(self.powered.is_empty() && self.alive.is_empty()) {
            yield_now();
        }
        std::mem::take(&mut *self.queue.lock().unwrap())
    }

    /// `Pf::change_hardware` of the driver.
    fn change_hardware(&self, there: bool) {
        let _ = self.powered.close();
        while !self.powered.is_empty() {
            yield_now();
        }
        // SAFETY: loom checks that nobody else reads or writes meanwhile.
        self.hardware.with_mut(|place| unsafe { *place = there });
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
        pf.mark_removed();
        let drained = pf.drain();
        assert_eq!(arriving.join().unwrap(), drained);
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
        pf.mark_removed();
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
            spawn(move || pf.mark_removed())
        };
        pf.sleeper.sleep();
        answer.join().unwrap();
        removal.join().unwrap();
        // Nobody is woken twice: the event is not set any more.
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
                pf.powered.reopen();
            })
        };
        let removal = {
            let pf = Arc::clone(&pf);
            spawn(move || pf.mark_removed())
        };
        if let Some(_guard) = pf.powered.enter() {
            // SAFETY: loom checks that nobody writes meanwhile.
            assert!(pf.hardware.with(|place| unsafe { *place }));
        }
        start.join().unwrap();
        removal.join().unwrap();
        assert!(pf.powered.enter().is_none(), "the removal is for good");
        // D0Exit and ReleaseHardware come behind the start.
        pf.change_hardware(false);
    });
}
