//! Whether a PF has a companion, whether that is ready, and the calls into it.

use crate::{
    atomic::{AtomicU32, Ordering},
    status::{self, NtStatus},
};

/// The bits with the [`AttachmentState`] begin here.
const STATE_SHIFT: u32 = 29;
/// The bits with the [`AttachmentState`].
const STATE: u32 = 0b111 << STATE_SHIFT;
/// The calls in flight.
const CALLS: u32 = !STATE;

/// The states of an [`Attachment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentState {
    /// There is no companion: none has answered the query yet, or the driver is the function driver.
    Absent,
    /// It is called for the first time. No other call is made until that has returned.
    Attaching {
        /// It has said that it is ready.
        ready: bool,
    },
    /// There is one, and it is not ready, such as while its firmware restarts.
    NotReady,
    /// It is ready.
    Ready,
    /// It is gone, or its calls have been ended.
    Detached,
}

impl AttachmentState {
    const fn bits(self) -> u32 {
        let number = match self {
            Self::Absent => 0,
            Self::NotReady => 1,
            Self::Ready => 2,
            Self::Detached => 3,
            Self::Attaching { ready: false } => 4,
            Self::Attaching { ready: true } => 5,
        };
        number << STATE_SHIFT
    }

    const fn of(word: u32) -> Self {
        match word >> STATE_SHIFT {
            0 => Self::Absent,
            1 => Self::NotReady,
            2 => Self::Ready,
            4 => Self::Attaching { ready: false },
            5 => Self::Attaching { ready: true },
            _ => Self::Detached,
        }
    }

    /// Whether notifications are made.
    const fn is_attached(self) -> bool {
        matches!(self, Self::NotReady | Self::Ready)
    }

    /// Whether the companion may call the driver.
    const fn may_call(self) -> bool {
        self.is_attached() || matches!(self, Self::Attaching { .. })
    }

    /// The state once the companion has said whether it is ready.
    const fn once(self, ready: bool) -> Self {
        match (self, ready) {
            (Self::Attaching { .. }, _) => Self::Attaching { ready },
            (_, true) => Self::Ready,
            (_, false) => Self::NotReady,
        }
    }
}

/// The companion of a PF. Every function is lock free and callable at any IRQL.
#[derive(Debug)]
pub struct Attachment {
    word: AtomicU32,
}

/// A call into the companion; it leaves when this is dropped. A detached companion exists until the
/// last one has left.
#[derive(Debug)]
#[must_use = "the call leaves as soon as this is dropped"]
pub struct CallGuard<'a> {
    attachment: &'a Attachment,
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        // Release: what the call did happens before the end of a detach.
        self.attachment.word.fetch_sub(1, Ordering::Release);
    }
}

impl Attachment {
    /// A PF without a companion.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            word: AtomicU32::new(AttachmentState::Absent.bits()),
        }
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> AttachmentState {
        AttachmentState::of(self.word.load(Ordering::Acquire))
    }

    /// The companion has answered the query and is about to be called for the first time. It may
    /// call the driver from now on, and is not ready until it says so. After a detach a companion
    /// can be attached again, as after a rebalance. [`attached`](Self::attached) or
    /// [`declined`](Self::declined) follows.
    ///
    /// # Errors
    /// `STATUS_INVALID_DEVICE_STATE` while one is attached, or calls of a detached one are in
    /// flight.
    pub fn begin_attach(&self) -> Result<(), NtStatus> {
        self.change(|state, calls| {
            (!state.may_call() && calls == 0).then_some(AttachmentState::Attaching { ready: false })
        })
        .map_err(|_| status::INVALID_DEVICE_STATE)
    }

    /// The companion has accepted its first call: notifications begin, and operations if it is
    /// ready. A removal meanwhile stays.
    pub fn attached(&self) {
        // Fails in the state after a removal alone.
        let _ = self.change(|state, _| match state {
            AttachmentState::Attaching { ready: true } => Some(AttachmentState::Ready),
            AttachmentState::Attaching { ready: false } => Some(AttachmentState::NotReady),
            _ => None,
        });
    }

    /// The companion has failed its first call: there is none.
    pub fn declined(&self) {
        // As above.
        let _ = self.change(|state, _| {
            matches!(state, AttachmentState::Attaching { .. }).then_some(AttachmentState::Absent)
        });
    }

    /// The companion says whether it is ready; callable at any time, any number of times. Calls in
    /// flight continue, and their answers count.
    ///
    /// # Errors
    /// As for [`check_caller`](Self::check_caller).
    pub fn set_ready(&self, ready: bool) -> Result<(), NtStatus> {
        self.change(|state, _| state.may_call().then_some(state.once(ready)))
            .map_err(|_| status::DEVICE_REMOVED)
    }

    /// Whether the companion may call the driver: from its first call to its detach.
    ///
    /// # Errors
    /// `STATUS_DEVICE_REMOVED`.
    pub fn check_caller(&self) -> Result<(), NtStatus> {
        if self.state().may_call() {
            Ok(())
        } else {
            Err(status::DEVICE_REMOVED)
        }
    }

    /// Admits an operation's call, if the companion is ready.
    pub fn enter(&self) -> Option<CallGuard<'_>> {
        self.admit(|state| state == AttachmentState::Ready)
    }

    /// Admits a notification, if there is a companion. One that is not ready is notified too: it
    /// must not miss that a VF has another tenant.
    pub fn enter_notification(&self) -> Option<CallGuard<'_>> {
        self.admit(AttachmentState::is_attached)
    }

    /// Ends the calls: none is admitted any more. Those in flight continue; the companion may go
    /// once [`is_idle`](Self::is_idle). A PF that has no companion stays without one.
    pub fn detach(&self) {
        // An absent or detached companion has nothing to end.
        let _ = self.change(|state, _| state.may_call().then_some(AttachmentState::Detached));
    }

    /// Whether no call is in flight. Once the companion is detached this stays true.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.word.load(Ordering::Acquire) & CALLS == 0
    }

    /// Changes the state to what `next` returns, or fails with the present one.
    fn change(
        &self,
        next: impl Fn(AttachmentState, u32) -> Option<AttachmentState>,
    ) -> Result<(), AttachmentState> {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                let calls = word & CALLS;
                next(AttachmentState::of(word), calls).map(|state| state.bits() | calls)
            })
            .map(drop)
            .map_err(AttachmentState::of)
    }

    fn admit(&self, admits: impl Fn(AttachmentState) -> bool) -> Option<CallGuard<'_>> {
        self.word
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
                // Counting further would change the state.
                (admits(AttachmentState::of(word)) && word & CALLS < CALLS).then_some(word + 1)
            })
            .ok()
            .map(|_| CallGuard { attachment: self })
    }
}
