//! Which part of the PF's VF memory belongs to which VF.
//!
//! The bus gives one aperture for each VF base address register; VF n owns its n-th slice, whose
//! size is the size that one VF's register was probed to (PCI Express Base Specification, section
//! 9.2.1.1.1). The aperture has to hold a slice for every VF, or a VF would get memory that belongs
//! to another function.

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

/// Why the values that the bus gave cannot be the sizes of the VFs' registers: the device does not
/// start. Public pages disagree on whether the bus gives the PF's or the VFs' (docs/contract.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarFailure {
    /// The type bits are not those of the register in the SR-IOV capability, or no VF can have
    /// them: I/O space, a reserved type, 64 bits without a second register.
    Type {
        /// The base address register.
        bar: u8,
        /// The value that the bus gave.
        probed: u32,
        /// What the register in the capability holds.
        register: u32,
    },
    /// The capability has the register, and the bus gave no size for it.
    Unprobed {
        /// The base address register.
        bar: u8,
        /// What the register in the capability holds.
        register: u32,
    },
}

/// The bits of a register that software cannot change: its space, its type, prefetchable.
const TYPE_BITS: u32 = !register::BAR_ADDRESS_MASK;

/// Reads the sizes out of probed values: what the registers hold after all ones were written.
/// `registers` holds the same registers as the SR-IOV capability has them, with the same type bits.
/// The second register of a 64-bit one, and one that is not there, are none.
///
/// # Errors
/// Values that cannot be the sizes of these registers.
pub fn decode(
    probed: &[u32; PCI_TYPE0_ADDRESSES],
    registers: &[u32; PCI_TYPE0_ADDRESSES],
) -> Result<[Option<Bar>; PCI_TYPE0_ADDRESSES], BarFailure> {
    let mut bars = [None; PCI_TYPE0_ADDRESSES];
    let mut places = (0..).zip(probed.iter().zip(registers)).zip(&mut bars);
    while let Some(((bar, (&probed, &register)), place)) = places.next() {
        if probed == 0 && register == 0 {
            continue;
        }
        if probed == 0 {
            return Err(BarFailure::Unprobed { bar, register });
        }
        let wrong_type = BarFailure::Type {
            bar,
            probed,
            register,
        };
        // A VF has no I/O space (PCI Express Base Specification, section 9.3.3.14), and the bits of
        // an I/O register where a memory register has its type are part of an address.
        if (probed ^ register) & TYPE_BITS != 0 || probed & register::BAR_IO_SPACE != 0 {
            return Err(wrong_type);
        }
        let low = u64::from(probed & register::BAR_ADDRESS_MASK);
        let (wide, mask) = match probed & register::BAR_TYPE_MASK {
            register::BAR_TYPE_32 => (false, low),
            register::BAR_TYPE_64 => {
                let ((_, (&high, _)), _) = places.next().ok_or(wrong_type)?;
                (true, (u64::from(high) << 32) | low)
            }
            _ => return Err(wrong_type),
        };
        if mask == 0 {
            return Err(BarFailure::Unprobed { bar, register });
        }
        *place = Some(Bar {
            size: mask & mask.wrapping_neg(),
            prefetchable: probed & register::BAR_PREFETCHABLE != 0,
            wide,
        });
    }
    Ok(bars)
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

/// The most memory ranges of a PF: six base address registers, as many of its VFs, and
/// an expansion ROM.
const MEMORY_RANGES: usize = 13;

/// The PF's resource list holds more memory ranges than a PF can have: the device does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRanges {
    /// The ranges in the list.
    pub found: usize,
    /// The most that a PF can have.
    pub allowed: usize,
}

/// The PF's memory ranges, each as the bus sees it (raw) and as the processor does (translated).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ranges([Option<(Range, Range)>; MEMORY_RANGES]);

impl Ranges {
    /// Takes all ranges of a resource list.
    ///
    /// # Errors
    /// When there are more than a PF can have.
    pub fn collect(
        ranges: impl Iterator<Item = (Range, Range)> + Clone,
    ) -> Result<Self, TooManyRanges> {
        let found = ranges.clone().count();
        if found > MEMORY_RANGES {
            let allowed = MEMORY_RANGES;
            return Err(TooManyRanges { found, allowed });
        }
        let mut all = Self::default();
        for (place, range) in all.0.iter_mut().zip(ranges) {
            *place = Some(range);
        }
        Ok(all)
    }

    /// The pair whose raw range begins at an address.
    fn beginning_at(&self, start: u64) -> Option<(Range, Range)> {
        let mut ranges = self.0.iter().flatten();
        ranges.find(|(raw, _)| raw.start == start).copied()
    }
}

/// Why the VFs have no memory: the device does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApertureFailure {
    /// The bus driver gave a register of the VFs no address.
    Unplaced {
        /// The base address register.
        bar: u8,
    },
    /// An address is not a multiple of the size, which the register could not hold: the size is
    /// another register's.
    Misaligned {
        /// The address.
        base: u64,
        /// The size of one VF's slice, in bytes.
        size: u64,
    },
    /// An aperture does not hold a slice for every VF.
    TooSmall {
        /// The length of the aperture.
        length: u64,
        /// The bytes that all VFs need.
        needed: u64,
    },
    /// An aperture is neither as long as the VFs that are to be on need nor as long as all that the
    /// device can have need: the size is another register's.
    Length {
        /// The length of the aperture.
        length: u64,
        /// The size of one VF's slice, in bytes.
        size: u64,
    },
}

/// How many VFs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VfCount {
    /// Those that are to be on.
    pub enabled: u16,
    /// The most that the device can have: `TotalVFs`.
    pub total: u16,
}

impl VfCount {
    /// Checks the length of an aperture that begins at a register's address.
    fn check_length(self, length: u64, size: u64) -> Result<(), ApertureFailure> {
        let all = |vfs: u16| size.saturating_mul(u64::from(vfs));
        let needed = all(self.enabled);
        if length < needed {
            return Err(ApertureFailure::TooSmall { length, needed });
        }
        if length != needed && length != all(self.total) {
            return Err(ApertureFailure::Length { length, size });
        }
        Ok(())
    }
}

/// The aperture of one base address register: where all VFs' slices lie, and how large each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aperture {
    /// All VFs' memory of this register, as the processor sees it.
    pub range: Range,
    /// The register.
    pub bar: Bar,
}

/// The apertures of a PF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VfBarApertures {
    apertures: [Option<Aperture>; PCI_TYPE0_ADDRESSES],
}

/// `CM_RESOURCE_MEMORY_PREFETCHABLE` of `wdm.h`.
const PREFETCHABLE: u16 = 0x4;

impl VfBarApertures {
    /// Finds the aperture of each register. The documentation does not say whether VF memory is
    /// among the PF's ranges. Where a raw range begins at the register's address, its translation
    /// is the aperture; where none does, the aperture begins at that address itself and is as long
    /// as the VFs need, which is what the register decodes.
    ///
    /// # Errors
    /// A register without an address or with one that its size rules out, or a range whose length
    /// is not that of the VFs that are to be on or of all VFs.
    pub fn find(
        bars: &[Option<Bar>; PCI_TYPE0_ADDRESSES],
        bases: &[Option<u64>; PCI_TYPE0_ADDRESSES],
        ranges: &Ranges,
        vfs: VfCount,
    ) -> Result<Self, ApertureFailure> {
        let mut apertures = [None; PCI_TYPE0_ADDRESSES];
        for (number, ((bar, base), aperture)) in
            (0..).zip(bars.iter().zip(bases).zip(&mut apertures))
        {
            let Some(bar) = *bar else {
                continue;
            };
            let base = base.ok_or(ApertureFailure::Unplaced { bar: number })?;
            let misaligned = ApertureFailure::Misaligned {
                base,
                size: bar.size,
            };
            // A size is a power of two.
            if base & (bar.size - 1) != 0 {
                return Err(misaligned);
            }
            let range = if let Some((raw, translated)) = ranges.beginning_at(base) {
                vfs.check_length(raw.length, bar.size)?;
                vfs.check_length(translated.length, bar.size)?;
                translated
            } else {
                Range {
                    start: base,
                    length: bar.size.saturating_mul(u64::from(vfs.enabled)),
                }
            };
            *aperture = Some(Aperture { range, bar });
        }
        Ok(Self { apertures })
    }

    /// The resource of register `bar` of VF `vf`.
    ///
    /// # Errors
    /// `STATUS_INVALID_PARAMETER` for a register that a type 0 header does not have, and
    /// `STATUS_NOT_SUPPORTED` for one that this device does not use, which is expected: a 64-bit
    /// register takes the place of two.
    pub fn resource(&self, vf: u16, bar: u16) -> Result<MemoryDescriptor, NtStatus> {
        let aperture = self
            .apertures
            .get(usize::from(bar))
            .ok_or(status::INVALID_PARAMETER)?;
        let aperture = aperture.as_ref().ok_or(status::NOT_SUPPORTED)?;
        let flags = if aperture.bar.prefetchable {
            PREFETCHABLE
        } else {
            0
        };
        aperture
            .range
            .slice(vf, aperture.bar.size)
            .and_then(|slice| slice.to_descriptor(flags))
            .ok_or(status::INVALID_PARAMETER)
    }
}

#[cfg(test)]
mod tests;
