//! Power policy: the driver that requests a device's power packets, and when it does.
//!
//! Rules (`fdopower.cpp`, `powerpolicystatemachine.cpp`, `fxdeviceinit.hpp`):
//! - one driver of a stack is the power policy owner: by default a function driver is and a filter
//!   is not;
//! - the owner answers a system power packet, when the lower drivers have completed it, with a
//!   device power packet that it requests: D0 for S0, and D3, as no device of the double wakes the
//!   system, for every other system state;
//! - a device power packet that reaches the owner and that it did not request has another driver as
//!   its sender: bug check 10Dh, `WDF_POWER_MULTIPLE_PPO` (`DispatchDeviceSetPower`).

use crate::{object::Handle, pnp::State, violation::Violation};

/// A device power state that the owner requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `PowerDeviceD0`.
    D0,
    /// `PowerDeviceD3`.
    D3,
}

/// The power policy of one device.
#[derive(Debug)]
pub struct Policy {
    owner: bool,
    /// A packet was requested and has not arrived.
    requested: bool,
}

impl Policy {
    /// The policy of a device whose driver is the owner, or is not.
    #[must_use]
    pub const fn new(owner: bool) -> Self {
        Self {
            owner,
            requested: false,
        }
    }

    /// Whether the driver is the power policy owner.
    #[must_use]
    pub const fn is_owner(&self) -> bool {
        self.owner
    }

    /// The lower drivers have completed a system power packet, to S0 when `working`. Returns the
    /// packet that the owner now requests for a device in `state`, if any.
    pub fn system_packet(&mut self, working: bool, state: State) -> Option<Target> {
        let target = match (working, state) {
            (true, State::Sleeping) => Target::D0,
            (false, State::Working) => Target::D3,
            _ => return None,
        };
        self.requested = self.owner;
        self.owner.then_some(target)
    }

    /// A device power packet arrives at the driver of `device`.
    ///
    /// # Errors
    /// [`Violation::UnrequestedPower`] when the driver is the owner and has requested none.
    pub fn device_packet(&mut self, device: Handle) -> Result<(), Violation> {
        if self.owner && !core::mem::take(&mut self.requested) {
            return Err(Violation::UnrequestedPower { device });
        }
        Ok(())
    }

    /// The packet that was requested could not be sent.
    pub const fn not_sent(&mut self) {
        self.requested = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: Handle = Handle(1);

    #[test]
    fn the_owner_requests_one_device_packet_for_each_system_packet_that_changes_something() {
        let mut policy = Policy::new(true);
        for (working, state, target) in [
            (false, State::Working, Some(Target::D3)),
            (true, State::Sleeping, Some(Target::D0)),
            (true, State::Working, None),
            (false, State::Sleeping, None),
            (false, State::Added, None),
            (false, State::Stopped, None),
            (true, State::Stopped, None),
            (false, State::Failed, None),
            (true, State::Removed, None),
        ] {
            assert_eq!(policy.system_packet(working, state), target);
            let arrived = policy.device_packet(DEVICE);
            assert_eq!(arrived.is_ok(), target.is_some(), "{working} {state:?}");
        }
    }

    #[test]
    fn a_packet_that_the_owner_did_not_request_is_a_violation() {
        let mut policy = Policy::new(true);
        let violation = Violation::UnrequestedPower { device: DEVICE };
        assert_eq!(policy.device_packet(DEVICE), Err(violation.clone()));
        policy.system_packet(false, State::Working);
        assert_eq!(policy.device_packet(DEVICE), Ok(()));
        assert_eq!(policy.device_packet(DEVICE), Err(violation.clone()));
        policy.system_packet(true, State::Sleeping);
        policy.not_sent();
        assert_eq!(policy.device_packet(DEVICE), Err(violation));
    }

    #[test]
    fn a_driver_that_is_not_the_owner_requests_nothing_and_takes_every_packet() {
        let mut policy = Policy::new(false);
        assert!(!policy.is_owner());
        assert_eq!(policy.system_packet(false, State::Working), None);
        for _ in 0..2 {
            assert_eq!(policy.device_packet(DEVICE), Ok(()));
        }
    }
}
