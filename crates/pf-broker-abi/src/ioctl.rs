//! The control codes.

const FILE_DEVICE_UNKNOWN: u32 = 0x22;
const FILE_READ_DATA: u32 = 1;
const FILE_WRITE_DATA: u32 = 2;

/// `CTL_CODE` of `wdm.h` for `METHOD_BUFFERED` and a handle opened for reading.
const fn ctl_code_read(function: u32) -> u32 {
    (FILE_DEVICE_UNKNOWN << 16) | (FILE_READ_DATA << 14) | (function << 2)
}

/// `CTL_CODE` of `wdm.h` for `METHOD_BUFFERED` and a handle opened for reading and writing.
const fn ctl_code_read_write(function: u32) -> u32 {
    ctl_code_read(function) | (FILE_WRITE_DATA << 14)
}

/// Returns what the driver is and serves.
pub const IOCTL_QUERY: u32 = ctl_code_read(0x900);
/// Lists the blocks of the table in force.
pub const IOCTL_BLOCKS: u32 = ctl_code_read(0x901);
/// Returns the counters of a VF.
pub const IOCTL_STATS: u32 = ctl_code_read(0x902);
/// Returns the counters of one block of a VF.
pub const IOCTL_BLOCK_STATS: u32 = ctl_code_read(0x903);
/// Returns the committed value of a register block, whichever side owns its bytes, and the block's
/// revision.
pub const IOCTL_READ: u32 = ctl_code_read(0x904);
/// Writes the PF-owned bytes of a block, for one VF or for all. What a VF wrote never makes it
/// fail: where the VF's bytes and the publish break a rule together, the VF's return to their
/// defaults. For one VF it may depend on the block's revision.
pub const IOCTL_PUBLISH: u32 = ctl_code_read_write(0x905);
/// Invalidates blocks, for one VF or for all: the VF should read them again.
pub const IOCTL_INVALIDATE: u32 = ctl_code_read_write(0x906);
/// Takes messages out of a stream, oldest first. A reset between two messages ends the list.
pub const IOCTL_DRAIN: u32 = ctl_code_read_write(0x907);
/// Resets a VF, as the virtualization stack's `ResetVf` does.
pub const IOCTL_RESET: u32 = ctl_code_read_write(0x908);
/// Sets the power state of a VF, as the virtualization stack's `SetVfPowerState` does.
pub const IOCTL_POWER: u32 = ctl_code_read_write(0x909);
/// Returns the last events of a VF.
pub const IOCTL_JOURNAL: u32 = ctl_code_read(0x90A);
/// Returns how often operations of the host were refused, by reason.
pub const IOCTL_HOST_REFUSALS: u32 = ctl_code_read(0x90C);
/// Returns what changed since a cookie, and pends while that is nothing.
pub const IOCTL_CHANGES: u32 = ctl_code_read(0x90D);
