//! An I/O queue: what waits, what the driver owns, and what may be presented next.
//!
//! Rules (`fxioqueue.cpp`):
//! - a new request goes behind those that wait (`DispatchEvents`, `InsertNewRequestLocked`);
//! - nothing is presented while the queue is stopped, or powered down if power-managed;
//! - a sequential queue presents one at a time, a parallel queue up to its limit, a manual one none;
//! - a queue that does not accept completes a new request with `STATUS_INVALID_DEVICE_STATE`
//!   (`QueueRequest`), and refuses a forwarded one with `STATUS_WDF_BUSY`;
//! - `Stop` stops presenting, `Drain` stops accepting, `Purge` stops accepting and cancels what
//!   waits (`SetState`, `QueuePurge`); `Start` allows both again;
//! - a request that the driver gives back to a queue that was purged is cancelled
//!   (`m_CancelDispatchedRequests`).

use alloc::{collections::VecDeque, vec::Vec};

/// How a queue hands requests to its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// One at a time.
    Sequential,
    /// At most so many at a time.
    Parallel(u32),
    /// Only when the driver asks.
    Manual,
}

/// Why a queue did not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAccepting;

/// A queue over requests named by `R`.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the framework's queue state is these independent flags"
)]
pub struct Queue<R> {
    dispatch: Dispatch,
    power_managed: bool,
    powered: bool,
    accepting: bool,
    dispatching: bool,
    /// What comes back from the driver is cancelled.
    purging: bool,
    shut_down: bool,
    waiting: VecDeque<R>,
    owned: Vec<R>,
}

impl<R: Copy + PartialEq> Queue<R> {
    /// An empty queue that accepts and dispatches. A power-managed one begins without power.
    #[must_use]
    pub const fn new(dispatch: Dispatch, power_managed: bool) -> Self {
        Self {
            dispatch,
            power_managed,
            powered: !power_managed,
            accepting: true,
            dispatching: true,
            purging: false,
            shut_down: false,
            waiting: VecDeque::new(),
            owned: Vec::new(),
        }
    }

    /// How the queue dispatches.
    #[must_use]
    pub const fn dispatch(&self) -> Dispatch {
        self.dispatch
    }

    /// Whether the queue follows the device's power state.
    #[must_use]
    pub const fn is_power_managed(&self) -> bool {
        self.power_managed
    }

    /// Whether new requests are accepted.
    #[must_use]
    pub const fn is_accepting(&self) -> bool {
        self.accepting && !self.shut_down
    }

    /// Whether requests are presented or handed out.
    #[must_use]
    pub const fn is_dispatching(&self) -> bool {
        self.dispatching && self.powered
    }

    /// Requests that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Those that wait, oldest first.
    pub fn waiting_requests(&self) -> impl Iterator<Item = R> + '_ {
        self.waiting.iter().copied()
    }

    /// Requests presented to the driver and not yet completed or forwarded.
    #[must_use]
    pub fn owned(&self) -> &[R] {
        &self.owned
    }

    /// Nothing waits and the driver owns nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.owned.is_empty()
    }

    /// A new or forwarded request arrives.
    ///
    /// # Errors
    /// [`NotAccepting`].
    pub fn arrive(&mut self, request: R) -> Result<(), NotAccepting> {
        if !self.is_accepting() {
            return Err(NotAccepting);
        }
        self.waiting.push_back(request);
        Ok(())
    }

    /// The driver puts a request that it owns back to the head (`WdfRequestRequeue`). `false` when
    /// the request is to be cancelled instead.
    pub fn requeue(&mut self, request: R) -> bool {
        self.forget(request);
        if self.purging || self.shut_down {
            return false;
        }
        self.waiting.push_front(request);
        true
    }

    /// Takes the request to be presented now, which the driver then owns.
    pub fn present(&mut self) -> Option<R> {
        let room = match self.dispatch {
            Dispatch::Manual => false,
            Dispatch::Sequential => self.owned.is_empty(),
            Dispatch::Parallel(limit) => self.owned.len() < limit as usize,
        };
        if !room || !self.is_dispatching() {
            return None;
        }
        let request = self.waiting.pop_front()?;
        self.owned.push(request);
        Some(request)
    }

    /// The driver asks for the first request for which `wanted` holds. It gets none from a stopped
    /// queue.
    pub fn retrieve(&mut self, wanted: impl FnMut(&R) -> bool) -> Option<R> {
        if !self.is_dispatching() {
            return None;
        }
        let place = self.waiting.iter().position(wanted)?;
        let request = self.waiting.remove(place)?;
        self.owned.push(request);
        Some(request)
    }

    /// A waiting request was cancelled. `true` when it did wait here and now no longer does.
    pub fn cancel(&mut self, request: R) -> bool {
        let Some(place) = self.waiting.iter().position(|&other| other == request) else {
            return false;
        };
        self.waiting.remove(place);
        true
    }

    /// A request that was cancelled while it waited goes to the driver after all
    /// (`EvtIoCanceledOnQueue`).
    pub fn adopt(&mut self, request: R) {
        self.owned.push(request);
    }

    /// The driver no longer owns a request: completed, forwarded, or sent and forgotten.
    pub fn forget(&mut self, request: R) -> bool {
        let Some(place) = self.owned.iter().position(|&other| other == request) else {
            return false;
        };
        self.owned.remove(place);
        true
    }

    /// `WdfIoQueueStart`.
    pub fn start(&mut self) {
        self.accepting = true;
        self.dispatching = true;
        self.purging = false;
    }

    /// `WdfIoQueueStop`: accepts, does not present.
    pub fn stop(&mut self) {
        self.accepting = true;
        self.dispatching = false;
    }

    /// `WdfIoQueueDrain`: presents what is there, accepts no more.
    pub fn drain(&mut self) {
        self.accepting = false;
        self.dispatching = true;
    }

    /// `WdfIoQueuePurge`: accepts no more; the requests returned are to be cancelled, oldest first.
    pub fn purge(&mut self) -> Vec<R> {
        self.accepting = false;
        self.dispatching = true;
        self.purging = true;
        self.waiting.drain(..).collect()
    }

    /// `WdfIoQueueStopAndPurge`: cancels what is there, accepts new requests without presenting.
    pub fn stop_and_purge(&mut self) -> Vec<R> {
        self.stop();
        self.purging = true;
        self.waiting.drain(..).collect()
    }

    /// The device enters or leaves its working state.
    pub fn set_power(&mut self, on: bool) {
        if self.power_managed {
            self.powered = on;
        }
    }

    /// The device is being removed: like a purge, and no start undoes it.
    pub fn shut_down(&mut self) -> Vec<R> {
        self.shut_down = true;
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests;
