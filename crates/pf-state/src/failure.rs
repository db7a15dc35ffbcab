//! Why a device does not start: each cause has a status of its own, which Device Manager shows as
//! the problem status, and an event with its values.
//!
//! None of them is `STATUS_NOT_SUPPORTED`: the documentation of `EvtDevicePrepareHardware` forbids
//! that status, and KMDF with its verifier breaks into the debugger for it
//! (`FxPkgPnp::PnpPrepareHardware`).

use core::ffi::CStr;

use block_table::TableError;

use crate::{
    bars::{ApertureFailure, BarFailure, TooManyRanges},
    config::Identity,
    sriov::CapabilityFailure,
    status::{self, NtStatus},
};

/// The causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// The framework did not make one of its objects, or could not read the registry.
    Framework(NtStatus),
    /// The driver is a filter of a device that has no function driver.
    NoFunctionDriver,
    /// The driver is a filter, and directly above the bus driver: a lower filter.
    LowerFilter,
    /// Memory for the VFs' blocks.
    Memory {
        /// The requested bytes.
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
    /// The block table has another format version than the one that this driver reads.
    TableVersion {
        /// The version in the table.
        found: u16,
        /// [`block_table::VERSION`].
        supported: u16,
    },
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
    /// There is no block table in the registry, and the one in the driver's image is for other PCI
    /// IDs than the PF's.
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
    Apertures(ApertureFailure),
    /// The bus does not turn the VFs on.
    Enable(NtStatus),
    /// VF Enable is clear after the bus has turned the VFs on.
    NotEnabled {
        /// SR-IOV Control.
        control: u16,
    },
    /// The device has another number of VFs than requested from the bus.
    OtherNumVfs {
        /// The requested number.
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

/// The number and the sentence of `Framework`.
const FRAMEWORK: (u16, &CStr) = (
    100,
    c"The framework did not make an object or read the registry.",
);

/// Declares every cause but `Framework`: its number, its status, its sentence, and for the tests an
/// example. Numbers are event IDs of the System event log, so they stay as they are.
macro_rules! causes {
    ($($number:literal $cause:pat => $status:ident, $sentence:literal, $example:expr;)*) => {
        impl StartFailure {
            /// The status with which the device does not start.
            ///
            /// It is never `STATUS_NOT_SUPPORTED`. Where the framework's own status is that one, it
            /// becomes `STATUS_UNSUCCESSFUL`; [`values`](Self::values) still has the original.
            #[must_use]
            pub const fn status(self) -> NtStatus {
                match self {
                    Self::Framework(status::NOT_SUPPORTED) => status::UNSUCCESSFUL,
                    Self::Framework(status) => status,
                    $($cause => status::$status,)*
                }
            }

            /// The cause in words, for the event.
            #[must_use]
            pub const fn sentence(self) -> &'static CStr {
                match self {
                    Self::Framework(_) => FRAMEWORK.1,
                    $($cause => $sentence,)*
                }
            }

            /// The event ID of the cause in the System event log.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self {
                    Self::Framework(_) => FRAMEWORK.0,
                    $($cause => $number,)*
                }
            }

            /// The number and the sentence of each cause, in ascending order of the numbers.
            pub const SENTENCES: &[(u16, &CStr)] = &[FRAMEWORK, $(($number, $sentence)),*];
        }

        /// One of each cause with a status of its own, with the name of that status.
        #[cfg(test)]
        fn all() -> Vec<(StartFailure, &'static str)> {
            vec![$(($example, concat!("STATUS_", stringify!($status)))),*]
        }
    };
}

causes! {
    101 StartFailure::NoFunctionDriver => PLUGPLAY_NO_DEVICE,
        c"The driver is a filter, and the device has no function driver.",
        StartFailure::NoFunctionDriver;
    102 StartFailure::LowerFilter => INVALID_DEVICE_STATE,
        c"The driver is a filter below the function driver, and has to be above it.",
        StartFailure::LowerFilter;
    103 StartFailure::NumVfsMissing => OBJECT_NAME_NOT_FOUND,
        c"The registry value NumVFs is not in the hardware key.",
        StartFailure::NumVfsMissing;
    104 StartFailure::NumVfsType => OBJECT_TYPE_MISMATCH,
        c"The registry value NumVFs is not a DWORD.",
        StartFailure::NumVfsType;
    105 StartFailure::NumVfsZero => INVALID_PARAMETER,
        c"The registry value NumVFs is 0.",
        StartFailure::NumVfsZero;
    106 StartFailure::NumVfsAboveManifest { .. } => QUOTA_EXCEEDED,
        c"NumVFs is more than max-vfs of the manifest.",
        StartFailure::NumVfsAboveManifest { asked: 65, allowed: 64 };
    107 StartFailure::NumVfsAboveDevice { .. } => DEVICE_INSUFFICIENT_RESOURCES,
        c"NumVFs is more than TotalVFs of the device.",
        StartFailure::NumVfsAboveDevice { asked: 9, total: 8 };
    108 StartFailure::TableType { .. } => REGISTRY_CORRUPT,
        c"The registry value BlockTable is not binary.",
        StartFailure::TableType { found: 1 };
    109 StartFailure::Table(_) => DATA_ERROR,
        c"The block table does not verify.",
        StartFailure::Table(tests::table_error());
    110 StartFailure::TableVersion { .. } => UNKNOWN_REVISION,
        c"The block table has a format version that this driver does not read.",
        StartFailure::TableVersion { found: 1, supported: 2 };
    111 StartFailure::InvalidateInput { .. } => BAD_DATA,
        c"The registry value InvalidateInput is not a DWORD of 0 or 1.",
        StartFailure::InvalidateInput { found: Some(2) };
    112 StartFailure::TableForAnotherDevice { .. } => DEVICE_DOES_NOT_EXIST,
        c"The block table is for another device.",
        StartFailure::TableForAnotherDevice { pf: Identity::NONE, table: Identity::NONE };
    113 StartFailure::NoTable { .. } => NO_MATCH,
        c"The registry has no block table, and the driver's own is for another device.",
        StartFailure::NoTable { pf: Identity::NONE, image: Identity::NONE };
    114 StartFailure::Memory { .. } => INSUFFICIENT_RESOURCES,
        c"There is not enough memory for the blocks of all VFs.",
        StartFailure::Memory { bytes: 1 << 40 };
    115 StartFailure::NoVirtualizationInterface(_) => NOINTERFACE,
        c"The bus has no PCI virtualization interface.",
        StartFailure::NoVirtualizationInterface(-1);
    116 StartFailure::NoBusInterface(_) => DEVICE_FEATURE_NOT_SUPPORTED,
        c"The bus has no standard bus interface.",
        StartFailure::NoBusInterface(-1);
    117 StartFailure::Capability(CapabilityFailure::Unreachable) => IO_DEVICE_ERROR,
        c"The configuration space of the PF cannot be read.",
        StartFailure::Capability(CapabilityFailure::Unreachable);
    118 StartFailure::Capability(CapabilityFailure::Missing) => DEVICE_CONFIGURATION_ERROR,
        c"The PF has no SR-IOV capability.",
        StartFailure::Capability(CapabilityFailure::Missing);
    119 StartFailure::ProbedBars(_) => DEVICE_DATA_ERROR,
        c"The bus does not say how large the VFs' registers are.",
        StartFailure::ProbedBars(-1);
    120 StartFailure::Bars(BarFailure::Type { .. }) => RESOURCE_TYPE_NOT_FOUND,
        c"The bus gave a VF register another type than the SR-IOV capability has.",
        StartFailure::Bars(BarFailure::Type { bar: 0, probed: 1, register: 4 });
    121 StartFailure::Bars(BarFailure::Unprobed { .. }) => RESOURCE_NAME_NOT_FOUND,
        c"The bus gave no size for a VF register of the SR-IOV capability.",
        StartFailure::Bars(BarFailure::Unprobed { bar: 0, register: 4 });
    122 StartFailure::Ranges(_) => ALLOTTED_SPACE_EXCEEDED,
        c"The resource list has more memory ranges than a PF can have.",
        StartFailure::Ranges(TooManyRanges { found: 14, allowed: 13 });
    123 StartFailure::Apertures(ApertureFailure::TooSmall { .. }) => RANGE_NOT_FOUND,
        c"The memory behind a VF register is too small for all VFs.",
        StartFailure::Apertures(ApertureFailure::TooSmall { length: 1, needed: 2 });
    124 StartFailure::Apertures(ApertureFailure::Length { .. }) => RANGE_LIST_CONFLICT,
        c"The memory behind a VF register has the length of neither NumVFs nor TotalVFs.",
        StartFailure::Apertures(ApertureFailure::Length { length: 3, size: 1 });
    125 StartFailure::Apertures(ApertureFailure::Misaligned { .. }) => DATATYPE_MISALIGNMENT_ERROR,
        c"The address of a VF register is not a multiple of its size.",
        StartFailure::Apertures(ApertureFailure::Misaligned { base: 1, size: 2 });
    126 StartFailure::Apertures(ApertureFailure::Unplaced { .. }) => INVALID_ADDRESS,
        c"The bus gave a base address register of the VFs no address.",
        StartFailure::Apertures(ApertureFailure::Unplaced { bar: 0 });
    127 StartFailure::Enable(_) => DEVICE_HARDWARE_ERROR,
        c"The bus does not turn the VFs on.",
        StartFailure::Enable(-1);
    128 StartFailure::NotEnabled { .. } => DEVICE_UNREACHABLE,
        c"The bus turned the VFs on, and VF Enable is clear.",
        StartFailure::NotEnabled { control: 0 };
    129 StartFailure::OtherNumVfs { .. } => DEVICE_PROTOCOL_ERROR,
        c"The device has turned another number of VFs on.",
        StartFailure::OtherNumVfs { asked: 4, found: 3 };
    130 StartFailure::NoMemorySpace { .. } => MEMORY_NOT_ALLOCATED,
        c"The bus turned the VFs on, and VF Memory Space Enable is clear.",
        StartFailure::NoMemorySpace { control: 1 };
    131 StartFailure::SilentVf { .. } => DEVICE_NOT_CONNECTED,
        c"A VF does not answer a second after it was turned on.",
        StartFailure::SilentVf { vf: 0 };
    132 StartFailure::VfWithoutExpress => NOT_FOUND,
        c"VF 0 has no PCI Express capability.",
        StartFailure::VfWithoutExpress;
    133 StartFailure::DeviceChanged { .. } => REVISION_MISMATCH,
        c"The VFs' identifiers or register sizes differ from those of the first start.",
        StartFailure::DeviceChanged { found: 1, first: 2 };
    134 StartFailure::NoClock => ENTRYPOINT_NOT_FOUND,
        c"The kernel exports no clock.",
        StartFailure::NoClock;
}

impl StartFailure {
    /// Two numbers with details: the value found, and the value it was compared with.
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
            Self::TableVersion { found, supported } => (found as u64, supported as u64),
            Self::InvalidateInput { found: Some(found) } => (found as u64, 1),
            Self::InvalidateInput { found: None } => (u64::MAX, 1),
            Self::Bars(BarFailure::Type {
                bar,
                probed,
                register,
            }) => (bar as u64, (register as u64) << 32 | probed as u64),
            Self::Bars(BarFailure::Unprobed { bar, register }) => (bar as u64, register as u64),
            Self::Ranges(TooManyRanges { found, allowed }) => (found as u64, allowed as u64),
            Self::Apertures(failure) => failure.values(),
            Self::DeviceChanged { found, first } => (found as u64, first as u64),
            Self::Framework(status)
            | Self::NoVirtualizationInterface(status)
            | Self::NoBusInterface(status)
            | Self::ProbedBars(status)
            | Self::Enable(status) => (status.cast_unsigned() as u64, 0),
            Self::NoFunctionDriver
            | Self::LowerFilter
            | Self::NumVfsMissing
            | Self::NumVfsType
            | Self::NumVfsZero
            | Self::Capability(_)
            | Self::VfWithoutExpress
            | Self::NoClock => (0, 0),
        }
    }
}

impl ApertureFailure {
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

    /// Why an empty table does not verify.
    pub(super) fn table_error() -> TableError {
        Table::verify(&[]).expect_err("an empty table is none")
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
