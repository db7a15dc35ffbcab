/* What NDIS may send and what it must not: valid and invalid requests, VFs without an allocation,
 * and what an earlier owner left. oids TABLE */
#include <stdio.h>
#include <stdlib.h>

#include "adapter.h"

enum { STATE = 0, GRANT = 1, ADDRESS = 2, QUEUE = 3, LOG = 4, COMMAND = 5, UNKNOWN = 6 };
enum { HEADER = 20, VFS = 3 };

static adapter self;

static bb_vf_status status_of(uint16_t vf) {
  bb_vf_status status;
  const bb_broker *broker = VfBlocksEnter(&self.blocks);
  REQUIRE(bb_vf_status_of(broker, vf, &status) == BB_SUCCESS);
  VfBlocksLeave(&self.blocks);
  return status;
}

static void open_with_all(const char *table) {
  adapter_open(&self, table, VFS);
  for (uint16_t vf = 0; vf < VFS; vf++) {
    uint16_t allocated = 0xFFFF;
    REQUIRE(adapter_allocate(&self, &allocated) == NDIS_STATUS_SUCCESS && allocated == vf);
  }
}

static void require_all(const uint8_t *bytes, size_t length, uint8_t value) {
  for (size_t index = 0; index < length; index++) {
    REQUIRE(bytes[index] == value);
  }
}

/* A start fails without a trace of itself. */
static void check_start(const char *path) {
  VF_BLOCKS blocks;
  VF_BLOCKS_HARDWARE hardware;
  VF_BLOCKS_CONFIG config;
  memset(&hardware, 0, sizeof hardware);
  memset(&config, 0, sizeof config);
  uint8_t *table = (uint8_t *)read_file(path, &config.TableLength);
  config.MiniportAdapterHandle = &self;
  config.Table = table;
  config.Vfs = 9;
  config.Hardware = &hardware;
  REQUIRE(VfBlocksStart(&blocks, &config) == BB_TOO_MANY_VFS);
  config.Vfs = 0;
  REQUIRE(VfBlocksStart(&blocks, &config) == BB_TOO_MANY_VFS);
  config.Vfs = 8;
  config.TableLength--;
  REQUIRE(VfBlocksStart(&blocks, &config) == BB_INVALID_TABLE);
  config.TableLength++;
  kernel_has_no_memory = true;
  REQUIRE(VfBlocksStart(&blocks, &config) == STATUS_INSUFFICIENT_RESOURCES);
  table[config.TableLength - 1] ^= 1;
  REQUIRE(VfBlocksStart(&blocks, &config) == BB_INVALID_TABLE);
  REQUIRE(kernel_allocations == 0);
  /* Nothing is supported without a start. */
  NDIS_STATUS status = NDIS_STATUS_SUCCESS;
  oid_request request = request_read(0, STATE, HEADER, 128, HEADER + 128);
  REQUIRE(VfBlocksOidRequest(&blocks, &request.ndis, &status));
  REQUIRE(status == NDIS_STATUS_NOT_SUPPORTED);
  REQUIRE(VfBlocksEnter(&blocks) == NULL);
  REQUIRE(VfBlocksPublish(&blocks, 0, GRANT, table, 8, NULL) == BB_REFUSED_REMOVED);
  REQUIRE(blocks.Users.count == 0);
  free(request.buffer);
  free(table);
}

/* Requests that are not for these blocks, and kinds of requests that an OID does not have. */
static void check_oids(const char *table) {
  NDIS_STATUS status = NDIS_STATUS_SUCCESS;
  const NDIS_OID set[] = {OID_NIC_SWITCH_FREE_VF, OID_SRIOV_WRITE_VF_CONFIG_BLOCK,
                          OID_SRIOV_RESET_VF, OID_SRIOV_SET_VF_POWER_STATE};
  const NDIS_OID method[] = {OID_NIC_SWITCH_ALLOCATE_VF, OID_SRIOV_READ_VF_CONFIG_BLOCK};
  open_with_all(table);
  oid_request request =
      request_make(OID_SRIOV_READ_VF_CONFIG_SPACE, NdisRequestMethod, HEADER, HEADER);
  REQUIRE(!VfBlocksOidRequest(&self.blocks, &request.ndis, &status));
  REQUIRE(status == NDIS_STATUS_SUCCESS);
  free(request.buffer);
  for (size_t index = 0; index < sizeof set / sizeof set[0]; index++) {
    request = request_make(set[index], NdisRequestMethod, HEADER, 2048);
    REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_OID);
    request = request_make(set[index], NdisRequestQueryInformation, HEADER, 2048);
    REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_OID);
  }
  for (size_t index = 0; index < sizeof method / sizeof method[0]; index++) {
    request = request_make(method[index], NdisRequestSetInformation, HEADER, 2048);
    REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_OID);
  }
  adapter_close(&self);
}

/* The UINT of a result that says how long the buffer must be. */
static UINT needed_of(const oid_request *request) {
  return request->ndis.RequestType == NdisRequestMethod
             ? request->ndis.DATA.METHOD_INFORMATION.BytesNeeded
             : request->ndis.DATA.SET_INFORMATION.BytesNeeded;
}

/* One OID: each length of its buffer, and each member of its header. `size` is that of the first
 * revision; with a valid header and zeros VF 0 is meant, which exists. */
static void check_header(NDIS_OID oid, NDIS_REQUEST_TYPE type, USHORT size, NDIS_STATUS valid) {
  oid_request request;
  for (ULONG length = 0; length < size; length++) {
    request = request_make(oid, type, size, length);
    REQUIRE(request_send(&self, &request) == NDIS_STATUS_INVALID_LENGTH);
    REQUIRE(needed_of(&request) == size);
    free(request.buffer);
  }
  request = request_make(oid, type, size, size);
  request.ndis.DATA.SET_INFORMATION.InformationBuffer = NULL;
  REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_LENGTH);
  for (int field = 0; field < 4; field++) {
    request = request_make(oid, type, size, size);
    NDIS_OBJECT_HEADER header = {NDIS_OBJECT_TYPE_DEFAULT, 1, size};
    switch (field) {
    case 0:
      header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
      break;
    case 1:
      header.Revision = 0;
      break;
    case 2:
      header.Size = (USHORT)(size - 1);
      break;
    default:
      header.Size = 0;
      break;
    }
    memcpy(request.buffer, &header, sizeof header);
    REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_PARAMETER);
  }
  /* A header that is longer than the buffer. */
  request = request_make(oid, type, size, size);
  NDIS_OBJECT_HEADER header = {NDIS_OBJECT_TYPE_DEFAULT, 2, (USHORT)(size + 8)};
  memcpy(request.buffer, &header, sizeof header);
  REQUIRE(request_send(&self, &request) == NDIS_STATUS_INVALID_LENGTH);
  REQUIRE(needed_of(&request) == size + 8u);
  free(request.buffer);
  /* A later revision is used as the first one. */
  request = request_make(oid, type, size, size + 8u);
  memcpy(request.buffer, &header, sizeof header);
  REQUIRE(request_do(&self, &request) == valid);
}

static void check_headers(const char *table) {
  open_with_all(table);
  /* Zeros: a block's length and offset of 0, an unspecified power state. */
  check_header(OID_SRIOV_READ_VF_CONFIG_BLOCK, NdisRequestMethod, HEADER,
               NDIS_STATUS_INVALID_PARAMETER);
  check_header(OID_SRIOV_WRITE_VF_CONFIG_BLOCK, NdisRequestSetInformation, HEADER,
               NDIS_STATUS_INVALID_PARAMETER);
  check_header(OID_SRIOV_SET_VF_POWER_STATE, NdisRequestSetInformation, 13,
               NDIS_STATUS_INVALID_PARAMETER);
  check_header(OID_SRIOV_RESET_VF, NdisRequestSetInformation, 6, NDIS_STATUS_SUCCESS);
  REQUIRE(self.resets == 1);
  check_header(OID_NIC_SWITCH_FREE_VF, NdisRequestSetInformation, 10, NDIS_STATUS_SUCCESS);
  REQUIRE(self.freed == 1 && self.allocated == VFS);
  check_header(OID_NIC_SWITCH_ALLOCATE_VF, NdisRequestMethod,
               sizeof(NDIS_NIC_SWITCH_VF_PARAMETERS), NDIS_STATUS_SUCCESS);
  REQUIRE(self.allocated == VFS + 1);
  adapter_close(&self);
}

/* Where the data lies in the buffer, in both directions. */
static void check_ranges(const char *table) {
  static const struct {
    uint32_t offset;
    uint32_t bytes;
    ULONG length;
    NDIS_STATUS status;
  } cases[] = {
      {HEADER, 128, HEADER + 128, NDIS_STATUS_SUCCESS},
      {HEADER + 1, 128, HEADER + 129, NDIS_STATUS_SUCCESS},
      {HEADER + 3, 128, HEADER + 140, NDIS_STATUS_SUCCESS},
      {512, 128, 640, NDIS_STATUS_SUCCESS},
      /* Inside of the structure. */
      {0, 128, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      {16, 128, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      {HEADER - 1, 128, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      /* Beyond the buffer: declared is more than actual. */
      {HEADER, 128, HEADER, NDIS_STATUS_INVALID_LENGTH},
      {HEADER, 128, HEADER + 127, NDIS_STATUS_INVALID_LENGTH},
      {HEADER + 1, 128, HEADER + 128, NDIS_STATUS_INVALID_LENGTH},
      {1000, 128, HEADER + 128, NDIS_STATUS_INVALID_LENGTH},
      {HEADER + 128, 1, HEADER + 128, NDIS_STATUS_INVALID_LENGTH},
      {0x7FFFFFFF, 128, HEADER + 128, NDIS_STATUS_INVALID_LENGTH},
      {UINT32_MAX - 128, 128, HEADER + 128, NDIS_STATUS_INVALID_LENGTH},
      /* Sums that wrap. */
      {UINT32_MAX - 127, 128, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      {UINT32_MAX, 128, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      {UINT32_MAX, 1, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      /* Lengths that the block does not have. */
      {HEADER, 0, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      {HEADER, 129, HEADER + 129, NDIS_STATUS_INVALID_PARAMETER},
      {HEADER, 129, HEADER, NDIS_STATUS_INVALID_PARAMETER},
      {HEADER, UINT32_MAX, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      {HEADER, UINT32_MAX - HEADER + 1, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
      {UINT32_MAX - 128, UINT32_MAX, HEADER + 128, NDIS_STATUS_INVALID_PARAMETER},
  };
  open_with_all(table);
  for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
    bool is_valid = cases[index].status == NDIS_STATUS_SUCCESS;
    uint8_t image[128];
    memset(image, (int)index + 1, sizeof image);
    oid_request request =
        request_write(1, STATE, cases[index].offset, is_valid ? image : NULL, cases[index].bytes,
                      cases[index].length);
    REQUIRE(request_send(&self, &request) == cases[index].status);
    if (cases[index].status == NDIS_STATUS_INVALID_LENGTH) {
      REQUIRE(needed_of(&request) == cases[index].offset + cases[index].bytes);
    } else if (is_valid) {
      REQUIRE(request.ndis.DATA.SET_INFORMATION.BytesRead == cases[index].offset + 128);
    }
    free(request.buffer);
    request = request_read(1, STATE, cases[index].offset, cases[index].bytes,
                           cases[index].length);
    REQUIRE(request_send(&self, &request) == cases[index].status);
    if (cases[index].status == NDIS_STATUS_INVALID_LENGTH) {
      REQUIRE(needed_of(&request) == cases[index].offset + cases[index].bytes);
    } else if (is_valid) {
      const uint32_t end = cases[index].offset + 128;
      REQUIRE(request.ndis.DATA.METHOD_INFORMATION.BytesWritten == end);
      REQUIRE(request.ndis.DATA.METHOD_INFORMATION.BytesRead == HEADER);
      REQUIRE(memcmp(request.buffer + cases[index].offset, image, sizeof image) == 0);
      /* Nothing around the data is written. */
      require_all(request.buffer + HEADER, cases[index].offset - HEADER, 0xEE);
      require_all(request.buffer + end, cases[index].length - end, 0xEE);
    }
    free(request.buffer);
  }
  /* The input may be shorter than the output, never the other way around. */
  oid_request request = request_read(1, STATE, HEADER, 128, HEADER + 128);
  request.ndis.DATA.METHOD_INFORMATION.InputBufferLength = HEADER;
  REQUIRE(request_do(&self, &request) == NDIS_STATUS_SUCCESS);
  request = request_read(1, STATE, HEADER, 128, HEADER + 128);
  request.ndis.DATA.METHOD_INFORMATION.OutputBufferLength = HEADER + 127;
  REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_LENGTH);
  adapter_close(&self);
}

/* VFs and blocks that do not exist; what a VF does reaches no other one. */
static void check_ids(const char *table) {
  const uint16_t vfs[] = {VFS, VFS + 1, 8, 0x7FFF, 0xFFFE, 0xFFFF};
  const uint32_t blocks[] = {UNKNOWN, 63, 64, 0xFFFF, 0x10000, UINT32_MAX};
  uint8_t image[128];
  memset(image, 7, sizeof image);
  open_with_all(table);
  for (size_t index = 0; index < sizeof vfs / sizeof vfs[0]; index++) {
    REQUIRE(adapter_read(&self, vfs[index], STATE, image, 128) == NDIS_STATUS_INVALID_PARAMETER);
    REQUIRE(adapter_write(&self, vfs[index], STATE, image, 128) ==
            NDIS_STATUS_INVALID_PARAMETER);
    REQUIRE(adapter_reset(&self, vfs[index]) == NDIS_STATUS_INVALID_PARAMETER);
    REQUIRE(adapter_power(&self, vfs[index], 1) == NDIS_STATUS_INVALID_PARAMETER);
    REQUIRE(adapter_free(&self, vfs[index]) == NDIS_STATUS_FILE_NOT_FOUND);
  }
  REQUIRE(self.resets == 0 && self.freed == 0);
  for (size_t index = 0; index < sizeof blocks / sizeof blocks[0]; index++) {
    REQUIRE(adapter_read(&self, 1, blocks[index], image, 128) == NDIS_STATUS_INVALID_PARAMETER);
    REQUIRE(adapter_write(&self, 1, blocks[index], image, 128) ==
            NDIS_STATUS_INVALID_PARAMETER);
  }
  REQUIRE(status_of(1).refused[1] == 12 && bb_refusal_status(1) == BB_REFUSED_BLOCK);
  /* A block in a direction that it does not have. */
  REQUIRE(adapter_write(&self, 1, GRANT, image, 8) == NDIS_STATUS_FAILURE);
  REQUIRE(adapter_read(&self, 1, LOG, image, 8) == NDIS_STATUS_FAILURE);
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  memset(image, 9, sizeof image);
  REQUIRE(adapter_read(&self, 0, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  require_all(image, sizeof image, 0);
  REQUIRE(adapter_read(&self, 2, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  require_all(image, sizeof image, 0);
  adapter_close(&self);
}

/* Lengths around those of the blocks. */
static void check_lengths(const char *table) {
  static const struct {
    uint32_t block;
    uint32_t bytes;
    bool is_valid;
  } writes[] = {
      {STATE, 0, false},   {STATE, 1, false},   {STATE, 127, false},       {STATE, 128, true},
      {STATE, 129, false}, {COMMAND, 63, false}, {COMMAND, 64, true},      {COMMAND, 65, false},
      {LOG, 0, false},     {LOG, 1, true},      {LOG, 8, true},            {LOG, 9, false},
      {LOG, 128, false},   {LOG, 129, false},   {LOG, UINT32_MAX, false},
  };
  uint8_t image[128] = {0};
  open_with_all(table);
  for (size_t index = 0; index < sizeof writes / sizeof writes[0]; index++) {
    NDIS_STATUS expected =
        writes[index].is_valid ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
    REQUIRE(adapter_write(&self, 0, writes[index].block, image, writes[index].bytes) == expected);
  }
  REQUIRE(adapter_read(&self, 0, COMMAND, image, 63) == NDIS_STATUS_INVALID_PARAMETER);
  REQUIRE(adapter_read(&self, 0, COMMAND, image, 64) == NDIS_STATUS_SUCCESS);
  /* A longer read is filled with zeros. */
  memset(image, 0xEE, sizeof image);
  REQUIRE(adapter_read(&self, 0, COMMAND, image, 128) == NDIS_STATUS_SUCCESS);
  require_all(image + 64, 64, 0);
  adapter_close(&self);
}

/* Changes the buffer of a write while the driver holds the VF's lock: after it has copied the
 * bytes, before it has checked them. */
static void change_buffer(void *context) {
  uint8_t *data = (uint8_t *)context;
  data[0] = 0xFF;
  data[1] = 0xFF;
}

/* Content that a rule refuses, and bytes that change while they are checked. */
static void check_content(const char *table) {
  uint8_t image[64] = {0};
  open_with_all(table);
  image[0] = 1;
  image[2] = 9;
  REQUIRE(adapter_write(&self, 0, COMMAND, image, 64) == NDIS_STATUS_SUCCESS);
  image[0] = 2;
  REQUIRE(adapter_write(&self, 0, COMMAND, image, 64) == NDIS_STATUS_FAILURE);
  image[0] = 1;
  image[63] = 1;
  REQUIRE(adapter_write(&self, 0, COMMAND, image, 64) == NDIS_STATUS_FAILURE);
  image[63] = 0;
  bb_vf_status status = status_of(0);
  uint64_t refused = 0;
  for (uint32_t code = 0; code < status.reason_count; code++) {
    bb_status reason = bb_refusal_status(code);
    if (reason == BB_REFUSED_VALUE || reason == BB_REFUSED_RESERVED) {
      refused += status.refused[code];
    }
  }
  REQUIRE(refused == 2 && status.writes == 1);

  oid_request request = request_write(0, COMMAND, HEADER, image, 64, HEADER + 64);
  NDIS_STATUS result = NDIS_STATUS_FAILURE;
  kernel_under_next_lock = change_buffer;
  kernel_under_next_lock_context = request.buffer + HEADER;
  REQUIRE(VfBlocksOidRequest(&self.blocks, &request.ndis, &result));
  REQUIRE(kernel_under_next_lock == NULL && request.buffer[HEADER] == 0xFF);
  REQUIRE(result == NDIS_STATUS_SUCCESS);
  free(request.buffer);
  uint8_t reply[64];
  REQUIRE(adapter_read(&self, 0, COMMAND, reply, 64) == NDIS_STATUS_SUCCESS);
  REQUIRE(memcmp(reply, image, sizeof image) == 0);
  adapter_close(&self);
}

/* Allocation in order, failures of the hardware, and what an earlier owner left. */
static void check_allocation(const char *table) {
  uint16_t vf = 0xFFFF;
  uint8_t image[128];
  bb_message message;
  bb_follow_up follow_up;
  size_t count = 9;
  adapter_open(&self, table, VFS);
  memset(image, 5, sizeof image);
  /* Nothing is allocated at the start. */
  REQUIRE(adapter_read(&self, 0, STATE, image, 128) == NDIS_STATUS_INVALID_PARAMETER);
  REQUIRE(adapter_write(&self, 0, STATE, image, 128) == NDIS_STATUS_INVALID_PARAMETER);
  REQUIRE(adapter_reset(&self, 0) == NDIS_STATUS_INVALID_PARAMETER);
  REQUIRE(adapter_power(&self, 0, 1) == NDIS_STATUS_INVALID_PARAMETER);
  REQUIRE(adapter_free(&self, 0) == NDIS_STATUS_FILE_NOT_FOUND);
  REQUIRE(VfBlocksPublish(&self.blocks, 0, GRANT, image, 8, NULL) == BB_REFUSED_VF);
  REQUIRE(self.freed == 0 && self.resets == 0 && self.power[0] == NdisDeviceStateUnspecified);

  /* The hardware refuses: the VF is not allocated, and is the next one again. */
  self.allocate_status = NDIS_STATUS_RESOURCES;
  REQUIRE(adapter_allocate(&self, &vf) == NDIS_STATUS_RESOURCES && vf == 0xFFFF);
  REQUIRE(adapter_read(&self, 0, STATE, image, 128) == NDIS_STATUS_INVALID_PARAMETER);
  self.allocate_status = NDIS_STATUS_SUCCESS;
  for (uint16_t wanted = 0; wanted < VFS; wanted++) {
    REQUIRE(adapter_allocate(&self, &vf) == NDIS_STATUS_SUCCESS && vf == wanted);
  }
  int allocated = self.allocated;
  REQUIRE(adapter_allocate(&self, &vf) == NDIS_STATUS_FAILURE && self.allocated == allocated);

  /* Another switch than the default one does not exist; both buffers have to be long enough. */
  oid_request request =
      request_make(OID_NIC_SWITCH_ALLOCATE_VF, NdisRequestMethod, 1632, 1632);
  request.buffer[offsetof(NDIS_NIC_SWITCH_VF_PARAMETERS, SwitchId)] = 1;
  REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_PARAMETER);
  request = request_make(OID_NIC_SWITCH_ALLOCATE_VF, NdisRequestMethod, 1632, 1632);
  request.ndis.DATA.METHOD_INFORMATION.OutputBufferLength = 1631;
  REQUIRE(request_do(&self, &request) == NDIS_STATUS_INVALID_LENGTH);

  /* An owner leaves values, a message and an invalidation. */
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  REQUIRE(adapter_write(&self, 1, LOG, image, 3) == NDIS_STATUS_SUCCESS);
  REQUIRE(VfBlocksPublishAll(&self.blocks, ADDRESS, image, 4) == BB_SUCCESS);
  const bb_broker *broker = VfBlocksEnter(&self.blocks);
  REQUIRE(bb_invalidate(broker, 1, 1 << STATE, 0, &follow_up) == BB_SUCCESS);
  VfBlocksLeave(&self.blocks);

  /* While it has VPorts, the hardware does not free it. */
  self.free_status = NDIS_STATUS_FILE_NOT_FOUND;
  REQUIRE(adapter_free(&self, 1) == NDIS_STATUS_FILE_NOT_FOUND);
  REQUIRE(adapter_read(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS && image[0] == 5);
  self.free_status = NDIS_STATUS_SUCCESS;
  REQUIRE(adapter_free(&self, 1) == NDIS_STATUS_SUCCESS);
  REQUIRE(adapter_free(&self, 1) == NDIS_STATUS_FILE_NOT_FOUND);
  REQUIRE(adapter_read(&self, 1, STATE, image, 128) == NDIS_STATUS_INVALID_PARAMETER);
  REQUIRE(adapter_read(&self, 0, STATE, image, 128) == NDIS_STATUS_SUCCESS);

  REQUIRE(adapter_allocate(&self, &vf) == NDIS_STATUS_SUCCESS && vf == 1);
  REQUIRE(adapter_read(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  require_all(image, sizeof image, 0);
  /* What the manifest keeps belongs to the device. */
  REQUIRE(adapter_read(&self, 1, ADDRESS, image, 4) == NDIS_STATUS_SUCCESS);
  require_all(image, 4, 5);
  broker = VfBlocksEnter(&self.blocks);
  REQUIRE(bb_drain(broker, 1, LOG, &message, 1, &count, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(count == 0 && status_of(1).pending == 0);
  VfBlocksLeave(&self.blocks);
  adapter_close(&self);
}

/* Host software cannot publish to a VF whose reset pends, and its read must not succeed. */
static void during_reset(adapter *of_vf, uint16_t vf) {
  uint8_t grant[8] = {1};
  uint8_t image[128];
  bb_follow_up follow_up;
  const bb_broker *broker = VfBlocksEnter(&of_vf->blocks);
  REQUIRE(broker != NULL);
  REQUIRE(bb_read(broker, vf, STATE, image, 128, 0, &follow_up) == BB_REFUSED_STATE);
  VfBlocksLeave(&of_vf->blocks);
  REQUIRE(VfBlocksPublish(&of_vf->blocks, vf, GRANT, grant, 8, NULL) == BB_REFUSED_STATE);
  REQUIRE(VfBlocksPublish(&of_vf->blocks, 0, GRANT, grant, 8, NULL) == BB_SUCCESS);
}

static void check_resets(const char *table) {
  const reset_mode modes[] = {RESET_SUCCEEDS, RESET_FAILS, RESET_COMPLETES_EARLY, RESET_PENDS,
                              RESET_PENDS_AND_FAILS, RESET_SUCCEEDS};
  uint8_t image[128];
  open_with_all(table);
  memset(image, 6, sizeof image);
  REQUIRE(adapter_write(&self, 2, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  self.meanwhile = during_reset;
  for (size_t index = 0; index < sizeof modes / sizeof modes[0]; index++) {
    bool fails = modes[index] == RESET_FAILS || modes[index] == RESET_PENDS_AND_FAILS;
    memset(image, 7, sizeof image);
    adapter_write(&self, 1, STATE, image, 128);
    self.reset = modes[index];
    REQUIRE(adapter_reset(&self, 1) == (fails ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS));
    REQUIRE(self.resets == (int)index + 1);
    memset(image, 0xEE, sizeof image);
    /* A VF whose hardware failed stays closed. */
    REQUIRE(adapter_read(&self, 1, STATE, image, 128) ==
            (fails ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS));
    require_all(image, sizeof image, fails ? 0xEE : 0);
  }
  /* The other VF keeps its value, and a completion without a request has no effect. */
  REQUIRE(adapter_read(&self, 2, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  require_all(image, sizeof image, 6);
  VfBlocksResetComplete(&self.blocks, NDIS_STATUS_SUCCESS);
  REQUIRE(self.completed_request == NULL);
  self.meanwhile = NULL;
  adapter_close(&self);
}

static void check_power(const char *table) {
  const ULONG invalid[] = {0, 5, 6, 0xFFFFFFFF, 0x80000001};
  open_with_all(table);
  for (ULONG state = 1; state <= 4; state++) {
    REQUIRE(adapter_power(&self, 1, state) == NDIS_STATUS_SUCCESS);
    REQUIRE(self.power[1] == (NDIS_DEVICE_POWER_STATE)state && self.wake_enable == 1);
    REQUIRE(status_of(1).power == state - 1);
  }
  for (size_t index = 0; index < sizeof invalid / sizeof invalid[0]; index++) {
    REQUIRE(adapter_power(&self, 1, invalid[index]) == NDIS_STATUS_INVALID_PARAMETER);
  }
  self.power_status = NDIS_STATUS_RESOURCES;
  REQUIRE(adapter_power(&self, 1, 1) == NDIS_STATUS_FAILURE);
  REQUIRE(status_of(1).power == BB_POWER_STATE_D3 && status_of(0).power == BB_POWER_STATE_D0);
  adapter_close(&self);
}

/* Publishes reach the stack as masks of the VF, at every IRQL that a publish may have. */
static void check_invalidations(const char *table) {
  uint8_t grant[9] = {1};
  uint64_t revision = 0;
  bb_follow_up follow_up;
  open_with_all(table);
  REQUIRE(VfBlocksPublish(&self.blocks, 1, GRANT, grant, 8, NULL) == BB_SUCCESS);
  REQUIRE(adapter_take_invalidation(&self, 1) == 1 << GRANT);
  REQUIRE(adapter_take_invalidation(&self, 0) == 0);
  kernel_irql = DISPATCH_LEVEL;
  REQUIRE(VfBlocksPublishAll(&self.blocks, GRANT, grant, 8) == BB_SUCCESS);
  kernel_irql = PASSIVE_LEVEL;
  for (uint16_t vf = 0; vf < VFS; vf++) {
    REQUIRE(adapter_take_invalidation(&self, vf) == 1 << GRANT);
  }
  /* A block that does not notify, and refused publishes. */
  REQUIRE(VfBlocksPublish(&self.blocks, 1, ADDRESS, grant, 4, NULL) == BB_SUCCESS);
  REQUIRE(VfBlocksPublish(&self.blocks, 1, LOG, grant, 4, NULL) == BB_REFUSED_KIND);
  REQUIRE(VfBlocksPublish(&self.blocks, 1, GRANT, grant, 9, NULL) == BB_REFUSED_LENGTH);
  REQUIRE(VfBlocksPublish(&self.blocks, VFS, GRANT, grant, 8, NULL) == BB_REFUSED_VF);
  REQUIRE(VfBlocksPublishAll(&self.blocks, UNKNOWN, grant, 8) == BB_REFUSED_BLOCK);
  REQUIRE(adapter_take_invalidation(&self, 1) == 0);
  /* A reply to an earlier owner is not delivered. */
  const bb_broker *broker = VfBlocksEnter(&self.blocks);
  REQUIRE(bb_host_read(broker, 1, GRANT, grant, 8, &revision, 0, &follow_up) == BB_SUCCESS);
  VfBlocksLeave(&self.blocks);
  REQUIRE(VfBlocksPublish(&self.blocks, 1, GRANT, grant, 8, &revision) == BB_SUCCESS);
  revision++;
  REQUIRE(adapter_reset(&self, 1) == NDIS_STATUS_SUCCESS);
  REQUIRE(VfBlocksPublish(&self.blocks, 1, GRANT, grant, 8, &revision) == BB_REFUSED_CHANGED);
  /* A storm: each publish is delivered or joins a mask that was not taken yet. */
  uint64_t before = self.invalidations;
  for (int round = 0; round < 1000; round++) {
    REQUIRE(VfBlocksPublish(&self.blocks, 1, GRANT, grant, 8, NULL) == BB_SUCCESS);
  }
  REQUIRE(self.invalidations == before + 1000);
  REQUIRE(adapter_take_invalidation(&self, 1) == 1 << GRANT);
  adapter_close(&self);
}

/* A write that host software waits for, without and with a listener. */
static void check_wakes(const char *table) {
  uint8_t image[128] = {0};
  bb_cookie cookie = {{0}};
  bool is_due = true;
  open_with_all(table);
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS && self.wakes == 0);
  const bb_broker *broker = VfBlocksEnter(&self.blocks);
  REQUIRE(bb_changes(broker, BB_CHANGE_WRITTEN, &cookie, NULL, 0, NULL, NULL) == BB_SUCCESS);
  bb_change changes[4];
  size_t count = 0;
  REQUIRE(bb_changes(broker, BB_CHANGE_WRITTEN, &cookie, changes, 4, &count, NULL) ==
          BB_SUCCESS);
  REQUIRE(count == 1 && changes[0].vf == 1 && changes[0].block == STATE);
  REQUIRE(bb_await_changes(broker, BB_CHANGE_WRITTEN, &cookie, &is_due) == BB_SUCCESS && !is_due);
  VfBlocksLeave(&self.blocks);
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS && self.wakes == 1);
  /* The function is optional. */
  self.hardware.WakeListeners = NULL;
  broker = VfBlocksEnter(&self.blocks);
  bb_await_changes(broker, BB_CHANGE_WRITTEN, &cookie, &is_due);
  VfBlocksLeave(&self.blocks);
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS && self.wakes == 1);
  adapter_close(&self);
}

/* Programming the queue publishes to the same VF. */
static void publish_grant(adapter *of_vf, uint16_t vf) {
  uint8_t grant[8] = {9};
  REQUIRE(VfBlocksPublish(&of_vf->blocks, vf, GRANT, grant, 8, NULL) == BB_SUCCESS);
}

/* A block that the hardware handles: refused while it is not ready, declined, accepted. */
static void check_companion(const char *table) {
  uint8_t queue[4] = {4, 0, 0, 0};
  uint8_t reply[4] = {0};
  open_with_all(table);
  REQUIRE(adapter_write(&self, 1, QUEUE, queue, 4) == NDIS_STATUS_FAILURE);
  REQUIRE(adapter_read(&self, 1, QUEUE, reply, 4) == NDIS_STATUS_FAILURE);
  VfBlocksSetReady(&self.blocks, TRUE);
  self.meanwhile = publish_grant;
  REQUIRE(adapter_write(&self, 1, QUEUE, queue, 4) == NDIS_STATUS_SUCCESS && self.written == 1);
  REQUIRE(adapter_take_invalidation(&self, 1) == 1 << GRANT);
  REQUIRE(adapter_read(&self, 1, QUEUE, reply, 4) == NDIS_STATUS_SUCCESS);
  REQUIRE(reply[0] == 4 && reply[2] == 3);
  self.write_answer = STATUS_UNSUCCESSFUL;
  queue[0] = 5;
  REQUIRE(adapter_write(&self, 1, QUEUE, queue, 4) == NDIS_STATUS_FAILURE && self.written == 2);
  /* A rule refuses before the hardware is asked. */
  queue[0] = 9;
  REQUIRE(adapter_write(&self, 1, QUEUE, queue, 4) == NDIS_STATUS_FAILURE && self.written == 2);
  REQUIRE(adapter_read(&self, 1, QUEUE, reply, 4) == NDIS_STATUS_SUCCESS && reply[0] == 4);
  VfBlocksSetReady(&self.blocks, FALSE);
  REQUIRE(adapter_read(&self, 1, QUEUE, reply, 4) == NDIS_STATUS_FAILURE);
  VfBlocksSetReady(&self.blocks, TRUE);
  self.hardware.ReadBlock = NULL;
  self.hardware.WriteBlock = NULL;
  REQUIRE(adapter_read(&self, 1, QUEUE, reply, 4) == NDIS_STATUS_FAILURE);
  REQUIRE(adapter_write(&self, 1, QUEUE, queue, 4) == NDIS_STATUS_FAILURE);
  self.meanwhile = NULL;
  adapter_close(&self);
}

/* A flood and a stream that nothing drains hold up their VF alone, and for a time. */
static void check_load(const char *table) {
  uint8_t image[128] = {0};
  open_with_all(table);
  for (int message = 0; message < 4; message++) {
    REQUIRE(adapter_write(&self, 1, LOG, image, 8) == NDIS_STATUS_SUCCESS);
  }
  REQUIRE(adapter_write(&self, 1, LOG, image, 8) == NDIS_STATUS_FAILURE);
  int committed = 0;
  for (int write = 0; write < 2000; write++) {
    committed += adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS;
  }
  REQUIRE(committed > 900 && committed < 1100);
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_FAILURE);
  REQUIRE(status_of(1).floods == 1);
  REQUIRE(adapter_write(&self, 2, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  REQUIRE(adapter_read(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  kernel_advance(100 * 10000000ull);
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  adapter_close(&self);
}

/* The device is gone before NDIS halts the adapter. */
static void check_removal(const char *table) {
  uint8_t image[128] = {0};
  uint16_t vf = 0;
  open_with_all(table);
  VfBlocksSurpriseRemoved(&self.blocks);
  REQUIRE(adapter_read(&self, 1, STATE, image, 128) == NDIS_STATUS_NOT_ACCEPTED);
  REQUIRE(adapter_write(&self, 1, STATE, image, 128) == NDIS_STATUS_NOT_ACCEPTED);
  REQUIRE(adapter_reset(&self, 1) == NDIS_STATUS_NOT_ACCEPTED && self.resets == 0);
  REQUIRE(adapter_power(&self, 1, 1) == NDIS_STATUS_NOT_ACCEPTED);
  REQUIRE(adapter_free(&self, 1) == NDIS_STATUS_NOT_ACCEPTED && self.freed == 0);
  REQUIRE(adapter_allocate(&self, &vf) == NDIS_STATUS_NOT_ACCEPTED);
  oid_request request = request_make(OID_SRIOV_RESET_VF, NdisRequestSetInformation, 6, 5);
  REQUIRE(request_do(&self, &request) == NDIS_STATUS_NOT_ACCEPTED);
  REQUIRE(VfBlocksPublish(&self.blocks, 1, GRANT, image, 8, NULL) == BB_REFUSED_REMOVED);
  REQUIRE(VfBlocksPublishAll(&self.blocks, GRANT, image, 8) == BB_REFUSED_REMOVED);
  REQUIRE(self.invalidations == 0);
  adapter_close(&self);
  REQUIRE(VfBlocksPublish(&self.blocks, 1, GRANT, image, 8, NULL) == BB_REFUSED_REMOVED);
  REQUIRE(VfBlocksPublishAll(&self.blocks, GRANT, image, 8) == BB_REFUSED_REMOVED);
}

/* The device is removed while a reset pends. */
static void remove_device(adapter *of_vf, uint16_t vf) {
  (void)vf;
  VfBlocksSurpriseRemoved(&of_vf->blocks);
}

static void check_removal_during_reset(const char *table) {
  open_with_all(table);
  self.meanwhile = remove_device;
  self.reset = RESET_PENDS;
  REQUIRE(adapter_reset(&self, 1) == NDIS_STATUS_NOT_ACCEPTED && self.resets == 1);
  self.meanwhile = NULL;
  adapter_close(&self);
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  const char *table = arguments[1];
  check_start(table);
  check_oids(table);
  check_headers(table);
  check_ranges(table);
  check_ids(table);
  check_lengths(table);
  check_content(table);
  check_allocation(table);
  check_resets(table);
  check_power(table);
  check_invalidations(table);
  check_wakes(table);
  check_companion(table);
  check_load(table);
  check_removal(table);
  check_removal_during_reset(table);
  puts("done");
  return 0;
}
