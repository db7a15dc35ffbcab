//! The host's own software: the management interface of [`pf_broker_abi`].

use block_broker::{BlockStatus, Entry, Event, JOURNAL_LENGTH, Ticks};
use block_table::{Access, Block, Image, Kind, MAX_BLOCK_LENGTH, ShortRead, WhenFull};
use pf_broker_abi as abi;
use pf_broker_abi::{Operation, PowerState, Refusal};
use pf_state::status::{self, NtStatus};
use zerocopy::{FromBytes, IntoBytes};

use crate::{
    changes, invalidation,
    os::{
        request::{Control, Output, require_zero},
        wait,
    },
    pf::{Pf, status_of},
    reset::{Origin, reset_vf},
    vfs::Served,
};

/// Serves one control code. What it answers is documented with the codes.
pub(crate) fn serve(pf: &Pf, control: Control) {
    let served = match pf.served() {
        Ok(served) => served,
        Err(status) => return control.request.complete(status),
    };
    match control.code {
        abi::IOCTL_QUERY | abi::IOCTL_HOST_REFUSALS if control.input_length != 0 => {
            control.request.complete(status::INVALID_PARAMETER);
        }
        abi::IOCTL_QUERY => control.request.reply(&query(pf, served)),
        abi::IOCTL_BLOCKS => reply_with(control, |request, output| blocks(served, request, output)),
        abi::IOCTL_STATS => reply_with(control, |request, output| stats(served, request, output)),
        abi::IOCTL_BLOCK_STATS => {
            reply_with(control, |request, output| {
                block_stats(served, request, output)
            });
        }
        abi::IOCTL_READ => read(served, control),
        abi::IOCTL_PUBLISH => publish(pf, served, control),
        abi::IOCTL_INVALIDATE => {
            carry_out(control, |request| invalidate(pf, served, request));
        }
        abi::IOCTL_DRAIN => reply_with(control, |request, output| drain(served, request, output)),
        abi::IOCTL_RESET => carry_out(control, |request: abi::VfRequest| {
            require_zero(request.reserved)?;
            reset_vf(pf, request.vf, Origin::Host)
        }),
        abi::IOCTL_POWER => carry_out(control, |request| power(served, request)),
        abi::IOCTL_JOURNAL => {
            reply_with(control, |request, output| journal(served, request, output));
        }
        abi::IOCTL_WAIT => changes::wait_for_change(pf, served, control),
        abi::IOCTL_HOST_REFUSALS => control.request.reply(&host_refusals(served)),
        _ => control.request.complete(status::INVALID_DEVICE_REQUEST),
    }
}

/// Carries out a request without output.
fn carry_out<T: FromBytes + IntoBytes>(
    control: Control,
    operation: impl FnOnce(T) -> Result<(), NtStatus>,
) {
    let outcome = control.input().and_then(operation);
    control
        .request
        .complete(outcome.err().unwrap_or(status::SUCCESS));
}

/// Carries out a request whose output is written piece by piece.
fn reply_with<T: FromBytes + IntoBytes>(
    control: Control,
    operation: impl FnOnce(T, &mut Output<'_>) -> Result<(), NtStatus>,
) {
    let outcome = control.input().and_then(|request| {
        let mut output = control.request.output(1)?;
        operation(request, &mut output)?;
        Ok(output.written())
    });
    match outcome {
        Ok(written) => control.request.complete_with(status::SUCCESS, written),
        Err(status) => control.request.complete(status),
    }
}

/// Appends one structure, which has to fit.
fn push<T: IntoBytes + zerocopy::Immutable>(
    output: &mut Output<'_>,
    value: &T,
) -> Result<(), NtStatus> {
    if output.push(value.as_bytes()) {
        Ok(())
    } else {
        Err(status::BUFFER_TOO_SMALL)
    }
}

/// A name in the fixed room that the interface has for it; names are shorter by construction.
fn padded(name: &str) -> [u8; abi::NAME_LENGTH] {
    let mut padded = [0; abi::NAME_LENGTH];
    for (to, from) in padded.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    padded
}

/// A component of the package's version.
const fn version(digits: &str) -> u16 {
    let digits = digits.as_bytes();
    let mut value = 0_u16;
    let mut at = 0;
    while at < digits.len() {
        value = value * 10 + (digits[at] - b'0') as u16;
        at += 1;
    }
    value
}

const DRIVER_VERSION: [u16; 3] = [
    version(env!("CARGO_PKG_VERSION_MAJOR")),
    version(env!("CARGO_PKG_VERSION_MINOR")),
    version(env!("CARGO_PKG_VERSION_PATCH")),
];

fn query(pf: &Pf, served: &Served) -> abi::QueryReply {
    let table = served.broker.table();
    let device = table.device();
    let attached = pf.rebalance.lock().is_attached();
    abi::QueryReply {
        abi_version: abi::ABI_VERSION,
        table_crc: table.crc(),
        driver_version: DRIVER_VERSION,
        num_vfs: served.num_vfs,
        vendor_id: served.identity.vendor_id,
        device_id: served.identity.device_id,
        // A table has 1024 blocks at most.
        block_count: u16::try_from(table.block_count()).unwrap_or(u16::MAX),
        table_source: served.table_source.code(),
        attached: u8::from(attached),
        changes: served.broker.change_count(),
        name: padded(device.name),
    }
}

fn blocks(
    served: &Served,
    request: abi::BlocksRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    let first = usize::try_from(request.first).unwrap_or(usize::MAX);
    for (index, block) in served.broker.table().blocks().skip(first).enumerate() {
        if output.room() < size_of::<abi::BlockInfo>() && index != 0 {
            break;
        }
        push(output, &block_info(&block))?;
    }
    Ok(())
}

fn block_info(block: &Block<'_>) -> abi::BlockInfo {
    // Lengths are at most 128 and depths at most 4096.
    let small = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    abi::BlockInfo {
        id: block.id(),
        kind: match block.kind() {
            Kind::Register => abi::BlockKind::Register,
            Kind::Stream => abi::BlockKind::Stream,
        }
        .code(),
        vf_access: match block.vf_access() {
            Access::ReadOnly => abi::VfAccess::ReadOnly,
            Access::WriteOnly => abi::VfAccess::WriteOnly,
            Access::ReadWrite => abi::VfAccess::ReadWrite,
        }
        .code(),
        notify: u8::from(block.notify()),
        prefix_reads: u8::from(matches!(block.short_read(), ShortRead::Prefix)),
        min_length: small(block.min_length()),
        max_length: small(block.max_length()),
        depth: small(block.depth()),
        drop_oldest: u8::from(matches!(block.when_full(), WhenFull::DropOldest)),
        reserved: 0,
        name: padded(block.name()),
    }
}

fn stats(
    served: &Served,
    request: abi::VfRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    let vf = served.broker.status(request.vf).map_err(status_of)?;
    let (reason_count, refused) = by_reason(|reason| vf.counters.refused(reason));
    push(
        output,
        &abi::StatsReply {
            reads: vf.counters.reads,
            writes: vf.counters.writes,
            publishes: vf.counters.publishes,
            withdrawn: vf.counters.withdrawn,
            dropped: vf.counters.dropped,
            resets: vf.counters.resets,
            floods: vf.counters.floods,
            pending: vf.pending,
            power: vf.power.code(),
            open: u8::from(vf.open),
            reserved: [0; 2],
            reason_count,
            refused,
        },
    )
}

fn host_refusals(served: &Served) -> abi::HostRefusalsReply {
    let (reason_count, refused) = by_reason(|reason| served.broker.host_refusals(reason));
    abi::HostRefusalsReply {
        reason_count,
        reserved: 0,
        refused,
    }
}

/// The number of refusal codes, and a count for each.
fn by_reason(count: impl Fn(Refusal) -> u64) -> (u32, [u64; abi::MAX_REASONS]) {
    let mut counts = [0; abi::MAX_REASONS];
    for reason in Refusal::ALL {
        if let Some(place) = counts.get_mut(reason.index()) {
            *place = count(reason);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most MAX_REASONS")]
    let reason_count = Refusal::ALL.len() as u32;
    (reason_count, counts)
}

fn block_stats(
    served: &Served,
    request: abi::BlockRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    let BlockStatus {
        counters,
        queued,
        revision,
    } = served
        .broker
        .block_status(request.vf, request.block)
        .map_err(status_of)?;
    push(
        output,
        &abi::BlockStatsReply {
            reads: counters.reads,
            writes: counters.writes,
            publishes: counters.publishes,
            refused: counters.refused,
            dropped: counters.dropped,
            queued: u64::from(queued),
            revision,
        },
    )
}

/// The length asked for is that of the output behind the revision; the broker judges it.
fn read(served: &Served, control: Control) {
    let outcome = control.input::<abi::BlockRequest>().and_then(|request| {
        require_zero(request.reserved)?;
        let behind = control
            .output_length
            .checked_sub(size_of::<abi::ReadReply>());
        let bytes = behind.ok_or(status::BUFFER_TOO_SMALL)?;
        let length = u32::try_from(bytes).unwrap_or(u32::MAX);
        let mut image: Image = [0; MAX_BLOCK_LENGTH];
        let revision = served
            .broker
            .host_read(request.vf, request.block, length, &mut image, wait::now())
            .map_err(status_of)?;
        let mut output = control.request.output(control.output_length)?;
        push(&mut output, &abi::ReadReply { revision })?;
        output.push(image.get(..bytes).ok_or(status::INVALID_PARAMETER)?);
        Ok(output.written())
    });
    match outcome {
        Ok(written) => control.request.complete_with(status::SUCCESS, written),
        Err(status) => control.request.complete(status),
    }
}

/// The data follow the structure; the broker judges their length.
fn publish(pf: &Pf, served: &Served, control: Control) {
    let outcome = publish_to(pf, served, &control);
    control
        .request
        .complete(outcome.err().unwrap_or(status::SUCCESS));
}

fn publish_to(pf: &Pf, served: &Served, control: &Control) -> Result<(), NtStatus> {
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
        let published = served
            .broker
            .publish_all(request.block, length, &sent, now)
            .map_err(status_of)?;
        if published.notified {
            invalidation::look_at_all(pf, served);
        }
    } else {
        let published = served
            .broker
            .publish(request.vf, request.block, length, &sent, expected, now)
            .map_err(status_of)?;
        if published.notified {
            invalidation::look(pf, served, request.vf);
        }
    }
    Ok(())
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
fn is_for_all(scope: u16, vf: u16) -> Result<bool, NtStatus> {
    match (scope, vf) {
        (abi::SCOPE_VF, _) => Ok(false),
        (abi::SCOPE_ALL, 0) => Ok(true),
        _ => Err(status::INVALID_PARAMETER),
    }
}

fn invalidate(pf: &Pf, served: &Served, request: abi::InvalidateRequest) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    let now = wait::now();
    if is_for_all(request.scope, request.vf)? {
        served
            .broker
            .invalidate_all(request.mask, now)
            .map_err(status_of)?;
        invalidation::look_at_all(pf, served);
    } else {
        served
            .broker
            .invalidate(request.vf, request.mask, now)
            .map_err(status_of)?;
        invalidation::look(pf, served, request.vf);
    }
    Ok(())
}

/// Takes messages for as long as there is room; none is taken that cannot be handed over.
fn drain(
    served: &Served,
    request: abi::BlockRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    if output.room() < size_of::<abi::Message>() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    let length = served
        .broker
        .table()
        .find(request.block)
        .and_then(|index| served.broker.table().block(index))
        .map_or(0, |block| u32::try_from(block.max_length()).unwrap_or(0));
    let most = output.room() / size_of::<abi::Message>();
    served
        .broker
        .drain(request.vf, request.block, most, wait::now(), |data| {
            let message = abi::Message {
                length,
                data: *data,
            };
            output.push(message.as_bytes());
        })
        .map_err(status_of)?;
    Ok(())
}

fn power(served: &Served, request: abi::PowerRequest) -> Result<(), NtStatus> {
    let state = u8::try_from(request.state)
        .ok()
        .and_then(PowerState::from_code)
        .ok_or(status::INVALID_PARAMETER)?;
    served
        .broker
        .set_power(request.vf, state, wait::now())
        .map_err(status_of)
}

fn journal(
    served: &Served,
    request: abi::JournalRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    if output.room() < size_of::<abi::JournalEntry>() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    let nothing = Entry {
        number: 0,
        at: Ticks(0),
        repeated: 0,
        event: Event {
            operation: Operation::Read,
            block: 0,
            length: 0,
            refusal: None,
        },
    };
    let mut entries = [nothing; JOURNAL_LENGTH];
    let excerpt = served
        .broker
        .journal(request.vf, request.after, &mut entries)
        .map_err(status_of)?;
    for entry in entries.iter().take(excerpt.entries) {
        if output.room() < size_of::<abi::JournalEntry>() {
            break;
        }
        push(
            output,
            &abi::JournalEntry {
                sequence: entry.number,
                time: entry.at.0,
                block: entry.event.block,
                length: entry.event.length,
                status: entry.event.refusal.map_or(status::SUCCESS, status_of),
                repeated: entry.repeated,
                operation: entry.event.operation.code(),
                reserved: [0; 7],
            },
        )?;
    }
    Ok(())
}
