/* A device for tests: a broker in heap memory, with a mutex for each VF. */
#ifndef DEVICE_H
#define DEVICE_H

#include "block_broker.h"

typedef struct test_device {
  bb_broker *broker;
  void *table;
  size_t table_length;
  void *memory;
  uint16_t vfs;
} test_device;

/* Reads the table from a file and initializes the broker. Ends the program if that fails. */
test_device device_open(const char *table, uint16_t vfs, uint32_t flags);

/* Removes the device and frees its memory. No other call may be in progress. */
void device_close(test_device *device);

/* Reads a whole file, and appends a zero. Ends the program if that fails. */
void *read_file(const char *path, size_t *length);

/* Allocates memory; ends the program if there is none. */
void *allocate(size_t length);

/* The lock functions: a mutex in the memory of each VF's lock. */
size_t acquire_mutex(void *context, uint16_t vf, bb_lock *lock);
void release_mutex(void *context, uint16_t vf, bb_lock *lock, size_t state);

/* The options of a device with these lock functions. */
bb_options options_of(const void *table, size_t length, uint16_t vfs, uint32_t flags);

/* Ends the program with the place and the text of a condition that does not hold. */
#define REQUIRE(condition) \
  do { \
    if (!(condition)) { \
      fail(__FILE__, __LINE__, #condition); \
    } \
  } while (0)
void fail(const char *file, int line, const char *condition);

#endif
