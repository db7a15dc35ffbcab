//! An I/O queue: waiting requests, requests that the driver owns, and the next one to present.
//!
//! Rules (`fxioqueue.cpp`):
//! - a new request goes after those that wait (`DispatchEvents`, `InsertNewRequestLocked`);
//! - a power-managed queue presents nothing without power;
//! - a sequential queue presents one at a time, a parallel queue up to its limit, a manual one
//!   none;
//! - a queue that is shut down completes a new request with `STATUS_INVALID_DEVICE_STATE`
//!   (`QueueRequest`), and refuses a forwarded one with `STATUS_WDF_BUSY`.

use alloc::{collections::VecDeque, vec::Vec};

/// How a queue hands requests to its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// One at a time.
    Sequential,
    /// At most so many at a time.
    Parallel(u32),
    /// Only when the driver retrieves one.
    Manual,
}

/// The queue takes no request any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAccepting;

/// A queue over requests named by `R`.
#[derive(Debug)]
pub struct Queue<R> {
    dispatch: Dispatch,
    power_managed: bool,
    powered: bool,
    shut_down: bool,
    waiting: VecDeque<R>,
    owned: Vec<R>,
}

impl<R: Copy + PartialEq> Queue<R> {
    /// An empty queue. A power-managed one begins without power.
    #[must_use]
    pub const fn new(dispatch: Dispatch, power_managed: bool) -> Self {
        Self {
            dispatch,
            power_managed,
            powered: !power_managed,
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
        !self.shut_down
    }

    /// Whether requests are presented or handed out.
    #[must_use]
    pub const fn is_powered(&self) -> bool {
        self.powered
    }

    /// How many requests wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The waiting requests, oldest first.
    pub fn waiting_requests(&self) -> impl Iterator<Item = R> + '_ {
        self.waiting.iter().copied()
    }

    /// The requests that the driver owns: presented, and not yet completed or forwarded.
    #[must_use]
    pub fn owned(&self) -> &[R] {
        &self.owned
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

    /// Takes the request to be presented now, which the driver then owns.
    pub fn present(&mut self) -> Option<R> {
        let room = match self.dispatch {
            Dispatch::Manual => false,
            Dispatch::Sequential => self.owned.is_empty(),
            Dispatch::Parallel(limit) => self.owned.len() < limit as usize,
        };
        if room { self.retrieve() } else { None }
    }

    /// Takes the oldest request for the driver; none without power.
    pub fn retrieve(&mut self) -> Option<R> {
        if !self.powered {
            return None;
        }
        let request = self.waiting.pop_front()?;
        self.owned.push(request);
        Some(request)
    }

    /// A waiting request was cancelled. Returns whether it waited here; it no longer does.
    pub fn cancel(&mut self, request: R) -> bool {
        let Some(place) = self.waiting.iter().position(|&other| other == request) else {
            return false;
        };
        self.waiting.remove(place);
        true
    }

    /// The driver completed, forwarded or sent a request. Returns whether it owned it.
    pub fn forget(&mut self, request: R) -> bool {
        let Some(place) = self.owned.iter().position(|&other| other == request) else {
            return false;
        };
        self.owned.remove(place);
        true
    }

    /// The device enters or leaves its working state.
    pub fn set_power(&mut self, on: bool) {
        if self.power_managed {
            self.powered = on;
        }
    }

    /// The device is being removed: the queue accepts no more, and the requests returned are to be
    /// cancelled, oldest first.
    pub fn shut_down(&mut self) -> Vec<R> {
        self.shut_down = true;
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests;
