//! The companion below an upper filter: what is handed to it, in which order, and what it may call.

mod calls;
mod functions;
mod lifetime;
mod offers;
mod scenario;

use crate::check::Check;

/// Every list; the last one removes the PF by surprise.
pub(crate) const CHECKS: &[&[Check]] = &[
    offers::CHECKS,
    calls::CHECKS,
    functions::CHECKS,
    lifetime::CHECKS,
];
