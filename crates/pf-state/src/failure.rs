//! Why a device does not start: each cause has a status of its own, which Device Manager shows as
//! the problem status, and an event with its values.
//!
//! None of them is `STATUS_NOT_SUPPORTED`: the documentation of `EvtDevicePrepareHardware` forbids
//! that status, and KMDF with its verifier breaks into the debugger for it
//! (`FxPkgPnp::PnpPrepareHardware`).

use core::ffi::CStr;

use block_table::TableError;

use crate::{
    bars::{BarFailure, TooManyRanges, WindowFailure},
    config::Identity,
    sriov::CapabilityFailure,
    status::{self, NtStatus},
};

/// The causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// The framework did not make one of its objects, or could not read the registry.
    Framework(NtStatus),
    /// Memory for the VFs' blocks.
    Memory {
        /// The bytes asked for.
        bytes: usize,
    },
    /// The registry value `NumVFs` is not there.
    NumVfsMissing,
    /// The registry value `NumVFs` is not a DWORD.
    NumVfsType,
    /// `NumVFs` is zero.
    NumVfsZero,
    /// `NumVFs` is more than the manifest's `max-vfs`.
    NumVfsAboveManifest {
        /// `NumVFs`
        asked: u32,
        /// `max-vfs`
        allowed: u16,
    },
    /// `NumVFs` is more than `TotalVFs` of the device.
    NumVfsAboveDevice {
        /// `NumVFs`
        asked: u16,
        /// `TotalVFs`
        total: u16,
    },
    /// The registry value `BlockTable` is not binary.
    TableType {
        /// The type of the value, a `REG_*` number.
        found: u32,
    },
    /// The block table does not verify.
    Table(TableError),
    /// The registry value `InvalidateInput` is not a DWORD, or none of its numbers.
    InvalidateInput {
        /// The number, where it is one.
        found: Option<u32>,
    },
    /// The block table in the registry is for other PCI IDs than the PF's.
    TableForAnotherDevice {
        /// The PF's IDs.
        pf: Identity,
        /// The first IDs that the table is for.
        table: Identity,
    },
    /// There is no block table in the registry, and the one in the driver's image is for other PCI IDs than
    /// the PF's.
    NoTable {
        /// The PF's IDs.
        pf: Identity,
        /// The first IDs that the table in the image is for.
        image: Identity,
    },
    /// The bus offers no `GUID_PCI_VIRTUALIZATION_INTERFACE`, or one that lacks a function.
    NoVirtualizationInterface(NtStatus),
    /// The bus offers no `GUID_BUS_INTERFACE_STANDARD`, or one that lacks a function.
    NoBusInterface(NtStatus),
    /// The SR-IOV capability.
    Capability(CapabilityFailure),
    /// The bus does not say how large the VFs' base address registers are.
    ProbedBars(NtStatus),
    /// The sizes that the bus gave are not those of the VFs' base address registers.
    Bars(BarFailure),
    /// The resource list has more memory ranges than a PF can have.
    Ranges(TooManyRanges),
    /// The VFs' memory.
    Window(WindowFailure),
    /// The bus does not turn the VFs on.
    Enable(NtStatus),
    /// VF Enable is clear after the bus has turned the VFs on.
    NotEnabled {
        /// SR-IOV Control.
        control: u16,
    },
    /// The device has another number of VFs than the bus was asked for.
    OtherNumVfs {
        /// The number asked for.
        asked: u16,
        /// `NumVFs` of the SR-IOV capability.
        found: u16,
    },
    /// VF Memory Space Enable is clear after the bus has turned the VFs on: they have no memory.
    NoMemorySpace {
        /// SR-IOV Control.
        control: u16,
    },
    /// A VF does not answer a second after it was turned on.
    SilentVf {
        /// The VF.
        vf: u16,
    },
    /// VF 0 answers and shows no PCI Express capability, which every VF has.
    VfWithoutExpress,
    /// A later start found other VF identifiers or register sizes than the first one.
    DeviceChanged {
        /// The value that this start found.
        found: u32,
        /// The value that the first start found.
        first: u32,
    },
    /// The kernel exports no clock.
    NoClock,
}

impl StartFailure {
    /// The status with which the device does not start.
    ///
    /// It is never `STATUS_NOT_SUPPORTED`. Where the framework's own status is that one, it becomes
    /// `STATUS_UNSUCCESSFUL`; [`values`](Self::values) still has the original.
    #[must_use]
    pub const fn status(self) -> NtStatus {
        match self {
            Self::Framework(status::NOT_SUPPORTED) => status::UNSUCCESSFUL,
            Self::Framework(status) => status,
            Self::Memory { .. } => status::INSUFFICIENT_RESOURCES,
            Self::NumVfsMissing => status::OBJECT_NAME_NOT_FOUND,
            Self::NumVfsType => status::OBJECT_TYPE_MISMATCH,
            Self::NumVfsZero => status::INVALID_PARAMETER,
            Self::NumVfsAboveManifest { .. } => status::QUOTA_EXCEEDED,
            Self::NumVfsAboveDevice { .. } => status::DEVICE_INSUFFICIENT_RESOURCES,
            Self::TableType { .. } => status::REGISTRY_CORRUPT,
            Self::Table(_) => status::DATA_ERROR,
            Self::InvalidateInput { .. } => status::BAD_DATA,
            Self::TableForAnotherDevice { .. } => status::DEVICE_DOES_NOT_EXIST,
            Self::NoTable { .. } => status::NO_MATCH,
            Self::NoVirtualizationInterface(_) => status::NOINTERFACE,
            Self::NoBusInterface(_) => status::DEVICE_FEATURE_NOT_SUPPORTED,
            Self::Capability(failure) => failure.status(),
            Self::ProbedBars(_) => status::DEVICE_DATA_ERROR,
            Self::Bars(BarFailure::Type { .. }) => status::RESOURCE_TYPE_NOT_FOUND,
            Self::Bars(BarFailure::Unprobed { .. }) => status::RESOURCE_NAME_NOT_FOUND,
            Self::Ranges(_) => status::ALLOTTED_SPACE_EXCEEDED,
            Self::Window(failure) => failure.status(),
            Self::Enable(_) => status::DEVICE_HARDWARE_ERROR,
            Self::NotEnabled { .. } => status::DEVICE_UNREACHABLE,
            Self::OtherNumVfs { .. } => status::DEVICE_PROTOCOL_ERROR,
            Self::NoMemorySpace { .. } => status::MEMORY_NOT_ALLOCATED,
            Self::SilentVf { .. } => status::DEVICE_NOT_CONNECTED,
            Self::VfWithoutExpress => status::NOT_FOUND,
            Self::DeviceChanged { .. } => status::REVISION_MISMATCH,
            Self::NoClock => status::ENTRYPOINT_NOT_FOUND,
        }
    }

    /// The cause in words, for the event.
    #[must_use]
    pub const fn sentence(self) -> &'static CStr {
        match self {
            Self::Framework(_) => c"The framework did not make an object or read the registry.",
            Self::Memory { .. } => c"There is not enough memory for the blocks of all VFs.",
            Self::NumVfsMissing => c"The registry value NumVFs is not in the hardware key.",
            Self::NumVfsType => c"The registry value NumVFs is not a DWORD.",
            Self::NumVfsZero => c"The registry value NumVFs is 0.",
            Self::NumVfsAboveManifest { .. } => c"NumVFs is more than max-vfs of the manifest.",
            Self::NumVfsAboveDevice { .. } => c"NumVFs is more than TotalVFs of the device.",
            Self::TableType { .. } => c"The registry value BlockTable is not binary.",
            Self::Table(_) => c"The block table does not verify.",
            Self::InvalidateInput { .. } => {
                c"The registry value InvalidateInput is not a DWORD of 0 or 1."
            }
            Self::TableForAnotherDevice { .. } => c"The block table is for another device.",
            Self::NoTable { .. } => {
                c"The registry has no block table, and the driver's own is for another device."
            }
            Self::NoVirtualizationInterface(_) => c"The bus has no PCI virtualization interface.",
            Self::NoBusInterface(_) => c"The bus has no standard bus interface.",
            Self::Capability(CapabilityFailure::Unreachable) => {
                c"The configuration space of the PF cannot be read."
            }
            Self::Capability(CapabilityFailure::Missing) => c"The PF has no SR-IOV capability.",
            Self::ProbedBars(_) => c"The bus does not say how large the VFs' registers are.",
            Self::Bars(BarFailure::Type { .. }) => {
                c"The bus gave a VF register another type than the SR-IOV capability has."
            }
            Self::Bars(BarFailure::Unprobed { .. }) => {
                c"The bus gave no size for a VF register of the SR-IOV capability."
            }
            Self::Ranges(_) => c"The resource list has more memory ranges than a PF can have.",
            Self::Window(failure) => failure.sentence(),
            Self::Enable(_) => c"The bus does not turn the VFs on.",
            Self::NotEnabled { .. } => c"The bus turned the VFs on, and VF Enable is clear.",
            Self::OtherNumVfs { .. } => c"The device has turned another number of VFs on.",
            Self::NoMemorySpace { .. } => {
                c"The bus turned the VFs on, and VF Memory Space Enable is clear."
            }
            Self::SilentVf { .. } => c"A VF does not answer a second after it was turned on.",
            Self::VfWithoutExpress => c"VF 0 has no PCI Express capability.",
            Self::DeviceChanged { .. } => {
                c"The VFs' identifiers or register sizes differ from those of the first start."
            }
            Self::NoClock => c"The kernel exports no clock.",
        }
    }

    /// Two numbers that tell more: the value found, and the value it was held against.
    #[must_use]
    pub const fn values(self) -> (u64, u64) {
        match self {
            Self::Memory { bytes } => (bytes as u64, 0),
            Self::NumVfsAboveManifest { asked, allowed } => (asked as u64, allowed as u64),
            Self::NumVfsAboveDevice { asked, total } => (asked as u64, total as u64),
            Self::OtherNumVfs { asked, found } => (found as u64, asked as u64),
            Self::NotEnabled { control: value }
            | Self::NoMemorySpace { control: value }
            | Self::SilentVf { vf: value } => (value as u64, 0),
            Self::TableType { found } => (found as u64, 0),
            Self::TableForAnotherDevice { pf, table } => (pf.as_number(), table.as_number()),
            Self::NoTable { pf, image } => (pf.as_number(), image.as_number()),
            Self::Table(error) => (error.offset as u64, error.flaw as u64),
            Self::InvalidateInput { found: Some(found) } => (found as u64, 1),
            Self::InvalidateInput { found: None } => (u64::MAX, 1),
            Self::Bars(BarFailure::Type {
                bar,
                probed,
                register,
            }) => (bar as u64, (register as u64) << 32 | probed as u64),
            Self::Bars(BarFailure::Unprobed { bar, register }) => (bar as u64, register as u64),
            Self::Ranges(TooManyRanges { found, allowed }) => (found as u64, allowed as u64),
            Self::Window(failure) => failure.values(),
            Self::DeviceChanged { found, first } => (found as u64, first as u64),
            Self::Framework(status)
            | Self::NoVirtualizationInterface(status)
            | Self::NoBusInterface(status)
            | Self::ProbedBars(status)
            | Self::Enable(status) => (status.cast_unsigned() as u64, 0),
            Self::NumVfsMissing
            | Self::NumVfsType
            | Self::NumVfsZero
            | Self::Capability(_)
            | Self::VfWithoutExpress
            | Self::NoClock => (0, 0),
        }
    }
}

impl WindowFailure {
    const fn status(self) -> NtStatus {
        match self {
            Self::Unplaced { .. } => status::INVALID_ADDRESS,
            Self::Misaligned { .. } => status::DATATYPE_MISALIGNMENT_ERROR,
            Self::TooSmall { .. } => status::RANGE_NOT_FOUND,
            Self::Length { .. } => status::RANGE_LIST_CONFLICT,
        }
    }

    const fn sentence(self) -> &'static CStr {
        match self {
            Self::Unplaced { .. } => c"The bus gave a base address register of the VFs no address.",
            Self::Misaligned { .. } => {
                c"The address of a VF register is not a multiple of its size."
            }
            Self::TooSmall { .. } => c"The memory behind a VF register is too small for all VFs.",
            Self::Length { .. } => {
                c"The memory behind a VF register has the length of neither NumVFs nor TotalVFs."
            }
        }
    }

    const fn values(self) -> (u64, u64) {
        match self {
            Self::Unplaced { bar } => (bar as u64, 0),
            Self::Misaligned { base, size } => (base, size),
            Self::TooSmall { length, needed } => (length, needed),
            Self::Length { length, size } => (length, size),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use block_table::Table;

    use super::*;

    /// One of each cause, with the name of its status.
    fn all() -> Vec<(StartFailure, &'static str)> {
        let table = Table::verify(&[]).expect_err("an empty table is none");
        let mut all = vec![
            (StartFailure::NumVfsMissing, "STATUS_OBJECT_NAME_NOT_FOUND"),
            (StartFailure::NumVfsType, "STATUS_OBJECT_TYPE_MISMATCH"),
            (StartFailure::NumVfsZero, "STATUS_INVALID_PARAMETER"),
            (
                StartFailure::NumVfsAboveManifest {
                    asked: 65,
                    allowed: 64,
                },
                "STATUS_QUOTA_EXCEEDED",
            ),
            (
                StartFailure::NumVfsAboveDevice { asked: 9, total: 8 },
                "STATUS_DEVICE_INSUFFICIENT_RESOURCES",
            ),
            (
                StartFailure::TableType { found: 1 },
                "STATUS_REGISTRY_CORRUPT",
            ),
            (StartFailure::Table(table), "STATUS_DATA_ERROR"),
            (
                StartFailure::InvalidateInput { found: Some(2) },
                "STATUS_BAD_DATA",
            ),
            (
                StartFailure::TableForAnotherDevice {
                    pf: Identity::NONE,
                    table: Identity::NONE,
                },
                "STATUS_DEVICE_DOES_NOT_EXIST",
            ),
            (
                StartFailure::NoTable {
                    pf: Identity::NONE,
                    image: Identity::NONE,
                },
                "STATUS_NO_MATCH",
            ),
            (
                StartFailure::Memory { bytes: 1 << 40 },
                "STATUS_INSUFFICIENT_RESOURCES",
            ),
            (
                StartFailure::NoVirtualizationInterface(-1),
                "STATUS_NOINTERFACE",
            ),
            (
                StartFailure::NoBusInterface(-1),
                "STATUS_DEVICE_FEATURE_NOT_SUPPORTED",
            ),
            (
                StartFailure::Capability(CapabilityFailure::Unreachable),
                "STATUS_IO_DEVICE_ERROR",
            ),
            (
                StartFailure::Capability(CapabilityFailure::Missing),
                "STATUS_DEVICE_CONFIGURATION_ERROR",
            ),
        ];
        all.extend(of_the_vfs());
        all
    }

    /// Those of the VFs' memory and of turning the VFs on.
    fn of_the_vfs() -> Vec<(StartFailure, &'static str)> {
        let window = |failure| StartFailure::Window(failure);
        vec![
            (StartFailure::ProbedBars(-1), "STATUS_DEVICE_DATA_ERROR"),
            (
                StartFailure::Bars(BarFailure::Type {
                    bar: 0,
                    probed: 1,
                    register: 4,
                }),
                "STATUS_RESOURCE_TYPE_NOT_FOUND",
            ),
            (
                StartFailure::Bars(BarFailure::Unprobed {
                    bar: 0,
                    register: 4,
                }),
                "STATUS_RESOURCE_NAME_NOT_FOUND",
            ),
            (
                StartFailure::Ranges(TooManyRanges {
                    found: 14,
                    allowed: 13,
                }),
                "STATUS_ALLOTTED_SPACE_EXCEEDED",
            ),
            (
                window(WindowFailure::TooSmall {
                    length: 1,
                    needed: 2,
                }),
                "STATUS_RANGE_NOT_FOUND",
            ),
            (
                window(WindowFailure::Length { length: 3, size: 1 }),
                "STATUS_RANGE_LIST_CONFLICT",
            ),
            (
                window(WindowFailure::Misaligned { base: 1, size: 2 }),
                "STATUS_DATATYPE_MISALIGNMENT_ERROR",
            ),
            (
                window(WindowFailure::Unplaced { bar: 0 }),
                "STATUS_INVALID_ADDRESS",
            ),
            (StartFailure::Enable(-1), "STATUS_DEVICE_HARDWARE_ERROR"),
            (
                StartFailure::NotEnabled { control: 0 },
                "STATUS_DEVICE_UNREACHABLE",
            ),
            (
                StartFailure::OtherNumVfs { asked: 4, found: 3 },
                "STATUS_DEVICE_PROTOCOL_ERROR",
            ),
            (
                StartFailure::NoMemorySpace { control: 1 },
                "STATUS_MEMORY_NOT_ALLOCATED",
            ),
            (
                StartFailure::SilentVf { vf: 0 },
                "STATUS_DEVICE_NOT_CONNECTED",
            ),
            (StartFailure::VfWithoutExpress, "STATUS_NOT_FOUND"),
            (
                StartFailure::DeviceChanged { found: 1, first: 2 },
                "STATUS_REVISION_MISMATCH",
            ),
            (StartFailure::NoClock, "STATUS_ENTRYPOINT_NOT_FOUND"),
        ]
    }

    #[test]
    fn each_cause_has_a_status_and_a_sentence_of_its_own() {
        let all = all();
        let statuses: BTreeSet<_> = all.iter().map(|(failure, _)| failure.status()).collect();
        let sentences: BTreeSet<_> = all.iter().map(|(failure, _)| failure.sentence()).collect();
        assert_eq!((statuses.len(), sentences.len()), (all.len(), all.len()));
        assert!(
            statuses.iter().all(|status| *status < 0),
            "no start succeeds by failing"
        );
    }

    #[test]
    fn the_frameworks_own_status_is_passed_on() {
        let failure = StartFailure::Framework(status::DEVICE_BUSY);
        assert_eq!(failure.status(), status::DEVICE_BUSY);
        assert_eq!(failure.values(), (0x8000_0011, 0));
    }

    #[test]
    fn no_cause_has_the_status_that_prepare_hardware_must_not_return() {
        for (failure, _) in all() {
            assert_ne!(failure.status(), status::NOT_SUPPORTED, "{failure:?}");
        }
        let failure = StartFailure::Framework(status::NOT_SUPPORTED);
        assert_eq!(failure.status(), status::UNSUCCESSFUL);
        assert_eq!(failure.values(), (0xC000_00BB, 0));
    }

    #[test]
    fn the_documentation_lists_the_causes_and_no_others() {
        let document = include_str!("../../../docs/contract.md");
        let (_, section) = document
            .split_once("## Why a device does not start")
            .expect("the section is there");
        let documented: Vec<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `STATUS_")?.split_once('`'))
            .map(|(name, _)| format!("STATUS_{name}"))
            .collect();
        let all: BTreeSet<_> = all().into_iter().map(|(_, name)| name.to_owned()).collect();
        assert_eq!(documented.iter().cloned().collect::<BTreeSet<_>>(), all);
        assert_eq!(documented.len(), all.len(), "each once");
    }

    #[test]
    fn the_names_are_those_of_the_statuses() {
        for (failure, name) in all() {
            assert_eq!(
                status::tests::by_name(name),
                Some(failure.status()),
                "{name}"
            );
        }
    }
}
