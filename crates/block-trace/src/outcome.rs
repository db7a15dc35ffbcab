//! The result of one operation, and its line.

use std::fmt;

use pf_broker_abi::{self as abi, Refusal};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// An `NTSTATUS`, as the driver returns it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Status(u32);

impl Status {
    /// `STATUS_SUCCESS`.
    pub const SUCCESS: Self = Self(0);

    /// The status of this `NTSTATUS` value.
    #[must_use]
    pub const fn new(ntstatus: u32) -> Self {
        Self(ntstatus)
    }

    /// The value of the `NTSTATUS`.
    #[must_use]
    pub const fn ntstatus(self) -> u32 {
        self.0
    }

    /// The refusal with this status; each has its own. `None` for a status that the broker never
    /// returns.
    #[must_use]
    pub fn refusal(self) -> Option<Refusal> {
        Refusal::from_status(self.0)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.status())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "0x{:08X}", self.0)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The result of one operation of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Success without data: write, publish, invalidate, reset, acknowledge, power, advance,
    /// companion, answer.
    Done,
    /// The bytes that a VF read.
    Data(Vec<u8>),
    /// The bytes that host software read, and the revision of the block.
    HostData {
        /// As many bytes as requested, with zeros after those of the block.
        data: Vec<u8>,
        /// How often the block was committed or reset since the device started.
        revision: u64,
    },
    /// The invalidations that were latched, bit n for block ID n.
    Mask(u64),
    /// The messages of a stream, oldest first.
    Messages(Vec<Vec<u8>>),
    /// The writes that the sample companion was called with, in order.
    Calls(Vec<HandedWrite>),
    /// A VF's counters.
    Stats(Stats),
    /// What changed.
    Changes(Vec<Change>),
    /// It was refused.
    Refused(Status),
}

impl Outcome {
    /// The status: success, or the refusal's.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Refused(status) => *status,
            Self::Done
            | Self::Data(_)
            | Self::HostData { .. }
            | Self::Mask(_)
            | Self::Messages(_)
            | Self::Calls(_)
            | Self::Stats(_)
            | Self::Changes(_) => Status::SUCCESS,
        }
    }
}

/// A change of a VF or of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The VF was reset, its power state was set, or both.
    Vf {
        /// Index of the VF, from 0.
        vf: u16,
        /// It was reset.
        reset: bool,
        /// Its power state was set, after the reset if there was one.
        power: bool,
    },
    /// A block was written by the VF or published.
    Block {
        /// Index of the VF, from 0.
        vf: u16,
        /// Block ID.
        block: u32,
        /// How often the block was committed or reset since the device started.
        revision: u64,
    },
}

impl Change {
    /// The kinds of changes that a trace reports: bits of [`abi::ChangesRequest::kinds`].
    pub const KINDS: u16 = abi::CHANGE_WRITTEN
        | abi::CHANGE_MESSAGE
        | abi::CHANGE_RESET
        | abi::CHANGE_POWER
        | abi::CHANGE_PUBLISHED;

    /// The changes that entries with kinds among [`Change::KINDS`] stand for, in the order of a
    /// result: by VF, the VF before its blocks, these by ID.
    #[must_use]
    pub fn list(entries: &[abi::Change]) -> Vec<Self> {
        let mut changes: Vec<_> = entries.iter().map(Self::of).collect();
        changes.sort_by_key(|change| match *change {
            Self::Vf { vf, .. } => (vf, None),
            Self::Block { vf, block, .. } => (vf, Some(block)),
        });
        changes
    }

    const fn of(entry: &abi::Change) -> Self {
        let abi::Change {
            vf,
            kinds,
            block,
            revision,
        } = *entry;
        if kinds & (abi::CHANGE_RESET | abi::CHANGE_POWER) == 0 {
            Self::Block {
                vf,
                block,
                revision,
            }
        } else {
            Self::Vf {
                vf,
                reset: kinds & abi::CHANGE_RESET != 0,
                power: kinds & abi::CHANGE_POWER != 0,
            }
        }
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match *self {
            Self::Vf { vf, reset, power } => {
                map.serialize_entry("vf", &vf)?;
                for (key, happened) in [("reset", reset), ("power", power)] {
                    if happened {
                        map.serialize_entry(key, &true)?;
                    }
                }
            }
            Self::Block {
                vf,
                block,
                revision,
            } => {
                map.serialize_entry("vf", &vf)?;
                map.serialize_entry("block", &block)?;
                map.serialize_entry("revision", &revision)?;
            }
        }
        map.end()
    }
}

/// A write that the sample companion was called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedWrite {
    /// Index of the VF, from 0.
    pub vf: u16,
    /// Block ID.
    pub block: u32,
    /// The whole block as it would be committed.
    pub data: Vec<u8>,
}

impl Serialize for HandedWrite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("vf", &self.vf)?;
        map.serialize_entry("block", &self.block)?;
        map.serialize_entry("data", &hex::encode(&self.data))?;
        map.end()
    }
}

/// A VF's counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Reads of the VF that were answered.
    pub reads: u64,
    /// Writes of the VF that were committed.
    pub writes: u64,
    /// Publishes to the VF that were committed.
    pub publishes: u64,
    /// Publishes that withdrew the VF's bytes.
    pub withdrawn: u64,
    /// Refused operations of the VF, indexed by [`Refusal::index`].
    pub refused: [u64; Refusal::ALL.len()],
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", &self.status())?;
        match self {
            Self::Done => {}
            Self::Data(data) => map.serialize_entry("data", &hex::encode(data))?,
            Self::HostData { data, revision } => {
                map.serialize_entry("data", &hex::encode(data))?;
                map.serialize_entry("revision", revision)?;
            }
            Self::Mask(mask) => map.serialize_entry("mask", &format_args!("{mask:#x}"))?,
            Self::Messages(messages) => {
                let messages: Vec<String> = messages.iter().map(hex::encode).collect();
                map.serialize_entry("messages", &messages)?;
            }
            Self::Calls(calls) => map.serialize_entry("calls", calls)?,
            Self::Stats(stats) => {
                map.serialize_entry("reads", &stats.reads)?;
                map.serialize_entry("writes", &stats.writes)?;
                map.serialize_entry("publishes", &stats.publishes)?;
                map.serialize_entry("withdrawn", &stats.withdrawn)?;
                map.serialize_entry("refused", &ByReason(&stats.refused))?;
            }
            Self::Changes(changes) => map.serialize_entry("changes", changes)?,
            // A status that is no refusal has no reason; it is still printed, so that the line
            // shows a difference between two surfaces.
            Self::Refused(status) => {
                if let Some(refusal) = status.refusal() {
                    map.serialize_entry("reason", refusal.reason())?;
                }
            }
        }
        map.end()
    }
}

struct ByReason<'s>(&'s [u64; Refusal::ALL.len()]);

impl Serialize for ByReason<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            Refusal::ALL
                .iter()
                .map(|refusal| refusal.reason())
                .zip(self.0),
        )
    }
}

/// The outcome as a result line, without a line end.
impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests;
