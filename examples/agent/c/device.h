/*
 * A device with the management interface of pf_broker: one of the driver, or a simulated one.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdint.h>

/* NTSTATUS values besides those of pf_broker.h (ntstatus.h). */
#define STATUS_OK 0u
#define STATUS_IS_REMOVED 0xC00002B6u
#define STATUS_NO_ROOM 0xC000009Au

struct device {
    /*
     * Sends a request and waits until it is complete. `*output_length` is the room of the output
     * and becomes the number of bytes in it. Returns the NTSTATUS.
     */
    uint32_t (*control)(struct device *device, uint32_t code, const void *input,
                        uint32_t input_length, void *output, uint32_t *output_length);
    void (*close)(struct device *device);
};

/*
 * Opens a device: sim:ADDRESS:PORT, a path of Windows, or NULL for the first device of the driver.
 * Returns NULL, with a message on standard error, if it cannot.
 */
struct device *device_open(const char *name);

/* The two kinds of devices, by the address after `sim:` and by path. */
struct device *device_open_simulated(const char *address);
struct device *device_open_windows(const char *path);

#endif
