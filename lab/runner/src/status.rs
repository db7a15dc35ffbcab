//! The NTSTATUS values that the runner expects.

pub(crate) const SUCCESS: u32 = 0;
pub(crate) const DEVICE_BUSY: u32 = 0x8000_0011;
pub(crate) const INFO_LENGTH_MISMATCH: u32 = 0xC000_0004;
pub(crate) const INVALID_PARAMETER: u32 = 0xC000_000D;
pub(crate) const NO_SUCH_DEVICE: u32 = 0xC000_000E;
pub(crate) const INVALID_DEVICE_REQUEST: u32 = 0xC000_0010;
pub(crate) const ACCESS_DENIED: u32 = 0xC000_0022;
pub(crate) const BUFFER_TOO_SMALL: u32 = 0xC000_0023;
pub(crate) const SHARING_VIOLATION: u32 = 0xC000_0043;
pub(crate) const REVISION_MISMATCH: u32 = 0xC000_0059;
pub(crate) const INVALID_PARAMETER_1: u32 = 0xC000_00EF;
pub(crate) const INVALID_PARAMETER_2: u32 = 0xC000_00F0;
pub(crate) const DEVICE_NOT_CONNECTED: u32 = 0xC000_009D;
pub(crate) const DEVICE_NOT_READY: u32 = 0xC000_00A3;
pub(crate) const IO_TIMEOUT: u32 = 0xC000_00B5;
pub(crate) const NOT_SUPPORTED: u32 = 0xC000_00BB;
pub(crate) const CANCELLED: u32 = 0xC000_0120;
pub(crate) const INVALID_DEVICE_STATE: u32 = 0xC000_0184;
pub(crate) const IO_DEVICE_ERROR: u32 = 0xC000_0185;
pub(crate) const INVALID_BUFFER_SIZE: u32 = 0xC000_0206;
pub(crate) const NOT_FOUND: u32 = 0xC000_0225;
pub(crate) const REQUEST_ABORTED: u32 = 0xC000_0240;
pub(crate) const DEVICE_REMOVED: u32 = 0xC000_02B6;
