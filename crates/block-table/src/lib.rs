//! The **block table**: the compiled form of a block manifest.
//!
//! A table is one little-endian byte string with a version and a CRC. [`Table::verify`] checks it
//! once, when it is loaded: every offset, length, count, instruction and stack depth, as the
//! verifier of eBPF does for programs. Afterwards evaluation cannot fail: the verified counts bound
//! every loop, and there is no recursion, no allocation and no panic.
//!
//! From the evaluation down:
//!
//! | file | holds |
//! |---|---|
//! | `admit.rs` | [`Block::check_sent`] and [`Block::admit`]: the validation of a write |
//! | `rule.rs` | the evaluation of rules |
//! | `list.rs` | the evaluation of lists of entries with a tag and a length |
//! | `expression.rs` | the stack machine for conditions |
//! | `verify.rs`, `verify/` | [`Table::verify`], the only way to a [`Table`] |
//! | `table.rs` | the zero-copy view of a verified table |
//! | `lookup.rs` | the lookup of a block by its ID |
//! | `encode.rs`, `encode/` | the writer of the format, with the feature `encode` |
//! | `error.rs` | [`TableError`]: why a table is refused, and at which offset |
//! | `violation.rs` | the rules that a write can break |
//! | `writer.rs` | [`Write`]: a write, its writer, and which of the two have written the block |
//! | `image.rs` | block images, and integers in them |
//! | `work.rs` | [`Work`], the bound of what one write takes |
//! | `checksum.rs` | [`crc32`], the CRC of tables and of checksum fields |
//! | `format.rs` | the records in the bytes of a table |
#![cfg_attr(not(any(test, feature = "encode")), no_std)]
#![forbid(unsafe_code)]

mod admit;
mod checksum;
#[cfg(feature = "encode")]
pub mod encode;
mod error;
mod expression;
pub mod format;
mod image;
mod list;
mod lookup;
mod rule;
mod table;
mod verify;
mod violation;
mod work;
mod writer;

pub use checksum::crc32;
pub use error::{Flaw, TableError};
pub use image::{Image, copy_prefix};
pub use table::{
    Access, Block, Companion, Device, Kind, Limits, OnReset, Reset, ShortRead, Table, WhenFull,
};
pub use violation::{ListFault, Rule, Violation};
pub use work::{MAX_WORK, Work};
pub use writer::{History, Write, Writer};

/// The longest block in bytes: `VPCI_MAX_READ_WRITE_BLOCK_SIZE` of the public header `pcivirt.h`.
pub const MAX_BLOCK_LENGTH: usize = 128;
/// The number of bits in an invalidation mask: blocks with a smaller ID can be invalidated.
///
/// The mask of `GUID_SRIOV_DEVICE_INTERFACE_STANDARD`'s and the VPCI interface's invalidation is
/// one `ULONGLONG`.
pub const INVALIDATABLE_BLOCKS: u32 = 64;
/// The most VFs that a table may describe.
pub const MAX_VFS: u16 = 4096;
/// The most milliseconds for which a VF waits for an acknowledgement after a reset.
pub const MAX_RESET_TIMEOUT: u16 = 60_000;
/// The most blocks in a table.
pub const MAX_BLOCKS: usize = 1024;
/// The most messages that a stream keeps for each VF.
pub const MAX_DEPTH: u16 = 4096;
/// The most alternative layouts of one block: as many as an opcode of one byte has values.
pub const MAX_LAYOUTS: usize = 256;
/// The most rules in one rule list; a block and each of its layouts have lists of their own.
pub const MAX_RULES: usize = 1024;
/// The most instructions in one compiled expression.
pub const MAX_INSTRUCTIONS: usize = 256;
/// The deepest stack that an expression may need.
pub const MAX_STACK: usize = 16;
/// The most kinds of entries in one list of entries.
pub const MAX_ENTRIES: usize = 64;
/// The most values in one list of allowed values.
pub const MAX_VALUES: usize = 4096;
/// The longest device or block name in bytes.
pub const MAX_NAME_LENGTH: usize = 63;
/// The longest table in bytes.
pub const MAX_TABLE_LENGTH: usize = 4 << 20;
