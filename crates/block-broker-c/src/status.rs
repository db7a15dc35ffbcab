//! The statuses that the functions return, and the texts of refusals.

use core::ffi::{CStr, c_char};

use pf_broker_abi::Refusal;

/// An NTSTATUS.
pub type bb_status = i32;

/// Declares the statuses that are no refusals.
macro_rules! statuses {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:literal $symbol:ident;)+) => {
        $(
            $(#[doc = $doc])+
            pub const $name: bb_status = u32::cast_signed($value);
        )+

        /// Each status that is no refusal: its name here, its value, the name that Windows gives to
        /// the value, and its meaning. The header has them from this list.
        pub const STATUSES: &[(&str, u32, &str, &str)] = &[
            $((stringify!($name), $value, stringify!($symbol), concat!($($doc),+)),)+
        ];
    };
}

statuses! {
    /// The operation was done.
    BB_SUCCESS = 0x0000_0000 STATUS_SUCCESS;
    /// The first part of the operation was done: see `bb_begin_write` and `bb_begin_read`.
    BB_PENDING = 0x0000_0103 STATUS_PENDING;
    /// A pointer is NULL that must not be, or a value is not one that its parameter has.
    BB_INVALID_ARGUMENT = 0xC000_00EF STATUS_INVALID_PARAMETER_1;
    /// The cookie is none that `bb_changes` can have returned.
    BB_INVALID_COOKIE = 0xC000_00F0 STATUS_INVALID_PARAMETER_2;
    /// There are more VFs than the manifest's max-vfs, or none.
    BB_TOO_MANY_VFS = 0xC000_00F1 STATUS_INVALID_PARAMETER_3;
    /// The size of the options is none that this version of the library knows.
    BB_INVALID_SIZE = 0xC000_0004 STATUS_INFO_LENGTH_MISMATCH;
    /// The memory is smaller than `bb_memory_needed` says.
    BB_MEMORY_TOO_SMALL = 0xC000_0023 STATUS_BUFFER_TOO_SMALL;
    /// The table breaks a rule of its format: see `bb_verify_table`.
    BB_INVALID_TABLE = 0xC000_003E STATUS_DATA_ERROR;
    /// The table has another format version than this library reads.
    BB_TABLE_VERSION = 0xC000_0058 STATUS_UNKNOWN_REVISION;
    /// The VF is allocated already.
    BB_ALREADY_ALLOCATED = 0xC000_0184 STATUS_INVALID_DEVICE_STATE;
}

/// The status of a refusal.
pub(crate) const fn refused(refusal: Refusal) -> bb_status {
    refusal.status().cast_signed()
}

/// The NTSTATUS of a refusal's code, which is also its index in `refused` of `bb_vf_status` and in
/// the counts of `bb_host_refusals`. `BB_SUCCESS` for a code that this version does not have.
///
/// Any IRQL.
#[unsafe(no_mangle)]
pub extern "C" fn bb_refusal_status(code: u32) -> bb_status {
    u8::try_from(code)
        .ok()
        .and_then(Refusal::from_code)
        .map_or(BB_SUCCESS, refused)
}

/// The word for a refusal in traces and tools, such as `length`. NULL for a status that is no
/// refusal. The text is static and ends with a zero.
///
/// Any IRQL.
#[unsafe(no_mangle)]
pub extern "C" fn bb_refusal_name(status: bb_status) -> *const c_char {
    text_of(status, Refusal::c_reason)
}

/// What was wrong, as one English sentence. NULL for a status that is no refusal. The text is static
/// and ends with a zero.
///
/// Any IRQL.
#[unsafe(no_mangle)]
pub extern "C" fn bb_refusal_sentence(status: bb_status) -> *const c_char {
    text_of(status, Refusal::c_sentence)
}

fn text_of(status: bb_status, text: fn(Refusal) -> &'static CStr) -> *const c_char {
    Refusal::from_status(status.cast_unsigned())
        .map_or(core::ptr::null(), |refusal| text(refusal).as_ptr())
}
