//! The companion: the vendor's function driver below, when the driver is an upper filter.
//!
//! [`pf_state::companion`] says when it is called and in which order. Here it is attached and
//! detached; `functions` serves its own calls.

mod functions;

use pcivirt_abi::Guid;
use pf_companion_abi::{CompanionInterface, GUID_PF_BROKER_COMPANION, VERSION};
use pf_state::{
    companion::{self, Attachment, Flaw},
    event,
    event_log::{COMPANION_MISSING, COMPANION_REFUSED, LogEntry},
    position::Position,
    status::{self, NtStatus},
};
use wdk_sys::WDFDEVICE;

use crate::{
    companion_access::Attached,
    etw::{self, EtwEvent},
    event_log,
    os::{interface, wait},
    pf::Pf,
    vfs::VfSet,
};

static COMPANION: Guid = GUID_PF_BROKER_COMPANION;

/// Attaches the companion, if there is one, at the end of `EvtDevicePrepareHardware`. Without one
/// the device starts, and what its table hands over is refused.
///
/// # Safety
/// The caller is that callback.
// Apart from its caller, whose stack frame is large.
#[inline(never)]
pub(crate) unsafe fn attach(pf: &Pf, vfs: &VfSet, device: WDFDEVICE) {
    let offered = match pf.position {
        Position::UpperFilter => query(device),
        Position::FunctionDriver => Err(status::SUCCESS),
    };
    let report = |entry: &LogEntry, event: EtwEvent| {
        event_log::report(&pf.source, &pf.log_limits, entry, &event);
    };
    match offered {
        Err(status) if vfs.hands_over.any() => report(
            &COMPANION_MISSING,
            EtwEvent {
                status,
                ..EtwEvent::of(&event::COMPANION_MISSING)
            },
        ),
        Err(_) => {}
        // SAFETY: as the caller promises.
        Ok(offered) => match unsafe { accept(pf, vfs, &offered) } {
            Ok(()) => etw::write(&pf.source, &EtwEvent::of(&event::COMPANION_ATTACHED)),
            Err(flaw) => {
                let (first, second) = flaw.values();
                report(
                    &COMPANION_REFUSED,
                    EtwEvent {
                        status: flaw.status(),
                        first,
                        second,
                        sentence: flaw.sentence(),
                        ..EtwEvent::of(&event::COMPANION_REFUSED)
                    },
                );
            }
        },
    }
}

/// Queries the drivers below for a companion.
fn query(device: WDFDEVICE) -> Result<CompanionInterface, NtStatus> {
    let mut offered = CompanionInterface {
        size: 0,
        version: 0,
        context: core::ptr::null_mut(),
        interface_reference: None,
        interface_dereference: None,
        attach: None,
        detach: None,
        vf_write: None,
        vf_read: None,
        vf_committed: None,
        vf_power: None,
        vf_reset: None,
    };
    interface::query(device, &COMPANION, VERSION, &mut offered).map(|()| offered)
}

/// Attaches a companion that has answered the query.
///
/// # Safety
/// The caller is `EvtDevicePrepareHardware`.
unsafe fn accept(pf: &Pf, vfs: &VfSet, offered: &CompanionInterface) -> Result<(), Flaw> {
    let held = interface::Held {
        context: offered.context,
        dereference: companion::dereference(offered),
    };
    let callbacks = companion::inspect(offered, vfs.hands_over)?;
    let attachment = &pf.companion.attachment;
    attachment.begin_attach().map_err(Flaw::Declined)?;
    // SAFETY: as the caller promises; no call is in flight, and none is admitted until `attached`.
    let before = unsafe { pf.companion.replace(Some(Attached { callbacks, held })) };
    drop(before);
    pf.hold_for_companion();
    let broker = functions::of(pf);
    // SAFETY: the companion has answered the query, and is held; the structure lives through the
    // call, and the PF until the companion releases its functions.
    let answer = unsafe { (callbacks.attach)(callbacks.context, &raw const broker) };
    if answer >= 0 {
        attachment.attached();
        return Ok(());
    }
    attachment.declined();
    pf.release_for_companion();
    // SAFETY: as above.
    let declined = unsafe { pf.companion.replace(None) };
    drop(declined);
    Err(Flaw::Declined(answer))
}

/// Detaches the companion, if one is attached, in `EvtDeviceReleaseHardware`. Waits for the calls
/// in flight.
///
/// # Safety
/// The caller is that callback.
pub(crate) unsafe fn detach(pf: &Pf) {
    let attachment = &pf.companion.attachment;
    attachment.detach();
    companion::wait_for_calls(
        || Attachment::is_idle(attachment),
        wait::sleep,
        || pf.report_waiting_for_companion(u16::MAX),
    );
    // SAFETY: the attachment admits no call any more, and none is in flight.
    let attached = unsafe { pf.companion.replace(None) };
    let Some(Attached { callbacks, held }) = attached else {
        return;
    };
    // SAFETY: the companion is held until below.
    unsafe { (callbacks.detach)(callbacks.context) };
    drop(held);
    etw::write(&pf.source, &EtwEvent::of(&event::COMPANION_DETACHED));
}
