//! Whether a PF has a companion, whether that is ready, and the calls into it.

use crate::{
    atomic::{AtomicU32, Ordering},
    status::{self, NtStatus},
};

/// The bits with the [`AttachmentState`].
const STATE: u32 = 0b11 << 30;
/// The calls in flight.
const CALLS: u32 = !STATE;

/// The states of an [`Attachment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentState {
    /// There is no companion: none has answered the query yet, or the driver is the function driver.
    Absent,
    /// There is one, and it is not ready, such as while its firmware restarts.
    NotReady,
    /// It is ready.
    Ready,
    /// It is gone, or its calls have been ended.
    Detached,
}

impl AttachmentState {
    const fn bits(self) -> u32 {
        match self {
            Self::Absent => 0,
            Self::NotReady => 1 << 30,
            Self::Ready => 2 << 30,
            Self::Detached => 3 << 30,
        }
    }

    const fn of(word: u32) -> Self {
        match word >> 30 {
            0 => Self::Absent,
            1 => Self::NotReady,
            2 => Self::Ready,
            _ => Self::Detached,
        }
    }

    const fn is_attached(self) -> bool {
        matches!(self, Self::NotReady | Self::Ready)
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

    /// The companion has answered the query. It is not ready until it says so. After a detach a
    /// companion can be attached again, as after a rebalance.
    ///
    /// # Errors
    /// `STATUS_INVALID_DEVICE_STATE` while one is attached, or calls of a detached one are in
    /// flight.
    pub fn attach(&self) -> Result<(), NtStatus> {
        self.change(|state, calls| {
            (!state.is_attached() && calls == 0).then_some(AttachmentState::NotReady)
        })
        .map_err(|_| status::INVALID_DEVICE_STATE)
    }

    /// The companion says whether it is ready; callable at any time, any number of times. Calls in
    /// flight continue, and their answers count.
    ///
    /// # Errors
    /// `STATUS_DEVICE_REMOVED` once it is detached, `STATUS_INVALID_DEVICE_STATE` before it is
    /// attached.
    pub fn set_ready(&self, ready: bool) -> Result<(), NtStatus> {
        let next = if ready {
            AttachmentState::Ready
        } else {
            AttachmentState::NotReady
        };
        self.change(|state, _| state.is_attached().then_some(next))
            .map_err(|state| match state {
                AttachmentState::Detached => status::DEVICE_REMOVED,
                _ => status::INVALID_DEVICE_STATE,
            })
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
        let _ = self.change(|state, _| state.is_attached().then_some(AttachmentState::Detached));
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
