//! The acknowledgement of resets, for tables with `reset = "acknowledged"`: by host software
//! (`IOCTL_ACKNOWLEDGE`), or by one timer for all VFs when the time for it is up.

use block_broker::Ticks;
use pf_broker_abi as abi;
use pf_state::{event, status::NtStatus};
use wdk_sys::WDFTIMER;

use crate::{
    etw::{self, EtwEvent},
    follow_up,
    os::{request::require_zero, timer, wait},
    pf::{Pf, lifetime},
    vfs::VfSet,
};

/// `IOCTL_ACKNOWLEDGE`, at `PASSIVE_LEVEL`.
pub(crate) fn acknowledge(
    pf: &Pf,
    vfs: &VfSet,
    request: abi::AcknowledgeRequest,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    let abi::AcknowledgeRequest { vf, resets, .. } = request;
    let acknowledged = vfs.broker.acknowledge(vf, resets, wait::now());
    follow_up::complete(pf, vfs, acknowledged)?;
    let event = EtwEvent {
        vf,
        first: resets,
        ..EtwEvent::of(&event::RESET_ACKNOWLEDGED)
    };
    etw::write(&pf.source, &event);
    Ok(())
}

/// A VF waits for an acknowledgement until `deadline`.
pub(crate) fn expect_by(pf: &Pf, deadline: Ticks) {
    let Some(delay) = pf.alarm.set(deadline.0, wait::now().0) else {
        return;
    };
    // After a removal the timer is gone, and no VF is served.
    if let Ok(_alive) = pf.pending.enter() {
        pf.pending.time_limit.start(delay);
    }
}

/// `EvtTimerFunc`, at `PASSIVE_LEVEL`: serves the VFs again whose time is up.
pub(crate) unsafe extern "C" fn on_time_limit(timer: WDFTIMER) {
    let Some(pf) = lifetime::of_device(timer::device_of(timer)) else {
        return;
    };
    let (Ok(_alive), Ok(vfs)) = (pf.pending.enter(), pf.vfs()) else {
        return;
    };
    pf.alarm.ring();
    let next = vfs.broker.expire(wait::now(), |vf, follow_up| {
        let event = EtwEvent {
            vf,
            ..EtwEvent::of(&event::RESET_NOT_ACKNOWLEDGED)
        };
        etw::write(&pf.source, &event);
        follow_up::carry_out(pf, vfs, follow_up);
    });
    if let Some(deadline) = next {
        expect_by(pf, deadline);
    }
}
