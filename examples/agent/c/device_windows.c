/*
 * A device of the driver, on Windows. Requests are overlapped: OVERLAPPED.Internal then has the
 * NTSTATUS, of which GetLastError shows less, because several refusals have the same Win32 error.
 */
#include <windows.h>

#include <setupapi.h>

#include "device.h"

#include <stdio.h>
#include <stdlib.h>

#include "pf_broker.h"

struct opened {
    struct device device;
    HANDLE handle;
    HANDLE complete;
};

static uint32_t control(struct device *device, uint32_t code, const void *input,
                        uint32_t input_length, void *output, uint32_t *output_length)
{
    struct opened *opened = (struct opened *)device;
    OVERLAPPED overlapped;
    DWORD returned = 0;
    ZeroMemory(&overlapped, sizeof overlapped);
    overlapped.hEvent = opened->complete;
    if (!DeviceIoControl(opened->handle, code, (void *)input, input_length, output, *output_length,
                         NULL, &overlapped)) {
        DWORD error = GetLastError();
        /* The request was not sent, or was completed at once: then the status is there. */
        if (error != ERROR_IO_PENDING && overlapped.Internal == 0)
            return STATUS_IS_REMOVED;
    }
    GetOverlappedResult(opened->handle, &overlapped, &returned, TRUE);
    *output_length = returned;
    return (uint32_t)overlapped.Internal;
}

static void close_device(struct device *device)
{
    struct opened *opened = (struct opened *)device;
    CloseHandle(opened->handle);
    CloseHandle(opened->complete);
    free(opened);
}

/* The path of the first device of the driver, to be freed; NULL if there is none. */
static char *first_path(void)
{
    static const GUID interface_class = PF_BROKER_INTERFACE_CLASS;
    SP_DEVICE_INTERFACE_DATA interface_data;
    SP_DEVICE_INTERFACE_DETAIL_DATA_A *detail = NULL;
    DWORD length = 0;
    char *path = NULL;
    HDEVINFO set = SetupDiGetClassDevsA(&interface_class, NULL, NULL,
                                        DIGCF_PRESENT | DIGCF_DEVICEINTERFACE);
    if (set == INVALID_HANDLE_VALUE)
        return NULL;
    interface_data.cbSize = sizeof interface_data;
    if (SetupDiEnumDeviceInterfaces(set, NULL, &interface_class, 0, &interface_data)) {
        /* The first call returns the length. */
        SetupDiGetDeviceInterfaceDetailA(set, &interface_data, NULL, 0, &length, NULL);
        detail = malloc(length);
    }
    if (detail != NULL) {
        detail->cbSize = sizeof *detail;
        if (SetupDiGetDeviceInterfaceDetailA(set, &interface_data, detail, length, NULL, NULL))
            path = _strdup(detail->DevicePath);
        free(detail);
    }
    SetupDiDestroyDeviceInfoList(set);
    return path;
}

struct device *device_open_windows(const char *path)
{
    char *first = path == NULL ? first_path() : NULL;
    const char *name = path == NULL ? first : path;
    struct opened *opened = name == NULL ? NULL : malloc(sizeof *opened);
    if (opened == NULL) {
        fprintf(stderr, "agent: no device is present\n");
        free(first);
        return NULL;
    }
    opened->device.control = control;
    opened->device.close = close_device;
    opened->complete = CreateEventA(NULL, TRUE, FALSE, NULL);
    opened->handle = CreateFileA(name, GENERIC_READ | GENERIC_WRITE,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
                                 FILE_FLAG_OVERLAPPED, NULL);
    if (opened->complete == NULL || opened->handle == INVALID_HANDLE_VALUE) {
        fprintf(stderr, "agent: cannot open %s: error %lu\n", name, GetLastError());
        free(opened);
        opened = NULL;
    }
    free(first);
    return opened == NULL ? NULL : &opened->device;
}
