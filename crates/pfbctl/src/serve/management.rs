//! The management interface of a simulated device. Checks and their order are those of the driver.

use block_broker::{Entry, JOURNAL_LENGTH, Kinds, block_info, padded_name};
use block_table::{Image, MAX_BLOCK_LENGTH};
use block_trace::{Failure, Host as _};
use device_server::Answer;
use pf_broker_abi::{self as abi, ChangesReply, ChangesRequest, PowerState, Refusal};
use pf_state::status;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::simulation::{Simulation, sent};

const INVALID_PARAMETER: u32 = status::INVALID_PARAMETER.cast_unsigned();
const BUFFER_TOO_SMALL: u32 = status::BUFFER_TOO_SMALL.cast_unsigned();

/// Answers a request whose output has `room` bytes.
pub(super) fn answer(
    simulation: &mut Simulation<'_>,
    code: u32,
    input: &[u8],
    room: usize,
) -> Answer {
    let mut output = Output {
        bytes: Vec::new(),
        room,
    };
    if code == abi::IOCTL_CHANGES {
        return changes(simulation, input, output);
    }
    let done = if matches!(
        code,
        abi::IOCTL_QUERY | abi::IOCTL_HOST_REFUSALS | abi::IOCTL_CLOCK
    ) {
        without_input(simulation, code, input, &mut output)
    } else {
        with_input(simulation, code, input, &mut output)
    };
    Answer::Now(done.map(|()| output.bytes))
}

fn without_input(
    simulation: &Simulation<'_>,
    code: u32,
    input: &[u8],
    output: &mut Output,
) -> Result<(), u32> {
    if !input.is_empty() {
        return Err(INVALID_PARAMETER);
    }
    match code {
        abi::IOCTL_QUERY => output.push(&query(simulation)),
        abi::IOCTL_CLOCK => output.push(&abi::ClockReply {
            time: simulation.now().0,
        }),
        _ => output.push(&simulation.broker().host_refusals_reply()),
    }
}

fn with_input(
    simulation: &mut Simulation<'_>,
    code: u32,
    input: &[u8],
    output: &mut Output,
) -> Result<(), u32> {
    match code {
        abi::IOCTL_BLOCKS => blocks(simulation, output.for_query(input)?, output),
        abi::IOCTL_TABLE => {
            table(simulation, output.for_query(input)?, output);
            Ok(())
        }
        abi::IOCTL_STATS => {
            let request: abi::VfRequest = output.for_query(input)?;
            require_zero(&request.reserved)?;
            output.push(&refused(simulation.broker().stats_reply(request.vf))?)
        }
        abi::IOCTL_LOCATION => {
            let request: abi::VfRequest = output.for_query(input)?;
            require_zero(&request.reserved)?;
            refused(simulation.broker().status(request.vf))?;
            output.push(&abi::LocationReply::NONE)
        }
        abi::IOCTL_BLOCK_STATS => {
            let abi::BlockRequest {
                vf,
                reserved,
                block,
            } = output.for_query(input)?;
            require_zero(&reserved)?;
            output.push(&refused(simulation.broker().block_stats_reply(vf, block))?)
        }
        abi::IOCTL_READ => read(simulation, structure(input)?, output),
        abi::IOCTL_PUBLISH => publish(simulation, input),
        abi::IOCTL_INVALIDATE => invalidate(simulation, &structure(input)?),
        abi::IOCTL_DRAIN => drain(simulation, output.for_query(input)?, output),
        abi::IOCTL_RESET => {
            let request: abi::VfRequest = structure(input)?;
            require_zero(&request.reserved)?;
            done(simulation.reset(request.vf))
        }
        abi::IOCTL_ACKNOWLEDGE => {
            let request: abi::AcknowledgeRequest = structure(input)?;
            require_zero(&request.reserved)?;
            let acknowledged =
                simulation
                    .broker()
                    .acknowledge(request.vf, request.resets, simulation.now());
            refused(acknowledged.without_waiters())
        }
        abi::IOCTL_POWER => {
            let request: abi::PowerRequest = structure(input)?;
            let state = u8::try_from(request.state)
                .ok()
                .and_then(PowerState::from_code)
                .ok_or(INVALID_PARAMETER)?;
            done(simulation.power(request.vf, state))
        }
        abi::IOCTL_JOURNAL => journal(simulation, &output.for_query(input)?, output),
        _ => Err(status::INVALID_DEVICE_REQUEST.cast_unsigned()),
    }
}

/// The output of a request, of which only this many bytes are wanted.
struct Output {
    bytes: Vec<u8>,
    room: usize,
}

impl Output {
    /// Whether another one of these fits.
    fn has_room_for<T>(&self) -> bool {
        self.room - self.bytes.len() >= size_of::<T>()
    }

    /// Appends a structure, which has to fit.
    fn push<T: IntoBytes + Immutable>(&mut self, value: &T) -> Result<(), u32> {
        if !self.has_room_for::<T>() {
            return Err(BUFFER_TOO_SMALL);
        }
        self.bytes.extend_from_slice(value.as_bytes());
        Ok(())
    }

    /// The input of a query, which needs an output.
    fn for_query<T: FromBytes>(&self, input: &[u8]) -> Result<T, u32> {
        let request = structure(input)?;
        if self.room == 0 {
            return Err(BUFFER_TOO_SMALL);
        }
        Ok(request)
    }
}

/// The input, which is exactly one structure.
fn structure<T: FromBytes>(input: &[u8]) -> Result<T, u32> {
    T::read_from_bytes(input).map_err(|_| INVALID_PARAMETER)
}

/// A reserved field has to be zero.
fn require_zero<T: Default + PartialEq>(reserved: &T) -> Result<(), u32> {
    if *reserved == T::default() {
        Ok(())
    } else {
        Err(INVALID_PARAMETER)
    }
}

/// The status of a refusal.
fn refused<T>(result: Result<T, Refusal>) -> Result<T, u32> {
    result.map_err(Refusal::status)
}

/// The status of an operation that a trace has, too.
fn done<T>(result: Result<T, Failure<std::convert::Infallible>>) -> Result<T, u32> {
    result.map_err(|failure| match failure {
        Failure::Refused(status) => status.ntstatus(),
        Failure::Host(never) => match never {},
    })
}

fn query(simulation: &Simulation<'_>) -> abi::QueryReply {
    let table = simulation.table();
    let device = table.device();
    abi::QueryReply {
        abi_version: abi::ABI_VERSION,
        table_crc: table.crc(),
        driver_version: VERSION,
        num_vfs: simulation.vf_count(),
        vendor_id: device.vendor_id,
        // That of a device with several IDs is the first.
        device_id: device.device_ids().next().unwrap_or(0),
        // A table has 1024 blocks at most.
        block_count: u16::try_from(table.block_count()).unwrap_or(u16::MAX),
        table_source: abi::TableSource::Registry.code(),
        attached: 1,
        name: padded_name(device.name),
    }
}

/// The version of this tool, which has the version of the driver.
const VERSION: [u16; 3] = [
    component(env!("CARGO_PKG_VERSION_MAJOR")),
    component(env!("CARGO_PKG_VERSION_MINOR")),
    component(env!("CARGO_PKG_VERSION_PATCH")),
];

const fn component(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("cargo has numbers in a version"),
    }
}

fn blocks(
    simulation: &Simulation<'_>,
    request: abi::BlocksRequest,
    output: &mut Output,
) -> Result<(), u32> {
    let first = usize::try_from(request.first).unwrap_or(usize::MAX);
    for (index, block) in simulation.table().blocks().skip(first).enumerate() {
        if !output.has_room_for::<abi::BlockInfo>() && index != 0 {
            break;
        }
        output.push(&block_info(&block))?;
    }
    Ok(())
}

fn table(simulation: &Simulation<'_>, request: abi::TableRequest, output: &mut Output) {
    let bytes = simulation.table().as_bytes();
    let offset = usize::try_from(request.offset).unwrap_or(usize::MAX);
    let rest = bytes.get(offset..).unwrap_or_default();
    output.bytes.extend(rest.iter().take(output.room));
}

fn read(
    simulation: &Simulation<'_>,
    request: abi::BlockRequest,
    output: &mut Output,
) -> Result<(), u32> {
    require_zero(&request.reserved)?;
    let after = output.room.checked_sub(size_of::<abi::ReadReply>());
    let length = after.ok_or(BUFFER_TOO_SMALL)?;
    let wanted = u32::try_from(length).unwrap_or(u32::MAX);
    let mut image: Image = [0; MAX_BLOCK_LENGTH];
    let read = simulation.broker().host_read(
        request.vf,
        request.block,
        wanted,
        &mut image,
        simulation.now(),
    );
    let revision = refused(read.without_waiters())?;
    output.push(&abi::ReadReply { revision })?;
    // The broker has refused lengths beyond the image.
    output.bytes.extend(image.iter().take(length));
    Ok(())
}

fn publish(simulation: &mut Simulation<'_>, input: &[u8]) -> Result<(), u32> {
    let (request, data) =
        abi::PublishRequest::read_from_prefix(input).map_err(|_| INVALID_PARAMETER)?;
    require_zero(&request.reserved)?;
    let expected = match request.flags {
        0 => require_zero(&request.expected).map(|()| None)?,
        abi::PUBLISH_EXPECTS => Some(request.expected),
        _ => return Err(INVALID_PARAMETER),
    };
    if is_for_all(request.scope, request.vf)? {
        require_zero(&request.flags)?;
        done(simulation.publish_all(request.block, data))
    } else {
        done(simulation.publish(request.vf, request.block, data, expected))
    }
}

/// Whether a scope means every VF; the VF is zero then.
fn is_for_all(scope: u16, vf: u16) -> Result<bool, u32> {
    match (scope, vf) {
        (abi::SCOPE_VF, _) => Ok(false),
        (abi::SCOPE_ALL, 0) => Ok(true),
        _ => Err(INVALID_PARAMETER),
    }
}

fn invalidate(simulation: &Simulation<'_>, request: &abi::InvalidateRequest) -> Result<(), u32> {
    require_zero(&request.reserved)?;
    let (broker, now) = (simulation.broker(), simulation.now());
    let invalidated = if is_for_all(request.scope, request.vf)? {
        broker.invalidate_all(request.mask, now)
    } else {
        broker.invalidate(request.vf, request.mask, now)
    };
    refused(invalidated.without_waiters())
}

fn drain(
    simulation: &Simulation<'_>,
    request: abi::BlockRequest,
    output: &mut Output,
) -> Result<(), u32> {
    require_zero(&request.reserved)?;
    let most = output.room / size_of::<abi::Message>();
    if most == 0 {
        return Err(BUFFER_TOO_SMALL);
    }
    let append = |message: &[u8]| {
        let (length, data) = sent(message);
        let message = abi::Message { length, data };
        output.bytes.extend_from_slice(message.as_bytes());
    };
    let broker = simulation.broker();
    let drained = broker.drain(request.vf, request.block, most, simulation.now(), append);
    refused(drained.without_waiters().map(drop))
}

fn journal(
    simulation: &Simulation<'_>,
    request: &abi::JournalRequest,
    output: &mut Output,
) -> Result<(), u32> {
    require_zero(&request.reserved)?;
    if !output.has_room_for::<abi::JournalEntry>() {
        return Err(BUFFER_TOO_SMALL);
    }
    let mut entries = [Entry::UNUSED; JOURNAL_LENGTH];
    let broker = simulation.broker();
    let excerpt = refused(broker.journal(request.vf, request.after, &mut entries))?;
    for entry in entries.iter().take(excerpt.entries) {
        if !output.has_room_for::<abi::JournalEntry>() {
            break;
        }
        output.push(&entry.reply())?;
    }
    Ok(())
}

fn changes(simulation: &Simulation<'_>, input: &[u8], output: Output) -> Answer {
    match list_changes(simulation, input, output) {
        Ok(answer) => answer,
        Err(status) => Answer::Now(Err(status)),
    }
}

fn list_changes(
    simulation: &Simulation<'_>,
    input: &[u8],
    mut output: Output,
) -> Result<Answer, u32> {
    let request: ChangesRequest = structure(input)?;
    require_zero(&(request.flags & !abi::CHANGES_POLL))?;
    require_zero(&request.reserved)?;
    require_zero(&request.cookie.reserved)?;
    let kinds =
        Kinds::from_bits(request.kinds).ok_or(status::INVALID_PARAMETER_1.cast_unsigned())?;
    let head = size_of::<ChangesReply>();
    if output.room < head + size_of::<abi::Change>() {
        return Err(BUFFER_TOO_SMALL);
    }
    output.bytes.resize(head, 0);
    let append = |change: &abi::Change| output.push(change).is_ok();
    let end = simulation
        .broker()
        .changes(kinds, &request.cookie, append)
        .map_err(|_| status::INVALID_PARAMETER_2.cast_unsigned())?;
    let ends_at_once =
        request.flags & abi::CHANGES_POLL != 0 || end.flags & abi::CHANGES_RESTARTED != 0;
    if output.bytes.len() == head && !ends_at_once {
        let later = ChangesRequest {
            cookie: end.cookie,
            ..request
        };
        return Ok(Answer::Later(later.as_bytes().to_vec()));
    }
    let reply = ChangesReply {
        cookie: end.cookie,
        flags: end.flags,
        reserved: 0,
    };
    output.bytes[..head].copy_from_slice(reply.as_bytes());
    Ok(Answer::Now(Ok(output.bytes)))
}
