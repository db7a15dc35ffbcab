//! The NTSTATUS values that the double uses, under short names ([MS-ERREF], `wdfstatus.h`).

use wdk_sys::NTSTATUS;

macro_rules! statuses {
    ($($name:ident = $value:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($value), "`")]
            pub(crate) const $name: NTSTATUS = u32::cast_signed($value);
        )*
    };
}

statuses! {
    SUCCESS = 0;
    PENDING = 0x0000_0103;
    BUFFER_OVERFLOW = 0x8000_0005;
    NO_MORE_ENTRIES = 0x8000_001A;
    INFO_LENGTH_MISMATCH = 0xC000_0004;
    INVALID_PARAMETER = 0xC000_000D;
    INVALID_DEVICE_REQUEST = 0xC000_0010;
    MORE_PROCESSING_REQUIRED = 0xC000_0016;
    BUFFER_TOO_SMALL = 0xC000_0023;
    OBJECT_TYPE_MISMATCH = 0xC000_0024;
    OBJECT_NAME_NOT_FOUND = 0xC000_0034;
    DELETE_PENDING = 0xC000_0056;
    RESOURCE_DATA_NOT_FOUND = 0xC000_0089;
    INSUFFICIENT_RESOURCES = 0xC000_009A;
    DEVICE_POWER_FAILURE = 0xC000_009E;
    NOT_SUPPORTED = 0xC000_00BB;
    CANCELLED = 0xC000_0120;
    INVALID_DEVICE_STATE = 0xC000_0184;
    WDF_BUSY = 0xC020_0204;
    WDF_PAUSED = 0xC020_0203;
    WDF_NO_CALLBACK = 0xC020_020B;
    WDF_PARENT_NOT_SPECIFIED = 0xC020_0212;
    WDF_PARENT_ASSIGNMENT_NOT_ALLOWED = 0xC020_020F;
}

/// `NT_SUCCESS`.
pub(crate) const fn is_success(status: NTSTATUS) -> bool {
    status >= 0
}

/// `NT_ERROR`.
pub(crate) const fn is_error(status: NTSTATUS) -> bool {
    (status.cast_unsigned() >> 30) == 3
}

/// The status of a result whose value is already delivered.
pub(crate) fn of<T>(result: Result<T, NTSTATUS>) -> NTSTATUS {
    result.err().unwrap_or(SUCCESS)
}
