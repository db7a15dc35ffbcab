//! Writes an operation as a line of a trace.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::operation::{Direction, Operation};
use crate::value::State;

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("op", self.name())?;
        match self {
            Self::Write { vf, block, data } => {
                map.serialize_entry("vf", vf)?;
                map.serialize_entry("block", block)?;
                map.serialize_entry("data", &hex::encode(data))?;
            }
            Self::Read { vf, block, length } | Self::HostRead { vf, block, length } => {
                map.serialize_entry("vf", vf)?;
                map.serialize_entry("block", block)?;
                map.serialize_entry("length", length)?;
            }
            Self::Publish {
                vf,
                block,
                data,
                expect,
            } => {
                map.serialize_entry("vf", vf)?;
                map.serialize_entry("block", block)?;
                map.serialize_entry("data", &hex::encode(data))?;
                if let Some(expect) = expect {
                    map.serialize_entry("expect", expect)?;
                }
            }
            Self::Invalidate { vf, mask } => {
                map.serialize_entry("vf", vf)?;
                map.serialize_entry("mask", &format_args!("{mask:#x}"))?;
            }
            Self::Drain { vf, block } => {
                map.serialize_entry("vf", vf)?;
                map.serialize_entry("block", block)?;
            }
            Self::Power { vf, state } => {
                map.serialize_entry("vf", vf)?;
                map.serialize_entry("state", &State(*state))?;
            }
            Self::TakeInvalidation { vf }
            | Self::Reset { vf }
            | Self::Acknowledge { vf }
            | Self::Stats { vf } => {
                map.serialize_entry("vf", vf)?;
            }
            Self::Changes | Self::Handed => {}
            Self::Advance { milliseconds } => {
                map.serialize_entry("milliseconds", milliseconds)?;
            }
            Self::Companion { ready } => map.serialize_entry("ready", ready)?,
            Self::Answer {
                block,
                to,
                status,
                data,
            } => {
                map.serialize_entry("block", block)?;
                if *to == Direction::Read {
                    map.serialize_entry("to", "read")?;
                }
                map.serialize_entry("status", &format_args!("0x{status:08X}"))?;
                if let Some(data) = data {
                    map.serialize_entry("data", &hex::encode(data))?;
                }
            }
        }
        map.end()
    }
}

/// The operation as a line of a trace, without a line end.
impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
