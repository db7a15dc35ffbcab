//! Devices on Windows; all unsafe code of this crate.
//!
//! | file | holds |
//! |---|---|
//! | `interfaces` | the devices that are present |
//! | `handle` | an open device |
//! | `open_file` | the calls on it, until it is closed |
//! | `removal` | closes a handle when its device is about to be removed |
//! | `event` | event objects, which end waits |
//! | `structure_size` | sizes of structures |

pub(crate) mod event;
mod handle;
mod interfaces;
mod open_file;
mod removal;
mod structure_size;

pub use handle::Handle;
pub use interfaces::interfaces;
