//! The control code of the lab's function driver, above which the driver under test may be a filter:
//! what has reached it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::code;

/// Takes the record, which begins anew: no input, output [`Record`].
pub const IOCTL_TAKE_RECORD: u32 = code(0xC00);
/// Is counted, and returns the input as it came: as many bytes as input and output have.
pub const IOCTL_ECHO: u32 = code(0xC01);

/// What has reached the function driver.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Record {
    /// Creates.
    pub creates: u32,
    /// Cleanups.
    pub cleanups: u32,
    /// Closes.
    pub closes: u32,
    /// Reads.
    pub reads: u32,
    /// Writes.
    pub writes: u32,
    /// Device controls, without those of this interface's [`IOCTL_TAKE_RECORD`].
    pub controls: u32,
    /// Internal device controls, without the same.
    pub internal_controls: u32,
    /// Creates with a file name, which the driver does not know and refuses.
    pub named_creates: u32,
    /// WMI packets.
    pub wmi: u32,
    /// Entries into D0.
    pub d0_entries: u32,
    /// Exits from D0.
    pub d0_exits: u32,
    /// Entries into or exits from D0 while VF Enable was set.
    pub with_vfs_on: u32,
}
