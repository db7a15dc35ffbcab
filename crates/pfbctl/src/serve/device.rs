//! The device that all connections share: one operation at a time, and waits for changes.

use std::convert::Infallible;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use block_trace::{Operation, Outcome};
use device_server::Answer;
use pf_broker_abi::ChangesCookie;

use super::management;
use crate::simulation::Simulation;

/// A device that runs.
pub(super) struct Shared<'d, 's> {
    simulation: Mutex<&'d mut Simulation<'s>>,
    /// An operation has ended, which may have changed something.
    changed: Condvar,
}

impl<'d, 's> Shared<'d, 's> {
    /// Starts the device: its clock runs, and a virtualization stack is attached.
    pub(super) fn start(simulation: &'d mut Simulation<'s>) -> Self {
        simulation.start_clock();
        simulation.broker().note_attachment(true).without_waiters();
        Self {
            simulation: Mutex::new(simulation),
            changed: Condvar::new(),
        }
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

impl device_server::Device for Shared<'_, '_> {
    type Error = Infallible;

    fn control(&self, code: u32, input: &[u8], room: usize) -> Answer {
        let mut simulation = self.lock();
        let answer = management::answer(&mut simulation, code, input, room);
        self.changed.notify_all();
        answer
    }

    /// Waits for the end of another operation, and answers again.
    fn control_later(&self, code: u32, input: &[u8], room: usize, time: Duration) -> Answer {
        let waited = self.changed.wait_timeout(self.lock(), time);
        let (mut simulation, _) = waited.unwrap_or_else(PoisonError::into_inner);
        simulation.expire();
        management::answer(&mut simulation, code, input, room)
    }

    fn player(&self) -> impl FnMut(&Operation) -> Result<Outcome, Infallible> {
        let mut seen = ChangesCookie::default();
        move |operation| {
            let outcome = self.lock().perform_for(&mut seen, operation);
            self.changed.notify_all();
            Ok(outcome)
        }
    }
}
