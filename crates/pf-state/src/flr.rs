//! The function level reset of one VF, register by register.
//!
//! The order is that of the PCI Express Base Specification, section 6.6.2 and its implementation
//! note "Avoiding Data Corruption From Stale Completions": stop the VF from starting new
//! transactions, wait for those under way, start the reset, leave the VF alone for 100 ms, and
//! check that it answers again. The caller holds back all other accesses to the VF.

use crate::{
    clock::Clock,
    config::{Space, WritableSpace, find_capability},
    status::{self, NtStatus},
};
use pcivirt_abi::config::{
    self as register, Command, DeviceCapabilities, DeviceControl, DeviceStatus,
};

/// Why the hardware of a VF could not be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetFailure {
    /// The VF's configuration space cannot be read or written.
    Unreachable,
    /// The VF has no PCI Express capability, or it says that the VF cannot be reset by itself.
    Unsupported,
    /// The VF does not answer again in time.
    Silent,
}

impl ResetFailure {
    /// What `ResetVf` returns.
    #[must_use]
    pub const fn status(self) -> NtStatus {
        match self {
            Self::Unreachable => status::IO_DEVICE_ERROR,
            Self::Unsupported => status::NOT_SUPPORTED,
            Self::Silent => status::IO_TIMEOUT,
        }
    }
}

/// How a reset that succeeded began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Nothing was under way when the reset began.
    Clean,
    /// Transactions were still pending when the time to wait for them was over. The reset went on:
    /// else a guest that keeps its VF busy could keep it from being taken away.
    TransactionsPending,
}

/// The time between two reads of Transactions Pending.
const PENDING_POLL_MILLISECONDS: u32 = 10;
/// How long to wait for transactions: the specification lets a completion time out after 50 ms by
/// default, and its note requires that time when the bit is unreliable.
const PENDING_LIMIT_MILLISECONDS: u32 = 100;
/// The time between two reads of a silent VF after the first 100 ms, and the limit: one second in
/// all, after which section 6.6.1 lets a function count as broken.
const ANSWER_POLL_MILLISECONDS: u32 = 100;
const ANSWER_LIMIT_MILLISECONDS: u32 = 1000;

/// Resets a VF. It takes 100 ms, and 1.1 s when the VF is slow.
///
/// # Errors
/// The cause; the VF may be in any state then.
pub fn function_level_reset(
    vf: &mut impl WritableSpace,
    clock: &mut impl Clock,
) -> Result<Completion, ResetFailure> {
    let command = vf
        .read_u16(register::COMMAND)
        .ok_or(ResetFailure::Unreachable)?;
    if command == u16::MAX {
        return Err(ResetFailure::Unreachable);
    }
    let express =
        find_capability(vf, register::CAPABILITY_PCI_EXPRESS).ok_or(ResetFailure::Unsupported)?;
    let capabilities = vf
        .read_u32(express + register::EXPRESS_DEVICE_CAPABILITIES)
        .ok_or(ResetFailure::Unreachable)?;
    let capabilities = DeviceCapabilities::from_bits_retain(capabilities);
    if !capabilities.contains(DeviceCapabilities::FUNCTION_LEVEL_RESET) {
        return Err(ResetFailure::Unsupported);
    }
    write_u16(vf, register::COMMAND, command & !Command::BUS_MASTER.bits())?;
    let completion = wait_for_transactions(vf, clock, express)?;
    let control = vf
        .read_u16(express + register::EXPRESS_DEVICE_CONTROL)
        .ok_or(ResetFailure::Unreachable)?;
    write_u16(
        vf,
        express + register::EXPRESS_DEVICE_CONTROL,
        control | DeviceControl::INITIATE_FUNCTION_LEVEL_RESET.bits(),
    )?;
    clock.sleep(register::FUNCTION_LEVEL_RESET_MILLISECONDS);
    wait_for_answer(vf, clock, express)?;
    Ok(completion)
}

fn write_u16(vf: &mut impl WritableSpace, offset: u32, value: u16) -> Result<(), ResetFailure> {
    if vf.write(offset, &value.to_le_bytes()) {
        Ok(())
    } else {
        Err(ResetFailure::Unreachable)
    }
}

fn wait_for_transactions(
    vf: &mut impl Space,
    clock: &mut impl Clock,
    express: u32,
) -> Result<Completion, ResetFailure> {
    for _ in 0..PENDING_LIMIT_MILLISECONDS / PENDING_POLL_MILLISECONDS {
        let status = vf
            .read_u16(express + register::EXPRESS_DEVICE_STATUS)
            .ok_or(ResetFailure::Unreachable)?;
        let status = DeviceStatus::from_bits_retain(status);
        if !status.contains(DeviceStatus::TRANSACTIONS_PENDING) {
            return Ok(Completion::Clean);
        }
        clock.sleep(PENDING_POLL_MILLISECONDS);
    }
    Ok(Completion::TransactionsPending)
}

/// A VF's vendor ID reads as ones by design, so the header of its PCI Express capability is what
/// shows that it is back.
fn wait_for_answer(
    vf: &mut impl Space,
    clock: &mut impl Clock,
    express: u32,
) -> Result<(), ResetFailure> {
    for _ in 0..ANSWER_LIMIT_MILLISECONDS / ANSWER_POLL_MILLISECONDS {
        let id = vf.read_u8(express).ok_or(ResetFailure::Unreachable)?;
        if id == register::CAPABILITY_PCI_EXPRESS {
            return Ok(());
        }
        clock.sleep(ANSWER_POLL_MILLISECONDS);
    }
    Err(ResetFailure::Silent)
}

#[cfg(test)]
mod tests;
