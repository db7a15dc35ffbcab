//! Which part of the PF's VF memory belongs to which VF.
//!
//! The bus gives one window for each VF base address register; VF n owns its n-th slice, whose size
//! is the size that one VF's register was probed to (PCI Express Base Specification, section
//! 9.2.1.1.1). The window has to hold a slice for every VF, or a VF would be given memory that is
//! somebody else's.

use crate::status::{self, NtStatus};
use pcivirt_abi::{PCI_TYPE0_ADDRESSES, bus, bus::MemoryDescriptor, config as register};

/// One memory range, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its first address.
    pub start: u64,
    /// Its length.
    pub length: u64,
}

impl Range {
    /// The memory range that a resource descriptor describes; none for other resources and for
    /// lengths that no address space holds.
    #[must_use]
    pub const fn from_descriptor(descriptor: &MemoryDescriptor) -> Option<Self> {
        let [low, high] = descriptor.start;
        let start = ((high as u64) << 32) | low as u64;
        let scale = match (descriptor.resource_type, descriptor.flags) {
            (bus::RESOURCE_TYPE_MEMORY, _) => 0,
            (bus::RESOURCE_TYPE_MEMORY_LARGE, flags) => {
                if flags & bus::RESOURCE_MEMORY_LARGE_40 != 0 {
                    8
                } else if flags & bus::RESOURCE_MEMORY_LARGE_48 != 0 {
                    16
                } else if flags & bus::RESOURCE_MEMORY_LARGE_64 != 0 {
                    32
                } else {
                    return None;
                }
            }
            _ => return None,
        };
        Some(Self {
            start,
            length: (descriptor.length as u64) << scale,
        })
    }

    /// The descriptor for this range. Lengths that 32 bits cannot hold are scaled, in the smallest
    /// unit that holds them exactly; none when no unit does.
    #[must_use]
    pub fn to_descriptor(self, flags: u16) -> Option<MemoryDescriptor> {
        let large = bus::RESOURCE_MEMORY_LARGE_40
            | bus::RESOURCE_MEMORY_LARGE_48
            | bus::RESOURCE_MEMORY_LARGE_64;
        let scales = [
            (bus::RESOURCE_TYPE_MEMORY, 0, 0),
            (
                bus::RESOURCE_TYPE_MEMORY_LARGE,
                bus::RESOURCE_MEMORY_LARGE_40,
                8,
            ),
            (
                bus::RESOURCE_TYPE_MEMORY_LARGE,
                bus::RESOURCE_MEMORY_LARGE_48,
                16,
            ),
            (
                bus::RESOURCE_TYPE_MEMORY_LARGE,
                bus::RESOURCE_MEMORY_LARGE_64,
                32,
            ),
        ];
        scales.into_iter().find_map(|(resource_type, flag, scale)| {
            let length = u32::try_from(self.length >> scale).ok()?;
            if u64::from(length) << scale != self.length {
                return None;
            }
            let [s0, s1, s2, s3, s4, s5, s6, s7] = self.start.to_le_bytes();
            Some(MemoryDescriptor {
                resource_type,
                share_disposition: bus::RESOURCE_SHARE_DEVICE_EXCLUSIVE,
                flags: (flags & !large) | flag,
                start: [
                    u32::from_le_bytes([s0, s1, s2, s3]),
                    u32::from_le_bytes([s4, s5, s6, s7]),
                ],
                length,
                rest: 0,
            })
        })
    }

    /// The `index`-th part of this range, `length` bytes long.
    #[must_use]
    pub fn slice(self, index: u16, length: u64) -> Option<Self> {
        let skip = length.checked_mul(u64::from(index))?;
        let end = skip.checked_add(length)?;
        let start = self.start.checked_add(skip)?;
        (end <= self.length).then_some(Self { start, length })
    }
}

/// One base address register of a VF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Bytes of one VF's slice; a power of two.
    pub size: u64,
    /// Reads have no side effects.
    pub prefetchable: bool,
    /// Takes two registers.
    pub wide: bool,
}

/// Reads the sizes out of probed values: what the registers hold after all ones were written. The
/// second register of a 64-bit one, and one that is not there, are none.
#[must_use]
pub fn decode(probed: &[u32; PCI_TYPE0_ADDRESSES]) -> [Option<Bar>; PCI_TYPE0_ADDRESSES] {
    let mut bars = [None; PCI_TYPE0_ADDRESSES];
    let mut registers = probed.iter().zip(&mut bars);
    while let Some((&low, bar)) = registers.next() {
        let wide = low & register::BAR_TYPE_MASK == register::BAR_TYPE_64;
        let high = if wide {
            registers.next().map_or(0, |(&high, _)| high)
        } else {
            u32::MAX
        };
        if low == 0 || low & register::BAR_IO_SPACE != 0 {
            continue;
        }
        let mask = (u64::from(high) << 32) | u64::from(low & register::BAR_ADDRESS_MASK);
        let size = mask & mask.wrapping_neg();
        if size != 0 {
            let prefetchable = low & register::BAR_PREFETCHABLE != 0;
            *bar = Some(Bar {
                size,
                prefetchable,
                wide,
            });
        }
    }
    bars
}

/// Where the registers of the SR-IOV capability say that the memory of VF 0 begins, for each
/// register that [`decode`] found; none where the bus driver set no address.
#[must_use]
pub fn bases(
    registers: &[u32; PCI_TYPE0_ADDRESSES],
    bars: &[Option<Bar>; PCI_TYPE0_ADDRESSES],
) -> [Option<u64>; PCI_TYPE0_ADDRESSES] {
    let highs = registers.iter().skip(1).chain(core::iter::once(&0));
    let mut bases = [None; PCI_TYPE0_ADDRESSES];
    for (((&low, &high), bar), base) in registers.iter().zip(highs).zip(bars).zip(&mut bases) {
        if let Some(bar) = bar {
            let high = if bar.wide { u64::from(high) << 32 } else { 0 };
            let address = high | u64::from(low & register::BAR_ADDRESS_MASK);
            *base = (address != 0).then_some(address);
        }
    }
    bases
}

/// Why the VFs have no memory: the device does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFailure {
    /// The bus driver gave a register of the VFs no address.
    Unplaced {
        /// The base address register.
        bar: u8,
    },
    /// A window does not hold a slice for every VF.
    TooSmall {
        /// The length of the window.
        length: u64,
        /// The bytes that all VFs need.
        needed: u64,
    },
}

/// The window of one base address register: where all VFs' slices lie, and how large each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// All VFs' memory behind this register, as the processor sees it.
    pub range: Range,
    /// The register.
    pub bar: Bar,
}

/// The windows of a PF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    windows: [Option<Window>; PCI_TYPE0_ADDRESSES],
}

/// `CM_RESOURCE_MEMORY_PREFETCHABLE` of `wdm.h`.
const PREFETCHABLE: u16 = 0x4;

impl Windows {
    /// Finds the window of each register. `resources` gives the PF's memory resources, each as the
    /// bus sees it (raw) and as the processor sees it (translated). The documentation does not say
    /// whether VF memory is among them. Where a raw range begins at the register's address, its
    /// translation is the window; where none does, the window begins at that address itself and is
    /// as long as the VFs need, which is what the register decodes.
    ///
    /// # Errors
    /// A register without an address, or a range from the resources that does not hold a slice for
    /// every VF.
    pub fn find(
        bars: &[Option<Bar>; PCI_TYPE0_ADDRESSES],
        bases: &[Option<u64>; PCI_TYPE0_ADDRESSES],
        resources: &(impl Iterator<Item = (Range, Range)> + Clone),
        num_vfs: u16,
    ) -> Result<Self, WindowFailure> {
        let mut windows = [None; PCI_TYPE0_ADDRESSES];
        for (number, ((bar, base), window)) in (0..).zip(bars.iter().zip(bases).zip(&mut windows)) {
            let Some(bar) = *bar else {
                continue;
            };
            let base = base.ok_or(WindowFailure::Unplaced { bar: number })?;
            let needed = bar.size.saturating_mul(u64::from(num_vfs));
            let listed = resources
                .clone()
                .find_map(|(raw, translated)| (raw.start == base).then_some(translated));
            let range = listed.unwrap_or(Range {
                start: base,
                length: needed,
            });
            if range.length < needed {
                return Err(WindowFailure::TooSmall {
                    length: range.length,
                    needed,
                });
            }
            *window = Some(Window { range, bar });
        }
        Ok(Self { windows })
    }

    /// The resource behind register `bar` of VF `vf`.
    ///
    /// # Errors
    /// `STATUS_INVALID_PARAMETER` for a register that a type 0 header does not have, and
    /// `STATUS_NOT_SUPPORTED` for one that this device does not use, which is expected: a 64-bit
    /// register takes the place of two.
    pub fn resource(&self, vf: u16, bar: u16) -> Result<MemoryDescriptor, NtStatus> {
        let window = self
            .windows
            .get(usize::from(bar))
            .ok_or(status::INVALID_PARAMETER)?;
        let window = window.as_ref().ok_or(status::NOT_SUPPORTED)?;
        let flags = if window.bar.prefetchable {
            PREFETCHABLE
        } else {
            0
        };
        window
            .range
            .slice(vf, window.bar.size)
            .and_then(|slice| slice.to_descriptor(flags))
            .ok_or(status::INVALID_PARAMETER)
    }
}

#[cfg(test)]
mod tests;
