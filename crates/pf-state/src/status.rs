//! The NTSTATUS values that the driver returns, as MS-ERREF section 2.3.1 lists them.

pub use pcivirt_abi::NtStatus;

/// Declares the constants, each with the name that it has in the headers after `STATUS_`; the tests
/// hold every one against Microsoft's metadata.
macro_rules! statuses {
    ($($(#[$meaning:meta])* $name:ident = $published:ident, $value:literal;)*) => {
        $(
            $(#[$meaning])*
            pub const $name: NtStatus = u32::cast_signed($value);
        )*

        /// Each constant by its name in the headers, beside the published one.
        #[cfg(test)]
        const PUBLISHED: &[(&str, NtStatus, NtStatus)] = &[
            $((
                stringify!($published),
                $name,
                windows_sys::Win32::Foundation::$published,
            ),)*
        ];
    };
}

statuses! {
    /// Success.
    SUCCESS = STATUS_SUCCESS, 0x0000_0000;
    /// The other side refused without saying more.
    UNSUCCESSFUL = STATUS_UNSUCCESSFUL, 0xC000_0001;
    /// The structure in the buffer does not have the length that it should have.
    INFO_LENGTH_MISMATCH = STATUS_INFO_LENGTH_MISMATCH, 0xC000_0004;
    /// An argument has a value that it must not have.
    INVALID_PARAMETER = STATUS_INVALID_PARAMETER, 0xC000_000D;
    /// The kinds of changes in the input are none, or not known.
    INVALID_PARAMETER_1 = STATUS_INVALID_PARAMETER_1, 0xC000_00EF;
    /// The cookie in the input is malformed.
    INVALID_PARAMETER_2 = STATUS_INVALID_PARAMETER_2, 0xC000_00F0;
    /// The device does not know the request.
    INVALID_DEVICE_REQUEST = STATUS_INVALID_DEVICE_REQUEST, 0xC000_0010;
    /// The caller or the register is not on the list of those allowed.
    ACCESS_DENIED = STATUS_ACCESS_DENIED, 0xC000_0022;
    /// The reply does not fit.
    BUFFER_TOO_SMALL = STATUS_BUFFER_TOO_SMALL, 0xC000_0023;
    /// Another stack is attached.
    SHARING_VIOLATION = STATUS_SHARING_VIOLATION, 0xC000_0043;
    /// The device, or the VF, cannot be reached for now.
    DEVICE_NOT_READY = STATUS_DEVICE_NOT_READY, 0xC000_00A3;
    /// The device did not finish in time.
    IO_TIMEOUT = STATUS_IO_TIMEOUT, 0xC000_00B5;
    /// The device cannot do what was requested.
    NOT_SUPPORTED = STATUS_NOT_SUPPORTED, 0xC000_00BB;
    /// The device did not take or give the data.
    IO_DEVICE_ERROR = STATUS_IO_DEVICE_ERROR, 0xC000_0185;
    /// The request or the driver is out of place: there is no event that this could answer, or the
    /// driver is below the one that it has to be above.
    INVALID_DEVICE_STATE = STATUS_INVALID_DEVICE_STATE, 0xC000_0184;
    /// Another operation runs.
    DEVICE_BUSY = STATUS_DEVICE_BUSY, 0x8000_0011;
    /// The device is gone.
    DEVICE_REMOVED = STATUS_DEVICE_REMOVED, 0xC000_02B6;
    /// The registry value does not exist.
    OBJECT_NAME_NOT_FOUND = STATUS_OBJECT_NAME_NOT_FOUND, 0xC000_0034;
    /// The registry value is empty.
    RESOURCE_DATA_NOT_FOUND = STATUS_RESOURCE_DATA_NOT_FOUND, 0xC000_0089;
    /// The registry value has another type.
    OBJECT_TYPE_MISMATCH = STATUS_OBJECT_TYPE_MISMATCH, 0xC000_0024;
    /// More was requested than is allowed.
    QUOTA_EXCEEDED = STATUS_QUOTA_EXCEEDED, 0xC000_0044;
    /// The data does not check out.
    DATA_ERROR = STATUS_DATA_ERROR, 0xC000_003E;
    /// There is not enough memory.
    INSUFFICIENT_RESOURCES = STATUS_INSUFFICIENT_RESOURCES, 0xC000_009A;
    /// The device gave data that make no sense.
    DEVICE_DATA_ERROR = STATUS_DEVICE_DATA_ERROR, 0xC000_009C;
    /// The data has no meaning.
    BAD_DATA = STATUS_BAD_DATA, 0xC000_090B;
    /// The device has no function driver.
    PLUGPLAY_NO_DEVICE = STATUS_PLUGPLAY_NO_DEVICE, 0xC000_025E;
    /// The registry holds what it cannot hold.
    REGISTRY_CORRUPT = STATUS_REGISTRY_CORRUPT, 0xC000_014C;
    /// The kernel lacks a function.
    ENTRYPOINT_NOT_FOUND = STATUS_ENTRYPOINT_NOT_FOUND, 0xC000_0139;
    /// A memory range is too small.
    RANGE_NOT_FOUND = STATUS_RANGE_NOT_FOUND, 0xC000_028C;
    /// An interface is not offered.
    NOINTERFACE = STATUS_NOINTERFACE, 0xC000_02B9;
    /// The device lacks a function that is needed.
    DEVICE_FEATURE_NOT_SUPPORTED = STATUS_DEVICE_FEATURE_NOT_SUPPORTED, 0xC000_0463;
    /// The device has less of something than was requested.
    DEVICE_INSUFFICIENT_RESOURCES = STATUS_DEVICE_INSUFFICIENT_RESOURCES, 0xC000_0468;
    /// The hardware refused.
    DEVICE_HARDWARE_ERROR = STATUS_DEVICE_HARDWARE_ERROR, 0xC000_0483;
    /// The device does not hold what a device of its kind has to hold.
    DEVICE_CONFIGURATION_ERROR = STATUS_DEVICE_CONFIGURATION_ERROR, 0xC000_0182;
    /// A resource has another type than it must have.
    RESOURCE_TYPE_NOT_FOUND = STATUS_RESOURCE_TYPE_NOT_FOUND, 0xC000_008A;
    /// A resource that must be there is not.
    RESOURCE_NAME_NOT_FOUND = STATUS_RESOURCE_NAME_NOT_FOUND, 0xC000_008B;
    /// There is more of something than can be.
    ALLOTTED_SPACE_EXCEEDED = STATUS_ALLOTTED_SPACE_EXCEEDED, 0xC000_0099;
    /// A memory range contradicts what it is for.
    RANGE_LIST_CONFLICT = STATUS_RANGE_LIST_CONFLICT, 0xC000_0282;
    /// An address is not aligned.
    DATATYPE_MISALIGNMENT_ERROR = STATUS_DATATYPE_MISALIGNMENT_ERROR, 0xC000_02C5;
    /// There is no address.
    INVALID_ADDRESS = STATUS_INVALID_ADDRESS, 0xC000_0141;
    /// The device is another one.
    DEVICE_DOES_NOT_EXIST = STATUS_DEVICE_DOES_NOT_EXIST, 0xC000_00C0;
    /// There is nothing for the device.
    NO_MATCH = STATUS_NO_MATCH, 0xC000_0272;
    /// The function is not there.
    DEVICE_UNREACHABLE = STATUS_DEVICE_UNREACHABLE, 0xC000_0464;
    /// The device did something else than was requested.
    DEVICE_PROTOCOL_ERROR = STATUS_DEVICE_PROTOCOL_ERROR, 0xC000_0186;
    /// There is no memory where there must be some.
    MEMORY_NOT_ALLOCATED = STATUS_MEMORY_NOT_ALLOCATED, 0xC000_00A0;
    /// The device lacks a part that every device of its kind has.
    NOT_FOUND = STATUS_NOT_FOUND, 0xC000_0225;
    /// The data has a format version that is not supported.
    UNKNOWN_REVISION = STATUS_UNKNOWN_REVISION, 0xC000_0058;
    /// The device is another one than at its first start.
    REVISION_MISMATCH = STATUS_REVISION_MISMATCH, 0xC000_0059;
    /// The function does not answer.
    DEVICE_NOT_CONNECTED = STATUS_DEVICE_NOT_CONNECTED, 0xC000_009D;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The value of a constant by the name that the headers give it.
    pub(crate) fn by_name(name: &str) -> Option<NtStatus> {
        PUBLISHED
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, value, _)| *value)
    }

    #[test]
    fn the_values_are_those_that_microsoft_publishes() {
        for (name, value, published) in PUBLISHED {
            assert_eq!(value, published, "{name}: {value:#010x}");
        }
    }
}
