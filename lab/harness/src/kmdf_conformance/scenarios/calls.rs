//! Scenarios with a Plug and Play device, and what the framework calls in each.
//!
//! The lists are those of KMDF's public source: `pnpstatemachine.cpp`, `powerstatemachine.cpp` and
//! `selfmanagediostatemachine.cpp` for the order of callbacks, `fxpkgfdo.cpp` and `fdopower.cpp`
//! for which driver handles a packet first, `powerpolicystatemachine.cpp` for the packets that the
//! framework requests, `fxioqueue.cpp` for requests, `fxpkggeneral.cpp` for files and
//! `fxpkgpnp.cpp` for interfaces.

mod files;
mod filters;
mod groups;
mod interfaces;
mod order;
mod queues;

use groups::{ADD, END, START};

use super::scenario::{Scenario, calls};

/// The IRQL at which the framework and the driver's locks run code.
const LEVELS: &[Scenario] = &[calls(
    "levels",
    &[
        ADD,
        START,
        &["EvtWorkItem", "locked at DISPATCH_LEVEL", "unlocked"],
        END,
    ],
)];

/// Every scenario with a device.
pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    order::SCENARIOS
        .iter()
        .chain(queues::SCENARIOS)
        .chain(files::SCENARIOS)
        .chain(interfaces::SCENARIOS)
        .chain(LEVELS)
        .chain(filters::SCENARIOS)
}
