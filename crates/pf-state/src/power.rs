//! The power states that a VF may have.

use crate::status::{self, NtStatus};
use pcivirt_abi::sriov::DevicePowerState;

/// Checks the arguments of `SetVfPowerState`: a working state, and no wake-up from D0. The
/// documentation's sample answers every other state with `STATUS_INVALID_PARAMETER`.
///
/// # Errors
/// `STATUS_INVALID_PARAMETER` for a value that is none of D0 to D3, or for D0 with wake.
pub const fn request(power_state: i32, wake: bool) -> Result<DevicePowerState, NtStatus> {
    match DevicePowerState::from_raw(power_state) {
        Some(DevicePowerState::D0) if wake => Err(status::INVALID_PARAMETER),
        Some(state) => Ok(state),
        None => Err(status::INVALID_PARAMETER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d0_to_d3_are_states_and_only_d0_excludes_wake() {
        for raw in i32::from(i8::MIN)..=i32::from(i8::MAX) {
            for wake in [false, true] {
                let valid = (1..=4).contains(&raw) && !(raw == 1 && wake);
                assert_eq!(request(raw, wake).is_ok(), valid, "{raw} {wake}");
            }
        }
    }
}
