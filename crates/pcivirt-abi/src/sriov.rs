//! `pcivirt.h`: what a PF driver offers to the virtualization stack of the parent partition.
//!
//! Two conversations: the stack calls the functions of [`DeviceInterface`], and it sends the IOCTLs
//! of this module to the PF's device. The documentation of both is under
//! `wdk-ddi-src/content/pcivirt` of MicrosoftDocs/windows-driver-docs-ddi ("Creating a PF driver
//! for a PCI Express SR-IOV device").
//!
//! Every function and IOCTL is documented for `PASSIVE_LEVEL`.

use core::ffi::c_void;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    FILE_DEVICE_UNKNOWN, FILE_READ_DATA, Guid, InterfaceReference, Luid, Method, NtStatus,
    PCI_TYPE0_ADDRESSES, assert_layout, bus::MemoryDescriptor, control_code,
};

/// `GUID_DEVINTERFACE_VIRTUALIZABLE_DEVICE`: the device interface class through which the
/// virtualization stack finds a PF and opens a handle to it.
pub const GUID_DEVINTERFACE_VIRTUALIZABLE_DEVICE: Guid =
    Guid::from_u128(0xA13A_7A93_11F0_4BD2_A9F5_6B5C_5B88_527D);
/// `GUID_SRIOV_DEVICE_INTERFACE_STANDARD`: `IRP_MN_QUERY_INTERFACE` with it gets a
/// [`DeviceInterface`].
pub const GUID_SRIOV_DEVICE_INTERFACE_STANDARD: Guid =
    Guid::from_u128(0x937E_E9B6_0ED3_411C_982B_1F56_4AFB_ABD3);
/// `GUID_MITIGABLE_DEVICE_INTERFACE`: register access in mitigated ranges, which a PF driver
/// without mitigated ranges does not offer.
pub const GUID_MITIGABLE_DEVICE_INTERFACE: Guid =
    Guid::from_u128(0xADFD_9567_4245_497E_8572_78D4_5C16_22B8);

/// `VPCI_MAX_READ_WRITE_BLOCK_SIZE`: bytes in the largest block read or write.
///
/// The header's annotation asks for less than this, the documentation for no more than this, and
/// production guests send exactly this.
pub const MAX_BLOCK_SIZE: u32 = 128;
/// `SRIOV_INVALIDATE_BLOCK_ALL_VFS`: the VF index that stands for every VF.
pub const ALL_VFS: u16 = 0xFFFF;
/// The interface version that the documentation's sample fills in.
pub const DEVICE_INTERFACE_VERSION: u16 = 1;

/// `SRIOV_IOCTL` of the header. It ignores the method that it is given: every code is buffered.
const fn sriov_ioctl(index: u32) -> u32 {
    control_code(
        FILE_DEVICE_UNKNOWN,
        0x810 + index,
        Method::Buffered,
        FILE_READ_DATA,
    )
}

/// `IOCTL_SRIOV_NOTIFICATION`: pends until the PF has an event for the stack. Output: [`PfEvent`]
/// as a `u32`; Information is 4.
pub const IOCTL_NOTIFICATION: u32 = sriov_ioctl(1);
/// `IOCTL_SRIOV_EVENT_COMPLETE`: the stack has dealt with the event. Input: [`PnpEventComplete`].
pub const IOCTL_EVENT_COMPLETE: u32 = sriov_ioctl(2);
/// `IOCTL_SRIOV_ATTACH`: the stack starts to use the PF; waits while a rebalance is under way.
pub const IOCTL_ATTACH: u32 = sriov_ioctl(3);
/// `IOCTL_SRIOV_DETACH`: the stack stops using the PF.
pub const IOCTL_DETACH: u32 = sriov_ioctl(4);
/// `IOCTL_SRIOV_INVALIDATE_BLOCK`: pends until the PF wants a VF to read blocks again. The
/// documentation lists [`InvalidateBlock`] as input; the answer can only be the same structure.
pub const IOCTL_INVALIDATE_BLOCK: u32 = sriov_ioctl(5);
/// `IOCTL_SRIOV_QUERY_MITIGATED_RANGE_COUNT`: [`MitigatedRangeCountInput`] →
/// [`MitigatedRangeCountOutput`].
pub const IOCTL_QUERY_MITIGATED_RANGE_COUNT: u32 = sriov_ioctl(6);
/// `IOCTL_SRIOV_QUERY_MITIGATED_RANGES`: [`MitigatedRangesInput`] → one [`MitigatedRangesOutput`] a
/// range.
pub const IOCTL_QUERY_MITIGATED_RANGES: u32 = sriov_ioctl(7);
/// `IOCTL_SRIOV_MITIGATED_RANGE_UPDATE`: pends until the ranges of a VF change.
/// [`MitigatedRangeUpdate`] is both input and output.
pub const IOCTL_MITIGATED_RANGE_UPDATE: u32 = sriov_ioctl(8);
/// `IOCTL_SRIOV_PROXY_QUERY_LUID`: the PF's [`Luid`]; the only one that user mode may call.
pub const IOCTL_PROXY_QUERY_LUID: u32 = sriov_ioctl(9);

/// `SRIOV_PF_EVENT`: what the PF tells the stack through [`IOCTL_NOTIFICATION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PfEvent {
    /// `SriovEventPfQueryStopDevice`: the PF is asked to stop; the stack may veto.
    QueryStopDevice = 0,
    /// `SriovEventPfRestart`: the PF runs again after a stop, or the stop was cancelled.
    Restart = 1,
}

/// `SRIOV_PNP_EVENT_COMPLETE`, input of [`IOCTL_EVENT_COMPLETE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PnpEventComplete {
    /// `QueryStatus`: the status with which the pending Plug and Play query ends.
    pub query_status: NtStatus,
}
assert_layout!(PnpEventComplete, size 4, query_status @ 0);

/// `SRIOV_INVALIDATE_BLOCK`, buffer of [`IOCTL_INVALIDATE_BLOCK`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct InvalidateBlock {
    /// `VfIndex`: a VF, or [`ALL_VFS`].
    pub vf_index: u16,
    /// The header's implicit padding: zero in a reply, so that nothing leaks.
    pub padding: [u8; 6],
    /// `BlockMask`: bit n set means that block n changed.
    pub block_mask: u64,
}
assert_layout!(InvalidateBlock, size 16, vf_index @ 0, block_mask @ 8);

/// `SRIOV_MITIGATED_RANGE_COUNT_INPUT`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MitigatedRangeCountInput {
    /// `VfIndex`; the documentation says that it is zero.
    pub vf_index: u16,
}
assert_layout!(MitigatedRangeCountInput, size 2, vf_index @ 0);

/// `SRIOV_MITIGATED_RANGE_COUNT_OUTPUT`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MitigatedRangeCountOutput {
    /// `RangeCount`: the number of mitigated ranges in each base address register.
    pub range_count: [u32; PCI_TYPE0_ADDRESSES],
}
assert_layout!(MitigatedRangeCountOutput, size 24, range_count @ 0);

/// `SRIOV_MITIGATED_RANGES_INPUT`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MitigatedRangesInput {
    /// `VfIndex`
    pub vf_index: u16,
    /// `BarNumber`, 0–5
    pub bar_number: u8,
    /// The header's implicit padding.
    pub padding: u8,
}
assert_layout!(MitigatedRangesInput, size 4, vf_index @ 0, bar_number @ 2);

/// `SRIOV_MITIGATED_RANGES_OUTPUT`: one mitigated range.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MitigatedRangesOutput {
    /// `BasePageNumber`, in pages of 4096 bytes from the start of the register's window.
    pub base_page_number: u64,
    /// `PageCount`, 1–0x80000
    pub page_count: u32,
    /// `InterceptReads`, a BOOLEAN
    pub intercept_reads: u8,
    /// `InterceptWrites`, a BOOLEAN
    pub intercept_writes: u8,
    /// The header's implicit padding.
    pub padding: [u8; 2],
}
assert_layout!(
    MitigatedRangesOutput,
    size 16,
    base_page_number @ 0,
    page_count @ 8,
    intercept_reads @ 12,
    intercept_writes @ 13
);

/// `SRIOV_MITIGATED_RANGE_UPDATE_INPUT` and `SRIOV_MITIGATED_RANGE_UPDATE_OUTPUT`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MitigatedRangeUpdate {
    /// `VfIndex`
    pub vf_index: u16,
}
assert_layout!(MitigatedRangeUpdate, size 2, vf_index @ 0);

/// `DEVICE_POWER_STATE` of `wdm.h`, the states that `SetVfPowerState` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum DevicePowerState {
    /// `PowerDeviceD0`
    D0 = 1,
    /// `PowerDeviceD1`
    D1 = 2,
    /// `PowerDeviceD2`
    D2 = 3,
    /// `PowerDeviceD3`
    D3 = 4,
}

impl DevicePowerState {
    /// The state with this number, none for `PowerDeviceUnspecified` (0), `PowerDeviceMaximum` (5)
    /// and everything else.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Option<Self> {
        match raw {
            1 => Some(Self::D0),
            2 => Some(Self::D1),
            3 => Some(Self::D2),
            4 => Some(Self::D3),
            _ => None,
        }
    }
}

/// `SRIOV_READ_CONFIG`: reads `length` bytes of a VF's configuration space from `offset` into
/// `data`.
pub type ReadConfig = unsafe extern "C" fn(
    context: *mut c_void,
    data: *mut c_void,
    vf_index: u16,
    offset: u32,
    length: u32,
) -> NtStatus;
/// `SRIOV_WRITE_CONFIG`: writes `length` bytes from `data` to a VF's configuration space at
/// `offset`.
pub type WriteConfig = unsafe extern "C" fn(
    context: *mut c_void,
    data: *const c_void,
    vf_index: u16,
    offset: u32,
    length: u32,
) -> NtStatus;
/// `SRIOV_READ_BLOCK`: fills all `length` bytes of `buffer` from a block. There is no out-length:
/// a byte left unwritten would show host memory to a guest.
pub type ReadBlock = unsafe extern "C" fn(
    context: *mut c_void,
    vf_index: u16,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NtStatus;
/// `SRIOV_WRITE_BLOCK`: hands `length` bytes of `buffer` to a block.
pub type WriteBlock = unsafe extern "C" fn(
    context: *mut c_void,
    vf_index: u16,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NtStatus;
/// `SRIOV_QUERY_PROBED_BARS`: six values, as the VF's base address registers would read after all
/// ones were written to them.
pub type QueryProbedBars =
    unsafe extern "C" fn(context: *mut c_void, base_register_values: *mut u32) -> NtStatus;
/// `SRIOV_GET_VENDOR_AND_DEVICE_IDS`: the IDs that a guest sees. It cannot fail.
pub type GetVendorAndDeviceIds = unsafe extern "C" fn(
    context: *mut c_void,
    vf_index: u16,
    vendor_id: *mut u16,
    device_id: *mut u16,
);
/// `SRIOV_GET_DEVICE_LOCATION`: segment, bus and (with ARI 8-bit) function number. It cannot fail.
pub type GetDeviceLocation = unsafe extern "C" fn(
    context: *mut c_void,
    vf_index: u16,
    segment_number: *mut u16,
    bus_number: *mut u8,
    function_number: *mut u8,
);
/// `SRIOV_RESET_FUNCTION`: function level reset of one VF.
pub type ResetFunction = unsafe extern "C" fn(context: *mut c_void, vf_index: u16) -> NtStatus;
/// `SRIOV_SET_POWER_STATE`: `power_state` is a `DEVICE_POWER_STATE` ([`DevicePowerState`]), `wake`
/// a BOOLEAN.
pub type SetPowerState = unsafe extern "C" fn(
    context: *mut c_void,
    vf_index: u16,
    power_state: i32,
    wake: u8,
) -> NtStatus;
/// `SRIOV_GET_RESOURCE_FOR_BAR`: the translated resource behind one VF's base address register.
pub type GetResourceForBar = unsafe extern "C" fn(
    context: *mut c_void,
    vf_index: u16,
    bar_index: u16,
    resource: *mut MemoryDescriptor,
) -> NtStatus;
/// `SRIOV_QUERY_LUID`: the PF's identifier, the same that [`IOCTL_PROXY_QUERY_LUID`] returns.
pub type QueryLuid = unsafe extern "C" fn(context: *mut c_void, luid: *mut Luid) -> NtStatus;
/// `SRIOV_QUERY_PROBED_BARS_2`
pub type QueryProbedBars2 = unsafe extern "C" fn(
    context: *mut c_void,
    vf_index: u16,
    base_register_values: *mut u32,
) -> NtStatus;
/// `SRIOV_QUERY_VF_LUID`
pub type QueryVfLuid =
    unsafe extern "C" fn(context: *mut c_void, vf_index: u16, luid: *mut Luid) -> NtStatus;
/// `SRIOV_QUERY_LUID_VF`: the LUID is passed by value (eight bytes, in one register on x64).
pub type QueryLuidVf =
    unsafe extern "C" fn(context: *mut c_void, luid: Luid, vf_index: *mut u16) -> NtStatus;

/// `SRIOV_DEVICE_INTERFACE_STANDARD`.
///
/// The pointers are optional because the documentation's own sample leaves one of them NULL: a
/// caller has to look before it calls.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct DeviceInterface {
    /// `Size`: bytes of the structure.
    pub size: u16,
    /// `Version`: [`DEVICE_INTERFACE_VERSION`].
    pub version: u16,
    /// `Context`: the first argument of every function below.
    pub context: *mut c_void,
    /// `InterfaceReference`
    pub interface_reference: Option<InterfaceReference>,
    /// `InterfaceDereference`
    pub interface_dereference: Option<InterfaceReference>,
    /// `ReadVfConfig`
    pub read_vf_config: Option<ReadConfig>,
    /// `WriteVfConfig`
    pub write_vf_config: Option<WriteConfig>,
    /// `ReadVfConfigBlock`
    pub read_vf_config_block: Option<ReadBlock>,
    /// `WriteVfConfigBlock`
    pub write_vf_config_block: Option<WriteBlock>,
    /// `QueryProbedBars`
    pub query_probed_bars: Option<QueryProbedBars>,
    /// `GetVendorAndDevice`
    pub get_vendor_and_device: Option<GetVendorAndDeviceIds>,
    /// `GetDeviceLocation`
    pub get_device_location: Option<GetDeviceLocation>,
    /// `ResetVf`
    pub reset_vf: Option<ResetFunction>,
    /// `SetVfPowerState`
    pub set_vf_power_state: Option<SetPowerState>,
    /// `GetResourceForBar`
    pub get_resource_for_bar: Option<GetResourceForBar>,
    /// `QueryLuid`
    pub query_luid: Option<QueryLuid>,
}
assert_layout!(
    DeviceInterface,
    size 120,
    size @ 0,
    version @ 2,
    context @ 8,
    interface_reference @ 16,
    interface_dereference @ 24,
    read_vf_config @ 32,
    write_vf_config @ 40,
    read_vf_config_block @ 48,
    write_vf_config_block @ 56,
    query_probed_bars @ 64,
    get_vendor_and_device @ 72,
    get_device_location @ 80,
    reset_vf @ 88,
    set_vf_power_state @ 96,
    get_resource_for_bar @ 104,
    query_luid @ 112,
);

/// `SRIOV_DEVICE_INTERFACE_STANDARD_2`: the first structure and three functions for devices that
/// do not follow the PCI Express specification. It has no GUID of its own.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct DeviceInterface2 {
    /// The members that both versions share.
    pub first: DeviceInterface,
    /// `QueryProbedBars_2`
    pub query_probed_bars_2: Option<QueryProbedBars2>,
    /// `QueryVfLuid`
    pub query_vf_luid: Option<QueryVfLuid>,
    /// `QueryLuidVf`
    pub query_luid_vf: Option<QueryLuidVf>,
}
assert_layout!(
    DeviceInterface2,
    size 144,
    first @ 0,
    query_probed_bars_2 @ 120,
    query_vf_luid @ 128,
    query_luid_vf @ 136,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ioctl_codes_have_the_values_that_the_header_computes() {
        let codes = [
            (IOCTL_NOTIFICATION, 0x0022_6044),
            (IOCTL_EVENT_COMPLETE, 0x0022_6048),
            (IOCTL_ATTACH, 0x0022_604C),
            (IOCTL_DETACH, 0x0022_6050),
            (IOCTL_INVALIDATE_BLOCK, 0x0022_6054),
            (IOCTL_QUERY_MITIGATED_RANGE_COUNT, 0x0022_6058),
            (IOCTL_QUERY_MITIGATED_RANGES, 0x0022_605C),
            (IOCTL_MITIGATED_RANGE_UPDATE, 0x0022_6060),
            (IOCTL_PROXY_QUERY_LUID, 0x0022_6064),
        ];
        for (code, value) in codes {
            assert_eq!(code, value, "{code:#010x}");
        }
    }

    #[test]
    fn only_the_four_device_states_are_power_states() {
        for raw in -2..8 {
            let state = DevicePowerState::from_raw(raw);
            assert_eq!(state.is_some(), (1..=4).contains(&raw), "{raw}");
            assert!(state.is_none_or(|state| state as i32 == raw), "{raw}");
        }
    }
}
