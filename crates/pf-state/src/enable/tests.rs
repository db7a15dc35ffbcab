//! Every path through turning VFs on and off, on a device that measures the times itself: it fails
//! the test when it is touched too early.

use std::{cell::RefCell, rc::Rc};

use super::*;
use crate::{
    bars::Range,
    clock::TICK_MILLISECONDS,
    config::tests::{Registers, vf as sound_vf},
    sriov::CapabilityFailure,
};

/// Where the SR-IOV capability lies.
const SRIOV: u32 = 0x100;
const NUM_VFS: u16 = 3;
const BASE: u32 = 0xF000_0000;

/// What a device or its bus does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// `EnableVirtualization` turns no VFs on.
    Enable,
    /// The capability cannot be read once VFs are on.
    Unreadable,
    /// VF Enable stays clear.
    NotEnabled,
    /// VF Memory Space Enable stays clear.
    NoMemorySpace,
    /// `NumVFs` reads as one less.
    OtherNumVfs,
    /// The VFs' register holds no address.
    Unplaced,
    /// A VF does not answer before this time after VF Enable.
    Late {
        vf: u16,
        until: u32,
        /// The low byte of its vendor ID until then.
        reads_as: u8,
    },
    /// VFs have no capabilities.
    NoExpress,
}

/// A device with its clock.
#[derive(Default)]
struct State {
    fault: Fault,
    now: u32,
    on: bool,
    /// When VF Enable was set.
    enabled_at: Option<u32>,
    /// When VF Enable was cleared.
    disabled_at: Option<u32>,
    /// `EnableVirtualization`, each call.
    calls: Vec<(u16, bool)>,
}

impl State {
    /// Somebody touches the capability or switches VF Enable.
    fn touch(&self) {
        if let Some(at) = self.disabled_at {
            assert!(
                self.now - at >= 1000,
                "touched {} ms after VF Enable was cleared",
                self.now - at
            );
        }
    }
}

#[derive(Clone, Default)]
struct Device(Rc<RefCell<State>>);

/// The PF's configuration space.
struct PfSpace(Device);

impl Space for PfSpace {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        let state = self.0.0.borrow();
        if offset >= SRIOV {
            state.touch();
        }
        let is = |fault| state.fault == fault;
        if is(Fault::Unreadable) && state.on {
            return false;
        }
        let mut control = SriovControl::empty();
        control.set(SriovControl::VF_ENABLE, state.on && !is(Fault::NotEnabled));
        control.set(
            SriovControl::VF_MEMORY_SPACE,
            state.on && !is(Fault::NoMemorySpace),
        );
        let num_vfs = NUM_VFS - u16::from(is(Fault::OtherNumVfs));
        let base = if is(Fault::Unplaced) { 0 } else { BASE };
        let mut registers = Registers::zeroed();
        registers.put(register::VENDOR_ID, &[0x14, 0x14, 0x01, 0xB0]);
        registers.put(SRIOV, &0x0001_0010_u32.to_le_bytes());
        registers.put(
            SRIOV + register::SRIOV_CONTROL,
            &control.bits().to_le_bytes(),
        );
        registers.put(SRIOV + register::SRIOV_TOTAL_VFS, &[8, 0]);
        registers.put(SRIOV + register::SRIOV_NUM_VFS, &num_vfs.to_le_bytes());
        registers.put(
            SRIOV + register::SRIOV_VF_BASE_ADDRESS_0,
            &base.to_le_bytes(),
        );
        registers.read(offset, buffer)
    }
}

/// The configuration space of a VF.
struct VfSpace(Device, u16);

impl Space for VfSpace {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        let state = self.0.0.borrow();
        let since = state.now - state.enabled_at.expect("a request to a VF that is off");
        assert!(
            state.on && since >= 100,
            "a request to a VF after {since} ms"
        );
        if let Fault::Late {
            vf,
            until,
            reads_as,
        } = state.fault
            && vf == self.1
            && since < until
        {
            buffer.fill(0xFF);
            if offset == 0 && reads_as != 0xFF {
                buffer[0] = reads_as;
                buffer[1] = 0;
            }
            return true;
        }
        let mut vf = sound_vf();
        if state.fault == Fault::NoExpress {
            vf.put(register::STATUS, &[0; 2]);
        }
        vf.read(offset, buffer)
    }
}

impl PhysicalFunction for Device {
    fn switch(&mut self, num_vfs: u16, on: bool) -> NtStatus {
        let mut state = self.0.borrow_mut();
        state.touch();
        state.calls.push((num_vfs, on));
        if on == state.on {
            return status::INVALID_DEVICE_STATE;
        }
        if on && state.fault == Fault::Enable {
            return status::UNSUCCESSFUL;
        }
        state.on = on;
        let now = Some(state.now);
        if on {
            state.enabled_at = now;
        } else {
            state.disabled_at = now;
        }
        status::SUCCESS
    }

    fn space(&mut self) -> impl Space {
        PfSpace(self.clone())
    }

    fn vf(&mut self, vf: u16) -> impl Space {
        VfSpace(self.clone(), vf)
    }
}

/// A system clock whose waits end as early as they can.
impl Clock for Device {
    fn sleep(&mut self, milliseconds: u32) {
        self.0.borrow_mut().now += milliseconds.saturating_sub(TICK_MILLISECONDS);
    }
}

impl Device {
    fn with(fault: Fault) -> Self {
        let device = Self::default();
        device.0.borrow_mut().fault = fault;
        device
    }

    fn turn_on(&self) -> Result<Enabled, StartFailure> {
        turn_on(&mut self.clone(), &mut self.clone(), &memory(), NUM_VFS)
    }

    /// Whether the capability may be touched now, by anything.
    fn may_be_touched(&self) {
        self.0.borrow().touch();
    }

    fn calls(&self) -> Vec<(u16, bool)> {
        self.0.borrow().calls.clone()
    }
}

fn memory() -> Memory {
    let listed = Range {
        start: u64::from(BASE),
        length: 0x4000 * u64::from(NUM_VFS),
    };
    Memory {
        probed_bars: [0xFFFF_C000, 0, 0, 0, 0, 0],
        ranges: Ranges::collect([(listed, listed)].into_iter()).expect("one range"),
    }
}

#[test]
fn vfs_come_on_with_their_memory_and_go_off_with_a_second() {
    let device = Device::default();
    let enabled = device.turn_on().expect("nothing is wrong");
    assert_eq!(enabled.capability.num_vfs, NUM_VFS);
    assert!(enabled.apertures.resource(2, 0).is_ok());
    assert_eq!(device.0.borrow().now, 100, "no longer than it has to be");
    // Rebalance, stop and start, sleep: off, and on again at once.
    for _ in 0..3 {
        turn_off(&mut device.clone(), &mut device.clone());
        device.may_be_touched();
        device.turn_on().expect("nothing is wrong");
    }
    assert_eq!(device.calls().len(), 7);
}

#[test]
fn vfs_that_are_on_already_get_a_second_between_off_and_on() {
    let device = Device::default();
    {
        let mut state = device.0.borrow_mut();
        state.on = true;
        state.enabled_at = Some(0);
    }
    device.turn_on().expect("turned off and on");
    assert_eq!(
        device.calls(),
        [(NUM_VFS, true), (0, false), (NUM_VFS, true)]
    );
    assert_eq!(device.0.borrow().disabled_at, Some(0));
    assert_eq!(device.0.borrow().enabled_at, Some(1000));
}

/// Each fault with the failure that it is.
const FAILURES: [(Fault, StartFailure); 8] = [
    (Fault::Enable, StartFailure::Enable(status::UNSUCCESSFUL)),
    (
        Fault::Unreadable,
        StartFailure::Capability(CapabilityFailure::Unreachable),
    ),
    (Fault::NotEnabled, StartFailure::NotEnabled { control: 8 }),
    (
        Fault::OtherNumVfs,
        StartFailure::OtherNumVfs {
            asked: NUM_VFS,
            found: NUM_VFS - 1,
        },
    ),
    (
        Fault::NoMemorySpace,
        StartFailure::NoMemorySpace { control: 1 },
    ),
    (
        Fault::Unplaced,
        StartFailure::Apertures(ApertureFailure::Unplaced { bar: 0 }),
    ),
    (
        Fault::Late {
            vf: 1,
            until: u32::MAX,
            reads_as: 0xFF,
        },
        StartFailure::SilentVf { vf: 1 },
    ),
    (Fault::NoExpress, StartFailure::VfWithoutExpress),
];

#[test]
fn every_failure_leaves_the_vfs_off_and_the_device_its_second() {
    for (fault, failure) in FAILURES {
        for on_before in [false, true] {
            let device = Device::with(fault);
            if on_before {
                let mut state = device.0.borrow_mut();
                state.on = true;
                state.enabled_at = Some(0);
            }
            assert_eq!(device.turn_on(), Err(failure));
            assert!(!device.0.borrow().on, "{failure:?}");
            device.may_be_touched();
            assert_eq!(device.calls().last(), Some(&(0, false)), "{failure:?}");
        }
    }
}

#[test]
fn what_the_capability_holds_afterwards_is_compared_with_what_was_asked_for() {
    let read_back = FAILURES.into_iter().filter(|(_, failure)| {
        matches!(
            failure,
            StartFailure::NotEnabled { .. }
                | StartFailure::OtherNumVfs { .. }
                | StartFailure::NoMemorySpace { .. }
        )
    });
    for (fault, failure) in read_back {
        let device = Device::with(fault);
        assert_eq!(device.turn_on(), Err(failure));
        // None of it takes the second that VFs are given to answer.
        assert_eq!(device.0.borrow().disabled_at, Some(100));
    }
}

#[test]
fn vfs_that_are_slow_are_waited_for_and_one_that_is_silent_is_named() {
    // With ones, and with the vendor ID of a request that is to be sent again.
    for reads_as in [0xFF, 0x01] {
        for vf in 0..NUM_VFS {
            for until in [101, 700, 999] {
                let device = Device::with(Fault::Late {
                    vf,
                    until,
                    reads_as,
                });
                assert!(device.turn_on().is_ok(), "VF {vf} after {until} ms");
                let now = device.0.borrow().now;
                assert!(now >= until && now < until + 100, "{now} ms");
            }
            let device = Device::with(Fault::Late {
                vf,
                until: u32::MAX,
                reads_as,
            });
            assert_eq!(device.turn_on(), Err(StartFailure::SilentVf { vf }));
            let given = device.0.borrow().disabled_at.expect("turned off");
            assert!((1000..1100).contains(&given), "{given} ms");
        }
    }
}

#[test]
fn a_bus_that_does_not_turn_vfs_off_still_ends_the_wait() {
    let device = Device::default();
    turn_off(&mut device.clone(), &mut device.clone());
    assert_eq!(device.calls(), [(0, false)]);
    assert_eq!(device.0.borrow().now, 1000);
}

#[test]
fn before_the_vfs_are_on_only_a_missing_address_is_let_through() {
    let mut capability = Capability::read(&mut PfSpace(Device::default())).expect("there is one");
    assert_eq!(memory().admit(&capability, NUM_VFS), Ok(()));
    assert_eq!(
        memory().admit(&capability, 9),
        Err(StartFailure::NumVfsAboveDevice { asked: 9, total: 8 })
    );
    // The listed aperture is for three VFs.
    assert_eq!(
        memory().admit(&capability, 4),
        Err(StartFailure::Apertures(ApertureFailure::TooSmall {
            length: 0xC000,
            needed: 0x1_0000
        }))
    );
    capability.vf_base_addresses[0] = 0;
    assert_eq!(memory().admit(&capability, NUM_VFS), Ok(()));
    capability.vf_base_addresses[0] = 4;
    assert_eq!(
        memory().admit(&capability, NUM_VFS),
        Err(StartFailure::Bars(bars::BarFailure::Type {
            bar: 0,
            probed: 0xFFFF_C000,
            register: 4
        }))
    );
}
