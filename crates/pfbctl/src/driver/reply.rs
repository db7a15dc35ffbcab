//! The driver's replies as values that text and JSON are printed from. docs/json.md documents the
//! serialized names; they are only added to.

use std::fmt;

use pf_broker_abi as abi;
use pf_broker_abi::{Operation, PowerState, Refusal, Service, TableSource};
use pf_broker_client::{Control, Device, Error, name_text};
use serde::Serialize;

use super::clock::Clock;
use super::names::{Names, UNKNOWN_CODE};
use crate::failure::Failure;
use crate::fields::Decoded;
use crate::json::{Bytes, Id, Time, Word};

/// `pfbctl list`.
#[derive(Debug, Serialize)]
pub(super) struct Devices {
    pub(super) devices: Vec<Listed>,
}

/// A device and what it answered.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    /// As `--device` takes it.
    pub(super) number: usize,
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) answer: Answer,
}

/// The answer of a device, or why there is none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Present(Present),
    Error { error: String },
}

/// A device that answers.
#[derive(Debug, Serialize)]
pub(super) struct Present {
    pub(super) name: String,
    pub(super) vendor_id: Id,
    pub(super) device_id: Id,
    pub(super) vfs: u16,
    pub(super) blocks: u16,
    pub(super) table_crc: Word,
    pub(super) table_source: &'static str,
    /// Whether a virtualization stack is attached.
    pub(super) attached: bool,
    pub(super) driver_version: String,
    /// Where the first and the last VF are. None if the driver knows no locations.
    pub(super) first_vf_location: Option<Location>,
    pub(super) last_vf_location: Option<Location>,
}

/// Where a VF is on its PCI bus: segment, bus, device and function, such as `0000:03:00.1`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Location(String);

impl Location {
    /// The location of a VF, if the driver knows any.
    pub(super) fn of<C: Control>(device: &Device<C>, vf: u16) -> Result<Option<Self>, Error> {
        match device.location(vf) {
            Ok(location) => Ok(location.map(Self::new)),
            Err(Error::Status(UNKNOWN_CODE)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn new(location: abi::LocationReply) -> Self {
        let abi::LocationReply {
            segment,
            bus,
            function,
        } = location;
        let (device, function) = (function >> 3, function & 7);
        Self(format!("{segment:04x}:{bus:02x}:{device:02x}.{function}"))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What `pfbctl list` asks a device.
pub(super) struct Queried {
    pub(super) query: abi::QueryReply,
    /// Where the first and the last VF are.
    pub(super) ends: [Option<Location>; 2],
}

/// Without locations.
impl From<abi::QueryReply> for Queried {
    fn from(query: abi::QueryReply) -> Self {
        Self {
            query,
            ends: [None, None],
        }
    }
}

impl Devices {
    pub(super) fn new(devices: &[(String, Result<Queried, Failure>)]) -> Self {
        let listed = devices.iter().enumerate().map(|(number, (path, reply))| {
            let answer = match reply {
                Ok(queried) => Answer::Present(Present::new(queried)),
                Err(failure) => Answer::Error {
                    error: failure.with_causes(),
                },
            };
            Listed {
                number,
                path: path.clone(),
                answer,
            }
        });
        Self {
            devices: listed.collect(),
        }
    }
}

impl Present {
    pub(super) fn new(queried: &Queried) -> Self {
        let Queried {
            query,
            ends: [first, last],
        } = queried;
        let [major, minor, patch] = query.driver_version;
        Self {
            name: name_text(&query.name),
            vendor_id: Id(query.vendor_id),
            device_id: Id(query.device_id),
            vfs: query.num_vfs,
            blocks: query.block_count,
            table_crc: Word(query.table_crc),
            table_source: match TableSource::from_code(query.table_source) {
                Some(TableSource::Embedded) => "embedded",
                Some(TableSource::Registry) => "registry",
                None => "unknown",
            },
            attached: query.attached != 0,
            driver_version: format!("{major}.{minor}.{patch}"),
            first_vf_location: first.clone(),
            last_vf_location: last.clone(),
        }
    }
}

/// `pfbctl stats`.
#[derive(Debug, Serialize)]
pub(super) struct Stats {
    pub(super) vfs: Vec<VfStats>,
    /// Operations of host software and of the virtualization stack, charged to no VF.
    pub(super) host_refusals: Vec<Refused>,
}

/// The counters and the state of a VF.
#[derive(Debug, Serialize)]
pub(super) struct VfStats {
    pub(super) vf: u16,
    /// None if the driver knows no locations, or was not queried for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<Location>,
    pub(super) power: String,
    /// False during a reset, after one that failed, and until one is acknowledged.
    pub(super) served: bool,
    /// The VF waits for an acknowledgement of its last reset.
    pub(super) unacknowledged: bool,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) publishes: u64,
    pub(super) withdrawn: u64,
    pub(super) dropped: u64,
    pub(super) floods: u64,
    pub(super) resets: u64,
    /// The blocks with an invalidation that is not delivered yet.
    pub(super) pending_invalidations: Vec<u32>,
    pub(super) refused: u64,
    pub(super) refusals: Vec<Refused>,
}

/// How often operations were refused for a reason.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    pub(super) reason: String,
    /// None for a code that this tool does not know.
    pub(super) status: Option<Word>,
    pub(super) count: u64,
    #[serde(skip)]
    pub(super) sentence: &'static str,
}

impl Refused {
    /// The reasons with refusals.
    pub(super) fn list(counts: &[u64; abi::MAX_REASONS]) -> Vec<Self> {
        let counted = (0..).zip(counts).filter(|&(_, count)| *count > 0);
        counted
            .map(|(code, &count)| match Refusal::from_code(code) {
                Some(refusal) => Self {
                    reason: refusal.reason().to_owned(),
                    status: Some(Word(refusal.status())),
                    count,
                    sentence: refusal.sentence(),
                },
                None => Self {
                    reason: format!("code {code}"),
                    status: None,
                    count,
                    sentence: "The driver is newer than this tool.",
                },
            })
            .collect()
    }

    /// All refusals of a list.
    pub(super) fn total(list: &[Self]) -> u64 {
        list.iter()
            .fold(0, |sum, refused| sum.saturating_add(refused.count))
    }
}

impl VfStats {
    pub(super) fn new(vf: u16, stats: &abi::StatsReply) -> Self {
        let refusals = Refused::list(&stats.refused);
        Self {
            vf,
            location: None,
            power: power(stats.power.into()),
            served: stats.service == Service::Open.code(),
            unacknowledged: stats.service == Service::Unacknowledged.code(),
            reads: stats.reads,
            writes: stats.writes,
            publishes: stats.publishes,
            withdrawn: stats.withdrawn,
            dropped: stats.dropped,
            floods: stats.floods,
            resets: stats.resets,
            pending_invalidations: (0..u64::BITS)
                .filter(|bit| stats.pending >> bit & 1 == 1)
                .collect(),
            refused: Refused::total(&refusals),
            refusals,
        }
    }

    /// The same with the VF's location.
    pub(super) fn at(self, location: Option<Location>) -> Self {
        Self { location, ..self }
    }

    /// The most frequent reason of the refusals, or nothing.
    pub(super) fn mostly(&self) -> &str {
        let most = self.refusals.iter().max_by_key(|refused| refused.count);
        most.map_or("", |refused| &refused.reason)
    }
}

/// `pfbctl stats --vf`.
#[derive(Debug, Serialize)]
pub(super) struct VfInDetail {
    #[serde(flatten)]
    pub(super) stats: VfStats,
    pub(super) blocks: Vec<BlockStats>,
}

/// The counters of a block of a VF.
#[derive(Debug, Serialize)]
pub(super) struct BlockStats {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) reads: u64,
    pub(super) writes: u64,
    pub(super) publishes: u64,
    pub(super) refused: u64,
    /// Messages of a stream that are not drained yet.
    pub(super) waiting: u64,
    pub(super) dropped: u64,
    pub(super) revision: u64,
}

impl BlockStats {
    pub(super) fn new(block: &abi::BlockInfo, counters: &abi::BlockStatsReply) -> Self {
        Self {
            id: block.id,
            name: name_text(&block.name),
            reads: counters.reads,
            writes: counters.writes,
            publishes: counters.publishes,
            refused: counters.refused,
            waiting: counters.queued,
            dropped: counters.dropped,
            revision: counters.revision,
        }
    }
}

/// `pfbctl read`.
#[derive(Debug, Serialize)]
pub(super) struct Value {
    pub(super) vf: u16,
    pub(super) block: u32,
    /// None if the driver does not name the block.
    pub(super) block_name: Option<String>,
    pub(super) revision: u64,
    pub(super) data: Bytes,
    /// With a manifest, as for a message.
    #[serde(flatten)]
    pub(super) decoded: Option<Decoded>,
}

/// `pfbctl drain`.
#[derive(Debug, Serialize)]
pub(super) struct Drained {
    pub(super) vf: u16,
    pub(super) block: u32,
    pub(super) block_name: Option<String>,
    /// The oldest first.
    pub(super) messages: Vec<Message>,
}

/// A message of a stream.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub(super) data: Bytes,
    #[serde(flatten)]
    pub(super) decoded: Option<Decoded>,
}

/// `pfbctl journal`.
#[derive(Debug, Serialize)]
pub(super) struct Journal {
    pub(super) vf: u16,
    /// The oldest first.
    pub(super) events: Vec<Event>,
}

/// An entry of a VF's journal.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    /// The number of its last event, counted from 1 for each VF.
    pub(super) number: u64,
    /// None with a driver that does not report its clock.
    pub(super) time: Option<Time>,
    /// Since the system started, in units of 100 ns, without the time that it slept.
    pub(super) time_100ns: u64,
    pub(super) operation: &'static str,
    /// The number of the operation in the management interface.
    pub(super) operation_code: u8,
    pub(super) block: Option<u32>,
    /// None if there is no such block.
    pub(super) block_name: Option<String>,
    pub(super) length: Option<u32>,
    /// The power state that was set.
    pub(super) power: Option<String>,
    pub(super) status: Word,
    /// The reason of a refusal.
    pub(super) reason: Option<&'static str>,
    /// The offset in the block of what broke a rule, if the fault is at one place.
    pub(super) fault_offset: Option<u8>,
    /// The field there, if it is known and the same in every layout.
    pub(super) fault_field: Option<String>,
    /// The status that the companion driver answered, if it declined.
    pub(super) companion_status: Option<Word>,
    /// How often the event repeated.
    pub(super) repeated: u32,
}

impl Event {
    pub(super) fn new(entry: &abi::JournalEntry, names: &Names, clock: Option<Clock>) -> Self {
        let (operation, about_a_block) = operation(entry.operation);
        let status = entry.status.cast_unsigned();
        let refusal = Refusal::from_status(status);
        let is_power = entry.operation == Operation::SetPower.code();
        let fault_offset = entry.fault.checked_sub(1);
        let fault_field = fault_offset.and_then(|offset| names.field(entry.block, offset));
        Self {
            number: entry.sequence,
            time: clock.and_then(|clock| clock.at(entry.time)).map(Time),
            time_100ns: entry.time,
            operation,
            operation_code: entry.operation,
            block: about_a_block.then_some(entry.block),
            block_name: names
                .name(entry.block)
                .filter(|_| about_a_block)
                .map(str::to_owned),
            length: about_a_block.then_some(entry.length),
            power: is_power.then(|| power(entry.length)),
            status: Word(status),
            reason: refusal.map(Refusal::reason),
            fault_offset,
            fault_field: fault_field.map(str::to_owned),
            companion_status: (refusal == Some(Refusal::Declined))
                .then_some(Word(entry.companion_status.cast_unsigned())),
            repeated: entry.repeated,
        }
    }
}

/// A line of `pfbctl watch --json`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Line<'e> {
    /// A new entry of a journal.
    Event {
        vf: u16,
        #[serde(flatten)]
        event: &'e Event,
    },
    /// The entry that was printed last has occurred again.
    Repeated {
        vf: u16,
        /// How often since the last line.
        times: u64,
        #[serde(flatten)]
        event: &'e Event,
    },
    /// Events were overwritten before they could be read.
    Lost { vf: u16, events: u64 },
    /// The device has gone, and is waited for.
    Gone,
    /// The device is back.
    Back,
    /// The driver has started anew: its numbers begin again.
    Restarted,
}

/// A power state.
fn power(code: u32) -> String {
    let state = u8::try_from(code).ok().and_then(PowerState::from_code);
    state.map_or_else(
        || format!("power state {code}"),
        |state| format!("{state:?}"),
    )
}

/// Every operation of the journal, and whether it concerns a block.
const OPERATIONS: [(Operation, &str, bool); Operation::ALL.len()] = [
    (Operation::Read, "read", true),
    (Operation::Write, "write", true),
    (Operation::Publish, "publish", true),
    (Operation::Invalidate, "invalidate", false),
    (Operation::Drain, "drain", true),
    (Operation::Reset, "reset", false),
    (Operation::SetPower, "power", false),
    (Operation::HostRead, "host read", true),
    (Operation::TakeInvalidation, "notified", false),
    (Operation::BeginReset, "hold back", false),
    (Operation::FailReset, "reset failed", false),
    (Operation::Remove, "removed", false),
    (Operation::Withdraw, "withdraw", true),
    (Operation::Acknowledge, "acknowledge", false),
    (Operation::Expire, "time limit", false),
];

/// The name of a journal operation, and whether it concerns a block.
pub(super) fn operation(number: u8) -> (&'static str, bool) {
    OPERATIONS
        .iter()
        .find(|(operation, ..)| operation.code() == number)
        .map_or(("unknown", true), |&(_, name, about_a_block)| {
            (name, about_a_block)
        })
}

/// The names of the operations.
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|(_, name, _)| *name)
}
