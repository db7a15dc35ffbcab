//! The functions that the double has, in one list.
//!
//! Each row is checked by the compiler: the function against the kit's type for it, and the slot by
//! its index constant. Every other slot stops the run with its name.

use core::cell::UnsafeCell;

use kernel_runtime::lock::Locked;
use kmdf_rules::version::Framework;
#[allow(
    clippy::wildcard_imports,
    reason = "the table names a type of the kit for each function"
)]
use wdk_sys::*;

use crate::{
    collection, context, device, driver, file, function_names, init, interface, irp_dispatch, lock,
    memory, object_functions, queue, queue_functions, registry, request_functions, resources,
    string, target_functions, timer, work_item,
};

/// Entries of the table of KMDF 1.33.
pub(crate) const FUNCTION_COUNT: usize = Framework::NEWEST.functions as usize;

/// The table. It is filled before the first driver learns its address, and never changed again.
struct Table(UnsafeCell<[PVOID; FUNCTION_COUNT]>);

// SAFETY: written under `FILLED`'s lock before its address is given out, read-only afterwards.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new([core::ptr::null_mut(); FUNCTION_COUNT]));
static FILLED: Locked<bool> = Locked::new(false);

/// The address of the table. What this version of the framework does not have stays empty.
pub(crate) fn table(framework: Framework) -> PVOID {
    FILLED.with(|filled| {
        if !*filled {
            let mut table = function_names::empty_table();
            fill(&mut table, framework.functions as usize);
            // SAFETY: nobody has the address yet, and the lock keeps other threads out.
            unsafe { TABLE.0.get().write(table) };
            *filled = true;
        }
    });
    TABLE.0.get().cast()
}

macro_rules! functions {
    ($($index:ident: $kind:ident = $function:path;)*) => {
        /// Fills the first slots of the table, so many as this version has.
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
    WdfCollectionCreateTableIndex: PFN_WDFCOLLECTIONCREATE = collection::create;
    WdfCollectionGetCountTableIndex: PFN_WDFCOLLECTIONGETCOUNT = collection::get_count;
    WdfCollectionAddTableIndex: PFN_WDFCOLLECTIONADD = collection::add;
    WdfCollectionRemoveTableIndex: PFN_WDFCOLLECTIONREMOVE = collection::remove;
    WdfCollectionRemoveItemTableIndex: PFN_WDFCOLLECTIONREMOVEITEM = collection::remove_item;
    WdfCollectionGetItemTableIndex: PFN_WDFCOLLECTIONGETITEM = collection::get_item;
    WdfCollectionGetFirstItemTableIndex: PFN_WDFCOLLECTIONGETFIRSTITEM = collection::get_first;
    WdfCollectionGetLastItemTableIndex: PFN_WDFCOLLECTIONGETLASTITEM = collection::get_last;
    WdfControlDeviceInitAllocateTableIndex: PFN_WDFCONTROLDEVICEINITALLOCATE = init::control_allocate;
    WdfControlFinishInitializingTableIndex: PFN_WDFCONTROLFINISHINITIALIZING = device::control_finish_initializing;
    WdfWdmDeviceGetWdfDeviceHandleTableIndex: PFN_WDFWDMDEVICEGETWDFDEVICEHANDLE = device::wdm_get_handle;
    WdfDeviceWdmGetDeviceObjectTableIndex: PFN_WDFDEVICEWDMGETDEVICEOBJECT = device::wdm_get_device_object;
    WdfDeviceWdmGetAttachedDeviceTableIndex: PFN_WDFDEVICEWDMGETATTACHEDDEVICE = device::wdm_get_attached_device;
    WdfDeviceWdmGetPhysicalDeviceTableIndex: PFN_WDFDEVICEWDMGETPHYSICALDEVICE = device::wdm_get_physical_device;
    WdfDeviceWdmDispatchPreprocessedIrpTableIndex: PFN_WDFDEVICEWDMDISPATCHPREPROCESSEDIRP = irp_dispatch::dispatch_preprocessed;
    WdfDeviceGetDriverTableIndex: PFN_WDFDEVICEGETDRIVER = device::get_driver;
    WdfDeviceGetIoTargetTableIndex: PFN_WDFDEVICEGETIOTARGET = device::get_io_target;
    WdfDeviceGetDevicePnpStateTableIndex: PFN_WDFDEVICEGETDEVICEPNPSTATE = device::get_pnp_state;
    WdfDeviceOpenRegistryKeyTableIndex: PFN_WDFDEVICEOPENREGISTRYKEY = registry::open_device;
    WdfDeviceInitFreeTableIndex: PFN_WDFDEVICEINITFREE = init::free;
    WdfDeviceInitSetPnpPowerEventCallbacksTableIndex: PFN_WDFDEVICEINITSETPNPPOWEREVENTCALLBACKS = init::set_pnp_power_event_callbacks;
    WdfDeviceInitSetPowerPolicyEventCallbacksTableIndex: PFN_WDFDEVICEINITSETPOWERPOLICYEVENTCALLBACKS = init::set_power_policy_event_callbacks;
    WdfDeviceInitSetPowerPolicyOwnershipTableIndex: PFN_WDFDEVICEINITSETPOWERPOLICYOWNERSHIP = init::set_power_policy_ownership;
    WdfDeviceInitSetIoTypeTableIndex: PFN_WDFDEVICEINITSETIOTYPE = init::set_io_type;
    WdfDeviceInitSetExclusiveTableIndex: PFN_WDFDEVICEINITSETEXCLUSIVE = init::set_exclusive;
    WdfDeviceInitSetPowerNotPageableTableIndex: PFN_WDFDEVICEINITSETPOWERNOTPAGEABLE = init::set_power_not_pageable;
    WdfDeviceInitSetPowerPageableTableIndex: PFN_WDFDEVICEINITSETPOWERPAGEABLE = init::set_power_pageable;
    WdfDeviceInitSetDeviceTypeTableIndex: PFN_WDFDEVICEINITSETDEVICETYPE = init::set_device_type;
    WdfDeviceInitAssignNameTableIndex: PFN_WDFDEVICEINITASSIGNNAME = init::assign_name;
    WdfDeviceInitAssignSDDLStringTableIndex: PFN_WDFDEVICEINITASSIGNSDDLSTRING = init::assign_sddl;
    WdfDeviceInitSetDeviceClassTableIndex: PFN_WDFDEVICEINITSETDEVICECLASS = init::set_device_class;
    WdfDeviceInitSetCharacteristicsTableIndex: PFN_WDFDEVICEINITSETCHARACTERISTICS = init::set_characteristics;
    WdfDeviceInitSetFileObjectConfigTableIndex: PFN_WDFDEVICEINITSETFILEOBJECTCONFIG = init::set_file_object_config;
    WdfDeviceInitSetRequestAttributesTableIndex: PFN_WDFDEVICEINITSETREQUESTATTRIBUTES = init::set_request_attributes;
    WdfDeviceInitAssignWdmIrpPreprocessCallbackTableIndex: PFN_WDFDEVICEINITASSIGNWDMIRPPREPROCESSCALLBACK = init::assign_preprocess_callback;
    WdfDeviceInitSetIoInCallerContextCallbackTableIndex: PFN_WDFDEVICEINITSETIOINCALLERCONTEXTCALLBACK = init::set_in_caller_context;
    WdfDeviceCreateTableIndex: PFN_WDFDEVICECREATE = device::create;
    WdfDeviceCreateDeviceInterfaceTableIndex: PFN_WDFDEVICECREATEDEVICEINTERFACE = interface::create;
    WdfDeviceSetDeviceInterfaceStateTableIndex: PFN_WDFDEVICESETDEVICEINTERFACESTATE = interface::set_interface_state;
    WdfDeviceRetrieveDeviceInterfaceStringTableIndex: PFN_WDFDEVICERETRIEVEDEVICEINTERFACESTRING = interface::retrieve_interface_string;
    WdfDeviceSetPnpCapabilitiesTableIndex: PFN_WDFDEVICESETPNPCAPABILITIES = device::set_pnp_capabilities;
    WdfDeviceSetPowerCapabilitiesTableIndex: PFN_WDFDEVICESETPOWERCAPABILITIES = device::set_power_capabilities;
    WdfDeviceSetFailedTableIndex: PFN_WDFDEVICESETFAILED = device::set_failed;
    WdfDeviceGetFileObjectTableIndex: PFN_WDFDEVICEGETFILEOBJECT = file::of_device;
    WdfDeviceEnqueueRequestTableIndex: PFN_WDFDEVICEENQUEUEREQUEST = irp_dispatch::enqueue_request;
    WdfDeviceGetDefaultQueueTableIndex: PFN_WDFDEVICEGETDEFAULTQUEUE = device::get_default_queue;
    WdfDeviceConfigureRequestDispatchingTableIndex: PFN_WDFDEVICECONFIGUREREQUESTDISPATCHING = device::configure_request_dispatching;
    WdfDriverCreateTableIndex: PFN_WDFDRIVERCREATE = driver::create;
    WdfDriverGetRegistryPathTableIndex: PFN_WDFDRIVERGETREGISTRYPATH = driver::get_registry_path;
    WdfDriverWdmGetDriverObjectTableIndex: PFN_WDFDRIVERWDMGETDRIVEROBJECT = driver::wdm_get_driver_object;
    WdfDriverOpenParametersRegistryKeyTableIndex: PFN_WDFDRIVEROPENPARAMETERSREGISTRYKEY = registry::open_parameters;
    WdfDriverRetrieveVersionStringTableIndex: PFN_WDFDRIVERRETRIEVEVERSIONSTRING = driver::retrieve_version_string;
    WdfDriverIsVersionAvailableTableIndex: PFN_WDFDRIVERISVERSIONAVAILABLE = driver::is_version_available;
    WdfFdoInitWdmGetPhysicalDeviceTableIndex: PFN_WDFFDOINITWDMGETPHYSICALDEVICE = init::wdm_get_physical_device;
    WdfFdoInitOpenRegistryKeyTableIndex: PFN_WDFFDOINITOPENREGISTRYKEY = registry::open_init;
    WdfFdoInitSetFilterTableIndex: PFN_WDFFDOINITSETFILTER = init::set_filter;
    WdfFdoQueryForInterfaceTableIndex: PFN_WDFFDOQUERYFORINTERFACE = interface::fdo_query;
    WdfFileObjectGetFileNameTableIndex: PFN_WDFFILEOBJECTGETFILENAME = file::get_file_name;
    WdfFileObjectGetDeviceTableIndex: PFN_WDFFILEOBJECTGETDEVICE = file::get_device;
    WdfFileObjectWdmGetFileObjectTableIndex: PFN_WDFFILEOBJECTWDMGETFILEOBJECT = file::wdm_get_file_object;
    WdfIoQueueCreateTableIndex: PFN_WDFIOQUEUECREATE = queue::create;
    WdfIoQueueGetStateTableIndex: PFN_WDFIOQUEUEGETSTATE = queue_functions::get_state;
    WdfIoQueueStartTableIndex: PFN_WDFIOQUEUESTART = queue_functions::start;
    WdfIoQueueStopTableIndex: PFN_WDFIOQUEUESTOP = queue_functions::stop;
    WdfIoQueueStopSynchronouslyTableIndex: PFN_WDFIOQUEUESTOPSYNCHRONOUSLY = queue_functions::stop_now;
    WdfIoQueueGetDeviceTableIndex: PFN_WDFIOQUEUEGETDEVICE = queue_functions::get_device;
    WdfIoQueueRetrieveNextRequestTableIndex: PFN_WDFIOQUEUERETRIEVENEXTREQUEST = queue_functions::retrieve_next;
    WdfIoQueueRetrieveRequestByFileObjectTableIndex: PFN_WDFIOQUEUERETRIEVEREQUESTBYFILEOBJECT = queue_functions::retrieve_by_file;
    WdfIoQueueFindRequestTableIndex: PFN_WDFIOQUEUEFINDREQUEST = queue_functions::find_request;
    WdfIoQueueRetrieveFoundRequestTableIndex: PFN_WDFIOQUEUERETRIEVEFOUNDREQUEST = queue_functions::retrieve_found;
    WdfIoQueueDrainSynchronouslyTableIndex: PFN_WDFIOQUEUEDRAINSYNCHRONOUSLY = queue_functions::drain_now;
    WdfIoQueueDrainTableIndex: PFN_WDFIOQUEUEDRAIN = queue_functions::drain;
    WdfIoQueuePurgeSynchronouslyTableIndex: PFN_WDFIOQUEUEPURGESYNCHRONOUSLY = queue_functions::purge_now;
    WdfIoQueuePurgeTableIndex: PFN_WDFIOQUEUEPURGE = queue_functions::purge;
    WdfIoTargetGetDeviceTableIndex: PFN_WDFIOTARGETGETDEVICE = target_functions::get_device;
    WdfIoTargetQueryForInterfaceTableIndex: PFN_WDFIOTARGETQUERYFORINTERFACE = target_functions::query_for_interface;
    WdfIoTargetWdmGetTargetDeviceObjectTableIndex: PFN_WDFIOTARGETWDMGETTARGETDEVICEOBJECT = target_functions::wdm_get_target;
    WdfIoTargetSendIoctlSynchronouslyTableIndex: PFN_WDFIOTARGETSENDIOCTLSYNCHRONOUSLY = target_functions::send_ioctl;
    WdfIoTargetFormatRequestForIoctlTableIndex: PFN_WDFIOTARGETFORMATREQUESTFORIOCTL = target_functions::format_ioctl;
    WdfIoTargetSendInternalIoctlSynchronouslyTableIndex: PFN_WDFIOTARGETSENDINTERNALIOCTLSYNCHRONOUSLY = target_functions::send_internal_ioctl;
    WdfIoTargetFormatRequestForInternalIoctlTableIndex: PFN_WDFIOTARGETFORMATREQUESTFORINTERNALIOCTL = target_functions::format_internal_ioctl;
    WdfMemoryCreateTableIndex: PFN_WDFMEMORYCREATE = memory::create;
    WdfMemoryCreatePreallocatedTableIndex: PFN_WDFMEMORYCREATEPREALLOCATED = memory::create_preallocated;
    WdfMemoryGetBufferTableIndex: PFN_WDFMEMORYGETBUFFER = memory::get_buffer;
    WdfMemoryAssignBufferTableIndex: PFN_WDFMEMORYASSIGNBUFFER = memory::assign_buffer;
    WdfMemoryCopyToBufferTableIndex: PFN_WDFMEMORYCOPYTOBUFFER = memory::copy_to_buffer;
    WdfMemoryCopyFromBufferTableIndex: PFN_WDFMEMORYCOPYFROMBUFFER = memory::copy_from_buffer;
    WdfObjectGetTypedContextWorkerTableIndex: PFN_WDFOBJECTGETTYPEDCONTEXTWORKER = context::get_typed_context;
    WdfObjectAllocateContextTableIndex: PFN_WDFOBJECTALLOCATECONTEXT = object_functions::allocate_context;
    WdfObjectContextGetObjectTableIndex: PFN_WDFOBJECTCONTEXTGETOBJECT = context::context_get_object;
    WdfObjectReferenceActualTableIndex: PFN_WDFOBJECTREFERENCEACTUAL = object_functions::reference;
    WdfObjectDereferenceActualTableIndex: PFN_WDFOBJECTDEREFERENCEACTUAL = object_functions::dereference;
    WdfObjectCreateTableIndex: PFN_WDFOBJECTCREATE = object_functions::create;
    WdfObjectDeleteTableIndex: PFN_WDFOBJECTDELETE = object_functions::delete;
    WdfObjectQueryTableIndex: PFN_WDFOBJECTQUERY = object_functions::query;
    WdfDeviceAddQueryInterfaceTableIndex: PFN_WDFDEVICEADDQUERYINTERFACE = interface::add_query_interface;
    WdfRegistryOpenKeyTableIndex: PFN_WDFREGISTRYOPENKEY = registry::open;
    WdfRegistryCloseTableIndex: PFN_WDFREGISTRYCLOSE = registry::close;
    WdfRegistryWdmGetHandleTableIndex: PFN_WDFREGISTRYWDMGETHANDLE = registry::wdm_get_handle;
    WdfRegistryRemoveValueTableIndex: PFN_WDFREGISTRYREMOVEVALUE = registry::remove_value;
    WdfRegistryQueryValueTableIndex: PFN_WDFREGISTRYQUERYVALUE = registry::query_value;
    WdfRegistryQueryMemoryTableIndex: PFN_WDFREGISTRYQUERYMEMORY = registry::query_memory;
    WdfRegistryQueryStringTableIndex: PFN_WDFREGISTRYQUERYSTRING = registry::query_string;
    WdfRegistryQueryULongTableIndex: PFN_WDFREGISTRYQUERYULONG = registry::query_ulong;
    WdfRegistryAssignValueTableIndex: PFN_WDFREGISTRYASSIGNVALUE = registry::assign_value;
    WdfRegistryAssignMemoryTableIndex: PFN_WDFREGISTRYASSIGNMEMORY = registry::assign_memory;
    WdfRegistryAssignULongTableIndex: PFN_WDFREGISTRYASSIGNULONG = registry::assign_ulong;
    WdfRequestCreateTableIndex: PFN_WDFREQUESTCREATE = target_functions::create_request;
    WdfRequestReuseTableIndex: PFN_WDFREQUESTREUSE = target_functions::reuse;
    WdfRequestFormatRequestUsingCurrentTypeTableIndex: PFN_WDFREQUESTFORMATREQUESTUSINGCURRENTTYPE = target_functions::format_using_current;
    WdfRequestWdmFormatUsingStackLocationTableIndex: PFN_WDFREQUESTWDMFORMATUSINGSTACKLOCATION = target_functions::format_using_location;
    WdfRequestSendTableIndex: PFN_WDFREQUESTSEND = target_functions::send;
    WdfRequestGetStatusTableIndex: PFN_WDFREQUESTGETSTATUS = request_functions::get_status;
    WdfRequestMarkCancelableTableIndex: PFN_WDFREQUESTMARKCANCELABLE = request_functions::mark_cancelable;
    WdfRequestUnmarkCancelableTableIndex: PFN_WDFREQUESTUNMARKCANCELABLE = request_functions::unmark_cancelable;
    WdfRequestIsCanceledTableIndex: PFN_WDFREQUESTISCANCELED = request_functions::is_canceled;
    WdfRequestCancelSentRequestTableIndex: PFN_WDFREQUESTCANCELSENTREQUEST = target_functions::cancel_sent;
    WdfRequestIsFrom32BitProcessTableIndex: PFN_WDFREQUESTISFROM32BITPROCESS = request_functions::is_from_32_bit;
    WdfRequestSetCompletionRoutineTableIndex: PFN_WDFREQUESTSETCOMPLETIONROUTINE = target_functions::set_completion_routine;
    WdfRequestGetCompletionParamsTableIndex: PFN_WDFREQUESTGETCOMPLETIONPARAMS = target_functions::get_completion_params;
    WdfRequestCompleteTableIndex: PFN_WDFREQUESTCOMPLETE = request_functions::complete;
    WdfRequestCompleteWithPriorityBoostTableIndex: PFN_WDFREQUESTCOMPLETEWITHPRIORITYBOOST = request_functions::complete_with_boost;
    WdfRequestCompleteWithInformationTableIndex: PFN_WDFREQUESTCOMPLETEWITHINFORMATION = request_functions::complete_with_information;
    WdfRequestGetParametersTableIndex: PFN_WDFREQUESTGETPARAMETERS = request_functions::get_parameters;
    WdfRequestRetrieveInputMemoryTableIndex: PFN_WDFREQUESTRETRIEVEINPUTMEMORY = request_functions::retrieve_input_memory;
    WdfRequestRetrieveOutputMemoryTableIndex: PFN_WDFREQUESTRETRIEVEOUTPUTMEMORY = request_functions::retrieve_output_memory;
    WdfRequestRetrieveInputBufferTableIndex: PFN_WDFREQUESTRETRIEVEINPUTBUFFER = request_functions::retrieve_input_buffer;
    WdfRequestRetrieveOutputBufferTableIndex: PFN_WDFREQUESTRETRIEVEOUTPUTBUFFER = request_functions::retrieve_output_buffer;
    WdfRequestRetrieveUnsafeUserInputBufferTableIndex: PFN_WDFREQUESTRETRIEVEUNSAFEUSERINPUTBUFFER = request_functions::retrieve_unsafe_input_buffer;
    WdfRequestRetrieveUnsafeUserOutputBufferTableIndex: PFN_WDFREQUESTRETRIEVEUNSAFEUSEROUTPUTBUFFER = request_functions::retrieve_unsafe_output_buffer;
    WdfRequestSetInformationTableIndex: PFN_WDFREQUESTSETINFORMATION = request_functions::set_information;
    WdfRequestGetInformationTableIndex: PFN_WDFREQUESTGETINFORMATION = request_functions::get_information;
    WdfRequestGetFileObjectTableIndex: PFN_WDFREQUESTGETFILEOBJECT = request_functions::get_file_object;
    WdfRequestGetRequestorModeTableIndex: PFN_WDFREQUESTGETREQUESTORMODE = request_functions::get_requestor_mode;
    WdfRequestForwardToIoQueueTableIndex: PFN_WDFREQUESTFORWARDTOIOQUEUE = queue_functions::forward;
    WdfRequestGetIoQueueTableIndex: PFN_WDFREQUESTGETIOQUEUE = queue_functions::of_request;
    WdfRequestRequeueTableIndex: PFN_WDFREQUESTREQUEUE = queue_functions::requeue;
    WdfRequestStopAcknowledgeTableIndex: PFN_WDFREQUESTSTOPACKNOWLEDGE = request_functions::stop_acknowledge;
    WdfRequestWdmGetIrpTableIndex: PFN_WDFREQUESTWDMGETIRP = request_functions::wdm_get_irp;
    WdfCmResourceListGetCountTableIndex: PFN_WDFCMRESOURCELISTGETCOUNT = resources::get_count;
    WdfCmResourceListGetDescriptorTableIndex: PFN_WDFCMRESOURCELISTGETDESCRIPTOR = resources::get_descriptor;
    WdfStringCreateTableIndex: PFN_WDFSTRINGCREATE = string::create;
    WdfStringGetUnicodeStringTableIndex: PFN_WDFSTRINGGETUNICODESTRING = string::get_unicode_string;
    WdfWaitLockCreateTableIndex: PFN_WDFWAITLOCKCREATE = lock::create_wait;
    WdfWaitLockAcquireTableIndex: PFN_WDFWAITLOCKACQUIRE = lock::acquire_wait;
    WdfWaitLockReleaseTableIndex: PFN_WDFWAITLOCKRELEASE = lock::release_wait;
    WdfSpinLockCreateTableIndex: PFN_WDFSPINLOCKCREATE = lock::create_spin;
    WdfSpinLockAcquireTableIndex: PFN_WDFSPINLOCKACQUIRE = lock::acquire_spin;
    WdfSpinLockReleaseTableIndex: PFN_WDFSPINLOCKRELEASE = lock::release_spin;
    WdfTimerCreateTableIndex: PFN_WDFTIMERCREATE = timer::create;
    WdfTimerStartTableIndex: PFN_WDFTIMERSTART = timer::start;
    WdfTimerStopTableIndex: PFN_WDFTIMERSTOP = timer::stop;
    WdfTimerGetParentObjectTableIndex: PFN_WDFTIMERGETPARENTOBJECT = timer::get_parent;
    WdfVerifierDbgBreakPointTableIndex: PFN_WDFVERIFIERDBGBREAKPOINT = object_functions::verifier_break_point;
    WdfWorkItemCreateTableIndex: PFN_WDFWORKITEMCREATE = work_item::create;
    WdfWorkItemEnqueueTableIndex: PFN_WDFWORKITEMENQUEUE = work_item::enqueue;
    WdfWorkItemGetParentObjectTableIndex: PFN_WDFWORKITEMGETPARENTOBJECT = work_item::get_parent;
    WdfWorkItemFlushTableIndex: PFN_WDFWORKITEMFLUSH = work_item::flush;
    WdfRequestMarkCancelableExTableIndex: PFN_WDFREQUESTMARKCANCELABLEEX = request_functions::mark_cancelable_ex;
    WdfRequestIsReservedTableIndex: PFN_WDFREQUESTISRESERVED = request_functions::is_reserved;
    WdfDeviceWdmDispatchIrpToIoQueueTableIndex: PFN_WDFDEVICEWDMDISPATCHIRPTOIOQUEUE = irp_dispatch::dispatch_to_queue;
    WdfDeviceInitSetRemoveLockOptionsTableIndex: PFN_WDFDEVICEINITSETREMOVELOCKOPTIONS = init::set_remove_lock_options;
    WdfIoQueueStopAndPurgeTableIndex: PFN_WDFIOQUEUESTOPANDPURGE = queue_functions::stop_and_purge;
    WdfIoQueueStopAndPurgeSynchronouslyTableIndex: PFN_WDFIOQUEUESTOPANDPURGESYNCHRONOUSLY = queue_functions::stop_and_purge_now;
    WdfDeviceInitSetReleaseHardwareOrderOnFailureTableIndex: PFN_WDFDEVICEINITSETRELEASEHARDWAREORDERONFAILURE = init::set_release_hardware_order;
    WdfDeviceInitSetIoTypeExTableIndex: PFN_WDFDEVICEINITSETIOTYPEEX = init::set_io_type_ex;
}
