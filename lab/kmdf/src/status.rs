//! The NTSTATUS values that the double returns, under short names ([MS-ERREF], `wdfstatus.h`).

use kmdf_rules::object::Handle;
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
    TIMEOUT = 0x0000_0102;
    PENDING = 0x0000_0103;
    OBJECT_NAME_EXISTS = 0x4000_0000;
    NO_MORE_ENTRIES = 0x8000_001A;
    UNSUCCESSFUL = 0xC000_0001;
    INFO_LENGTH_MISMATCH = 0xC000_0004;
    INVALID_PARAMETER = 0xC000_000D;
    INVALID_DEVICE_REQUEST = 0xC000_0010;
    MORE_PROCESSING_REQUIRED = 0xC000_0016;
    BUFFER_TOO_SMALL = 0xC000_0023;
    OBJECT_TYPE_MISMATCH = 0xC000_0024;
    OBJECT_NAME_NOT_FOUND = 0xC000_0034;
    RESOURCE_DATA_NOT_FOUND = 0xC000_0089;
    DELETE_PENDING = 0xC000_0056;
    DEVICE_POWER_FAILURE = 0xC000_009E;
    INSUFFICIENT_RESOURCES = 0xC000_009A;
    IO_TIMEOUT = 0xC000_00B5;
    NOT_SUPPORTED = 0xC000_00BB;
    CANCELLED = 0xC000_0120;
    INVALID_DEVICE_STATE = 0xC000_0184;
    INVALID_BUFFER_SIZE = 0xC000_0206;
    NOT_FOUND = 0xC000_0225;
    BUFFER_OVERFLOW = 0x8000_0005;
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

/// What a function that creates an object returns.
pub(crate) fn of(created: Result<Handle, NTSTATUS>) -> NTSTATUS {
    created.err().unwrap_or(SUCCESS)
}
