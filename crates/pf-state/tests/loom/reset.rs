//! A reset of a VF beside the PF's way out of D0 and back, beside a call, and beside another reset.
//! `reset_vf`, `save`, `restore` and the rundowns are the driver's own; `power_cycle` calls them as
//! `src/pnp.rs` does.

use loom::sync::{Arc, Mutex};
use loom::thread::{spawn, yield_now};
use pf_state::companion::VfCalls;
use pf_state::config::{Space, WritableSpace};
use pf_state::flr::{Completion, ResetFailure};
use pf_state::hardware_rundowns::HardwareRundowns;
use pf_state::reset::{VfReset, reset_vf};
use pf_state::retention::{self, RegisterStore};
use pf_state::rundown::Rundown;
use pf_state::saved_registers::SavedRegisters;
use pf_state::status::{self, NtStatus};
use pf_state::write_list::WriteList;

use super::Event;

const COMMAND: u32 = 0x04;
const BUS_MASTER: u8 = 0x04;
/// Where the VF's only capability lies.
const EXPRESS: u8 = 0x40;

/// One VF and the PF's rundown to it.
struct Vf {
    rundown: Rundown,
    hardware: HardwareRundowns,
    saved: Mutex<Option<SavedRegisters>>,
    /// The low half of the command register, the only register that holds anything.
    command: Mutex<u8>,
    /// How often the hardware was reset, as resets read it.
    resets: loom::cell::UnsafeCell<u32>,
}

// SAFETY: `resets` is written by a reset and read by calls inside the rundown; loom checks that.
unsafe impl Sync for Vf {}
// SAFETY: as above.
unsafe impl Send for Vf {}

impl RegisterStore for Vf {
    fn rundown(&self) -> &Rundown {
        &self.rundown
    }

    fn replace(&self, saved: Option<SavedRegisters>) -> Option<SavedRegisters> {
        std::mem::replace(&mut *self.saved.lock().unwrap(), saved)
    }
}

/// A VF's configuration space.
struct Hardware<'v>(&'v Vf);

impl Space for Hardware<'_> {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        for (at, byte) in (offset..).zip(buffer) {
            *byte = match at {
                COMMAND => *self.0.command.lock().unwrap(),
                // Status: there is a list of capabilities.
                0x06 => 0x10,
                0x34 => EXPRESS,
                0x40 => 0x10,
                _ => 0,
            };
        }
        true
    }
}

impl WritableSpace for Hardware<'_> {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        assert_eq!(offset, COMMAND);
        *self.0.command.lock().unwrap() = bytes[0];
        true
    }
}

impl Vf {
    /// A VF whose driver has enabled bus mastering.
    fn in_use() -> (Arc<Self>, WriteList) {
        let vf = Self {
            rundown: Rundown::open(),
            hardware: HardwareRundowns::closed(),
            saved: Mutex::new(None),
            command: Mutex::new(BUS_MASTER),
            resets: loom::cell::UnsafeCell::new(0),
        };
        vf.hardware.admit_resets();
        let list = WriteList::find(&mut Hardware(&vf)).expect("the VF answers");
        (Arc::new(vf), list)
    }

    /// `EvtDeviceD0Exit`, then `EvtDeviceD0Entry`. Turning the VF off resets it.
    fn power_cycle(&self, list: WriteList) {
        if let Some(_guard) = self.hardware.enter_vfs_on() {
            retention::save(self, list, &mut Hardware(self)).expect("the bus reads");
        }
        self.hardware.close(|| yield_now());
        *self.command.lock().unwrap() = 0;
        self.hardware.admit_resets();
        if let Some(_guard) = self.hardware.enter_vfs_on() {
            retention::restore(self, list, &mut Hardware(self)).expect("the bus writes");
        }
    }
}

impl VfReset for Vf {
    type FollowUp = ();
    type Signal = Event;

    fn calls(&self) -> Option<VfCalls<'_, Event>> {
        None
    }

    fn notify_companion(&self) {}

    fn wipe(&self) -> Result<(), NtStatus> {
        Ok(())
    }

    fn pause(&self, _milliseconds: u32) {
        yield_now();
    }

    fn report_companion(&self) {}

    fn reset_hardware(&self) -> Result<Completion, ResetFailure> {
        if let Some(_guard) = self.hardware.enter_vfs_on() {
            *self.command.lock().unwrap() = 0;
        }
        // SAFETY: loom checks that no call reads meanwhile.
        self.resets.with_mut(|resets| unsafe { *resets += 1 });
        Ok(Completion::Clean)
    }

    fn serve_again(&self) -> Result<(), NtStatus> {
        Ok(())
    }

    fn keep_closed(&self) -> Result<(), NtStatus> {
        unreachable!("the hardware resets")
    }

    fn log(&self, outcome: Result<Completion, NtStatus>) {
        assert_eq!(outcome, Ok(Completion::Clean));
    }

    fn follow_up(&self, (): ()) {}
}

#[test]
fn what_was_set_before_a_reset_is_not_there_after_it() {
    loom::model(|| {
        let (vf, list) = Vf::in_use();
        let power = {
            let vf = Arc::clone(&vf);
            spawn(move || vf.power_cycle(list))
        };
        assert_eq!(reset_vf(&*vf), Ok(()));
        power.join().unwrap();
        assert_eq!(*vf.command.lock().unwrap(), 0);
        assert_eq!(*vf.saved.lock().unwrap(), None);
    });
}

#[test]
fn what_was_set_is_there_after_a_power_cycle() {
    loom::model(|| {
        let (vf, list) = Vf::in_use();
        vf.power_cycle(list);
        assert_eq!(*vf.command.lock().unwrap(), BUS_MASTER);
    });
}

#[test]
fn a_call_is_not_inside_while_the_hardware_is_reset() {
    loom::model(|| {
        let (vf, _) = Vf::in_use();
        let call = {
            let vf = Arc::clone(&vf);
            spawn(move || {
                let Some(_guard) = vf.rundown.enter() else {
                    return;
                };
                // SAFETY: loom checks that no reset writes meanwhile.
                let resets = vf.resets.with(|resets| unsafe { *resets });
                assert!(resets <= 1);
            })
        };
        assert_eq!(reset_vf(&*vf), Ok(()));
        call.join().unwrap();
        assert!(vf.rundown.is_open());
    });
}

#[test]
fn two_resets_never_overlap_and_a_refused_one_does_nothing() {
    loom::model(|| {
        let (vf, _) = Vf::in_use();
        let other = {
            let vf = Arc::clone(&vf);
            spawn(move || reset_vf(&*vf))
        };
        let outcomes = [reset_vf(&*vf), other.join().unwrap()];
        let succeeded = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert!(succeeded >= 1);
        for outcome in outcomes {
            assert!(matches!(outcome, Ok(()) | Err(status::DEVICE_NOT_READY)));
        }
        // SAFETY: no reset runs any more.
        let resets = vf.resets.with(|resets| unsafe { *resets });
        assert_eq!(usize::try_from(resets), Ok(succeeded));
        assert!(vf.rundown.is_open());
    });
}
