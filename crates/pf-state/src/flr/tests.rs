//! The reset against a VF that behaves, one that is slow, and ones that are broken.

use super::*;
use crate::config::tests::{EXPRESS, Registers, vf};

/// Time that passes for a VF: after the reset starts it is silent for a while.
struct Device {
    registers: Registers,
    now: u32,
    pending_until: u32,
    silent_for: u32,
    reset_at: Option<u32>,
    bus_master_at_reset: Option<bool>,
}

impl Device {
    fn new() -> Self {
        let mut registers = vf();
        registers.put(register::COMMAND, &Command::BUS_MASTER.bits().to_le_bytes());
        Self {
            registers,
            now: 0,
            pending_until: 0,
            silent_for: 100,
            reset_at: None,
            bus_master_at_reset: None,
        }
    }

    fn run(&mut self) -> Result<Completion, ResetFailure> {
        let device = core::cell::RefCell::new(self);
        function_level_reset(&mut Shared(&device), &mut Shared(&device))
    }
}

/// The device seen twice: as configuration space and as time.
struct Shared<'d>(&'d core::cell::RefCell<&'d mut Device>);

impl Space for Shared<'_> {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        let mut device = self.0.borrow_mut();
        if device
            .reset_at
            .is_some_and(|at| device.now < at.saturating_add(device.silent_for))
        {
            buffer.fill(0xFF);
            return true;
        }
        let answered = device.registers.read(offset, buffer);
        if offset == EXPRESS + register::EXPRESS_DEVICE_STATUS && device.now < device.pending_until
        {
            buffer[0] |= DeviceStatus::TRANSACTIONS_PENDING.bits().to_le_bytes()[0];
        }
        answered
    }
}

impl WritableSpace for Shared<'_> {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let mut device = self.0.borrow_mut();
        if offset == EXPRESS + register::EXPRESS_DEVICE_CONTROL {
            assert_ne!(bytes[1] & 0x80, 0, "the reset is what is started");
            let command = device.registers.get(register::COMMAND);
            device.bus_master_at_reset = Some(u16::from(command) & Command::BUS_MASTER.bits() != 0);
            device.reset_at = Some(device.now);
        }
        device.registers.write(offset, bytes)
    }
}

impl Clock for Shared<'_> {
    fn sleep(&mut self, milliseconds: u32) {
        self.0.borrow_mut().now += milliseconds;
    }
}

#[test]
fn a_quiet_vf_is_reset_in_100_milliseconds_and_never_touched_before_that() {
    let mut device = Device::new();
    assert_eq!(device.run(), Ok(Completion::Clean));
    assert_eq!((device.reset_at, device.now), (Some(0), 100));
    assert_eq!(
        device.bus_master_at_reset,
        Some(false),
        "no new transactions"
    );
}

#[test]
fn transactions_under_way_are_waited_for() {
    let mut device = Device {
        pending_until: 35,
        ..Device::new()
    };
    assert_eq!(device.run(), Ok(Completion::Clean));
    assert_eq!(device.reset_at, Some(40));
}

#[test]
fn a_vf_that_stays_busy_is_reset_all_the_same_and_that_is_told() {
    let mut device = Device {
        pending_until: u32::MAX,
        ..Device::new()
    };
    assert_eq!(device.run(), Ok(Completion::TransactionsPending));
    assert_eq!(device.reset_at, Some(100));
}

#[test]
fn a_slow_vf_is_given_a_second_and_a_silent_one_is_a_time_out() {
    let mut slow = Device {
        silent_for: 950,
        ..Device::new()
    };
    assert_eq!(slow.run(), Ok(Completion::Clean));
    let mut silent = Device {
        silent_for: u32::MAX,
        ..Device::new()
    };
    assert_eq!(silent.run(), Err(ResetFailure::Silent));
    assert!(silent.now <= 1100, "{}", silent.now);
}

#[test]
fn a_vf_that_cannot_be_reset_by_itself_is_not_touched() {
    for spoil in [
        // No capability list, no PCI Express capability, no function level reset.
        (register::STATUS, [0, 0]),
        (EXPRESS, [0x09, 0]),
        (EXPRESS + register::EXPRESS_DEVICE_CAPABILITIES + 2, [0, 0]),
    ] {
        let mut device = Device::new();
        device.registers.put(spoil.0, &spoil.1);
        assert_eq!(device.run(), Err(ResetFailure::Unsupported), "{spoil:?}");
        assert!(device.registers.writes.is_empty(), "{spoil:?}");
    }
}

#[test]
fn a_bus_that_fails_at_any_access_is_a_failure_and_never_a_success() {
    let mut accesses = 0;
    loop {
        let mut device = Device::new();
        device.registers.fail_after = Some(accesses);
        match device.run() {
            Ok(_) => break,
            Err(failure) => assert!(
                matches!(
                    failure,
                    ResetFailure::Unreachable | ResetFailure::Unsupported
                ),
                "{accesses}: {failure:?}"
            ),
        }
        accesses += 1;
    }
    assert!(
        accesses >= 10,
        "every access was made to fail once: {accesses}"
    );
}

#[test]
fn a_vf_that_is_not_there_is_unreachable() {
    let mut device = Device::new();
    device.registers.put(0, &[0xFF; 256]);
    assert_eq!(device.run(), Err(ResetFailure::Unreachable));
}

#[test]
fn each_failure_has_a_status_of_its_own() {
    let statuses = [
        ResetFailure::Unreachable,
        ResetFailure::Unsupported,
        ResetFailure::Silent,
    ]
    .map(ResetFailure::status);
    assert!(statuses.iter().all(|status| *status < 0));
    assert!(statuses[0] != statuses[1] && statuses[1] != statuses[2] && statuses[0] != statuses[2]);
}
