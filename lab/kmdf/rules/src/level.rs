//! Interrupt request levels.

use core::fmt;

/// An interrupt request level that a driver of this kind can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `PASSIVE_LEVEL`.
    Passive = 0,
    /// `APC_LEVEL`.
    Apc = 1,
    /// `DISPATCH_LEVEL`.
    Dispatch = 2,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passive => "PASSIVE_LEVEL",
            Self::Apc => "APC_LEVEL",
            Self::Dispatch => "DISPATCH_LEVEL",
        })
    }
}
