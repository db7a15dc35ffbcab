//! Power states of a VF.

/// A device power state, as `SetVfPowerState` sets it. It is recorded and reported; a VF is served
/// in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PowerState {
    /// Fully on; every VF begins here, and is here again after a reset.
    D0 = 0,
    /// Light sleep.
    D1 = 1,
    /// Deeper sleep.
    D2 = 2,
    /// Off, as far as software is concerned.
    D3 = 3,
}
