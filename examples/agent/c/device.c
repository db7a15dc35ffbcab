/* Opens a device by its name. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#define SIMULATED "sim:"

struct device *device_open(const char *name)
{
    if (name != NULL && strncmp(name, SIMULATED, strlen(SIMULATED)) == 0)
        return device_open_simulated(name + strlen(SIMULATED));
#ifdef _WIN32
    return device_open_windows(name);
#else
    fprintf(stderr, "agent: devices of the driver exist on Windows alone; a simulated device is "
                    "sim:ADDRESS:PORT\n");
    return NULL;
#endif
}
