/*
 * The load configuration of a kernel image (IMAGE_LOAD_CONFIG_DIRECTORY64 in the public "PE Format"
 * documentation), so that Control Flow Guard works: the linker fills in the tables, and the
 * kernel replaces the two pointers with its own routines. A kernel without Control Flow Guard, such
 * as Wine's, keeps the routines below, which allow every call.
 *
 * Replaces the load configuration in the WDK's libraries.
 */

/* Marks this object as compiled for Control Flow Guard. It takes the address of no call target. */
        .globl  "@feat.00"
        .set    "@feat.00", 0x800

        .section .text,"xr"
        .p2align 4
allow_checked_call:
#if defined(__x86_64__)
        ret
        .p2align 4
make_dispatched_call:
        jmp     *%rax
#else
        ret
#endif

        .section .rdata,"dr"
        .p2align 3
        .globl  __guard_check_icall_fptr
__guard_check_icall_fptr:
        .quad   allow_checked_call
        .globl  __guard_dispatch_icall_fptr
__guard_dispatch_icall_fptr:
#if defined(__x86_64__)
        .quad   make_dispatched_call
#else
        .quad   0
#endif

        .globl  _load_config_used
        .p2align 4
_load_config_used:
        .long   load_config_end - _load_config_used
        .fill   0x6C, 1, 0                      /* up to SEHandlerCount: nothing */
        .quad   __guard_check_icall_fptr        /* 0x70 GuardCFCheckFunctionPointer */
        .quad   __guard_dispatch_icall_fptr     /* 0x78 GuardCFDispatchFunctionPointer */
        .quad   __guard_fids_table              /* 0x80 GuardCFFunctionTable */
        .quad   __guard_fids_count
        .long   __guard_flags                   /* 0x90 GuardFlags */
        .fill   12, 1, 0                        /* CodeIntegrity */
        .quad   __guard_iat_table               /* 0xA0 GuardAddressTakenIatEntryTable */
        .quad   __guard_iat_count
        .quad   __guard_longjmp_table           /* 0xB0 GuardLongJumpTargetTable */
        .quad   __guard_longjmp_count
        .fill   0x48, 1, 0                      /* 0xC0 up to GuardEHContinuationTable */
        .quad   __guard_eh_cont_table           /* 0x108 */
        .quad   __guard_eh_cont_count
load_config_end:
