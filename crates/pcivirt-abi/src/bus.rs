//! `wdm.h` and `wdmguid.h`: what the PCI bus driver offers to the driver of a PF.
//!
//! [`VirtualizationInterface`] turns virtual functions on and reaches their configuration space;
//! [`StandardInterface`] reaches the PF's own. Both come from `IRP_MN_QUERY_INTERFACE` to the PF's
//! physical device object.

use core::ffi::c_void;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Guid, InterfaceReference, NtStatus, assert_layout};

/// `GUID_PCI_VIRTUALIZATION_INTERFACE` of `wdmguid.h` (Windows 7 and later).
pub const GUID_PCI_VIRTUALIZATION_INTERFACE: Guid =
    Guid::from_u128(0x6489_7B47_3A4A_4D75_BC74_89DD_6C07_8293);
/// `GUID_BUS_INTERFACE_STANDARD` of `wdmguid.h`.
pub const GUID_BUS_INTERFACE_STANDARD: Guid =
    Guid::from_u128(0x496B_8280_6F25_11D0_BEAF_0800_2BE2_092F);

/// The version asked of both interfaces. The documentation calls it driver-defined, and every
/// documented sample passes 1.
pub const INTERFACE_VERSION: u16 = 1;

/// `PCI_WHICHSPACE_CONFIG` of `wdm.h`: the configuration space, for [`AccessBusData`].
pub const PCI_WHICHSPACE_CONFIG: u32 = 0;

/// `GET_VIRTUAL_DEVICE_DATA` and `SET_VIRTUAL_DEVICE_DATA`: move bytes of a VF's configuration
/// space. They return the number of bytes moved, 0 for a failure. The header allows
/// `DISPATCH_LEVEL`, the documentation `APC_LEVEL`.
pub type AccessVirtualFunctionData = unsafe extern "C" fn(
    context: *mut c_void,
    virtual_function: u16,
    buffer: *mut c_void,
    offset: u32,
    length: u32,
) -> u32;
/// `GET_VIRTUAL_DEVICE_LOCATION`, at `PASSIVE_LEVEL`: the location may change with a rebalance.
pub type GetVirtualFunctionLocation = unsafe extern "C" fn(
    context: *mut c_void,
    virtual_function: u16,
    segment_number: *mut u16,
    bus_number: *mut u8,
    function_number: *mut u8,
) -> NtStatus;
/// `GET_VIRTUAL_DEVICE_RESOURCES`, at `PASSIVE_LEVEL`: the number of bus numbers that VFs take.
pub type GetVirtualFunctionResources =
    unsafe extern "C" fn(context: *mut c_void, captured_bus_numbers: *mut u8);
/// `ENABLE_VIRTUALIZATION`, at `PASSIVE_LEVEL`: sets `NumVFs` and VF Enable in the SR-IOV
/// capability. The three last arguments are BOOLEANs; to disable, `num_vfs` is 0.
pub type EnableVirtualization = unsafe extern "C" fn(
    context: *mut c_void,
    num_vfs: u16,
    enable_vf_migration: u8,
    enable_migration_interrupt: u8,
    enable_virtualization: u8,
) -> NtStatus;
/// `GET_VIRTUAL_FUNCTION_PROBED_BARS`, at `PASSIVE_LEVEL`: six values.
pub type GetVirtualFunctionProbedBars =
    unsafe extern "C" fn(context: *mut c_void, base_register_values: *mut u32) -> NtStatus;

/// `PCI_VIRTUALIZATION_INTERFACE`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct VirtualizationInterface {
    /// `Size`: bytes of the structure.
    pub size: u16,
    /// `Version`: [`INTERFACE_VERSION`].
    pub version: u16,
    /// `Context`: the first argument of every function below.
    pub context: *mut c_void,
    /// `InterfaceReference`
    pub interface_reference: Option<InterfaceReference>,
    /// `InterfaceDereference`
    pub interface_dereference: Option<InterfaceReference>,
    /// `SetVirtualFunctionData`
    pub set_virtual_function_data: Option<AccessVirtualFunctionData>,
    /// `GetVirtualFunctionData`
    pub get_virtual_function_data: Option<AccessVirtualFunctionData>,
    /// `GetLocation`
    pub get_location: Option<GetVirtualFunctionLocation>,
    /// `GetResources`
    pub get_resources: Option<GetVirtualFunctionResources>,
    /// `EnableVirtualization`
    pub enable_virtualization: Option<EnableVirtualization>,
    /// `GetVirtualFunctionProbedBars`
    pub get_virtual_function_probed_bars: Option<GetVirtualFunctionProbedBars>,
}
assert_layout!(
    VirtualizationInterface,
    size 80,
    size @ 0,
    version @ 2,
    context @ 8,
    interface_reference @ 16,
    interface_dereference @ 24,
    set_virtual_function_data @ 32,
    get_virtual_function_data @ 40,
    get_location @ 48,
    get_resources @ 56,
    enable_virtualization @ 64,
    get_virtual_function_probed_bars @ 72,
);

/// `GET_SET_DEVICE_DATA`: moves bytes of the device's own configuration space (`data_type`
/// [`PCI_WHICHSPACE_CONFIG`]) and returns how many. Callable up to `DISPATCH_LEVEL`.
pub type AccessBusData = unsafe extern "C" fn(
    context: *mut c_void,
    data_type: u32,
    buffer: *mut c_void,
    offset: u32,
    length: u32,
) -> u32;

/// `BUS_INTERFACE_STANDARD`. Two of its functions are of no use here and stay untyped.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StandardInterface {
    /// `Size`: bytes of the structure.
    pub size: u16,
    /// `Version`: [`INTERFACE_VERSION`].
    pub version: u16,
    /// `Context`: the first argument of every function below.
    pub context: *mut c_void,
    /// `InterfaceReference`
    pub interface_reference: Option<InterfaceReference>,
    /// `InterfaceDereference`
    pub interface_dereference: Option<InterfaceReference>,
    /// `TranslateBusAddress`
    pub translate_bus_address: *mut c_void,
    /// `GetDmaAdapter`
    pub get_dma_adapter: *mut c_void,
    /// `SetBusData`
    pub set_bus_data: Option<AccessBusData>,
    /// `GetBusData`
    pub get_bus_data: Option<AccessBusData>,
}
assert_layout!(
    StandardInterface,
    size 64,
    size @ 0,
    version @ 2,
    context @ 8,
    interface_reference @ 16,
    interface_dereference @ 24,
    translate_bus_address @ 32,
    get_dma_adapter @ 40,
    set_bus_data @ 48,
    get_bus_data @ 56,
);

/// `CM_PARTIAL_RESOURCE_DESCRIPTOR` in its memory form (`u.Memory`, `u.Memory40`, `u.Memory48`,
/// `u.Memory64` share it): 20 bytes, four-byte alignment.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MemoryDescriptor {
    /// `Type`: [`RESOURCE_TYPE_MEMORY`] or [`RESOURCE_TYPE_MEMORY_LARGE`].
    pub resource_type: u8,
    /// `ShareDisposition`: [`RESOURCE_SHARE_DEVICE_EXCLUSIVE`].
    pub share_disposition: u8,
    /// `Flags`: `CM_RESOURCE_MEMORY_*`; for large memory they also say how `length` is scaled.
    pub flags: u16,
    /// `u.Memory.Start`, low half, then high half: the union has the alignment of a `ULONG`.
    pub start: [u32; 2],
    /// `u.Memory.Length`: bytes, or units of 2⁸, 2¹⁶ or 2³² bytes for large memory.
    pub length: u32,
    /// The rest of the union.
    pub rest: u32,
}
assert_layout!(
    MemoryDescriptor,
    size 20,
    resource_type @ 0,
    share_disposition @ 1,
    flags @ 2,
    start @ 4,
    length @ 12,
    rest @ 16
);

/// `CmResourceTypeMemory`
pub const RESOURCE_TYPE_MEMORY: u8 = 3;
/// `CmResourceTypeMemoryLarge`
pub const RESOURCE_TYPE_MEMORY_LARGE: u8 = 7;
/// `CmResourceShareDeviceExclusive`
pub const RESOURCE_SHARE_DEVICE_EXCLUSIVE: u8 = 1;
/// `CM_RESOURCE_MEMORY_LARGE_40`: the length counts units of 2⁸ bytes.
pub const RESOURCE_MEMORY_LARGE_40: u16 = 0x200;
/// `CM_RESOURCE_MEMORY_LARGE_48`: the length counts units of 2¹⁶ bytes.
pub const RESOURCE_MEMORY_LARGE_48: u16 = 0x400;
/// `CM_RESOURCE_MEMORY_LARGE_64`: the length counts units of 2³² bytes.
pub const RESOURCE_MEMORY_LARGE_64: u16 = 0x800;
