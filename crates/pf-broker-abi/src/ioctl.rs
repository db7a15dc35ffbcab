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

/// The functions that are reserved for this interface, with those of later versions.
const FUNCTIONS: core::ops::RangeInclusive<u32> = 0x900..=0x9FF;

/// Whether a control code is reserved for this interface. As an upper filter the driver passes
/// other codes on to the function driver, and keeps these, so that no command of newer host
/// software reaches a driver that gives its code another meaning.
#[must_use]
pub const fn is_management_code(code: u32) -> bool {
    let function = (code >> 2) & 0xFFF;
    let is_reserved = *FUNCTIONS.start() <= function && function <= *FUNCTIONS.end();
    is_reserved && (code == ctl_code_read(function) || code == ctl_code_read_write(function))
}

/// Whether a handle needs write access for a control code: the I/O manager of Windows fails a
/// request of another one with `STATUS_ACCESS_DENIED`.
#[must_use]
pub const fn needs_write_access(code: u32) -> bool {
    code & (FILE_WRITE_DATA << 14) != 0
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
/// Acknowledges a reset: the VF is served again, as [`Service::Open`](crate::Service::Open). Refused
/// as `state` for a VF that waits for no acknowledgement, as `changed` if its last reset is another
/// one.
pub const IOCTL_ACKNOWLEDGE: u32 = ctl_code_read_write(0x90E);
/// Returns bytes of the block table in force, as `pfbctl compile` wrote it.
pub const IOCTL_TABLE: u32 = ctl_code_read(0x90F);
/// Returns the present time of the driver's clock, which journals have.
pub const IOCTL_CLOCK: u32 = ctl_code_read(0x910);
/// Returns where a VF is on its PCI bus.
pub const IOCTL_LOCATION: u32 = ctl_code_read(0x911);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_needs_write_access() {
        for code in [
            IOCTL_PUBLISH,
            IOCTL_INVALIDATE,
            IOCTL_DRAIN,
            IOCTL_RESET,
            IOCTL_POWER,
        ] {
            assert!(needs_write_access(code), "{code:#010x}");
        }
        for code in [
            IOCTL_QUERY,
            IOCTL_STATS,
            IOCTL_READ,
            IOCTL_JOURNAL,
            IOCTL_CHANGES,
            IOCTL_TABLE,
            IOCTL_CLOCK,
            IOCTL_LOCATION,
        ] {
            assert!(!needs_write_access(code), "{code:#010x}");
        }
    }

    #[test]
    fn the_codes_of_the_interface_are_reserved_and_codes_like_them_are_not() {
        for code in [IOCTL_QUERY, IOCTL_PUBLISH, IOCTL_HOST_REFUSALS] {
            assert!(is_management_code(code), "{code:#010x}");
        }
        for code in [0x0022_67FC, 0x0022_E7FC] {
            assert!(is_management_code(code), "a later version's {code:#010x}");
        }
        for code in [
            // Another function, method, access, device type.
            0x0022_63FC,
            0x0022_6800,
            IOCTL_QUERY | 3,
            0x0022_2400,
            0x0022_A400,
            0x0023_6400,
            0x8022_6400,
            0,
        ] {
            assert!(!is_management_code(code), "{code:#010x}");
        }
    }
}
