//! A reset of a VF beside the PF's way out of D0 and back: what the driver before the reset had set is
//! not restored. `save`, `restore` and `forget` are the driver's own; around them stand the steps of
//! `src/device.rs` and `src/reset.rs`.

use loom::sync::{Arc, Mutex};
use loom::thread::{spawn, yield_now};
use pf_state::config::{SavedRegisters, Space, WritableSpace, WriteList};
use pf_state::retention::{self, Keeper};
use pf_state::rundown::Gate;

const COMMAND: u32 = 0x04;
const BUS_MASTER: u8 = 0x04;
/// Where the VF's only capability lies.
const EXPRESS: u8 = 0x40;

/// One VF and the PF's gate to it.
struct Vf {
    gate: Gate,
    vfs_on: Gate,
    saved: Mutex<Option<SavedRegisters>>,
    /// The low half of the command register, the only register that holds anything.
    command: Mutex<u8>,
}

impl Keeper for Vf {
    fn gate(&self) -> &Gate {
        &self.gate
    }

    fn exchange(&self, saved: Option<SavedRegisters>) -> Option<SavedRegisters> {
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
            gate: Gate::open(),
            vfs_on: Gate::open(),
            saved: Mutex::new(None),
            command: Mutex::new(BUS_MASTER),
        };
        let list = WriteList::find(&mut Hardware(&vf)).expect("the VF answers");
        (Arc::new(vf), list)
    }

    /// `EvtDeviceD0Exit`, then `EvtDeviceD0Entry`. Turning the VF off resets it.
    fn power_cycle(&self, list: WriteList) {
        if let Some(_pass) = self.vfs_on.enter() {
            retention::save(self, list, &mut Hardware(self)).expect("the bus reads");
        }
        let _ = self.vfs_on.close();
        while !self.vfs_on.is_empty() {
            yield_now();
        }
        *self.command.lock().unwrap() = 0;
        self.vfs_on.reopen();
        if let Some(_pass) = self.vfs_on.enter() {
            retention::restore(self, list, &mut Hardware(self)).expect("the bus writes");
        }
    }

    /// The part of `reset_vf` that is about hardware.
    fn reset(&self) {
        self.gate.close().expect("nobody else resets");
        while !self.gate.is_empty() {
            yield_now();
        }
        retention::forget(self);
        if let Some(_pass) = self.vfs_on.enter() {
            *self.command.lock().unwrap() = 0;
        }
        self.gate.reopen();
    }
}

#[test]
fn what_was_set_before_a_reset_is_not_there_after_it() {
    loom::model(|| {
        let (vf, list) = Vf::in_use();
        let power = {
            let vf = Arc::clone(&vf);
            spawn(move || vf.power_cycle(list))
        };
        vf.reset();
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
