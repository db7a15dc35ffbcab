/*
 * wdf.h for drivers written in C: the declarations that bindgen reads, and what KMDF's headers have
 * as inline functions and macros: the functions of the framework, the initialization of its
 * structures, and contexts.
 *
 * Written for pf_broker after the public KMDF 1.33 headers (microsoft/Windows-Driver-Frameworks,
 * MIT licence) and the documentation page of each function. The functions of the framework at the
 * end are generated from tools/kmdf-cross/kit/kmdf-1.33/functions.json. A build with a WDK uses none
 * of it.
 */
#ifndef PF_BROKER_KIT_WDF_FUNCTIONS_H
#define PF_BROKER_KIT_WDF_FUNCTIONS_H

#include_next <wdf.h>

#define WDF_NO_OBJECT_ATTRIBUTES NULL
#define WDF_NO_HANDLE NULL

/* Zeros, and the size in the first member. */
#define PF_BROKER_KIT_INIT(structure) \
    (RtlZeroMemory((structure), sizeof(*(structure))), (structure)->Size = sizeof(*(structure)))

static inline void WDF_OBJECT_ATTRIBUTES_INIT(PWDF_OBJECT_ATTRIBUTES Attributes)
{
    PF_BROKER_KIT_INIT(Attributes);
    Attributes->ExecutionLevel = WdfExecutionLevelInheritFromParent;
    Attributes->SynchronizationScope = WdfSynchronizationScopeInheritFromParent;
}

static inline void WDF_DRIVER_CONFIG_INIT(PWDF_DRIVER_CONFIG Config,
                                          PFN_WDF_DRIVER_DEVICE_ADD EvtDriverDeviceAdd)
{
    PF_BROKER_KIT_INIT(Config);
    Config->EvtDriverDeviceAdd = EvtDriverDeviceAdd;
}

static inline void WDF_PNPPOWER_EVENT_CALLBACKS_INIT(PWDF_PNPPOWER_EVENT_CALLBACKS Callbacks)
{
    PF_BROKER_KIT_INIT(Callbacks);
}

static inline void WDF_QUERY_INTERFACE_CONFIG_INIT(
    PWDF_QUERY_INTERFACE_CONFIG Config, PINTERFACE Interface, const GUID *InterfaceType,
    PFN_WDF_DEVICE_PROCESS_QUERY_INTERFACE_REQUEST EvtDeviceProcessQueryInterfaceRequest)
{
    PF_BROKER_KIT_INIT(Config);
    Config->Interface = Interface;
    Config->InterfaceType = InterfaceType;
    Config->EvtDeviceProcessQueryInterfaceRequest = EvtDeviceProcessQueryInterfaceRequest;
}

static inline void WDF_WORKITEM_CONFIG_INIT(PWDF_WORKITEM_CONFIG Config,
                                            PFN_WDF_WORKITEM EvtWorkItemFunc)
{
    PF_BROKER_KIT_INIT(Config);
    Config->EvtWorkItemFunc = EvtWorkItemFunc;
    Config->AutomaticSerialization = TRUE;
}

/* A context type: its description, by whose address the framework knows it, and the function that
   returns an object's context of it. */
#define WDF_DECLARE_CONTEXT_TYPE_WITH_NAME(type, accessor) \
    extern const WDF_OBJECT_CONTEXT_TYPE_INFO PfBrokerKitContext_##type; \
    __declspec(selectany) const WDF_OBJECT_CONTEXT_TYPE_INFO PfBrokerKitContext_##type = { \
        sizeof(WDF_OBJECT_CONTEXT_TYPE_INFO), (PCHAR)#type, sizeof(type), \
        &PfBrokerKitContext_##type, NULL}; \
    static inline type *accessor(WDFOBJECT Handle) \
    { \
        return (type *)WdfObjectGetTypedContextWorker(Handle, &PfBrokerKitContext_##type); \
    }

#define WDF_OBJECT_ATTRIBUTES_INIT_CONTEXT_TYPE(attributes, type) \
    (WDF_OBJECT_ATTRIBUTES_INIT(attributes), \
     (attributes)->ContextTypeInfo = &PfBrokerKitContext_##type)

