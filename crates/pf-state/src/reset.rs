//! The reset of one VF: its steps and their order, on a [`VfReset`] that carries them out.
//!
//! 1. Close the VF's rundown, so that no new call reaches its hardware.
//! 2. Wipe its blocks. From here on the guest's reads and writes are refused, and nothing of the
//!    tenant before can be read.
//! 3. Drain: wait for the calls in flight, those into the companion too ([`companion`]).
//! 4. Discard the registers that are saved for it ([`retention`]), then reset the hardware
//!    ([`flr`]).
//! 5. Have the companion clean up.
//! 6. Serve the VF again, or have it wait for an acknowledgement, and reopen the rundown; or keep
//!    both closed when the hardware did not reset.
//! 7. Carry out the follow-up: deliver the invalidations that arrived meanwhile.
//!
//! [`companion`]: crate::companion
//! [`flr`]: crate::flr

use crate::{
    companion::{VfCalls, VfCallsOfReset, wait_for_calls},
    flr::{Completion, ResetFailure},
    rebalance::Signal,
    retention::{self, RegisterStore},
    rundown::{Before, Rundown},
    status::{self, NtStatus},
};

/// One reset of one VF, as the shell carries it out. All functions run at `PASSIVE_LEVEL`.
pub trait VfReset: RegisterStore {
    /// What follows once the VF is served again, such as delivering the invalidations that arrived
    /// meanwhile.
    type FollowUp;

    /// Where the companion's calls about the VF wait for each other.
    type Signal: Signal;

    /// What orders the companion's calls about the VF; `None` in a shell that never has a
    /// companion.
    fn calls(&self) -> Option<VfCalls<'_, Self::Signal>>;

    /// Has the companion clean up the hardware after the tenant that is gone.
    fn notify_companion(&self);

    /// Wipes the VF's blocks and refuses its reads and writes from now on.
    ///
    /// # Errors
    /// The status of a refusal; nothing changed then.
    fn wipe(&self) -> Result<(), NtStatus>;

    /// Lets this many milliseconds pass for calls in flight.
    fn pause(&self, milliseconds: u32);

    /// Reports a call into the companion that does not return.
    fn report_companion(&self);

    /// Resets the VF's hardware, if it is on.
    ///
    /// # Errors
    /// The cause; the hardware may be in any state then.
    fn reset_hardware(&self) -> Result<Completion, ResetFailure>;

    /// Accepts the VF's reads and writes again, or has them wait for an acknowledgement of the reset.
    /// Returns what [`VfReset::follow_up`] has to do.
    ///
    /// # Errors
    /// The status of a refusal, such as after a removal.
    fn serve_again(&self) -> Result<Self::FollowUp, NtStatus>;

    /// Notes that the VF stays closed until another reset succeeds.
    ///
    /// # Errors
    /// The status of a refusal, such as after a removal.
    fn keep_closed(&self) -> Result<(), NtStatus>;

    /// Logs how the hardware's reset ended.
    fn log(&self, outcome: Result<Completion, NtStatus>);

    /// Carries out what follows [`VfReset::serve_again`]; the VF's rundown is open.
    fn follow_up(&self, follow_up: Self::FollowUp);
}

/// Resets a VF. A VF whose reset fails stays closed until another one succeeds.
///
/// It takes 100 ms and more, and as long as the companion's calls about the VF take; no other VF
/// waits for it. The caller is not inside the VF's rundown.
///
/// # Errors
/// `STATUS_DEVICE_NOT_READY` while another reset of the VF runs, and inside a call into the
/// companion about the VF; otherwise the status of the step that failed.
pub fn reset_vf(vf: &impl VfReset) -> Result<(), NtStatus> {
    let rundown = vf.rundown();
    let before = rundown.close().map_err(|_| status::DEVICE_NOT_READY)?;
    let Ok(calls) = vf.calls().map(VfCalls::begin_reset).transpose() else {
        give_back(rundown, before);
        return Err(status::DEVICE_NOT_READY);
    };
    if let Err(status) = vf.wipe() {
        give_back(rundown, before);
        return Err(status);
    }
    while !rundown.is_empty() {
        vf.pause(1);
    }
    wait_for_calls(
        || calls.as_ref().is_none_or(VfCallsOfReset::is_granted),
        |milliseconds| vf.pause(milliseconds),
        || vf.report_companion(),
    );
    retention::discard(vf);
    let reset = vf.reset_hardware();
    // Also after a reset that failed: the tenant is gone. The VF is served after that.
    if let Some(calls) = calls {
        calls.finish(|| vf.notify_companion());
    }
    match reset {
        Ok(completion) => {
            let served = vf.serve_again();
            rundown.reopen();
            let follow_up = served?;
            vf.log(Ok(completion));
            // Invalidations for all VFs are latched during a reset, too.
            vf.follow_up(follow_up);
            Ok(())
        }
        Err(failure) => {
            let kept_closed = vf.keep_closed();
            rundown.abandon();
            vf.log(Err(failure.status()));
            kept_closed.and(Err(failure.status()))
        }
    }
}

/// Gives the rundown back as it was before it was closed.
fn give_back(rundown: &Rundown, before: Before) {
    match before {
        Before::Open => rundown.reopen(),
        // The hardware's last reset failed.
        Before::Closed => rundown.abandon(),
    }
}

#[cfg(test)]
mod tests;
