/*
 * FxDriverEntry: where Windows enters a KMDF driver. Stands in for Microsoft's WdfDriverEntry.lib
 * in the cross-build; with a real WDK it is not used.
 *
 * The steps and the version 1 bind info follow the public KMDF source
 * (microsoft/Windows-Driver-Frameworks, fxldr.h, MIT licence). A framework that knows only the
 * extended bind info of later stubs accepts version 1 as well: it then takes the version below
 * for both the target and the minimum version.
 */
#include <ntifs.h>
#include <ntddk.h>
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

static PF_BROKER_BIND_INFO BindInfo = {
    sizeof(PF_BROKER_BIND_INFO), L"KmdfLibrary", KMDF_VERSION_MAJOR, KMDF_VERSION_MINOR, 0,
    WdfFunctionTableNumEntries, &WdfFunctions, NULL,
};

/* The registry path that Windows passes to the entry point is gone by the time of unload. */
static WCHAR RegistryPathCharacters[260];
static UNICODE_STRING SavedRegistryPath;
static PDRIVER_UNLOAD DisplacedUnload;

static void Unbind(void)
{
    WdfVersionUnbind(&SavedRegistryPath, &BindInfo, WdfDriverGlobals);
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

    status = WdfVersionBind(DriverObject, &SavedRegistryPath, &BindInfo, &WdfDriverGlobals);
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
