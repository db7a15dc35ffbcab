//! IOCTL dispatch: access check, then handler.
//!
//! The header of the virtualization stack's codes says that they are internal, its documentation
//! that they are device control codes; the dispatch serves both major codes. User mode may send one
//! of them, `IOCTL_SRIOV_PROXY_QUERY_LUID`. The kernel may send the codes of the management
//! interface, and user mode may through a handle that was opened for management.

use pcivirt_abi::{
    PCI_TYPE0_ADDRESSES, sriov,
    sriov::{
        MitigatedRangeCountInput, MitigatedRangeCountOutput, MitigatedRangeUpdate,
        MitigatedRangesInput,
    },
};
use pf_state::{
    opener::may_manage,
    status::{self, NtStatus},
};
use wdk_sys::{ULONG, WDFQUEUE, WDFREQUEST};

use crate::{
    events, invalidation, management, opener,
    os::{
        request::{Control, Request},
        wdf,
    },
    pf::{Pf, lifetime},
};

/// Whether a control code is the driver's own. An upper filter passes others to the function
/// driver, unless they come through a file that was opened for management.
pub(crate) const fn is_own_code(code: u32) -> bool {
    code == sriov::IOCTL_PROXY_QUERY_LUID
        || is_for_the_virtualization_stack(code)
        || pf_broker_abi::is_management_code(code)
}

/// `EvtIoDeviceControl` and `EvtIoInternalDeviceControl`, at `PASSIVE_LEVEL`.
pub(crate) unsafe extern "C" fn device_control(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    output_length: usize,
    input_length: usize,
    code: ULONG,
) {
    // SAFETY: the framework passes ownership of the request.
    let request = unsafe { Request::own(request) };
    // SAFETY: the queue is the one that this request came from.
    let device = unsafe { wdf::call!(WdfIoQueueGetDevice, queue) };
    let Some(pf) = lifetime::of_device(device) else {
        return request.complete(status::DEVICE_NOT_READY);
    };
    // Held until the request waits in a queue or is completed, so that a removal completes it.
    match pf.pending.enter() {
        Err(status) => request.complete(status),
        Ok(_alive) => dispatch(
            pf,
            Control {
                request,
                code,
                input_length,
                output_length,
            },
        ),
    }
}

fn dispatch(pf: &Pf, control: Control) {
    if control.code == sriov::IOCTL_PROXY_QUERY_LUID {
        return control.request.reply(&pf.luid);
    }
    let user_mode = control.request.is_from_user_mode();
    if is_for_the_virtualization_stack(control.code) {
        if user_mode {
            return control.request.complete(status::ACCESS_DENIED);
        }
        return serve_virtualization_stack(pf, control);
    }
    if !may_manage(user_mode, opener::opened(control.request.file())) {
        return control.request.complete(status::ACCESS_DENIED);
    }
    management::serve(pf, control);
}

const fn is_for_the_virtualization_stack(code: u32) -> bool {
    matches!(
        code,
        sriov::IOCTL_NOTIFICATION
            | sriov::IOCTL_EVENT_COMPLETE
            | sriov::IOCTL_ATTACH
            | sriov::IOCTL_DETACH
            | sriov::IOCTL_INVALIDATE_BLOCK
            | sriov::IOCTL_QUERY_MITIGATED_RANGE_COUNT
            | sriov::IOCTL_QUERY_MITIGATED_RANGES
            | sriov::IOCTL_MITIGATED_RANGE_UPDATE
    )
}

fn serve_virtualization_stack(pf: &Pf, control: Control) {
    let Control {
        request,
        code,
        input_length,
        output_length,
    } = control;
    match code {
        sriov::IOCTL_NOTIFICATION => events::notification(pf, request, output_length),
        sriov::IOCTL_EVENT_COMPLETE => events::event_complete(pf, request, input_length),
        sriov::IOCTL_ATTACH => events::attach(pf, request),
        sriov::IOCTL_DETACH => events::detach(pf, request),
        sriov::IOCTL_INVALIDATE_BLOCK => {
            invalidation::on_invalidate_ioctl(pf, request, input_length, output_length);
        }
        sriov::IOCTL_QUERY_MITIGATED_RANGE_COUNT => {
            match named_vf::<MitigatedRangeCountInput>(pf, &request, input_length, |i| i.vf_index) {
                Err(status) => request.complete(status),
                Ok(_) => request.reply(&MitigatedRangeCountOutput {
                    range_count: [0; PCI_TYPE0_ADDRESSES],
                }),
            }
        }
        sriov::IOCTL_QUERY_MITIGATED_RANGES => {
            let input =
                named_vf::<MitigatedRangesInput>(pf, &request, input_length, |i| i.vf_index);
            request.complete(match input {
                Err(status) => status,
                Ok(input) if usize::from(input.bar_number) >= PCI_TYPE0_ADDRESSES => {
                    status::INVALID_PARAMETER
                }
                // No base address register has a mitigated range.
                Ok(_) => status::NOT_SUPPORTED,
            });
        }
        sriov::IOCTL_MITIGATED_RANGE_UPDATE => {
            match named_vf::<MitigatedRangeUpdate>(pf, &request, input_length, |i| i.vf_index) {
                Err(status) => request.complete(status),
                Ok(_) if output_length < size_of::<MitigatedRangeUpdate>() => {
                    request.complete(status::BUFFER_TOO_SMALL);
                }
                Ok(_) => request.forward_to(pf.pending.range_updates),
            }
        }
        _ => request.complete(status::INVALID_DEVICE_REQUEST),
    }
}

/// The input, if it is long enough and names a VF that exists.
fn named_vf<T: zerocopy::FromBytes + zerocopy::IntoBytes>(
    pf: &Pf,
    request: &Request,
    input_length: usize,
    vf: impl FnOnce(&T) -> u16,
) -> Result<T, NtStatus> {
    let input = request
        .input::<T>(input_length)
        .ok_or(status::BUFFER_TOO_SMALL)?;
    pf.vf(vf(&input)).map(|_| input)
}
