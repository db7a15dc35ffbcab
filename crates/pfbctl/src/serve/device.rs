//! The device that all connections share: one operation at a time, and waits for changes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use block_trace::{Operation, Outcome};
use pf_broker_abi::ChangesCookie;

use super::management::{self, Answer};
use crate::simulation::Simulation;

/// A device that runs.
pub(super) struct Device<'d, 's> {
    simulation: Mutex<&'d mut Simulation<'s>>,
    /// An operation has ended, which may have changed something.
    changed: Condvar,
}

impl<'d, 's> Device<'d, 's> {
    /// Starts the device: its clock runs, and a virtualization stack is attached.
    pub(super) fn start(simulation: &'d mut Simulation<'s>) -> Self {
        simulation.start_clock();
        simulation.broker().note_attachment(true).without_waiters();
        Self {
            simulation: Mutex::new(simulation),
            changed: Condvar::new(),
        }
    }

    /// Answers a request of the management interface.
    pub(super) fn control(&self, code: u32, input: &[u8], room: usize) -> Answer {
        let mut simulation = self.lock();
        let answer = management::answer(&mut simulation, code, input, room);
        self.changed.notify_all();
        answer
    }

    /// Performs an operation of a player, which has received the changes of its cookie.
    pub(super) fn perform(&self, seen: &mut ChangesCookie, operation: &Operation) -> Outcome {
        let outcome = self.lock().perform_for(seen, operation);
        self.changed.notify_all();
        outcome
    }

    /// Waits for the end of another operation, at most this long, and answers again.
    pub(super) fn control_later(
        &self,
        code: u32,
        input: &[u8],
        room: usize,
        time: Duration,
    ) -> Answer {
        let waited = self.changed.wait_timeout(self.lock(), time);
        let (mut simulation, _) = waited.unwrap_or_else(PoisonError::into_inner);
        simulation.expire();
        management::answer(&mut simulation, code, input, room)
    }

    fn lock(&self) -> MutexGuard<'_, &'d mut Simulation<'s>> {
        let simulation = self
            .simulation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        simulation.expire();
        simulation
    }
}
