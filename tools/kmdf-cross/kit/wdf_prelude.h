/*
 * The part of wdf.h that has no layout or number: handles and names.
 *
 * Written for pf_broker after the public KMDF 1.33 headers (microsoft/Windows-Driver-Frameworks,
 * MIT licence). `cargo xtask kit` generates declarations from tools/kmdf-cross/kit/kmdf-1.33/*.json
 * and writes this text and them to the kit tree as wdf.h. A build with a WDK uses neither.
 */
#ifndef PF_BROKER_KIT_WDF_H
#define PF_BROKER_KIT_WDF_H

#include <stddef.h>

/* mingw-w64 10 lacks the power framework and the types below; KMDF only passes pointers to them. */
#ifndef PO_FX_VERSION
typedef struct POHANDLE__ *POHANDLE;
typedef struct _PO_FX_COMPONENT_V1 *PPO_FX_COMPONENT;
typedef void (*PPO_FX_COMPONENT_ACTIVE_CONDITION_CALLBACK)(PVOID Context, ULONG Component);
typedef void (*PPO_FX_COMPONENT_IDLE_CONDITION_CALLBACK)(PVOID Context, ULONG Component);
typedef void (*PPO_FX_COMPONENT_IDLE_STATE_CALLBACK)(PVOID Context, ULONG Component, ULONG State);
typedef NTSTATUS (*PPO_FX_POWER_CONTROL_CALLBACK)(
    PVOID DeviceContext, LPCGUID PowerControlCode, PVOID InBuffer, SIZE_T InBufferSize,
    PVOID OutBuffer, SIZE_T OutBufferSize, PSIZE_T BytesReturned);
#endif

/* Each handle is a pointer to a type of its own, so that the compiler distinguishes them. */
#define PF_BROKER_KIT_HANDLE(name) \
    struct name##__ { int unused; }; \
    typedef struct name##__ *name

typedef HANDLE WDFOBJECT, *PWDFOBJECT;
typedef PVOID WDFCONTEXT;
typedef size_t *WDF_STRUCT_INFO;

PF_BROKER_KIT_HANDLE(WDFDRIVER);
PF_BROKER_KIT_HANDLE(WDFDEVICE);
PF_BROKER_KIT_HANDLE(WDFWMIPROVIDER);
PF_BROKER_KIT_HANDLE(WDFWMIINSTANCE);
PF_BROKER_KIT_HANDLE(WDFQUEUE);
PF_BROKER_KIT_HANDLE(WDFREQUEST);
PF_BROKER_KIT_HANDLE(WDFFILEOBJECT);
PF_BROKER_KIT_HANDLE(WDFDPC);
PF_BROKER_KIT_HANDLE(WDFTIMER);
PF_BROKER_KIT_HANDLE(WDFWORKITEM);
PF_BROKER_KIT_HANDLE(WDFINTERRUPT);
PF_BROKER_KIT_HANDLE(WDFWAITLOCK);
PF_BROKER_KIT_HANDLE(WDFSPINLOCK);
PF_BROKER_KIT_HANDLE(WDFMEMORY);
PF_BROKER_KIT_HANDLE(WDFLOOKASIDE);
PF_BROKER_KIT_HANDLE(WDFIOTARGET);
PF_BROKER_KIT_HANDLE(WDFUSBDEVICE);
PF_BROKER_KIT_HANDLE(WDFUSBINTERFACE);
PF_BROKER_KIT_HANDLE(WDFUSBPIPE);
PF_BROKER_KIT_HANDLE(WDFDMAENABLER);
PF_BROKER_KIT_HANDLE(WDFDMATRANSACTION);
PF_BROKER_KIT_HANDLE(WDFCOMMONBUFFER);
PF_BROKER_KIT_HANDLE(WDFKEY);
PF_BROKER_KIT_HANDLE(WDFSTRING);
PF_BROKER_KIT_HANDLE(WDFCOLLECTION);
PF_BROKER_KIT_HANDLE(WDFCHILDLIST);
PF_BROKER_KIT_HANDLE(WDFIORESREQLIST);
PF_BROKER_KIT_HANDLE(WDFIORESLIST);
PF_BROKER_KIT_HANDLE(WDFCMRESLIST);
PF_BROKER_KIT_HANDLE(WDFCOMPANIONTARGET);

typedef struct WDFDEVICE_INIT *PWDFDEVICE_INIT;
typedef struct WDFCXDEVICE_INIT *PWDFCXDEVICE_INIT;
typedef struct _WDF_USB_REQUEST_COMPLETION_PARAMS *PWDF_USB_REQUEST_COMPLETION_PARAMS;

/* The symbols that a KMDF driver links from WdfDriverEntry.lib. */
#define WdfFunctions WdfFunctions_01033
typedef VOID (*WDFFUNC)(VOID);
extern const WDFFUNC *WdfFunctions;
extern BOOLEAN WdfClientVersionHigherThanFramework;
extern ULONG WdfFunctionCount;
extern ULONG WdfStructureCount;
extern WDF_STRUCT_INFO WdfStructures;

/* The minimum version of KMDF that the driver runs on. wdk-sys compiles this header into an object
   that the driver entry links. */
#ifndef WDF_STUB
__declspec(selectany) ULONG WdfMinimumVersionRequired =
#ifdef KMDF_MINIMUM_VERSION_REQUIRED
    KMDF_MINIMUM_VERSION_REQUIRED;
#else
    KMDF_VERSION_MINOR;
#endif
#endif
