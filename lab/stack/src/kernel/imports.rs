//! Functions that a loaded driver imports and Wine's kernel does not have: their places in the
//! driver's import table get other functions.

use core::ffi::{CStr, c_char, c_void};
use core::ptr;

use wdk_sys::{DRIVER_OBJECT, NTSTATUS};

use crate::kernel::exports::protect;

/// Offsets of the PE format: in the DOS header, in the headers for 64 bits, in an import descriptor.
const NEW_HEADER: usize = 0x3C;
const IMPORT_DIRECTORY: usize = 0x90;
const DESCRIPTOR_BYTES: usize = 20;
const NAMES: usize = 0;
const ADDRESSES: usize = 16;
/// Set in the entry of a function that is imported by number.
const BY_NUMBER: u64 = 1 << 63;
/// The text of a name follows a hint of two bytes.
const HINT: usize = 2;

/// The image of a loaded driver.
#[derive(Clone, Copy)]
struct Image(*mut u8);

impl Image {
    /// # Safety
    /// The image holds a `T` at `offset`.
    unsafe fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the image is that long, as the caller promises.
        let place = unsafe { self.0.add(offset) };
        // SAFETY: as above.
        unsafe { place.cast::<T>().read_unaligned() }
    }

    /// # Safety
    /// The image holds an offset of 32 bits at `offset`.
    unsafe fn offset(self, offset: usize) -> usize {
        // SAFETY: demanded of the caller.
        unsafe { self.read::<u32>(offset) as usize }
    }
}

/// Lets a driver call `functions` where it imports functions of these names.
pub(crate) fn replace(
    driver: *mut DRIVER_OBJECT,
    functions: &[(&str, *const ())],
) -> Result<(), NTSTATUS> {
    // SAFETY: the driver is loaded, as its object shows.
    let image = Image(unsafe { (*driver).DriverStart }.cast());
    // SAFETY: the kernel has loaded the image, so its headers and its import table are complete.
    let headers = unsafe { image.offset(NEW_HEADER) };
    // SAFETY: as above.
    let mut descriptor = unsafe { image.offset(headers + IMPORT_DIRECTORY) };
    loop {
        // SAFETY: as above; the last descriptor is zero.
        let names = unsafe { image.offset(descriptor + NAMES) };
        if descriptor == 0 || names == 0 {
            return Ok(());
        }
        // SAFETY: as above.
        let addresses = unsafe { image.offset(descriptor + ADDRESSES) };
        replace_of_library(image, (names, addresses), functions)?;
        descriptor += DESCRIPTOR_BYTES;
    }
}

fn replace_of_library(
    image: Image,
    (names, addresses): (usize, usize),
    functions: &[(&str, *const ())],
) -> Result<(), NTSTATUS> {
    for index in 0.. {
        // SAFETY: the table of names ends with a zero.
        let name = unsafe { image.read::<u64>(names + index * 8) };
        if name == 0 {
            break;
        }
        if name & BY_NUMBER != 0 {
            continue;
        }
        let text = usize::try_from(name).unwrap_or(0) + HINT;
        // SAFETY: the entry leads to a hint and a text with a zero at its end.
        let text = unsafe { image.0.add(text) };
        // SAFETY: as above.
        let text = unsafe { CStr::from_ptr(text.cast::<c_char>()) };
        let found = functions
            .iter()
            .find(|(name, _)| name.as_bytes() == text.to_bytes());
        if let Some((_, function)) = found {
            // SAFETY: the table of addresses is as long as that of names.
            let place = unsafe { image.0.add(addresses + index * 8) };
            set(place.cast(), *function)?;
        }
    }
    Ok(())
}

/// Writes an entry of the table of addresses, which the loader has made read-only.
fn set(place: *mut *const c_void, function: *const ()) -> Result<(), NTSTATUS> {
    /// `PAGE_READWRITE`
    const WRITABLE: u32 = 0x04;
    let before = protect(place.cast(), size_of::<*const c_void>(), WRITABLE)?;
    // SAFETY: the page was made writable, and the driver does not run yet.
    unsafe { ptr::write_unaligned(place, function.cast()) };
    protect(place.cast(), size_of::<*const c_void>(), before).map(|_| ())
}
