//! The broker behind a C interface, for a vendor's own PF driver: KMDF, NDIS or display.
//!
//! `include/block_broker.h` is generated from this crate and documents each function for its callers
//! in C. `docs/any-pf-driver.md` explains how a driver uses it. The crate translates only: pointers
//! to references, refusals to NTSTATUS values, follow-ups to a structure. It allocates nothing,
//! cannot panic, and needs `memcpy` and `memset` from its caller's C library.
//!
//! From the functions down:
//!
//! | file | holds |
//! |---|---|
//! | `start.rs` | options, memory, initialization |
//! | `blocks.rs` | reads, writes, publishes, drains |
//! | `companion.rs` | operations in two parts around the call of the vendor's code |
//! | `invalidation.rs` | invalidations |
//! | `lifecycle.rs` | allocation, resets, power states, removal |
//! | `changes.rs` | what changed, and waits for changes |
//! | `observation.rs` | counters and journal |
//! | `table.rs` | verification and description of a table |
//! | `handle.rs` | the broker that the caller holds, and what each operation returns |
//! | `vf_context.rs` | one VF behind the caller's lock |
//! | `status.rs` | statuses and their texts |
//! | `pointers.rs` | what the caller's pointers lead to |
#![no_std]
#![expect(
    non_camel_case_types,
    reason = "types have the same names here and in the header"
)]

mod blocks;
mod changes;
mod companion;
mod handle;
mod invalidation;
mod lifecycle;
mod observation;
mod pointers;
mod start;
mod status;
mod table;
mod vf_context;

pub use blocks::{
    BB_MAX_BLOCK_LENGTH, bb_drain, bb_host_read, bb_message, bb_publish, bb_publish_all,
    bb_publish_expecting, bb_read, bb_write,
};
pub use changes::{
    BB_CHANGE_JOURNALED, BB_CHANGE_MESSAGE, BB_CHANGE_POWER, BB_CHANGE_PUBLISHED,
    BB_CHANGE_REFUSED, BB_CHANGE_RESET, BB_CHANGE_WRITTEN, BB_CHANGES_MORE, BB_CHANGES_RESTARTED,
    bb_await_changes, bb_change, bb_changes, bb_cookie,
};
pub use companion::{
    BB_PENDING_WORDS, bb_abandon, bb_begin_read, bb_begin_write, bb_finish_read, bb_finish_write,
    bb_is_handed_over, bb_pending, bb_pending_read_data, bb_pending_write_data,
};
pub use handle::{
    BB_DELIVER_NOTHING, BB_DELIVER_TO_ALL_VFS, BB_DELIVER_TO_VF, bb_broker, bb_follow_up,
};
pub use invalidation::{
    bb_carrier, bb_hand_over_invalidation, bb_invalidate, bb_invalidate_all,
    bb_invalidate_notifying, bb_take_invalidation,
};
pub use lifecycle::{
    BB_RESET_BY_HOST, BB_RESET_BY_VF, bb_acknowledge, bb_allocate_vf, bb_begin_reset, bb_expire,
    bb_fail_reset, bb_finish_reset, bb_free_vf, bb_remove, bb_reset, bb_set_power,
};
pub use observation::{
    BB_MAX_REASONS, bb_block_status, bb_block_status_of, bb_host_refusals, bb_journal,
    bb_journal_entry, bb_vf_status, bb_vf_status_of,
};
pub use start::{
    BB_ALLOCATE_ALL_VFS, BB_VERSION, bb_initialize, bb_memory_needed, bb_options, bb_version,
};
pub use status::{
    BB_ALREADY_ALLOCATED, BB_INVALID_ARGUMENT, BB_INVALID_COOKIE, BB_INVALID_SIZE,
    BB_INVALID_TABLE, BB_MEMORY_TOO_SMALL, BB_PENDING, BB_SUCCESS, BB_TABLE_VERSION,
    BB_TOO_MANY_VFS, STATUSES, bb_refusal_name, bb_refusal_sentence, bb_refusal_status, bb_status,
};
pub use table::{BB_MAX_DEVICE_IDS, BB_NAME_LENGTH, bb_table_flaw, bb_table_info, bb_verify_table};
pub use vf_context::{BB_LOCK_WORDS, bb_acquire, bb_lock, bb_release};

/// Nothing in this library panics, so this is not linked; a check of the built library shows that.
#[cfg(feature = "static-library")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
