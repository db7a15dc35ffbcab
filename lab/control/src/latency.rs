//! How long a VF waits for what host software makes of its write. The runner's request, and what the
//! stack double measured.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::code;

/// Writes blocks of a VF one after the other and measures the time until host software has
/// answered each: input [`Latency`], output [`Latencies`].
pub const IOCTL_MEASURE_LATENCY: u32 = code(0xA1C);

/// What a write waits for, in [`Latency::until`].
pub mod until {
    /// A read of the same block returns the first half of the write as the second half of the
    /// block: the response of the sample companion.
    pub const RESPONSE: u16 = 0;
    /// The stack is notified of the block.
    pub const NOTIFICATION: u16 = 1;
}

/// Input of [`IOCTL_MEASURE_LATENCY`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Latency {
    /// The VF.
    pub vf: u16,
    /// One of [`until`].
    pub until: u16,
    /// A register of 128 bytes that the VF may write.
    pub block: u32,
    /// How many writes.
    pub count: u32,
}

/// Output of [`IOCTL_MEASURE_LATENCY`]: times in units of 100 ns. It fails with the status of the
/// first operation that fails, and with `STATUS_IO_TIMEOUT` when one is not answered.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Latencies {
    /// The time that half of the writes do not exceed.
    pub median: u64,
    /// The time that 99 of 100 do not exceed.
    pub percentile_99: u64,
}
