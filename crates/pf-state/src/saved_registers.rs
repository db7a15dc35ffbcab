//! The registers that a VF's driver has set, over a time in which the VF is off.
//!
//! Turning VFs off and on resets them (PCI Express Base Specification, section 9.3.3.3.1), as does
//! a loss of power, and the VF's driver does not notice: it would wait for interrupts that its VF
//! no longer sends. What it wrote is therefore saved and written again. What cannot be saved here
//! is in the VF's memory, such as its MSI-X table.

use crate::{
    config::{Space, WritableSpace},
    status::{self, NtStatus},
    write_list::WriteList,
};

/// What the registers of one VF held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedRegisters {
    /// Where they lay.
    list: WriteList,
    /// Their values, in the list's order.
    values: [u32; WriteList::STORED],
}

/// Why a VF's registers could not be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreFailure {
    /// The bus did not carry an access out. Registers before it have been restored; Bus Master
    /// Enable, which comes last, has not.
    Bus,
    /// The VF's capabilities lie in other places than before. Nothing was written.
    OtherLayout,
}

impl RestoreFailure {
    /// The status that an event tells.
    #[must_use]
    pub const fn status(self) -> NtStatus {
        match self {
            Self::Bus => status::IO_DEVICE_ERROR,
            Self::OtherLayout => status::REVISION_MISMATCH,
        }
    }
}

impl WriteList {
    /// Reads what the VF's driver has set. None when the bus fails or the VF does not answer.
    pub fn save(self, space: &mut impl Space) -> Option<SavedRegisters> {
        if !self.answers(space) {
            return None;
        }
        let mut values = [0; Self::STORED];
        let stored = self.registers().filter(|register| register.is_stored());
        for (value, register) in values.iter_mut().zip(stored) {
            *value = register.read(space)?;
        }
        Some(SavedRegisters { list: self, values })
    }

    /// Writes what [`save`](Self::save) read to a VF that was reset since: as a write of the VF's
    /// driver, the bits of the list alone. Message addresses, data and masks come before the bits
    /// that enable messages, and Bus Master Enable comes last.
    ///
    /// # Errors
    /// The cause, when not all of them are restored.
    pub fn restore(
        self,
        space: &mut impl WritableSpace,
        saved: &SavedRegisters,
    ) -> Result<(), RestoreFailure> {
        if saved.list != self {
            return Err(RestoreFailure::OtherLayout);
        }
        let stored = self.registers().filter(|register| register.is_stored());
        for (value, register) in saved.values.iter().zip(stored) {
            register.write(space, *value).ok_or(RestoreFailure::Bus)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
