//! Verification and description of a compiled block table.

use core::ffi::{c_char, c_void};

use block_table::{Flaw, Table, TableError};

use crate::pointers::put;
use crate::status::{
    BB_INVALID_ARGUMENT, BB_INVALID_TABLE, BB_SUCCESS, BB_TABLE_VERSION, bb_status,
};

/// Bytes of a name, the zero at its end included.
pub const BB_NAME_LENGTH: usize = 64;
/// The most PCI device IDs that a table lists.
pub const BB_MAX_DEVICE_IDS: usize = 16;

/// What a table says about its device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_table_info {
    /// CRC-32 of the table.
    pub crc: u32,
    /// How many blocks there are.
    pub block_count: u32,
    /// The most VFs, 1 to 4096.
    pub max_vfs: u16,
    /// PCI vendor ID of the PF.
    pub vendor_id: u16,
    /// How many of `device_ids` are used, at least 1.
    pub device_id_count: u16,
    /// PCI device IDs that the PF may have.
    pub device_ids: [u16; BB_MAX_DEVICE_IDS],
    /// Zero.
    pub reserved: u16,
    /// The manifest's device name in UTF-8, ended by a zero.
    pub name: [u8; BB_NAME_LENGTH],
}

/// Why a table is refused.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_table_flaw {
    /// The broken rule of the format. The text is static and ends with a zero.
    pub sentence: *const c_char,
    /// Offset in the table, in bytes, of the record that breaks it.
    pub offset: usize,
}

/// The caller's bytes as a table.
///
/// # Safety
/// `table` is NULL, or `length` readable bytes that nothing changes as long as the result is used.
pub(crate) unsafe fn verified(
    table: *const c_void,
    length: usize,
) -> Result<Table<'static>, Option<TableError>> {
    if table.is_null() {
        return Err(None);
    }
    if length > block_table::MAX_TABLE_LENGTH {
        return Err(Some(TableError {
            flaw: Flaw::TooLong,
            offset: 0,
        }));
    }
    // SAFETY: the caller's bytes are readable and constant.
    let bytes = unsafe { core::slice::from_raw_parts(table.cast::<u8>(), length) };
    Table::verify(bytes).map_err(Some)
}

/// The status of a table that [`verified`] refuses.
pub(crate) fn status_of(error: Option<TableError>) -> bb_status {
    match error {
        None => BB_INVALID_ARGUMENT,
        Some(TableError {
            flaw: Flaw::Version,
            ..
        }) => BB_TABLE_VERSION,
        Some(_) => BB_INVALID_TABLE,
    }
}

/// Verifies a block table, as `pfbctl compile` writes it.
///
/// `table` and `length` are its bytes; nothing refers to them after the call. `info`
/// gets what the table says about its device, `flaw` why the table is refused; each may be NULL.
///
/// Any IRQL, but the time is linear in the length: better `PASSIVE_LEVEL`.
///
/// Returns `BB_SUCCESS`; `BB_INVALID_TABLE` or `BB_TABLE_VERSION`, with `flaw`; or
/// `BB_INVALID_ARGUMENT` if `table` is NULL.
///
/// # Safety
/// `table` has `length` readable bytes; `info` and `flaw` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_verify_table(
    table: *const c_void,
    length: usize,
    info: *mut bb_table_info,
    flaw: *mut bb_table_flaw,
) -> bb_status {
    // SAFETY: as the caller promises; the table is not used after this call.
    match unsafe { verified(table, length) } {
        Ok(table) => {
            // SAFETY: as the caller promises.
            unsafe { put(info, description(&table)) };
            BB_SUCCESS
        }
        Err(error) => {
            if let Some(TableError {
                flaw: broken,
                offset,
            }) = error
            {
                let sentence = broken.c_sentence().as_ptr();
                // SAFETY: as the caller promises.
                unsafe { put(flaw, bb_table_flaw { sentence, offset }) };
            }
            status_of(error)
        }
    }
}

fn description(table: &Table<'_>) -> bb_table_info {
    let device = table.device();
    let mut name = [0; BB_NAME_LENGTH];
    // A name has at most 63 bytes.
    for (to, from) in name.iter_mut().zip(device.name.bytes()) {
        *to = from;
    }
    let mut device_ids = [0; BB_MAX_DEVICE_IDS];
    let mut device_id_count = 0;
    for (to, from) in device_ids.iter_mut().zip(device.device_ids()) {
        *to = from;
        device_id_count += 1;
    }
    bb_table_info {
        crc: table.crc(),
        // A table has 1024 blocks at most.
        block_count: u32::try_from(table.block_count()).unwrap_or(u32::MAX),
        max_vfs: device.max_vfs,
        vendor_id: device.vendor_id,
        device_id_count,
        device_ids,
        reserved: 0,
        name,
    }
}
