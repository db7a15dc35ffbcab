//! Turns the VFs on and off, with the times that the device needs (PCI Express Base Specification,
//! section 9.3.3.3.1; Linux's `drivers/pci/iov.c` waits as long).
//!
//! After VF Enable was cleared, software must not touch the SR-IOV capability for a second. The
//! next access need not be this driver's: the bus driver moves the VFs' memory in a rebalance and
//! restores registers after a sleep, and the device may get another driver. So [`turn_off`] itself
//! waits for the second, and returns when the capability may be touched again. No path has to store
//! when that is.

use crate::{
    bars::{self, ApertureFailure, Ranges, VfBarApertures, VfCount},
    clock::Clock,
    config::Space,
    failure::StartFailure,
    sriov::Capability,
    status::{self, NtStatus},
    write_list::WriteList,
};
use pcivirt_abi::{PCI_TYPE0_ADDRESSES, config as register, config::SriovControl};

/// A PF, as far as turning its VFs on needs it.
pub trait PhysicalFunction {
    /// `EnableVirtualization` of the bus: sets `NumVFs` and VF Enable, or clears them; `num_vfs` is
    /// 0 then.
    fn switch(&mut self, num_vfs: u16, on: bool) -> NtStatus;

    /// The PF's configuration space.
    fn space(&mut self) -> impl Space;

    /// The configuration space of a VF.
    fn vf(&mut self, vf: u16) -> impl Space;
}

/// Where the VFs' memory can be, from the bus, when the device gets its resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The answer of `GetVirtualFunctionProbedBars`.
    pub probed_bars: [u32; PCI_TYPE0_ADDRESSES],
    /// The PF's memory ranges.
    pub ranges: Ranges,
}

impl Memory {
    /// The apertures of the VFs' registers, as the capability shows them now.
    ///
    /// # Errors
    /// Sizes, addresses or ranges that contradict each other, or an address that is missing.
    pub fn apertures(
        &self,
        capability: &Capability,
        num_vfs: u16,
    ) -> Result<VfBarApertures, StartFailure> {
        let registers = &capability.vf_base_addresses;
        let bars = bars::decode(&self.probed_bars, registers).map_err(StartFailure::Bars)?;
        let bases = bars::bases(registers, &bars);
        let vfs = VfCount {
            enabled: num_vfs,
            total: capability.total_vfs,
        };
        VfBarApertures::find(&bars, &bases, &self.ranges, vfs).map_err(StartFailure::Apertures)
    }

    /// Whether the device has as many VFs as are to be turned on, and room for them, as far as can
    /// be told before they are on.
    ///
    /// # Errors
    /// As [`apertures`](Self::apertures), but for addresses that may still be to come; more VFs
    /// than the device can have.
    pub fn admit(&self, capability: &Capability, num_vfs: u16) -> Result<(), StartFailure> {
        let total = capability.total_vfs;
        if num_vfs > total {
            return Err(StartFailure::NumVfsAboveDevice {
                asked: num_vfs,
                total,
            });
        }
        match self.apertures(capability, num_vfs) {
            Err(StartFailure::Apertures(ApertureFailure::Unplaced { .. })) | Ok(_) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

/// What is known once the VFs are on: only then are all addresses assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enabled {
    /// The capability.
    pub capability: Capability,
    /// The VFs' memory.
    pub apertures: VfBarApertures,
    /// What a VF may write.
    pub write_list: WriteList,
}

/// Turns the VFs on and finds their memory and registers, at `PASSIVE_LEVEL`. It takes 100 ms, and
/// up to a second when VFs are slow. VFs that are on already, for example by another driver, are
/// turned off first, which takes another second: the bus refuses a state that it is in.
///
/// # Errors
/// The cause. The VFs are off then, and the second after that is over.
pub fn turn_on(
    pf: &mut impl PhysicalFunction,
    clock: &mut impl Clock,
    memory: &Memory,
    num_vfs: u16,
) -> Result<Enabled, StartFailure> {
    let mut status = pf.switch(num_vfs, true);
    if status == status::INVALID_DEVICE_STATE {
        turn_off(pf, clock);
        status = pf.switch(num_vfs, true);
    }
    let enabled = if status < 0 {
        Err(StartFailure::Enable(status))
    } else {
        look(pf, clock, memory, num_vfs)
    };
    if enabled.is_err() {
        // Also when the bus failed: how far it had come is not known.
        turn_off(pf, clock);
    }
    enabled
}

/// Turns the VFs off and waits for a second, at `PASSIVE_LEVEL`. If the bus fails nothing more can
/// be done.
pub fn turn_off(pf: &mut impl PhysicalFunction, clock: &mut impl Clock) {
    let _ = pf.switch(0, false);
    clock.sleep_at_least(register::VF_DISABLE_MILLISECONDS);
}

/// Looks at VFs that were just turned on.
fn look(
    pf: &mut impl PhysicalFunction,
    clock: &mut impl Clock,
    memory: &Memory,
    num_vfs: u16,
) -> Result<Enabled, StartFailure> {
    clock.sleep_at_least(register::VF_ENABLE_MILLISECONDS);
    let capability = Capability::read(&mut pf.space()).map_err(StartFailure::Capability)?;
    check_switch(&capability, num_vfs)?;
    let apertures = memory.apertures(&capability, num_vfs)?;
    wait_for_vfs(pf, clock, num_vfs)?;
    // All VFs have the same capabilities in the same places.
    let write_list = WriteList::find(&mut pf.vf(0)).ok_or(StartFailure::VfWithoutExpress)?;
    Ok(Enabled {
        capability,
        apertures,
        write_list,
    })
}

/// Compares what the capability holds with what was requested from the bus.
fn check_switch(capability: &Capability, num_vfs: u16) -> Result<(), StartFailure> {
    let control = capability.control;
    if !control.contains(SriovControl::VF_ENABLE) {
        return Err(StartFailure::NotEnabled {
            control: control.bits(),
        });
    }
    if capability.num_vfs != num_vfs {
        return Err(StartFailure::OtherNumVfs {
            asked: num_vfs,
            found: capability.num_vfs,
        });
    }
    if !control.contains(SriovControl::VF_MEMORY_SPACE) {
        return Err(StartFailure::NoMemorySpace {
            control: control.bits(),
        });
    }
    Ok(())
}

/// How often a silent VF is asked again.
const POLL_MILLISECONDS: u32 = 50;

/// Waits until every VF answers. A second after VF Enable was set, a VF that does not is broken.
fn wait_for_vfs(
    pf: &mut impl PhysicalFunction,
    clock: &mut impl Clock,
    num_vfs: u16,
) -> Result<(), StartFailure> {
    let mut waited = register::VF_ENABLE_MILLISECONDS;
    for vf in 0..num_vfs {
        while !answers(&mut pf.vf(vf)) {
            if waited >= register::VF_ANSWER_MILLISECONDS {
                return Err(StartFailure::SilentVf { vf });
            }
            clock.sleep_at_least(POLL_MILLISECONDS);
            waited += POLL_MILLISECONDS;
        }
    }
    Ok(())
}

/// Whether a VF completes configuration requests. Until it does, its registers read as ones; while
/// it asks for more time, its vendor ID may read as 0001h instead (section 2.3.2), which otherwise
/// reads as ones. Some bits of the two registers after the identifiers are always zero.
fn answers(vf: &mut impl Space) -> bool {
    let retried = vf.read_u16(register::VENDOR_ID) == Some(register::VENDOR_ID_RETRY);
    let registers = vf.read_u32(register::COMMAND);
    !retried && registers.is_some_and(|registers| registers != u32::MAX)
}

#[cfg(test)]
mod tests;
