//! `SeAccessCheck`, which Wine's kernel exports as a stub that ends the process.
//!
//! It follows the function's page and MS-DTYP 2.5.3. The discretionary list alone decides, and the
//! caller is an administrator or an ordinary user, as the runner says.

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};

use wdk_sys::{NTSTATUS, STATUS_ACCESS_DENIED, STATUS_SUCCESS};

use crate::kernel::exports::replace;
use crate::log::log;

/// Whether programs that open devices run as an administrator.
static ADMINISTRATOR: AtomicBool = AtomicBool::new(true);

/// Sets whether programs that open devices from now on run as an administrator.
pub(crate) fn set_administrator(administrator: bool) {
    ADMINISTRATOR.store(administrator, Ordering::SeqCst);
}

/// Replaces the stub.
pub(crate) fn install() -> Result<(), NTSTATUS> {
    // SAFETY: the routine has the function's signature, and no thread runs the stub, as it would
    // end the process.
    unsafe { replace("SeAccessCheck", access_check as *const () as usize) }
}

/// SIDs, as they lie in a descriptor: Everyone, Authenticated Users, Administrators.
const EVERYONE: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
const AUTHENTICATED: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];
const ADMINISTRATORS: &[u8] = &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];

/// The groups of a program that opens a device.
fn groups() -> &'static [&'static [u8]] {
    if ADMINISTRATOR.load(Ordering::SeqCst) {
        &[EVERYONE, AUTHENTICATED, ADMINISTRATORS]
    } else {
        &[EVERYONE, AUTHENTICATED]
    }
}

/// `SeAccessCheck`
unsafe extern "C" fn access_check(
    descriptor: *const u8,
    subject: *mut c_void,
    _locked: u8,
    desired: u32,
    previously_granted: u32,
    _privileges: *mut c_void,
    mapping: *mut c_void,
    mode: i8,
    granted: *mut u32,
    status: *mut NTSTATUS,
) -> u8 {
    let sound = ![
        descriptor.cast(),
        subject.cast_const(),
        mapping.cast_const(),
    ]
    .iter()
    .any(|pointer: &*const c_void| pointer.is_null());
    // Requests of the kernel are granted.
    let allowed = if mode == 0 {
        Some(desired)
    } else if sound {
        // SAFETY: the caller passes a descriptor that is whole.
        unsafe { allowed(descriptor) }
    } else {
        None
    };
    let Some(allowed) = allowed else {
        log!("SeAccessCheck is given a pointer that is NULL, or no descriptor");
        return 0;
    };
    let all = allowed | previously_granted;
    let passed = desired & !all == 0;
    let answer = if passed {
        STATUS_SUCCESS
    } else {
        STATUS_ACCESS_DENIED
    };
    // SAFETY: the caller's results have room for their values.
    unsafe { granted.write(if passed { desired } else { 0 }) };
    // SAFETY: as above.
    unsafe { status.write(answer) };
    passed.into()
}

/// The rights that a self-relative descriptor gives to a program that opens a device; `None` for a
/// descriptor that the kernel would refuse.
///
/// # Safety
/// The descriptor is readable as far as its offsets and lengths go.
unsafe fn allowed(descriptor: *const u8) -> Option<u32> {
    /// `SE_SELF_RELATIVE | SE_DACL_PRESENT`
    const NEEDED: u16 = 0x8004;
    let byte = |place: usize| {
        // SAFETY: as the caller promises.
        let byte = unsafe { descriptor.add(place) };
        // SAFETY: as above.
        unsafe { byte.read() }
    };
    let word = |place| u16::from_le_bytes([byte(place), byte(place + 1)]);
    let double = |place| u32::from(word(place)) | u32::from(word(place + 2)) << 16;
    let offset = |place| usize::try_from(double(place)).unwrap_or(0);
    let (owner, group, list) = (offset(4), offset(8), offset(16));
    let whole = byte(0) == 1 && word(2) & NEEDED == NEEDED;
    if !whole || owner == 0 || group == 0 || list == 0 {
        return None;
    }
    let mut rights = 0;
    let mut entry = list + 8;
    for _ in 0..word(list + 4) {
        let length = usize::from(word(entry + 2));
        // The lab's drivers have no entries that deny, and no others.
        if byte(entry) != 0 || length < 16 {
            return None;
        }
        let named = groups().iter().any(|sid| {
            sid.len() == length - 8
                && sid
                    .iter()
                    .enumerate()
                    .all(|(place, &expected)| byte(entry + 8 + place) == expected)
        });
        if named {
            rights |= double(entry + 4);
        }
        entry += length;
    }
    Some(rights)
}
