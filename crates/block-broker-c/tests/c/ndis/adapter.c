#include "adapter.h"

#include <stdlib.h>

/* NDIS's functions. */

void NdisMInvalidateConfigBlock(NDIS_HANDLE handle, NDIS_SRIOV_FUNCTION_ID vf, ULONGLONG mask) {
  adapter *self = (adapter *)handle;
  REQUIRE(kernel_irql <= DISPATCH_LEVEL && kernel_locks == 0);
  REQUIRE(vf < ADAPTER_VFS && mask != 0);
  __atomic_fetch_or(&self->invalidated[vf], mask, __ATOMIC_SEQ_CST);
  __atomic_fetch_add(&self->invalidations, 1, __ATOMIC_SEQ_CST);
}

void NdisMOidRequestComplete(NDIS_HANDLE handle, PNDIS_OID_REQUEST request, NDIS_STATUS status) {
  adapter *self = (adapter *)handle;
  REQUIRE(kernel_irql == PASSIVE_LEVEL && status != NDIS_STATUS_PENDING);
  pthread_mutex_lock(&self->mutex);
  REQUIRE(self->completed_request == NULL);
  self->completed_request = request;
  self->completed_status = status;
  pthread_cond_broadcast(&self->completed);
  pthread_mutex_unlock(&self->mutex);
}

/* The hardware. */

static NDIS_STATUS allocate_vf(PVOID context, NDIS_SRIOV_FUNCTION_ID vf,
                               const NDIS_NIC_SWITCH_VF_PARAMETERS *parameters,
                               NDIS_VF_RID *requestor) {
  adapter *self = (adapter *)context;
  REQUIRE(kernel_irql == PASSIVE_LEVEL && parameters->SwitchId == NDIS_DEFAULT_SWITCH_ID);
  self->allocated++;
  *requestor = 0x300u + vf;
  return self->allocate_status;
}

static NDIS_STATUS free_vf(PVOID context, NDIS_SRIOV_FUNCTION_ID vf) {
  adapter *self = (adapter *)context;
  REQUIRE(kernel_irql == PASSIVE_LEVEL && vf < ADAPTER_VFS);
  self->freed++;
  return self->free_status;
}

static void *complete_reset(void *context) {
  adapter *self = (adapter *)context;
  if (self->meanwhile != NULL) {
    self->meanwhile(self, self->blocks.PendingVf);
  }
  VfBlocksResetComplete(&self->blocks, self->reset == RESET_PENDS_AND_FAILS ? NDIS_STATUS_FAILURE
                                                                            : NDIS_STATUS_SUCCESS);
  return NULL;
}

static NDIS_STATUS reset_vf(PVOID context, NDIS_SRIOV_FUNCTION_ID vf) {
  adapter *self = (adapter *)context;
  REQUIRE(kernel_irql == PASSIVE_LEVEL && vf < ADAPTER_VFS);
  self->resets++;
  switch (self->reset) {
  case RESET_SUCCEEDS:
    return NDIS_STATUS_SUCCESS;
  case RESET_FAILS:
    return NDIS_STATUS_FAILURE;
  case RESET_COMPLETES_EARLY:
    complete_reset(self);
    return NDIS_STATUS_PENDING;
  default:
    REQUIRE(pthread_create(&self->resetter, NULL, complete_reset, self) == 0);
    self->has_resetter = true;
    return NDIS_STATUS_PENDING;
  }
}

static NDIS_STATUS set_vf_power_state(PVOID context, NDIS_SRIOV_FUNCTION_ID vf,
                                      NDIS_DEVICE_POWER_STATE state, BOOLEAN wake_enable) {
  adapter *self = (adapter *)context;
  REQUIRE(kernel_irql == PASSIVE_LEVEL && vf < ADAPTER_VFS);
  self->power[vf] = state;
  self->wake_enable = wake_enable;
  return self->power_status;
}

static NTSTATUS write_block(PVOID context, NDIS_SRIOV_FUNCTION_ID vf, ULONG block,
                            const VOID *data, ULONG length) {
  adapter *self = (adapter *)context;
  (void)block;
  REQUIRE(kernel_irql == PASSIVE_LEVEL && data != NULL && length != 0);
  self->written++;
  if (self->meanwhile != NULL) {
    self->meanwhile(self, vf);
  }
  return self->write_answer;
}

/* Sets the last byte of the block. */
static NTSTATUS read_block(PVOID context, NDIS_SRIOV_FUNCTION_ID vf, ULONG block, VOID *data,
                           ULONG length) {
  (void)context;
  (void)vf;
  (void)block;
  REQUIRE(kernel_irql == PASSIVE_LEVEL && data != NULL && length >= 2);
  ((uint8_t *)data)[length - 2] = 3;
  return STATUS_SUCCESS;
}

static void wake_listeners(PVOID context) {
  __atomic_fetch_add(&((adapter *)context)->wakes, 1, __ATOMIC_SEQ_CST);
}

void adapter_open(adapter *self, const char *table, uint16_t vfs) {
  VF_BLOCKS_CONFIG config;
  REQUIRE(vfs <= ADAPTER_VFS);
  memset(self, 0, sizeof *self);
  memset(&config, 0, sizeof config);
  REQUIRE(pthread_mutex_init(&self->requests, NULL) == 0);
  REQUIRE(pthread_mutex_init(&self->mutex, NULL) == 0);
  REQUIRE(pthread_cond_init(&self->completed, NULL) == 0);
  self->hardware.AllocateVf = allocate_vf;
  self->hardware.FreeVf = free_vf;
  self->hardware.ResetVf = reset_vf;
  self->hardware.SetVfPowerState = set_vf_power_state;
  self->hardware.WriteBlock = write_block;
  self->hardware.ReadBlock = read_block;
  self->hardware.WakeListeners = wake_listeners;
  self->table = read_file(table, &config.TableLength);
  config.MiniportAdapterHandle = self;
  config.Table = self->table;
  config.Vfs = vfs;
  config.Hardware = &self->hardware;
  config.Context = self;
  /* The previous content of the context must not matter. */
  memset(&self->blocks, 0xEE, sizeof self->blocks);
  REQUIRE(VfBlocksStart(&self->blocks, &config) == STATUS_SUCCESS);
}

void adapter_close(adapter *self) {
  VfBlocksStop(&self->blocks);
  REQUIRE(kernel_allocations == 0);
  REQUIRE(VfBlocksEnter(&self->blocks) == NULL);
  free(self->table);
}

/* Requests. */

oid_request request_make(NDIS_OID oid, NDIS_REQUEST_TYPE type, USHORT size, ULONG length) {
  oid_request request;
  NDIS_OBJECT_HEADER header = {NDIS_OBJECT_TYPE_DEFAULT, 1, size};
  memset(&request, 0, sizeof request);
  request.buffer = (uint8_t *)allocate(length);
  request.length = length;
  memset(request.buffer, 0, length < size ? length : size);
  if (length > size) {
    memset(request.buffer + size, 0xEE, length - size);
  }
  memcpy(request.buffer, &header, length < sizeof header ? length : sizeof header);
  request.ndis.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
  request.ndis.Header.Revision = 1;
  request.ndis.RequestType = type;
  /* What the driver leaves unset shows. */
  request.ndis.SupportedRevision = 0xEE;
  request.ndis.DATA.SET_INFORMATION.Oid = oid;
  request.ndis.DATA.SET_INFORMATION.InformationBuffer = request.buffer;
  if (type == NdisRequestMethod) {
    request.ndis.DATA.METHOD_INFORMATION.InputBufferLength = length;
    request.ndis.DATA.METHOD_INFORMATION.OutputBufferLength = length;
    request.ndis.DATA.METHOD_INFORMATION.BytesRead = 0xEEEE;
    request.ndis.DATA.METHOD_INFORMATION.BytesWritten = 0xEEEE;
    request.ndis.DATA.METHOD_INFORMATION.BytesNeeded = 0xEEEE;
  } else {
    request.ndis.DATA.SET_INFORMATION.InformationBufferLength = length;
    request.ndis.DATA.SET_INFORMATION.BytesRead = 0xEEEE;
    request.ndis.DATA.SET_INFORMATION.BytesNeeded = 0xEEEE;
  }
  return request;
}

oid_request request_read(uint16_t vf, uint32_t block, uint32_t offset, uint32_t bytes,
                         ULONG length) {
  NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS parameters;
  oid_request request = request_make(OID_SRIOV_READ_VF_CONFIG_BLOCK, NdisRequestMethod,
                                     sizeof parameters, length);
  REQUIRE(length >= sizeof parameters);
  memcpy(&parameters, request.buffer, sizeof parameters);
  parameters.VFId = vf;
  parameters.BlockId = block;
  parameters.Length = bytes;
  parameters.BufferOffset = offset;
  memcpy(request.buffer, &parameters, sizeof parameters);
  return request;
}

oid_request request_write(uint16_t vf, uint32_t block, uint32_t offset, const void *data,
                          uint32_t bytes, ULONG length) {
  NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS parameters;
  oid_request request = request_make(OID_SRIOV_WRITE_VF_CONFIG_BLOCK, NdisRequestSetInformation,
                                     sizeof parameters, length);
  REQUIRE(length >= sizeof parameters);
  memcpy(&parameters, request.buffer, sizeof parameters);
  parameters.VFId = vf;
  parameters.BlockId = block;
  parameters.Length = bytes;
  parameters.BufferOffset = offset;
  memcpy(request.buffer, &parameters, sizeof parameters);
  if (data != NULL) {
    memcpy(request.buffer + offset, data, bytes);
  }
  return request;
}

/* Calls the driver, and waits for a request that pends. */
static NDIS_STATUS call_driver(adapter *self, PNDIS_OID_REQUEST request) {
  NDIS_STATUS status = NDIS_STATUS_NOT_SUPPORTED;
  REQUIRE(kernel_irql == PASSIVE_LEVEL);
  pthread_mutex_lock(&self->requests);
  REQUIRE(VfBlocksOidRequest(&self->blocks, request, &status));
  REQUIRE(kernel_irql == PASSIVE_LEVEL);
  pthread_mutex_lock(&self->mutex);
  if (status == NDIS_STATUS_PENDING) {
    while (self->completed_request == NULL) {
      pthread_cond_wait(&self->completed, &self->mutex);
    }
    REQUIRE(self->completed_request == request);
    self->completed_request = NULL;
    status = self->completed_status;
  }
  REQUIRE(self->completed_request == NULL);
  pthread_mutex_unlock(&self->mutex);
  if (self->has_resetter) {
    self->has_resetter = false;
    REQUIRE(pthread_join(self->resetter, NULL) == 0);
  }
  pthread_mutex_unlock(&self->requests);
  return status;
}

/* The counts of a result, and bytes that it must not have changed. */
static void check_result(const oid_request *request, const uint8_t *before, NDIS_STATUS status) {
  const NDIS_OID_REQUEST *ndis = &request->ndis;
  bool is_method = ndis->RequestType == NdisRequestMethod;
  ULONG input = is_method ? ndis->DATA.METHOD_INFORMATION.InputBufferLength
                          : ndis->DATA.SET_INFORMATION.InformationBufferLength;
  ULONG output = is_method ? ndis->DATA.METHOD_INFORMATION.OutputBufferLength : 0;
  UINT read = is_method ? ndis->DATA.METHOD_INFORMATION.BytesRead
                        : ndis->DATA.SET_INFORMATION.BytesRead;
  UINT written = is_method ? ndis->DATA.METHOD_INFORMATION.BytesWritten : 0;
  UINT needed = is_method ? ndis->DATA.METHOD_INFORMATION.BytesNeeded
                          : ndis->DATA.SET_INFORMATION.BytesNeeded;
  if (status == NDIS_STATUS_SUCCESS) {
    REQUIRE(read != 0 && read <= input && written <= output && needed == 0);
    REQUIRE(ndis->SupportedRevision == 1);
    if (!is_method) {
      REQUIRE(memcmp(request->buffer, before, request->length) == 0);
    }
    return;
  }
  REQUIRE(ndis->SupportedRevision == 0xEE);
  REQUIRE(memcmp(request->buffer, before, request->length) == 0);
  if (status == NDIS_STATUS_INVALID_LENGTH) {
    bool is_absent = ndis->DATA.SET_INFORMATION.InformationBuffer == NULL;
    REQUIRE(read == 0 && written == 0);
    REQUIRE(is_absent ? needed > 0 : needed > input || (is_method && needed > output));
  }
}

NDIS_STATUS request_send(adapter *self, oid_request *request) {
  uint8_t *before = (uint8_t *)allocate(request->length);
  memcpy(before, request->buffer, request->length);
  NDIS_STATUS status = call_driver(self, &request->ndis);
  check_result(request, before, status);
  free(before);
  return status;
}

NDIS_STATUS request_do(adapter *self, oid_request *request) {
  NDIS_STATUS status = request_send(self, request);
  free(request->buffer);
  return status;
}

NDIS_STATUS adapter_read(adapter *self, uint16_t vf, uint32_t block, void *reply,
                         uint32_t length) {
  const uint32_t offset = sizeof(NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS);
  /* A length that no block has needs no buffer: the driver must not touch one. */
  uint32_t room = length <= BB_MAX_BLOCK_LENGTH ? length : 0;
  oid_request request = request_read(vf, block, offset, length, offset + room);
  NDIS_STATUS status = request_send(self, &request);
  if (status == NDIS_STATUS_SUCCESS) {
    REQUIRE(request.ndis.DATA.METHOD_INFORMATION.BytesWritten == offset + length);
    memcpy(reply, request.buffer + offset, length);
  }
  free(request.buffer);
  return status;
}

NDIS_STATUS adapter_write(adapter *self, uint16_t vf, uint32_t block, const void *data,
                          uint32_t length) {
  const uint32_t offset = sizeof(NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS);
  uint32_t room = length <= BB_MAX_BLOCK_LENGTH ? length : 0;
  oid_request request =
      request_write(vf, block, offset, room == length ? data : NULL, length, offset + room);
  return request_do(self, &request);
}

NDIS_STATUS adapter_allocate(adapter *self, uint16_t *vf) {
  NDIS_NIC_SWITCH_VF_PARAMETERS parameters;
  oid_request request = request_make(OID_NIC_SWITCH_ALLOCATE_VF, NdisRequestMethod,
                                     sizeof parameters, sizeof parameters);
  NDIS_STATUS status = request_send(self, &request);
  if (status == NDIS_STATUS_SUCCESS) {
    memcpy(&parameters, request.buffer, sizeof parameters);
    REQUIRE(parameters.RequestorId == 0x300u + parameters.VFId);
    *vf = parameters.VFId;
  }
  free(request.buffer);
  return status;
}

NDIS_STATUS adapter_free(adapter *self, uint16_t vf) {
  NDIS_NIC_SWITCH_FREE_VF_PARAMETERS parameters;
  const USHORT size = NDIS_SIZEOF_NIC_SWITCH_FREE_VF_PARAMETERS_REVISION_1;
  oid_request request =
      request_make(OID_NIC_SWITCH_FREE_VF, NdisRequestSetInformation, size, size);
  memcpy(request.buffer + offsetof(NDIS_NIC_SWITCH_FREE_VF_PARAMETERS, VFId), &vf,
         sizeof parameters.VFId);
  return request_do(self, &request);
}

NDIS_STATUS adapter_reset(adapter *self, uint16_t vf) {
  const USHORT size = sizeof(NDIS_SRIOV_RESET_VF_PARAMETERS);
  oid_request request = request_make(OID_SRIOV_RESET_VF, NdisRequestSetInformation, size, size);
  memcpy(request.buffer + offsetof(NDIS_SRIOV_RESET_VF_PARAMETERS, VFId), &vf, sizeof vf);
  return request_do(self, &request);
}

NDIS_STATUS adapter_power(adapter *self, uint16_t vf, ULONG state) {
  const USHORT size = NDIS_SIZEOF_SRIOV_SET_VF_POWER_STATE_PARAMETERS_REVISION_1;
  oid_request request =
      request_make(OID_SRIOV_SET_VF_POWER_STATE, NdisRequestSetInformation, size, size);
  memcpy(request.buffer + offsetof(NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS, VFId), &vf,
         sizeof vf);
  memcpy(request.buffer + offsetof(NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS, PowerState), &state,
         sizeof state);
  request.buffer[offsetof(NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS, WakeEnable)] = 1;
  return request_do(self, &request);
}

uint64_t adapter_take_invalidation(adapter *self, uint16_t vf) {
  REQUIRE(vf < ADAPTER_VFS);
  return __atomic_exchange_n(&self->invalidated[vf], 0, __ATOMIC_SEQ_CST);
}
