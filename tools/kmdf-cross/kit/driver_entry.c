/*
 * FxDriverEntry: the entry point of a KMDF driver. Replaces Microsoft's WdfDriverEntry.lib in the
 * cross-build; a build with a WDK does not use it.
 *
 * The steps and the version 2 bind info follow the public KMDF source
 * (microsoft/Windows-Driver-Frameworks, fxldr.h, MIT licence): in it the driver gives the version
 * that it was built for and the minimum version that it runs on. A framework of a version in between
 * binds it and returns the number of its functions.
 */
/* mingw-w64's headers define these two functions out of line in each object that includes them. The
   object of wdk-sys, which has WdfMinimumVersionRequired, is a second one. */
#define InterlockedBitTestAndSet PfBrokerEntryBitTestAndSet
#define InterlockedBitTestAndReset PfBrokerEntryBitTestAndReset
#include <ntifs.h>
#include <ntddk.h>
#define WDF_STUB
#include <wdf.h>

typedef struct _PF_BROKER_BIND_INFO {
    ULONG Size;
    PCWSTR Component;
    ULONG MajorVersion;
    ULONG MinorVersion;
    ULONG BuildNumber;
    ULONG FunctionCount;
    const WDFFUNC **FunctionTable;
    PVOID Module;
} PF_BROKER_BIND_INFO;

_Static_assert(sizeof(PF_BROKER_BIND_INFO) == 48, "WDF_BIND_INFO, version 1, is 48 bytes on 64-bit");

/* V1.Size is the size of the whole structure. The framework reads through the first pointer and
   writes through the others. */
typedef struct _PF_BROKER_BIND_INFO2 {
    PF_BROKER_BIND_INFO V1;
    ULONG *MinimumVersionRequired;
    BOOLEAN *ClientVersionHigherThanFramework;
    ULONG *FunctionCount;
    ULONG *StructureCount;
    WDF_STRUCT_INFO *Structures;
} PF_BROKER_BIND_INFO2;

_Static_assert(sizeof(PF_BROKER_BIND_INFO2) == 88, "WDF_BIND_INFO2 is 88 bytes on 64-bit");

NTSTATUS WdfVersionBind(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath,
                        PF_BROKER_BIND_INFO *BindInfo, PWDF_DRIVER_GLOBALS *Globals);
NTSTATUS WdfVersionUnbind(PUNICODE_STRING RegistryPath, PF_BROKER_BIND_INFO *BindInfo,
                          PWDF_DRIVER_GLOBALS Globals);
NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);

const WDFFUNC *WdfFunctions;
PWDF_DRIVER_GLOBALS WdfDriverGlobals;
BOOLEAN WdfClientVersionHigherThanFramework;
ULONG WdfFunctionCount = WdfFunctionTableNumEntries;
ULONG WdfStructureCount = WDF_STRUCTURE_TABLE_NUM_ENTRIES;
WDF_STRUCT_INFO WdfStructures;
extern ULONG WdfMinimumVersionRequired;

static PF_BROKER_BIND_INFO2 BindInfo = {
    { sizeof(PF_BROKER_BIND_INFO2), L"KmdfLibrary", KMDF_VERSION_MAJOR, KMDF_VERSION_MINOR, 0,
      WdfFunctionTableNumEntries, &WdfFunctions, NULL },
    &WdfMinimumVersionRequired, &WdfClientVersionHigherThanFramework, &WdfFunctionCount,
    &WdfStructureCount, &WdfStructures,
};

/* A copy for the unload, when the path that Windows passed to the entry point is not valid. */
static WCHAR RegistryPathCharacters[260];
static UNICODE_STRING SavedRegistryPath;
static PDRIVER_UNLOAD DisplacedUnload;

static void Unbind(void)
{
    WdfVersionUnbind(&SavedRegistryPath, &BindInfo.V1, WdfDriverGlobals);
}

static void UnloadThenUnbind(PDRIVER_OBJECT DriverObject)
{
    if (DisplacedUnload != NULL) {
        DisplacedUnload(DriverObject);
    }
    Unbind();
}

NTSTATUS FxDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NTSTATUS status;
    USHORT index;

    if (RegistryPath == NULL || RegistryPath->Length > sizeof(RegistryPathCharacters)) {
        return STATUS_INVALID_PARAMETER;
    }
    for (index = 0; index < RegistryPath->Length / sizeof(WCHAR); index++) {
        RegistryPathCharacters[index] = RegistryPath->Buffer[index];
    }
    SavedRegistryPath.Buffer = RegistryPathCharacters;
    SavedRegistryPath.Length = RegistryPath->Length;
    SavedRegistryPath.MaximumLength = sizeof(RegistryPathCharacters);

    status = WdfVersionBind(DriverObject, &SavedRegistryPath, &BindInfo.V1, &WdfDriverGlobals);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    status = DriverEntry(DriverObject, RegistryPath);
    if (!NT_SUCCESS(status)) {
        Unbind();
        return status;
    }
    if (WdfDriverGlobals->DisplaceDriverUnload && DriverObject->DriverUnload != NULL) {
        DisplacedUnload = DriverObject->DriverUnload;
        DriverObject->DriverUnload = UnloadThenUnbind;
    }
    return status;
}
