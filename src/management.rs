//! The management interface of [`pf_broker_abi`], for host software.

pub(crate) mod observation;

use block_broker::ResetBy;
use block_table::{Image, MAX_BLOCK_LENGTH};
use pf_broker_abi as abi;
use pf_broker_abi::PowerState;
use pf_state::status::{self, NtStatus};
use zerocopy::IntoBytes;

use crate::{
    acknowledgement, changes, follow_up, handing,
    os::{
        request::{Control, Output, require_zero},
        wait,
    },
    pf::Pf,
    reset::reset_vf,
    vfs::VfSet,
};

/// Handles one control code; the codes document their replies.
pub(crate) fn serve(pf: &Pf, control: Control) {
    let vfs = match pf.vfs() {
        Ok(vfs) => vfs,
        Err(status) => return control.request.complete(status),
    };
    match control.code {
        abi::IOCTL_QUERY | abi::IOCTL_HOST_REFUSALS | abi::IOCTL_CLOCK
            if control.input_length != 0 =>
        {
            control.request.complete(status::INVALID_PARAMETER);
        }
        abi::IOCTL_QUERY => control.request.reply(&observation::query(pf, vfs)),
        abi::IOCTL_BLOCKS => {
            control.reply_with(|request, output| observation::blocks(vfs, request, output));
        }
        abi::IOCTL_TABLE => {
            control.reply_with(|request, output| observation::table(vfs, request, output));
        }
        abi::IOCTL_STATS => {
            control.reply_with(|request, output| observation::stats(vfs, request, output));
        }
        abi::IOCTL_BLOCK_STATS => {
            control.reply_with(|request, output| observation::block_stats(vfs, request, output));
        }
        abi::IOCTL_READ => read(pf, vfs, control),
        abi::IOCTL_PUBLISH => publish(pf, vfs, control),
        abi::IOCTL_INVALIDATE => {
            control.run_command(|request| invalidate(pf, vfs, request));
        }
        abi::IOCTL_DRAIN => control.reply_with(|request, output| drain(pf, vfs, request, output)),
        abi::IOCTL_RESET => control.run_command(|request: abi::VfRequest| {
            require_zero(request.reserved)?;
            reset_vf(pf, request.vf, ResetBy::Host)
        }),
        abi::IOCTL_ACKNOWLEDGE => {
            control.run_command(|request| acknowledgement::acknowledge(pf, vfs, request));
        }
        abi::IOCTL_POWER => control.run_command(|request| power(pf, vfs, request)),
        abi::IOCTL_JOURNAL => {
            control.reply_with(|request, output| observation::journal(vfs, request, output));
        }
        abi::IOCTL_LOCATION => {
            control.reply_with(|request, output| observation::location(pf, vfs, request, output));
        }
        abi::IOCTL_CHANGES => changes::list(pf, vfs, control),
        abi::IOCTL_HOST_REFUSALS => control.request.reply(&vfs.broker.host_refusals_reply()),
        abi::IOCTL_CLOCK => control.request.reply(&abi::ClockReply {
            time: wait::now().0,
        }),
        _ => control.request.complete(status::INVALID_DEVICE_REQUEST),
    }
}

/// The requested length is that of the output after the revision; the broker checks it.
fn read(pf: &Pf, vfs: &VfSet, control: Control) {
    let outcome = control.input::<abi::BlockRequest>().and_then(|request| {
        require_zero(request.reserved)?;
        let after = control
            .output_length
            .checked_sub(size_of::<abi::ReadReply>());
        let bytes = after.ok_or(status::BUFFER_TOO_SMALL)?;
        let length = u32::try_from(bytes).unwrap_or(u32::MAX);
        let mut image: Image = [0; MAX_BLOCK_LENGTH];
        let broker = &vfs.broker;
        let read = broker.host_read(request.vf, request.block, length, &mut image, wait::now());
        let revision = follow_up::complete(pf, vfs, read)?;
        let mut output = control.request.output(control.output_length)?;
        output.push_structure(&abi::ReadReply { revision })?;
        output.push(image.get(..bytes).ok_or(status::INVALID_PARAMETER)?);
        Ok(output.written())
    });
    match outcome {
        Ok(written) => control.request.complete_with(status::SUCCESS, written),
        Err(status) => control.request.complete(status),
    }
}

/// The data follow the structure; the broker checks their length.
fn publish(pf: &Pf, vfs: &VfSet, control: Control) {
    let outcome = publish_to(pf, vfs, &control);
    control
        .request
        .complete(outcome.err().unwrap_or(status::SUCCESS));
}

fn publish_to(pf: &Pf, vfs: &VfSet, control: &Control) -> Result<(), NtStatus> {
    let header = size_of::<abi::PublishRequest>();
    let request: abi::PublishRequest = control
        .request
        .input(control.input_length)
        .ok_or(status::INVALID_PARAMETER)?;
    require_zero(request.reserved)?;
    let expected = expected_revision(&request)?;
    let length = u32::try_from(control.input_length.saturating_sub(header)).unwrap_or(u32::MAX);
    let mut sent: Image = [0; MAX_BLOCK_LENGTH];
    control.request.copy_input(header, &mut sent);
    let now = wait::now();
    if is_for_all(request.scope, request.vf)? {
        // Each VF has revisions of its own.
        require_zero(request.flags)?;
        let published = vfs.broker.publish_all(request.block, length, &sent, now);
        follow_up::complete(pf, vfs, published)
    } else {
        let published = vfs
            .broker
            .publish(request.vf, request.block, length, &sent, expected, now);
        follow_up::complete(pf, vfs, published)
    }
}

/// The revision that a publish expects, if it does.
fn expected_revision(request: &abi::PublishRequest) -> Result<Option<u64>, NtStatus> {
    match request.flags {
        0 => require_zero(request.expected).map(|()| None),
        abi::PUBLISH_EXPECTS => Ok(Some(request.expected)),
        _ => Err(status::INVALID_PARAMETER),
    }
}

/// Whether a scope means every VF; the VF is zero then.
pub(crate) fn is_for_all(scope: u16, vf: u16) -> Result<bool, NtStatus> {
    match (scope, vf) {
        (abi::SCOPE_VF, _) => Ok(false),
        (abi::SCOPE_ALL, 0) => Ok(true),
        _ => Err(status::INVALID_PARAMETER),
    }
}

fn invalidate(pf: &Pf, vfs: &VfSet, request: abi::InvalidateRequest) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    let now = wait::now();
    let invalidated = if is_for_all(request.scope, request.vf)? {
        vfs.broker.invalidate_all(request.mask, now)
    } else {
        vfs.broker.invalidate(request.vf, request.mask, now)
    };
    follow_up::complete(pf, vfs, invalidated)
}

/// A message of a stream, as the interfaces of host software have it.
pub(crate) fn message(sent: &[u8]) -> abi::Message {
    let mut message = abi::Message {
        length: u32::try_from(sent.len()).unwrap_or(0),
        data: [0; abi::MAX_BLOCK_LENGTH],
    };
    for (byte, sent) in message.data.iter_mut().zip(sent) {
        *byte = *sent;
    }
    message
}

/// Takes as many messages as fit into the output.
fn drain(
    pf: &Pf,
    vfs: &VfSet,
    request: abi::BlockRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    if output.room() < size_of::<abi::Message>() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    let most = output.room() / size_of::<abi::Message>();
    let append = |sent: &[u8]| {
        output.push(message(sent).as_bytes());
    };
    let broker = &vfs.broker;
    let drained = broker.drain(request.vf, request.block, most, wait::now(), append);
    follow_up::complete(pf, vfs, drained).map(drop)
}

fn power(pf: &Pf, vfs: &VfSet, request: abi::PowerRequest) -> Result<(), NtStatus> {
    let state = u8::try_from(request.state)
        .ok()
        .and_then(PowerState::from_code)
        .ok_or(status::INVALID_PARAMETER)?;
    handing::set_power(pf, vfs, request.vf, state)
}
