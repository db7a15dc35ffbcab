/*
 * The OID requests of VF configuration blocks. See vf_blocks.h.
 */
#include "vf_blocks.h"

/*
 * The layouts for which this file was written, from the documentation of each structure.
 */
C_ASSERT(NDIS_SIZEOF_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1 == 20);
C_ASSERT(NDIS_SIZEOF_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1 == 20);
C_ASSERT(NDIS_SIZEOF_SRIOV_RESET_VF_PARAMETERS_REVISION_1 == 6);
C_ASSERT(NDIS_SIZEOF_SRIOV_SET_VF_POWER_STATE_PARAMETERS_REVISION_1 == 13);
C_ASSERT(NDIS_SIZEOF_NIC_SWITCH_VF_PARAMETERS_REVISION_1 == 1632);
C_ASSERT(NDIS_SIZEOF_NIC_SWITCH_FREE_VF_PARAMETERS_REVISION_1 == 10);
C_ASSERT(FIELD_OFFSET(NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS, VFId) == 4);
C_ASSERT(FIELD_OFFSET(NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS, BlockId) == 8);
C_ASSERT(FIELD_OFFSET(NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS, BufferOffset) == 16);
C_ASSERT(FIELD_OFFSET(NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS, VFId) == 4);
C_ASSERT(FIELD_OFFSET(NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS, BlockId) == 8);
C_ASSERT(FIELD_OFFSET(NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS, BufferOffset) == 16);
C_ASSERT(FIELD_OFFSET(NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS, PowerState) == 8);
C_ASSERT(sizeof(NDIS_DEVICE_POWER_STATE) == sizeof(ULONG));
C_ASSERT(FIELD_OFFSET(NDIS_NIC_SWITCH_VF_PARAMETERS, SwitchId) == 8);
C_ASSERT(FIELD_OFFSET(NDIS_NIC_SWITCH_VF_PARAMETERS, VFId) == 1626);
C_ASSERT(FIELD_OFFSET(NDIS_NIC_SWITCH_FREE_VF_PARAMETERS, VFId) == 8);
C_ASSERT(FIELD_OFFSET(NDIS_OID_REQUEST, RequestType) == 4);
C_ASSERT(FIELD_OFFSET(NDIS_OID_REQUEST, DATA.SET_INFORMATION.Oid) == 32);
C_ASSERT(FIELD_OFFSET(NDIS_OID_REQUEST, DATA.METHOD_INFORMATION.Oid) == 32);
C_ASSERT(FIELD_OFFSET(NDIS_OID_REQUEST, DATA.METHOD_INFORMATION.BytesNeeded) == 68);

/*
 * Results.
 */

/* The NDIS status of a result. A VF learns only whether a call failed; the reason is in the VF's
   counters and journal. */
static NDIS_STATUS NdisStatusOf(bb_status Status)
{
    switch (Status) {
    case BB_SUCCESS:
        return NDIS_STATUS_SUCCESS;
    case BB_REFUSED_VF:
    case BB_REFUSED_BLOCK:
    case BB_REFUSED_LENGTH:
        /* A member of the structure is invalid. */
        return NDIS_STATUS_INVALID_PARAMETER;
    case BB_REFUSED_REMOVED:
        return NDIS_STATUS_NOT_ACCEPTED;
    default:
        return NDIS_STATUS_FAILURE;
    }
}

/* Carries out the follow-up of an OID request's operation, and converts its result. */
static NDIS_STATUS Conclude(VF_BLOCKS *Blocks, bb_status Status, const bb_follow_up *FollowUp)
{
    VfBlocksFollowUp(Blocks, FollowUp);
    return NdisStatusOf(Status);
}

static BOOLEAN IsAllocated(const VF_BLOCKS *Blocks, NDIS_SRIOV_FUNCTION_ID VfId)
{
    bb_vf_status status;

    return bb_vf_status_of(Blocks->Broker, VfId, &status) == BB_SUCCESS && status.allocated != 0;
}

/*
 * Requests: what their three kinds have in common.
 */
typedef struct _OID_CALL {
    PNDIS_OID_REQUEST Request;
    UCHAR *Buffer;
    /* Bytes of the buffer that may be read and written. */
    ULONG InputLength;
    ULONG OutputLength;
    /* Set by a handler: bytes of a buffer that would have been long enough; bytes that were read
       and written. */
    ULONG BytesNeeded;
    ULONG BytesRead;
    ULONG BytesWritten;
} OID_CALL;

typedef NDIS_STATUS OID_HANDLER(VF_BLOCKS *Blocks, OID_CALL *Call);

static OID_HANDLER AllocateVf;
static OID_HANDLER FreeVf;
static OID_HANDLER ReadBlock;
static OID_HANDLER WriteBlock;
static OID_HANDLER ResetVf;
static OID_HANDLER SetVfPowerState;

/* One OID: its kind of request, and the first revision of its structure. */
typedef struct _OID_RULE {
    NDIS_OID Oid;
    NDIS_REQUEST_TYPE Type;
    UCHAR Revision;
    USHORT Size;
    OID_HANDLER *Handler;
} OID_RULE;

static const OID_RULE Rules[] = {
    {OID_NIC_SWITCH_ALLOCATE_VF, NdisRequestMethod, NDIS_NIC_SWITCH_VF_PARAMETERS_REVISION_1,
     NDIS_SIZEOF_NIC_SWITCH_VF_PARAMETERS_REVISION_1, AllocateVf},
    {OID_NIC_SWITCH_FREE_VF, NdisRequestSetInformation,
     NDIS_NIC_SWITCH_FREE_VF_PARAMETERS_REVISION_1,
     NDIS_SIZEOF_NIC_SWITCH_FREE_VF_PARAMETERS_REVISION_1, FreeVf},
    {OID_SRIOV_READ_VF_CONFIG_BLOCK, NdisRequestMethod,
     NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1,
     NDIS_SIZEOF_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1, ReadBlock},
    {OID_SRIOV_WRITE_VF_CONFIG_BLOCK, NdisRequestSetInformation,
     NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1,
     NDIS_SIZEOF_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1, WriteBlock},
    {OID_SRIOV_RESET_VF, NdisRequestSetInformation, NDIS_SRIOV_RESET_VF_PARAMETERS_REVISION_1,
     NDIS_SIZEOF_SRIOV_RESET_VF_PARAMETERS_REVISION_1, ResetVf},
    {OID_SRIOV_SET_VF_POWER_STATE, NdisRequestSetInformation,
     NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS_REVISION_1,
     NDIS_SIZEOF_SRIOV_SET_VF_POWER_STATE_PARAMETERS_REVISION_1, SetVfPowerState},
};

static const OID_RULE *FindRule(NDIS_OID Oid)
{
    ULONG index;

    for (index = 0; index < sizeof(Rules) / sizeof(Rules[0]); index++) {
        if (Rules[index].Oid == Oid) {
            return &Rules[index];
        }
    }
    return NULL;
}

static VOID OpenCall(OID_CALL *Call, PNDIS_OID_REQUEST Request)
{
    RtlZeroMemory(Call, sizeof(*Call));
    Call->Request = Request;
    if (Request->RequestType == NdisRequestMethod) {
        Call->Buffer = (UCHAR *)Request->DATA.METHOD_INFORMATION.InformationBuffer;
        Call->InputLength = Request->DATA.METHOD_INFORMATION.InputBufferLength;
        Call->OutputLength = Request->DATA.METHOD_INFORMATION.OutputBufferLength;
    } else {
        Call->Buffer = (UCHAR *)Request->DATA.SET_INFORMATION.InformationBuffer;
        Call->InputLength = Request->DATA.SET_INFORMATION.InformationBufferLength;
    }
    if (Call->Buffer == NULL) {
        Call->InputLength = 0;
        Call->OutputLength = 0;
    }
}

/* Passes the counts of a request that does not pend to NDIS. */
static VOID CloseCall(const OID_CALL *Call, UCHAR Revision, NDIS_STATUS Status)
{
    PNDIS_OID_REQUEST request = Call->Request;
    ULONG read = Status == NDIS_STATUS_SUCCESS ? Call->BytesRead : 0;
    ULONG written = Status == NDIS_STATUS_SUCCESS ? Call->BytesWritten : 0;
    ULONG needed = Status == NDIS_STATUS_INVALID_LENGTH ? Call->BytesNeeded : 0;

    if (request->RequestType == NdisRequestMethod) {
        request->DATA.METHOD_INFORMATION.BytesRead = read;
        request->DATA.METHOD_INFORMATION.BytesWritten = written;
        request->DATA.METHOD_INFORMATION.BytesNeeded = needed;
    } else {
        request->DATA.SET_INFORMATION.BytesRead = read;
        request->DATA.SET_INFORMATION.BytesNeeded = needed;
    }
    if (Status == NDIS_STATUS_SUCCESS) {
        request->SupportedRevision = Revision;
    }
}

/* The header of the structure. A later revision begins with the members of the first one. */
static NDIS_STATUS CheckHeader(const OID_RULE *Rule, OID_CALL *Call)
{
    NDIS_OBJECT_HEADER header;

    if (Call->InputLength < Rule->Size) {
        Call->BytesNeeded = Rule->Size;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    RtlCopyMemory(&header, Call->Buffer, sizeof(header));
    if (header.Type != NDIS_OBJECT_TYPE_DEFAULT || header.Revision < Rule->Revision ||
        header.Size < Rule->Size) {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    if (header.Size > Call->InputLength) {
        Call->BytesNeeded = header.Size;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    Call->BytesRead = Rule->Size;
    return NDIS_STATUS_SUCCESS;
}

/* A block's bytes: behind the structure, and inside of the Available bytes of the buffer. A length
   that no block has is left to the broker, which refuses and counts it without the bytes. */
static NDIS_STATUS CheckRange(OID_CALL *Call, ULONG Size, ULONG Offset, ULONG Length,
                              ULONG Available)
{
    if (Offset < Size || Offset > MAXULONG - BB_MAX_BLOCK_LENGTH) {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    if (Length >= 1 && Length <= BB_MAX_BLOCK_LENGTH && Offset + Length > Available) {
        Call->BytesNeeded = Offset + Length;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    return NDIS_STATUS_SUCCESS;
}

BOOLEAN VfBlocksOidRequest(VF_BLOCKS *Blocks, PNDIS_OID_REQUEST Request, NDIS_STATUS *Status)
{
    /* At the same place for each kind of request. */
    const OID_RULE *rule = FindRule(Request->DATA.SET_INFORMATION.Oid);
    OID_CALL call;

    if (rule == NULL) {
        return FALSE;
    }
    if (Blocks->Broker == NULL) {
        *Status = NDIS_STATUS_NOT_SUPPORTED;
        return TRUE;
    }
    if (ReadAcquire(&Blocks->IsRemoved) != 0) {
        *Status = NDIS_STATUS_NOT_ACCEPTED;
        return TRUE;
    }
    if (Request->RequestType != rule->Type) {
        *Status = NDIS_STATUS_INVALID_OID;
        return TRUE;
    }
    OpenCall(&call, Request);
    *Status = CheckHeader(rule, &call);
    if (*Status == NDIS_STATUS_SUCCESS) {
        *Status = rule->Handler(Blocks, &call);
    }
    /* A request that pends may have been completed by now. */
    if (*Status != NDIS_STATUS_PENDING) {
        CloseCall(&call, rule->Revision, *Status);
    }
    return TRUE;
}

/*
 * Allocation.
 */

/* Allocates the first free VF. Its blocks are wiped before the hardware knows of it. */
static NDIS_STATUS AllocateVf(VF_BLOCKS *Blocks, OID_CALL *Call)
{
    NDIS_NIC_SWITCH_VF_PARAMETERS *parameters = (NDIS_NIC_SWITCH_VF_PARAMETERS *)Call->Buffer;
    const VF_BLOCKS_CONFIG *config = &Blocks->Config;
    bb_status allocated = BB_ALREADY_ALLOCATED;
    bb_follow_up followUp;
    NDIS_VF_RID requestorId = 0;
    NDIS_STATUS status;
    USHORT vf;

    if (Call->OutputLength < sizeof(*parameters)) {
        Call->BytesNeeded = sizeof(*parameters);
        return NDIS_STATUS_INVALID_LENGTH;
    }
    if (parameters->SwitchId != NDIS_DEFAULT_SWITCH_ID) {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    for (vf = 0; vf < config->Vfs; vf++) {
        allocated = bb_allocate_vf(Blocks->Broker, vf, KeQueryInterruptTime(), &followUp);
        if (allocated != BB_ALREADY_ALLOCATED) {
            break;
        }
    }
    if (allocated == BB_ALREADY_ALLOCATED) {
        return NDIS_STATUS_FAILURE;
    }
    status = Conclude(Blocks, allocated, &followUp);
    if (status != NDIS_STATUS_SUCCESS) {
        return status;
    }
    status = config->Hardware->AllocateVf(config->Context, vf, parameters, &requestorId);
    if (status != NDIS_STATUS_SUCCESS) {
        allocated = bb_free_vf(Blocks->Broker, vf, KeQueryInterruptTime(), &followUp);
        (VOID)Conclude(Blocks, allocated, &followUp);
        return status;
    }
    parameters->VFId = vf;
    parameters->RequestorId = requestorId;
    Call->BytesWritten = sizeof(*parameters);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS FreeVf(VF_BLOCKS *Blocks, OID_CALL *Call)
{
    const VF_BLOCKS_CONFIG *config = &Blocks->Config;
    NDIS_NIC_SWITCH_FREE_VF_PARAMETERS parameters;
    bb_follow_up followUp;
    bb_status freed;
    NDIS_STATUS status;

    RtlCopyMemory(&parameters, Call->Buffer, NDIS_SIZEOF_NIC_SWITCH_FREE_VF_PARAMETERS_REVISION_1);
    if (IsAllocated(Blocks, parameters.VFId)) {
        status = config->Hardware->FreeVf(config->Context, parameters.VFId);
        if (status != NDIS_STATUS_SUCCESS) {
            return status;
        }
    }
    freed = bb_free_vf(Blocks->Broker, parameters.VFId, KeQueryInterruptTime(), &followUp);
    status = Conclude(Blocks, freed, &followUp);
    /* This OID's page has a status of its own for a member that is invalid. */
    return freed == BB_REFUSED_VF ? NDIS_STATUS_FILE_NOT_FOUND : status;
}

/*
 * Blocks.
 */

static bb_status Readiness(const VF_BLOCKS *Blocks, BOOLEAN HasFunction)
{
    return HasFunction && ReadAcquire(&Blocks->IsReady) != 0 ? BB_SUCCESS : BB_REFUSED_COMPANION;
}

/* One function for blocks with and without `companion`: bb_begin_read does a whole read of the
   others. */
static bb_status ReadInParts(VF_BLOCKS *Blocks, NDIS_SRIOV_FUNCTION_ID VfId, ULONG BlockId,
                             VOID *Reply, ULONG Length, bb_follow_up *FollowUp)
{
    const VF_BLOCKS_HARDWARE *hardware = Blocks->Config.Hardware;
    bb_pending pending;
    bb_status status;
    NTSTATUS answer;
    VOID *data;
    uint32_t length = 0;

    status = bb_begin_read(Blocks->Broker, Readiness(Blocks, hardware->ReadBlock != NULL), VfId,
                           BlockId, Reply, Length, KeQueryInterruptTime(), &pending, FollowUp);
    if (status != BB_PENDING) {
        return status;
    }
    VfBlocksFollowUp(Blocks, FollowUp);
    data = bb_pending_read_data(&pending, &length);
    answer = hardware->ReadBlock(Blocks->Config.Context, VfId, BlockId, data, length);
    return bb_finish_read(Blocks->Broker, &pending, answer, Reply, Length, KeQueryInterruptTime(),
                          FollowUp);
}

static bb_status WriteInParts(VF_BLOCKS *Blocks, NDIS_SRIOV_FUNCTION_ID VfId, ULONG BlockId,
                              const VOID *Data, ULONG Length, bb_follow_up *FollowUp)
{
    const VF_BLOCKS_HARDWARE *hardware = Blocks->Config.Hardware;
    bb_pending pending;
    bb_status status;
    NTSTATUS answer;
    const VOID *data;
    uint32_t length = 0;

    status = bb_begin_write(Blocks->Broker, Readiness(Blocks, hardware->WriteBlock != NULL), VfId,
                            BlockId, Data, Length, KeQueryInterruptTime(), &pending, FollowUp);
    if (status != BB_PENDING) {
        return status;
    }
    VfBlocksFollowUp(Blocks, FollowUp);
    data = bb_pending_write_data(&pending, &length);
    answer = hardware->WriteBlock(Blocks->Config.Context, VfId, BlockId, data, length);
    return bb_finish_write(Blocks->Broker, &pending, answer, KeQueryInterruptTime(), FollowUp);
}

static NDIS_STATUS ReadBlock(VF_BLOCKS *Blocks, OID_CALL *Call)
{
    NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS parameters;
    bb_follow_up followUp;
    bb_status status;
    NDIS_STATUS checked;

    RtlCopyMemory(&parameters, Call->Buffer, sizeof(parameters));
    checked = CheckRange(Call, sizeof(parameters), parameters.BufferOffset, parameters.Length,
                         Call->OutputLength);
    if (checked != NDIS_STATUS_SUCCESS) {
        return checked;
    }
    status = ReadInParts(Blocks, parameters.VFId, parameters.BlockId,
                         Call->Buffer + parameters.BufferOffset, parameters.Length, &followUp);
    Call->BytesWritten = parameters.BufferOffset + parameters.Length;
    return Conclude(Blocks, status, &followUp);
}

static NDIS_STATUS WriteBlock(VF_BLOCKS *Blocks, OID_CALL *Call)
{
    NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS parameters;
    bb_follow_up followUp;
    bb_status status;
    NDIS_STATUS checked;

    RtlCopyMemory(&parameters, Call->Buffer, sizeof(parameters));
    checked = CheckRange(Call, sizeof(parameters), parameters.BufferOffset, parameters.Length,
                         Call->InputLength);
    if (checked != NDIS_STATUS_SUCCESS) {
        return checked;
    }
    status = WriteInParts(Blocks, parameters.VFId, parameters.BlockId,
                          Call->Buffer + parameters.BufferOffset, parameters.Length, &followUp);
    Call->BytesRead = parameters.BufferOffset + parameters.Length;
    return Conclude(Blocks, status, &followUp);
}

/*
 * Resets and power states.
 */

/* Serves the VF again, or leaves it closed until another reset succeeds. */
static NDIS_STATUS FinishReset(VF_BLOCKS *Blocks, NDIS_SRIOV_FUNCTION_ID VfId, NDIS_STATUS Answer)
{
    bb_follow_up followUp;
    bb_status status;

    if (Answer == NDIS_STATUS_SUCCESS) {
        status = bb_finish_reset(Blocks->Broker, VfId, KeQueryInterruptTime(), &followUp);
        return Conclude(Blocks, status, &followUp);
    }
    status = bb_fail_reset(Blocks->Broker, VfId, KeQueryInterruptTime(), &followUp);
    (VOID)Conclude(Blocks, status, &followUp);
    return NDIS_STATUS_FAILURE;
}

/* Wipes the blocks first: what the VF's last owner wrote is gone even if its hardware fails. */
static NDIS_STATUS ResetVf(VF_BLOCKS *Blocks, OID_CALL *Call)
{
    const VF_BLOCKS_CONFIG *config = &Blocks->Config;
    NDIS_SRIOV_RESET_VF_PARAMETERS parameters;
    bb_follow_up followUp;
    NDIS_STATUS status;

    RtlCopyMemory(&parameters, Call->Buffer, sizeof(parameters));
    status = bb_begin_reset(Blocks->Broker, parameters.VFId, BB_RESET_BY_HOST,
                            KeQueryInterruptTime(), &followUp);
    status = Conclude(Blocks, status, &followUp);
    if (status != NDIS_STATUS_SUCCESS) {
        return status;
    }
    Blocks->PendingVf = parameters.VFId;
    InterlockedExchangePointer(&Blocks->PendingReset, Call->Request);
    status = config->Hardware->ResetVf(config->Context, parameters.VFId);
    if (status == NDIS_STATUS_PENDING) {
        return status;
    }
    InterlockedExchangePointer(&Blocks->PendingReset, NULL);
    return FinishReset(Blocks, parameters.VFId, status);
}

VOID VfBlocksResetComplete(VF_BLOCKS *Blocks, NDIS_STATUS Status)
{
    PNDIS_OID_REQUEST request;
    OID_CALL call;

    request = (PNDIS_OID_REQUEST)InterlockedExchangePointer(&Blocks->PendingReset, NULL);
    if (request == NULL) {
        return;
    }
    /* NDIS sends no other request before this one is complete, so the VF is still that of it. */
    Status = FinishReset(Blocks, Blocks->PendingVf, Status);
    OpenCall(&call, request);
    call.BytesRead = NDIS_SIZEOF_SRIOV_RESET_VF_PARAMETERS_REVISION_1;
    CloseCall(&call, NDIS_SRIOV_RESET_VF_PARAMETERS_REVISION_1, Status);
    NdisMOidRequestComplete(Blocks->Config.MiniportAdapterHandle, request, Status);
}

static NDIS_STATUS SetVfPowerState(VF_BLOCKS *Blocks, OID_CALL *Call)
{
    const VF_BLOCKS_CONFIG *config = &Blocks->Config;
    NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS parameters;
    bb_follow_up followUp;
    bb_status set;
    ULONG state;
    NDIS_STATUS status;

    RtlCopyMemory(&parameters, Call->Buffer,
                  NDIS_SIZEOF_SRIOV_SET_VF_POWER_STATE_PARAMETERS_REVISION_1);
    /* A value of the enumeration only after the check. */
    RtlCopyMemory(&state, &parameters.PowerState, sizeof(state));
    if (state < NdisDeviceStateD0 || state > NdisDeviceStateD3) {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    if (IsAllocated(Blocks, parameters.VFId)) {
        status = config->Hardware->SetVfPowerState(config->Context, parameters.VFId,
                                                   (NDIS_DEVICE_POWER_STATE)state,
                                                   parameters.WakeEnable);
        if (status != NDIS_STATUS_SUCCESS) {
            return NDIS_STATUS_FAILURE;
        }
    }
    set = bb_set_power(Blocks->Broker, parameters.VFId, (UCHAR)(state - NdisDeviceStateD0),
                       KeQueryInterruptTime(), &followUp);
    return Conclude(Blocks, set, &followUp);
}
