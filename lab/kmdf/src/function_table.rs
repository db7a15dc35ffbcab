//! The functions that the double implements, in one list.
//!
//! The compiler checks each row: the function against the kit's type for it, and the slot by its
//! index constant. Every other slot stops the run with the function's name.

use core::cell::UnsafeCell;

use kernel_runtime::lock::Locked;
use kmdf_rules::version::Framework;
#[allow(
    clippy::wildcard_imports,
    reason = "the table names a type of the kit for each function"
)]
use wdk_sys::*;

use crate::{
    api::{
        device, device_init, driver, file, interface, io_target, lock, memory, object, queue,
        registry, request, resources, string, timer, work_item,
    },
    function_names::{self, FUNCTION_COUNT},
};

/// The table. It is filled before the first driver gets its address, and never changed again.
struct Table(UnsafeCell<[PVOID; FUNCTION_COUNT]>);

// SAFETY: written under `FILLED`'s lock before its address is given out, read-only afterwards.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new([core::ptr::null_mut(); FUNCTION_COUNT]));
static FILLED: Locked<bool> = Locked::new(false);

/// The address of the table. Slots that this version of the framework does not have stay empty.
pub(crate) fn table(framework: Framework) -> PVOID {
    FILLED.with(|filled| {
        if !*filled {
            let mut table = function_names::empty_table();
            fill(&mut table, framework.functions as usize);
            // SAFETY: no driver has the address yet, and the lock keeps other threads out.
            unsafe { TABLE.0.get().write(table) };
            *filled = true;
        }
    });
    TABLE.0.get().cast()
}

macro_rules! functions {
    ($($index:ident: $kind:ident = $function:path;)*) => {
        /// Fills the first slots of the table, as many as this version has.
        fn fill(table: &mut [PVOID; FUNCTION_COUNT], functions: usize) {
            let table = table.get_mut(..functions).unwrap_or_default();
            $(
                let function: $kind = Some($function);
                if let (Some(function), Some(slot)) =
                    (function, table.get_mut(_WDFFUNCENUM::$index as usize))
                {
                    *slot = (function as *const ()).cast_mut().cast();
                }
            )*
        }
    };
}

functions! {
    WdfCmResourceListGetCountTableIndex: PFN_WDFCMRESOURCELISTGETCOUNT = resources::get_count;
    WdfCmResourceListGetDescriptorTableIndex: PFN_WDFCMRESOURCELISTGETDESCRIPTOR = resources::get_descriptor;
    WdfDeviceAddQueryInterfaceTableIndex: PFN_WDFDEVICEADDQUERYINTERFACE = interface::add_query_interface;
    WdfDeviceCreateTableIndex: PFN_WDFDEVICECREATE = device::create;
    WdfDeviceCreateDeviceInterfaceTableIndex: PFN_WDFDEVICECREATEDEVICEINTERFACE = interface::create;
    WdfDeviceGetFileObjectTableIndex: PFN_WDFDEVICEGETFILEOBJECT = file::of_wdm;
    WdfDeviceGetIoTargetTableIndex: PFN_WDFDEVICEGETIOTARGET = device::get_io_target;
    WdfDeviceInitAssignWdmIrpPreprocessCallbackTableIndex: PFN_WDFDEVICEINITASSIGNWDMIRPPREPROCESSCALLBACK = device_init::assign_preprocess_callback;
    WdfDeviceInitSetFileObjectConfigTableIndex: PFN_WDFDEVICEINITSETFILEOBJECTCONFIG = device_init::set_file_object_config;
    WdfDeviceInitSetPnpPowerEventCallbacksTableIndex: PFN_WDFDEVICEINITSETPNPPOWEREVENTCALLBACKS = device_init::set_pnp_power_event_callbacks;
    WdfDeviceOpenRegistryKeyTableIndex: PFN_WDFDEVICEOPENREGISTRYKEY = registry::open_device;
    WdfDeviceRetrieveDeviceInterfaceStringTableIndex: PFN_WDFDEVICERETRIEVEDEVICEINTERFACESTRING = interface::retrieve_string;
    WdfDeviceWdmDispatchPreprocessedIrpTableIndex: PFN_WDFDEVICEWDMDISPATCHPREPROCESSEDIRP = device::dispatch_preprocessed;
    WdfDeviceWdmGetAttachedDeviceTableIndex: PFN_WDFDEVICEWDMGETATTACHEDDEVICE = device::get_attached;
    WdfDeviceWdmGetPhysicalDeviceTableIndex: PFN_WDFDEVICEWDMGETPHYSICALDEVICE = device::get_physical;
    WdfDriverCreateTableIndex: PFN_WDFDRIVERCREATE = driver::create;
    WdfDriverGetRegistryPathTableIndex: PFN_WDFDRIVERGETREGISTRYPATH = driver::get_registry_path;
    WdfDriverOpenParametersRegistryKeyTableIndex: PFN_WDFDRIVEROPENPARAMETERSREGISTRYKEY = registry::open_parameters;
    WdfFdoInitQueryPropertyExTableIndex: PFN_WDFFDOINITQUERYPROPERTYEX = device_init::query_property;
    WdfFdoInitSetFilterTableIndex: PFN_WDFFDOINITSETFILTER = device_init::set_filter;
    WdfFdoQueryForInterfaceTableIndex: PFN_WDFFDOQUERYFORINTERFACE = interface::query_stack;
    WdfFileObjectGetDeviceTableIndex: PFN_WDFFILEOBJECTGETDEVICE = file::get_device;
    WdfFileObjectGetFileNameTableIndex: PFN_WDFFILEOBJECTGETFILENAME = file::get_file_name;
    WdfIoQueueCreateTableIndex: PFN_WDFIOQUEUECREATE = queue::create;
    WdfIoQueueGetDeviceTableIndex: PFN_WDFIOQUEUEGETDEVICE = queue::get_device;
    WdfIoQueueGetStateTableIndex: PFN_WDFIOQUEUEGETSTATE = queue::get_state;
    WdfIoQueueRetrieveNextRequestTableIndex: PFN_WDFIOQUEUERETRIEVENEXTREQUEST = queue::retrieve_next;
    WdfIoTargetFormatRequestForInternalIoctlTableIndex: PFN_WDFIOTARGETFORMATREQUESTFORINTERNALIOCTL = io_target::format_internal_ioctl;
    WdfIoTargetQueryForInterfaceTableIndex: PFN_WDFIOTARGETQUERYFORINTERFACE = interface::query_target;
    WdfIoTargetSendInternalIoctlSynchronouslyTableIndex: PFN_WDFIOTARGETSENDINTERNALIOCTLSYNCHRONOUSLY = io_target::send_internal_ioctl;
    WdfMemoryCreateTableIndex: PFN_WDFMEMORYCREATE = memory::create;
    WdfMemoryCreatePreallocatedTableIndex: PFN_WDFMEMORYCREATEPREALLOCATED = memory::create_preallocated;
    WdfMemoryGetBufferTableIndex: PFN_WDFMEMORYGETBUFFER = memory::get_buffer;
    WdfObjectCreateTableIndex: PFN_WDFOBJECTCREATE = object::create;
    WdfObjectDeleteTableIndex: PFN_WDFOBJECTDELETE = object::delete;
    WdfObjectGetTypedContextWorkerTableIndex: PFN_WDFOBJECTGETTYPEDCONTEXTWORKER = object::get_typed_context;
    WdfRegistryCloseTableIndex: PFN_WDFREGISTRYCLOSE = registry::close;
    WdfRegistryQueryMemoryTableIndex: PFN_WDFREGISTRYQUERYMEMORY = registry::query_memory;
    WdfRegistryQueryULongTableIndex: PFN_WDFREGISTRYQUERYULONG = registry::query_ulong;
    WdfRequestCancelSentRequestTableIndex: PFN_WDFREQUESTCANCELSENTREQUEST = io_target::cancel_sent;
    WdfRequestCompleteTableIndex: PFN_WDFREQUESTCOMPLETE = request::complete;
    WdfRequestCompleteWithInformationTableIndex: PFN_WDFREQUESTCOMPLETEWITHINFORMATION = request::complete_with_information;
    WdfRequestCreateTableIndex: PFN_WDFREQUESTCREATE = io_target::create_request;
    WdfRequestFormatRequestUsingCurrentTypeTableIndex: PFN_WDFREQUESTFORMATREQUESTUSINGCURRENTTYPE = io_target::format_using_current_type;
    WdfRequestForwardToIoQueueTableIndex: PFN_WDFREQUESTFORWARDTOIOQUEUE = queue::forward;
    WdfRequestGetFileObjectTableIndex: PFN_WDFREQUESTGETFILEOBJECT = request::get_file_object;
    WdfRequestGetRequestorModeTableIndex: PFN_WDFREQUESTGETREQUESTORMODE = request::get_requestor_mode;
    WdfRequestGetStatusTableIndex: PFN_WDFREQUESTGETSTATUS = request::get_status;
    WdfRequestRetrieveInputBufferTableIndex: PFN_WDFREQUESTRETRIEVEINPUTBUFFER = request::retrieve_input_buffer;
    WdfRequestRetrieveOutputBufferTableIndex: PFN_WDFREQUESTRETRIEVEOUTPUTBUFFER = request::retrieve_output_buffer;
    WdfRequestReuseTableIndex: PFN_WDFREQUESTREUSE = io_target::reuse;
    WdfRequestSendTableIndex: PFN_WDFREQUESTSEND = io_target::send;
    WdfRequestSetCompletionRoutineTableIndex: PFN_WDFREQUESTSETCOMPLETIONROUTINE = io_target::set_completion_routine;
    WdfRequestWdmGetIrpTableIndex: PFN_WDFREQUESTWDMGETIRP = request::wdm_get_irp;
    WdfSpinLockAcquireTableIndex: PFN_WDFSPINLOCKACQUIRE = lock::acquire;
    WdfSpinLockCreateTableIndex: PFN_WDFSPINLOCKCREATE = lock::create;
    WdfSpinLockReleaseTableIndex: PFN_WDFSPINLOCKRELEASE = lock::release;
    WdfStringCreateTableIndex: PFN_WDFSTRINGCREATE = string::create;
    WdfStringGetUnicodeStringTableIndex: PFN_WDFSTRINGGETUNICODESTRING = string::get_unicode_string;
    WdfTimerCreateTableIndex: PFN_WDFTIMERCREATE = timer::create;
    WdfTimerStartTableIndex: PFN_WDFTIMERSTART = timer::start;
    WdfTimerGetParentObjectTableIndex: PFN_WDFTIMERGETPARENTOBJECT = timer::get_parent;
    WdfWorkItemCreateTableIndex: PFN_WDFWORKITEMCREATE = work_item::create;
    WdfWorkItemEnqueueTableIndex: PFN_WDFWORKITEMENQUEUE = work_item::enqueue;
    WdfWorkItemGetParentObjectTableIndex: PFN_WDFWORKITEMGETPARENTOBJECT = work_item::get_parent;
}
