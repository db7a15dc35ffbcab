//! Devices on Windows; all unsafe code of this crate.
//!
//! | file | holds |
//! |---|---|
//! | `interfaces` | the devices that are present |
//! | `handle` | an open device |
//! | `removal` | closes a handle when its device is about to be removed |
//! | `event` | event objects, which end waits |

mod event;
mod handle;
mod interfaces;
mod removal;

pub(crate) use event::Event;
pub use handle::{Access, Handle};
pub use interfaces::interfaces;

use std::mem;

/// The size of a structure as Windows expects it.
const fn size_of_u32<T>() -> u32 {
    let size = mem::size_of::<T>();
    assert!(size <= u32::MAX as usize, "a structure of Windows is small");
    #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
    {
        size as u32
    }
}
