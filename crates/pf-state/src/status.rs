//! The NTSTATUS values that the machines answer with, as MS-ERREF section 2.3.1 lists them.

pub use pcivirt_abi::NtStatus;

/// An NTSTATUS from its usual unsigned spelling.
const fn status(value: u32) -> NtStatus {
    value.cast_signed()
}

/// The request is done.
pub const SUCCESS: NtStatus = 0;
/// The other side refused without saying more.
pub const UNSUCCESSFUL: NtStatus = status(0xC000_0001);
/// The structure in the buffer does not have the length that it should have.
pub const INFO_LENGTH_MISMATCH: NtStatus = status(0xC000_0004);
/// An argument has a value that it must not have.
pub const INVALID_PARAMETER: NtStatus = status(0xC000_000D);
/// The device does not know the request.
pub const INVALID_DEVICE_REQUEST: NtStatus = status(0xC000_0010);
/// The caller or the register is not on the list of those allowed.
pub const ACCESS_DENIED: NtStatus = status(0xC000_0022);
/// The reply does not fit.
pub const BUFFER_TOO_SMALL: NtStatus = status(0xC000_0023);
/// Somebody else is attached.
pub const SHARING_VIOLATION: NtStatus = status(0xC000_0043);
/// The device, or the VF, cannot be reached for now.
pub const DEVICE_NOT_READY: NtStatus = status(0xC000_00A3);
/// The device has not done in time what it was asked for.
pub const IO_TIMEOUT: NtStatus = status(0xC000_00B5);
/// The device cannot do what it was asked for.
pub const NOT_SUPPORTED: NtStatus = status(0xC000_00BB);
/// The device did not take or give the data.
pub const IO_DEVICE_ERROR: NtStatus = status(0xC000_0185);
/// Nothing is under way that this could be the answer to.
pub const INVALID_DEVICE_STATE: NtStatus = status(0xC000_0184);
/// Something else is under way.
pub const DEVICE_BUSY: NtStatus = status(0x8000_0011);
/// The device is gone.
pub const DEVICE_REMOVED: NtStatus = status(0xC000_02B6);
/// The registry value does not exist.
pub const OBJECT_NAME_NOT_FOUND: NtStatus = status(0xC000_0034);
/// The registry value has another type.
pub const OBJECT_TYPE_MISMATCH: NtStatus = status(0xC000_0024);
/// More was asked for than is allowed.
pub const QUOTA_EXCEEDED: NtStatus = status(0xC000_0044);
/// The data does not check out.
pub const DATA_ERROR: NtStatus = status(0xC000_003E);
/// There is not enough memory.
pub const INSUFFICIENT_RESOURCES: NtStatus = status(0xC000_009A);
/// The device gave data that make no sense.
pub const DEVICE_DATA_ERROR: NtStatus = status(0xC000_009C);
/// The registry holds what it cannot hold.
pub const REGISTRY_CORRUPT: NtStatus = status(0xC000_014C);
/// The kernel lacks a function.
pub const ENTRYPOINT_NOT_FOUND: NtStatus = status(0xC000_0139);
/// A memory range is too small.
pub const RANGE_NOT_FOUND: NtStatus = status(0xC000_028C);
/// An interface is not offered.
pub const NOINTERFACE: NtStatus = status(0xC000_02B9);
/// The device has less of something than was asked for.
pub const DEVICE_INSUFFICIENT_RESOURCES: NtStatus = status(0xC000_0468);
/// The hardware refused.
pub const DEVICE_HARDWARE_ERROR: NtStatus = status(0xC000_0483);
/// The device does not hold what a device of its kind has to hold.
pub const DEVICE_CONFIGURATION_ERROR: NtStatus = status(0xC000_0182);

#[cfg(test)]
pub(crate) mod tests {
    use windows_sys::Win32::Foundation as published;

    use super::*;

    /// Each constant of this module beside the one of the same name in Microsoft's metadata.
    const PAIRS: [(&str, NtStatus, NtStatus); 28] = [
        ("STATUS_SUCCESS", SUCCESS, published::STATUS_SUCCESS),
        (
            "STATUS_UNSUCCESSFUL",
            UNSUCCESSFUL,
            published::STATUS_UNSUCCESSFUL,
        ),
        (
            "STATUS_INFO_LENGTH_MISMATCH",
            INFO_LENGTH_MISMATCH,
            published::STATUS_INFO_LENGTH_MISMATCH,
        ),
        (
            "STATUS_INVALID_PARAMETER",
            INVALID_PARAMETER,
            published::STATUS_INVALID_PARAMETER,
        ),
        (
            "STATUS_INVALID_DEVICE_REQUEST",
            INVALID_DEVICE_REQUEST,
            published::STATUS_INVALID_DEVICE_REQUEST,
        ),
        (
            "STATUS_ACCESS_DENIED",
            ACCESS_DENIED,
            published::STATUS_ACCESS_DENIED,
        ),
        (
            "STATUS_BUFFER_TOO_SMALL",
            BUFFER_TOO_SMALL,
            published::STATUS_BUFFER_TOO_SMALL,
        ),
        (
            "STATUS_SHARING_VIOLATION",
            SHARING_VIOLATION,
            published::STATUS_SHARING_VIOLATION,
        ),
        (
            "STATUS_DEVICE_NOT_READY",
            DEVICE_NOT_READY,
            published::STATUS_DEVICE_NOT_READY,
        ),
        (
            "STATUS_IO_TIMEOUT",
            IO_TIMEOUT,
            published::STATUS_IO_TIMEOUT,
        ),
        (
            "STATUS_NOT_SUPPORTED",
            NOT_SUPPORTED,
            published::STATUS_NOT_SUPPORTED,
        ),
        (
            "STATUS_IO_DEVICE_ERROR",
            IO_DEVICE_ERROR,
            published::STATUS_IO_DEVICE_ERROR,
        ),
        (
            "STATUS_INVALID_DEVICE_STATE",
            INVALID_DEVICE_STATE,
            published::STATUS_INVALID_DEVICE_STATE,
        ),
        (
            "STATUS_DEVICE_BUSY",
            DEVICE_BUSY,
            published::STATUS_DEVICE_BUSY,
        ),
        (
            "STATUS_DEVICE_REMOVED",
            DEVICE_REMOVED,
            published::STATUS_DEVICE_REMOVED,
        ),
        (
            "STATUS_OBJECT_NAME_NOT_FOUND",
            OBJECT_NAME_NOT_FOUND,
            published::STATUS_OBJECT_NAME_NOT_FOUND,
        ),
        (
            "STATUS_OBJECT_TYPE_MISMATCH",
            OBJECT_TYPE_MISMATCH,
            published::STATUS_OBJECT_TYPE_MISMATCH,
        ),
        (
            "STATUS_QUOTA_EXCEEDED",
            QUOTA_EXCEEDED,
            published::STATUS_QUOTA_EXCEEDED,
        ),
        (
            "STATUS_DATA_ERROR",
            DATA_ERROR,
            published::STATUS_DATA_ERROR,
        ),
        (
            "STATUS_INSUFFICIENT_RESOURCES",
            INSUFFICIENT_RESOURCES,
            published::STATUS_INSUFFICIENT_RESOURCES,
        ),
        (
            "STATUS_DEVICE_DATA_ERROR",
            DEVICE_DATA_ERROR,
            published::STATUS_DEVICE_DATA_ERROR,
        ),
        (
            "STATUS_REGISTRY_CORRUPT",
            REGISTRY_CORRUPT,
            published::STATUS_REGISTRY_CORRUPT,
        ),
        (
            "STATUS_ENTRYPOINT_NOT_FOUND",
            ENTRYPOINT_NOT_FOUND,
            published::STATUS_ENTRYPOINT_NOT_FOUND,
        ),
        (
            "STATUS_RANGE_NOT_FOUND",
            RANGE_NOT_FOUND,
            published::STATUS_RANGE_NOT_FOUND,
        ),
        (
            "STATUS_NOINTERFACE",
            NOINTERFACE,
            published::STATUS_NOINTERFACE,
        ),
        (
            "STATUS_DEVICE_INSUFFICIENT_RESOURCES",
            DEVICE_INSUFFICIENT_RESOURCES,
            published::STATUS_DEVICE_INSUFFICIENT_RESOURCES,
        ),
        (
            "STATUS_DEVICE_HARDWARE_ERROR",
            DEVICE_HARDWARE_ERROR,
            published::STATUS_DEVICE_HARDWARE_ERROR,
        ),
        (
            "STATUS_DEVICE_CONFIGURATION_ERROR",
            DEVICE_CONFIGURATION_ERROR,
            published::STATUS_DEVICE_CONFIGURATION_ERROR,
        ),
    ];

    /// The value of a constant by the name that the headers give it.
    pub(crate) fn by_name(name: &str) -> Option<NtStatus> {
        PAIRS
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, value, _)| *value)
    }

    #[test]
    fn the_values_are_those_that_microsoft_publishes() {
        for (name, value, published) in PAIRS {
            assert_eq!(value, published, "{name}: {value:#010x}");
        }
    }
}
