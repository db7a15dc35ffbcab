//! The operations of a trace and their names.

use pf_broker_abi::PowerState;

/// One operation of a trace.
///
/// Values are well formed; the broker checks the VF, block, length and bytes.
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
        /// Length in bytes.
        length: u32,
    },
    /// Host software writes a block of one VF, or of every VF.
    Publish {
        /// The VF whose block it is, or all.
        vf: Target,
        /// Block ID.
        block: u32,
        /// The bytes as host software sends them, of any length.
        data: Vec<u8>,
        /// The revision that the block must have, if one is expected; never with every VF.
        expect: Option<u64>,
    },
    /// Host software reads a block, independently of the VF's access.
    HostRead {
        /// Index of the VF, from 0.
        vf: u16,
        /// Block ID.
        block: u32,
        /// Length in bytes.
        length: u32,
    },
    /// Host software asks a VF, or every VF, to read blocks again.
    Invalidate {
        /// The VF, or all.
        vf: Target,
        /// Bit n stands for block ID n.
        mask: u64,
    },
    /// Takes the latched invalidations of a VF.
    TakeInvalidation {
        /// Index of the VF, from 0.
        vf: u16,
    },
    /// Host software takes every message out of a VF's stream, oldest first.
    Drain {
        /// Index of the VF, from 0.
        vf: u16,
        /// Block ID of the stream.
        block: u32,
    },
    /// Resets a VF, which wipes everything that it wrote.
    Reset {
        /// Index of the VF, from 0.
        vf: u16,
    },
    /// Host software acknowledges a VF's last reset.
    Acknowledge {
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
    /// Reads a VF's counters.
    Stats {
        /// Index of the VF, from 0.
        vf: u16,
    },
    /// Host software asks what changed since it last asked.
    Changes,
    /// Moves the simulated clock; where time is real, waits.
    Advance {
        /// By how much, in milliseconds.
        milliseconds: u32,
    },
    /// The sample companion says whether it is ready; at the start it is not.
    Companion {
        /// Whether it is.
        ready: bool,
    },
    /// Sets how the sample companion answers operations on a block from now on.
    Answer {
        /// Block ID.
        block: u32,
        /// Which operations are answered so.
        to: Direction,
        /// The NTSTATUS of the answer; 0, as at the start, accepts.
        status: u32,
        /// The bytes that it publishes to the block during the call of a write, or sets for a read;
        /// none at the start.
        data: Option<Vec<u8>>,
    },
    /// Takes the writes that the sample companion was called with since the last time.
    Handed,
}

/// An operation of a VF on a block that a companion handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// A write; the default of a line.
    Write,
    /// A read.
    Read,
}

/// The VFs that an operation of host software addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The VF of this index; written as a number.
    Vf(u16),
    /// Every VF; written as `"all"`.
    All,
}

impl Operation {
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
            Self::Acknowledge { .. } => Op::Acknowledge,
            Self::Power { .. } => Op::Power,
            Self::Stats { .. } => Op::Stats,
            Self::Changes => Op::Changes,
            Self::Advance { .. } => Op::Advance,
            Self::Companion { .. } => Op::Companion,
            Self::Answer { .. } => Op::Answer,
            Self::Handed => Op::Handed,
        }
        .name()
    }
}

/// The operations, without their values.
#[derive(Clone, Copy)]
pub(crate) enum Op {
    Write,
    Read,
    Publish,
    HostRead,
    Invalidate,
    TakeInvalidation,
    Drain,
    Reset,
    Acknowledge,
    Power,
    Stats,
    Changes,
    Advance,
    Companion,
    Answer,
    Handed,
}

impl Op {
    pub(crate) const ALL: [Self; 16] = [
        Self::Write,
        Self::Read,
        Self::Publish,
        Self::HostRead,
        Self::Invalidate,
        Self::TakeInvalidation,
        Self::Drain,
        Self::Reset,
        Self::Acknowledge,
        Self::Power,
        Self::Stats,
        Self::Changes,
        Self::Advance,
        Self::Companion,
        Self::Answer,
        Self::Handed,
    ];

    /// How a line spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Publish => "publish",
            Self::HostRead => "host-read",
            Self::Invalidate => "invalidate",
            Self::TakeInvalidation => "take-invalidation",
            Self::Drain => "drain",
            Self::Reset => "reset",
            Self::Acknowledge => "acknowledge",
            Self::Power => "power",
            Self::Stats => "stats",
            Self::Changes => "changes",
            Self::Advance => "advance",
            Self::Companion => "companion",
            Self::Answer => "answer",
            Self::Handed => "handed",
        }
    }

    /// The keys that its line has besides `op`: those that it must have, and those that it may.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Write => (&["vf", "block", "data"], &[]),
            Self::Publish => (&["vf", "block", "data"], &["expect"]),
            Self::Read | Self::HostRead => (&["vf", "block", "length"], &[]),
            Self::Invalidate => (&["vf", "mask"], &[]),
            Self::Drain => (&["vf", "block"], &[]),
            Self::TakeInvalidation | Self::Reset | Self::Acknowledge | Self::Stats => {
                (&["vf"], &[])
            }
            Self::Power => (&["vf", "state"], &[]),
            Self::Changes | Self::Handed => (&[], &[]),
            Self::Advance => (&["milliseconds"], &[]),
            Self::Companion => (&["ready"], &[]),
            Self::Answer => (&["block", "status"], &["to", "data"]),
        }
    }

    /// Whether it takes every VF, as `"all"`, in place of one.
    fn takes_all(self) -> bool {
        matches!(self, Self::Publish | Self::Invalidate)
    }
}

/// The keys of an operation's line, for descriptions of the language; the tests compare them with
/// the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The value of `op`.
    pub op: &'static str,
    /// The other keys that the line must have.
    pub required: &'static [&'static str],
    /// The keys that it may have.
    pub optional: &'static [&'static str],
    /// Whether `vf` may be `"all"`.
    pub takes_all: bool,
}

/// The lines of every operation.
#[must_use]
pub fn shapes() -> Vec<Shape> {
    let shape = |op: Op| {
        let (required, optional) = op.keys();
        Shape {
            op: op.name(),
            required,
            optional,
            takes_all: op.takes_all(),
        }
    };
    Op::ALL.map(shape).to_vec()
}
