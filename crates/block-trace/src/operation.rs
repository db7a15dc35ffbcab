//! One line of a trace: its keys, their ranges, and what is wrong with a line that is not one.

mod keys;
mod value;

use std::fmt;

use pf_broker_abi::PowerState;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use keys::{Keys, Op};
use value::State;
pub use value::{HexError, bytes_from_hex};

/// One operation of a trace.
///
/// A value that exists is well formed and no more: the VF, block, length and bytes it names are
/// the broker's to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A VF writes a block, as through `WriteVfConfigBlock`.
    Write {
        /// Index of the VF, from 0.
        vf: u16,
        /// Block ID.
        block: u32,
        /// The bytes as the VF sends them, of any length.
        data: Vec<u8>,
    },
    /// A VF reads a block, as through `ReadVfConfigBlock`.
    Read {
        /// Index of the VF, from 0.
        vf: u16,
        /// Block ID.
        block: u32,
        /// Bytes asked for.
        length: u32,
    },
    /// The host side writes a block of one VF, or of every VF.
    Publish {
        /// Whose block.
        vf: Target,
        /// Block ID.
        block: u32,
        /// The bytes as the host side sends them, of any length.
        data: Vec<u8>,
        /// The revision that the block must have, if one is expected; never with every VF.
        expect: Option<u64>,
    },
    /// The host side reads a block, whatever the VF may do with it.
    HostRead {
        /// Index of the VF, from 0.
        vf: u16,
        /// Block ID.
        block: u32,
        /// Bytes asked for.
        length: u32,
    },
    /// The host side tells a VF, or every VF, to read blocks again.
    Invalidate {
        /// Who is told.
        vf: Target,
        /// Bit n stands for block ID n.
        mask: u64,
    },
    /// Takes what is latched for a VF's next invalidation request.
    TakeInvalidation {
        /// Index of the VF, from 0.
        vf: u16,
    },
    /// The host side takes every message out of a VF's stream, oldest first.
    Drain {
        /// Index of the VF, from 0.
        vf: u16,
        /// Block ID of the stream.
        block: u32,
    },
    /// Resets a VF: nothing that it wrote stays.
    Reset {
        /// Index of the VF, from 0.
        vf: u16,
    },
    /// Sets a VF's device power state.
    Power {
        /// Index of the VF, from 0.
        vf: u16,
        /// The state that it enters.
        state: PowerState,
    },
    /// Asks for a VF's counters.
    Stats {
        /// Index of the VF, from 0.
        vf: u16,
    },
    /// Moves the simulated clock; where time is real, waits.
    Advance {
        /// By how much, in milliseconds.
        milliseconds: u32,
    },
}

/// Whom a host-side operation addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The VF of this index; written as a number.
    Vf(u16),
    /// Every VF; written as `"all"`.
    All,
}

/// Why a line of a trace is not an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is no JSON, or not an object.
    #[error("{problem}")]
    Json {
        /// 1-based byte of the line that the problem was noticed at.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// A key, or the value of one, that no operation knows.
    #[error("`{key}`: {problem}")]
    Key {
        /// The key as the line spells it.
        key: String,
        /// 1-based byte of the line that the problem was noticed at.
        column: usize,
        /// What is wrong, with the value found.
        problem: String,
    },
    /// The operation lacks a key.
    #[error("`{op}` needs `{key}`")]
    Missing {
        /// The operation.
        op: &'static str,
        /// The key that it needs.
        key: &'static str,
    },
    /// A key of another operation.
    #[error("`{op}` takes no `{key}`")]
    Superfluous {
        /// The operation.
        op: &'static str,
        /// The key that it does not take.
        key: &'static str,
    },
    /// A revision that every VF is to have.
    #[error(
        "`expect` takes one VF: every VF has revisions of its own, and \"all\" have none together"
    )]
    ExpectOfAll,
    /// An operation of one VF that was given every VF.
    #[error("`{op}` takes one VF; \"all\" is for `publish` and `invalidate`")]
    OneVf {
        /// The operation.
        op: &'static str,
    },
}

impl LineError {
    /// The 1-based byte of the line that the problem was noticed at, when it has one place.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::Json { column, .. } | Self::Key { column, .. } => Some(*column),
            Self::Missing { .. }
            | Self::Superfluous { .. }
            | Self::ExpectOfAll
            | Self::OneVf { .. } => None,
        }
    }
}

impl Operation {
    /// Reads one line of a trace, with or without its line end.
    ///
    /// # Errors
    ///
    /// Anything that is not exactly one JSON object with the keys of one operation, each once and
    /// with a value in its range, is a [`LineError`] that says what and, where it can, which byte.
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        // The derived reader of a structure takes an array of its values as well; a trace does not.
        if line
            .trim_ascii_start()
            .first()
            .is_some_and(|&byte| byte != b'{')
        {
            return Err(LineError::Json {
                column: line.len() - line.trim_ascii_start().len() + 1,
                problem: "a line holds one JSON object".into(),
            });
        }
        let mut json = serde_json::Deserializer::from_slice(line);
        let keys: Keys = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| line_error(&error.path().to_string(), error.inner()))?;
        json.end().map_err(|error| line_error(".", &error))?;
        keys.into_operation()
    }

    /// The operation's name, as a line spells it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Write { .. } => Op::Write,
            Self::Read { .. } => Op::Read,
            Self::Publish { .. } => Op::Publish,
            Self::HostRead { .. } => Op::HostRead,
            Self::Invalidate { .. } => Op::Invalidate,
            Self::TakeInvalidation { .. } => Op::TakeInvalidation,
            Self::Drain { .. } => Op::Drain,
            Self::Reset { .. } => Op::Reset,
            Self::Power { .. } => Op::Power,
            Self::Stats { .. } => Op::Stats,
            Self::Advance { .. } => Op::Advance,
        }
        .name()
    }
}

/// Turns the JSON reader's error into ours. `path` is the key that was being read, or `.`.
fn line_error(path: &str, error: &serde_json::Error) -> LineError {
    let column = error.column();
    // The reader counts lines of its own input, which is one line of ours: its place is dropped
    // from the sentence and kept as a number.
    let sentence = error.to_string();
    let place = format!(" at line {} column {column}", error.line());
    let problem = sentence
        .strip_suffix(&place)
        .unwrap_or(&sentence)
        .to_owned();
    if path == "." || !error.is_data() {
        LineError::Json { column, problem }
    } else {
        LineError::Key {
            key: path.to_owned(),
            column,
            problem,
        }
    }
}

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
            Self::TakeInvalidation { vf } | Self::Reset { vf } | Self::Stats { vf } => {
                map.serialize_entry("vf", vf)?;
            }
            Self::Advance { milliseconds } => {
                map.serialize_entry("milliseconds", milliseconds)?;
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

#[cfg(test)]
mod tests;
