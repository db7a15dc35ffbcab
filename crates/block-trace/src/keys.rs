//! The keys of a line, and which of them each operation takes.

use pf_broker_abi::PowerState;
use serde::de::{Deserialize, Deserializer};

use crate::line_error::LineError;
use crate::operation::{Direction, Op, Operation, Target};
use crate::value::{Hex, Mask, NtStatus, State, word};

impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, &Self::ALL.map(|op| (op.name(), op)))
    }
}

/// The keys of all operations. A later step checks which of them an operation takes, so that the
/// error distinguishes a key of another operation from one that does not exist.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    op: Op,
    #[serde(default, deserialize_with = "present")]
    vf: Option<Target>,
    #[serde(default, deserialize_with = "present")]
    block: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    length: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Hex>,
    #[serde(default, deserialize_with = "present")]
    expect: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    mask: Option<Mask>,
    #[serde(default, deserialize_with = "present")]
    state: Option<State>,
    #[serde(default, deserialize_with = "present")]
    milliseconds: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    ready: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    status: Option<NtStatus>,
    #[serde(default, deserialize_with = "present")]
    to: Option<Direction>,
}

/// Reads a key that is present. `null` is not a value, although `Option` would accept it.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Keys {
    pub(crate) fn into_operation(mut self) -> Result<Operation, LineError> {
        let operation = match self.op {
            Op::Write => Operation::Write {
                vf: self.one_vf()?,
                block: self.block()?,
                data: self.data()?,
            },
            Op::Read => Operation::Read {
                vf: self.one_vf()?,
                block: self.block()?,
                length: self.length()?,
            },
            Op::Publish => {
                let vf = self.target()?;
                let expect = self.expect.take();
                if vf == Target::All && expect.is_some() {
                    return Err(LineError::ExpectOfAll);
                }
                Operation::Publish {
                    vf,
                    block: self.block()?,
                    data: self.data()?,
                    expect,
                }
            }
            Op::HostRead => Operation::HostRead {
                vf: self.one_vf()?,
                block: self.block()?,
                length: self.length()?,
            },
            Op::Invalidate => Operation::Invalidate {
                vf: self.target()?,
                mask: self.mask()?,
            },
            Op::TakeInvalidation => Operation::TakeInvalidation { vf: self.one_vf()? },
            Op::Drain => Operation::Drain {
                vf: self.one_vf()?,
                block: self.block()?,
            },
            Op::Reset => Operation::Reset { vf: self.one_vf()? },
            Op::Acknowledge => Operation::Acknowledge { vf: self.one_vf()? },
            Op::Power => Operation::Power {
                vf: self.one_vf()?,
                state: self.state()?,
            },
            Op::Stats => Operation::Stats { vf: self.one_vf()? },
            Op::Changes => Operation::Changes,
            Op::Advance => Operation::Advance {
                milliseconds: self.milliseconds()?,
            },
            Op::Companion => Operation::Companion {
                ready: self.ready()?,
            },
            Op::Answer => Operation::Answer {
                block: self.block()?,
                to: self.to.take().unwrap_or(Direction::Write),
                status: self.status()?,
                data: self.data.take().map(|data| data.0),
            },
            Op::Handed => Operation::Handed,
        };
        self.nothing_left()?;
        Ok(operation)
    }

    fn one_vf(&mut self) -> Result<u16, LineError> {
        match self.target()? {
            Target::Vf(vf) => Ok(vf),
            Target::All => Err(LineError::OneVf { op: self.op.name() }),
        }
    }

    fn target(&mut self) -> Result<Target, LineError> {
        self.vf.take().ok_or(self.missing("vf"))
    }

    fn block(&mut self) -> Result<u32, LineError> {
        self.block.take().ok_or(self.missing("block"))
    }

    fn length(&mut self) -> Result<u32, LineError> {
        self.length.take().ok_or(self.missing("length"))
    }

    fn data(&mut self) -> Result<Vec<u8>, LineError> {
        Ok(self.data.take().ok_or(self.missing("data"))?.0)
    }

    fn mask(&mut self) -> Result<u64, LineError> {
        Ok(self.mask.take().ok_or(self.missing("mask"))?.0)
    }

    fn state(&mut self) -> Result<PowerState, LineError> {
        Ok(self.state.take().ok_or(self.missing("state"))?.0)
    }

    fn milliseconds(&mut self) -> Result<u32, LineError> {
        self.milliseconds.take().ok_or(self.missing("milliseconds"))
    }

    fn ready(&mut self) -> Result<bool, LineError> {
        self.ready.take().ok_or(self.missing("ready"))
    }

    fn status(&mut self) -> Result<u32, LineError> {
        Ok(self.status.take().ok_or(self.missing("status"))?.0)
    }

    fn missing(&self, key: &'static str) -> LineError {
        LineError::Missing {
            op: self.op.name(),
            key,
        }
    }

    /// The operation took its keys; any remaining key belongs to another operation.
    fn nothing_left(&self) -> Result<(), LineError> {
        let left = [
            ("vf", self.vf.is_some()),
            ("block", self.block.is_some()),
            ("length", self.length.is_some()),
            ("data", self.data.is_some()),
            ("expect", self.expect.is_some()),
            ("mask", self.mask.is_some()),
            ("state", self.state.is_some()),
            ("milliseconds", self.milliseconds.is_some()),
            ("ready", self.ready.is_some()),
            ("status", self.status.is_some()),
            ("to", self.to.is_some()),
        ];
        match left.into_iter().find(|&(_, present)| present) {
            Some((key, _)) => Err(LineError::Superfluous {
                op: self.op.name(),
                key,
            }),
            None => Ok(()),
        }
    }
}
