//! The PCI bus driver below: configuration space of the PF and its VFs, their locations, their
//! memory, and turning them on.

use pcivirt_abi::{
    PCI_TYPE0_ADDRESSES,
    bus::{
        AccessBusData, AccessVirtualFunctionData, EnableVirtualization,
        GUID_BUS_INTERFACE_STANDARD, GUID_PCI_VIRTUALIZATION_INTERFACE, GetVirtualFunctionLocation,
        GetVirtualFunctionProbedBars, INTERFACE_VERSION, MemoryDescriptor, PCI_WHICHSPACE_CONFIG,
        StandardInterface, VirtualizationInterface,
    },
};
use pf_state::{
    bars::{Range, Ranges, VfBarApertures},
    config::{self, Identity, Space, WritableSpace},
    enable::{self, Memory, PhysicalFunction},
    facts::DeviceFacts,
    failure::StartFailure,
    sriov::Capability,
    status::{self, NtStatus},
    write_list::WriteList,
};
use wdk_sys::{WDFCMRESLIST, WDFDEVICE};

use crate::os::{
    interface::{Held, query},
    wait::SystemClock,
    wdf,
};

/// `GUID_PCI_VIRTUALIZATION_INTERFACE`, complete.
struct Virtualization {
    held: Held,
    get_data: AccessVirtualFunctionData,
    set_data: AccessVirtualFunctionData,
    get_location: GetVirtualFunctionLocation,
    enable: EnableVirtualization,
    get_probed_bars: GetVirtualFunctionProbedBars,
}

impl Virtualization {
    fn query(device: WDFDEVICE) -> Result<Self, StartFailure> {
        let mut interface = VirtualizationInterface {
            size: 0,
            version: 0,
            context: core::ptr::null_mut(),
            interface_reference: None,
            interface_dereference: None,
            set_virtual_function_data: None,
            get_virtual_function_data: None,
            get_location: None,
            get_resources: None,
            enable_virtualization: None,
            get_virtual_function_probed_bars: None,
        };
        query(
            device,
            &GUID_PCI_VIRTUALIZATION_INTERFACE,
            INTERFACE_VERSION,
            &mut interface,
        )
        .map_err(StartFailure::NoVirtualizationInterface)?;
        let held = Held {
            context: interface.context,
            dereference: interface.interface_dereference,
        };
        let incomplete = StartFailure::NoVirtualizationInterface(status::NOT_SUPPORTED);
        Ok(Self {
            held,
            get_data: interface.get_virtual_function_data.ok_or(incomplete)?,
            set_data: interface.set_virtual_function_data.ok_or(incomplete)?,
            get_location: interface.get_location.ok_or(incomplete)?,
            enable: interface.enable_virtualization.ok_or(incomplete)?,
            get_probed_bars: interface
                .get_virtual_function_probed_bars
                .ok_or(incomplete)?,
        })
    }
}

/// The PF's own configuration space, through `GUID_BUS_INTERFACE_STANDARD`.
struct PfSpace {
    held: Held,
    get_data: AccessBusData,
}

impl PfSpace {
    fn query(device: WDFDEVICE) -> Result<Self, StartFailure> {
        let mut interface = StandardInterface {
            size: 0,
            version: 0,
            context: core::ptr::null_mut(),
            interface_reference: None,
            interface_dereference: None,
            translate_bus_address: core::ptr::null_mut(),
            get_dma_adapter: core::ptr::null_mut(),
            set_bus_data: None,
            get_bus_data: None,
        };
        query(
            device,
            &GUID_BUS_INTERFACE_STANDARD,
            INTERFACE_VERSION,
            &mut interface,
        )
        .map_err(StartFailure::NoBusInterface)?;
        let held = Held {
            context: interface.context,
            dereference: interface.interface_dereference,
        };
        let incomplete = StartFailure::NoBusInterface(status::NOT_SUPPORTED);
        Ok(Self {
            held,
            get_data: interface.get_bus_data.ok_or(incomplete)?,
        })
    }
}

impl Space for PfSpace {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        let Ok(length) = u32::try_from(buffer.len()) else {
            return false;
        };
        // SAFETY: the interface is held, and the buffer has `length` bytes.
        let read = unsafe {
            (self.get_data)(
                self.held.context,
                PCI_WHICHSPACE_CONFIG,
                buffer.as_mut_ptr().cast(),
                offset,
                length,
            )
        };
        read == length
    }
}

/// The configuration space of one VF.
pub(crate) struct VfSpace<'h> {
    bus: &'h Virtualization,
    vf: u16,
}

impl Space for VfSpace<'_> {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        let Ok(length) = u32::try_from(buffer.len()) else {
            return false;
        };
        let bus = self.bus;
        // SAFETY: the interface is held, and the buffer has `length` bytes.
        let read = unsafe {
            (bus.get_data)(
                bus.held.context,
                self.vf,
                buffer.as_mut_ptr().cast(),
                offset,
                length,
            )
        };
        read == length
    }
}

impl WritableSpace for VfSpace<'_> {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let Ok(length) = u32::try_from(bytes.len()) else {
            return false;
        };
        let bus = self.bus;
        // SAFETY: the interface is held, the buffer has `length` bytes, and the bus only reads
        // them, although it takes a pointer to mutable bytes.
        let written = unsafe {
            (bus.set_data)(
                bus.held.context,
                self.vf,
                bytes.as_ptr().cast_mut().cast(),
                offset,
                length,
            )
        };
        written == length
    }
}

/// Where a VF is.
#[derive(Clone, Copy)]
pub(crate) struct Location {
    pub(crate) segment: u16,
    pub(crate) bus: u8,
    pub(crate) function: u8,
}

impl Location {
    /// Where a VF is that does not exist or has no known place: no segment of a PC has this number.
    /// It is [`pf_broker_abi::LocationReply::NONE`], too.
    pub(crate) const NONE: Self = Self {
        segment: u16::MAX,
        bus: u8::MAX,
        function: u8::MAX,
    };
}

/// The interfaces of the bus, held.
struct Bus {
    virtualization: Virtualization,
    pf: PfSpace,
}

impl PhysicalFunction for Bus {
    fn switch(&mut self, num_vfs: u16, on: bool) -> NtStatus {
        let bus = &self.virtualization;
        // SAFETY: the interface is held, and the thread is at PASSIVE_LEVEL.
        unsafe { (bus.enable)(bus.held.context, num_vfs, 0, 0, u8::from(on)) }
    }

    fn space(&mut self) -> impl Space {
        &mut self.pf
    }

    fn vf(&mut self, vf: u16) -> impl Space {
        let bus = &self.virtualization;
        VfSpace { bus, vf }
    }
}

/// The device as the driver uses it while it has resources.
pub(crate) struct Hardware {
    bus: Bus,
    capability: Capability,
    memory: Memory,
    /// Known once the VFs are on.
    apertures: VfBarApertures,
    /// Known once the VFs are on.
    write_list: WriteList,
}

// SAFETY: the bus's functions may be called from any thread, and its contexts are its own.
unsafe impl Send for Hardware {}
// SAFETY: as above; nothing in it changes while it is shared.
unsafe impl Sync for Hardware {}

impl Hardware {
    /// Queries the bus for its interfaces and reads the device's capability, at `PASSIVE_LEVEL`.
    /// The lists are the PF's resources.
    pub(crate) fn find(
        device: WDFDEVICE,
        raw: WDFCMRESLIST,
        translated: WDFCMRESLIST,
    ) -> Result<Self, StartFailure> {
        let virtualization = Virtualization::query(device)?;
        let mut pf = PfSpace::query(device)?;
        let capability = Capability::read(&mut pf).map_err(StartFailure::Capability)?;
        let mut probed_bars = [0; PCI_TYPE0_ADDRESSES];
        // SAFETY: the interface is held, and the array has room for the six values.
        let status = unsafe {
            (virtualization.get_probed_bars)(virtualization.held.context, probed_bars.as_mut_ptr())
        };
        wdf::check(status).map_err(StartFailure::ProbedBars)?;
        let ranges = (0..count(raw)).filter_map(|index| {
            Some((memory_range(raw, index)?, memory_range(translated, index)?))
        });
        let ranges = Ranges::collect(ranges).map_err(StartFailure::Ranges)?;
        Ok(Self {
            bus: Bus { virtualization, pf },
            capability,
            memory: Memory {
                probed_bars,
                ranges,
            },
            apertures: VfBarApertures::default(),
            write_list: WriteList::default(),
        })
    }

    /// Checks that the device has as many VFs as are to be turned on, and room for them, as far as
    /// that is known before they are on.
    pub(crate) fn admit(&self, num_vfs: u16) -> Result<(), StartFailure> {
        self.memory.admit(&self.capability, num_vfs)
    }

    /// Turns the VFs on and finds their memory and registers, at `PASSIVE_LEVEL`. After a
    /// failure they are off again. [`enable::turn_on`] says how long it takes.
    pub(crate) fn enable(&mut self, num_vfs: u16) -> Result<(), StartFailure> {
        let enabled = enable::turn_on(&mut self.bus, &mut SystemClock, &self.memory, num_vfs)?;
        self.capability = enabled.capability;
        self.apertures = enabled.apertures;
        self.write_list = enabled.write_list;
        Ok(())
    }

    /// Whether the PF still answers, at `PASSIVE_LEVEL`.
    pub(crate) fn is_present(&mut self) -> bool {
        config::is_present(&mut self.bus.pf)
    }

    /// Turns the VFs off and waits for a second, at `PASSIVE_LEVEL`.
    pub(crate) fn disable(&mut self) {
        enable::turn_off(&mut self.bus, &mut SystemClock);
    }

    /// The configuration space of a VF.
    pub(crate) const fn vf(&self, vf: u16) -> VfSpace<'_> {
        VfSpace {
            bus: &self.bus.virtualization,
            vf,
        }
    }

    /// What a VF may write in its configuration space.
    pub(crate) const fn write_list(&self) -> WriteList {
        self.write_list
    }

    /// What identifies the PF.
    pub(crate) const fn pf_identity(&self) -> Identity {
        self.capability.pf_identity
    }

    /// What identifies each VF to its driver.
    pub(crate) const fn vf_identity(&self) -> Identity {
        self.capability.vf_identity
    }

    /// What every start of this device finds the same.
    pub(crate) const fn facts(&self) -> DeviceFacts {
        DeviceFacts {
            vf_identity: self.capability.vf_identity,
            probed_bars: self.memory.probed_bars,
        }
    }

    /// The memory of a base address register of a VF.
    pub(crate) fn resource(&self, vf: u16, bar: u16) -> Result<MemoryDescriptor, NtStatus> {
        self.apertures.resource(vf, bar)
    }

    /// Where a VF is, at `PASSIVE_LEVEL`. It may change with a rebalance.
    pub(crate) fn location(&self, vf: u16) -> Option<Location> {
        let bus = &self.bus.virtualization;
        let mut location = Location::NONE;
        // SAFETY: the interface is held, and the three results live through the call.
        let status = unsafe {
            (bus.get_location)(
                bus.held.context,
                vf,
                &raw mut location.segment,
                &raw mut location.bus,
                &raw mut location.function,
            )
        };
        (status >= 0).then_some(location)
    }
}

fn count(list: WDFCMRESLIST) -> u32 {
    // SAFETY: the framework hands the list to the callback that this runs in.
    unsafe { wdf::call!(WdfCmResourceListGetCount, list) }
}

fn memory_range(list: WDFCMRESLIST, index: u32) -> Option<Range> {
    // SAFETY: as above; an index that is too large gives NULL.
    let descriptor = unsafe { wdf::call!(WdfCmResourceListGetDescriptor, list, index) };
    if descriptor.is_null() {
        return None;
    }
    // SAFETY: the descriptor is 20 bytes long, whatever it describes, aligned to four, and lives as
    // long as the list.
    let descriptor = unsafe { descriptor.cast::<MemoryDescriptor>().read_unaligned() };
    Range::from_descriptor(&descriptor)
}
