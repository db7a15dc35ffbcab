//! The zero-copy view of a verified table.

use core::fmt;

use zerocopy::little_endian::{U16, U64};

use crate::INVALIDATABLE_BLOCKS;
use crate::format::{
    BlockRecord, Header, Instruction, LayoutRecord, NO_BLOCK, RuleRecord, Shape, Span, Text,
    access, block_flag, block_kind,
};
use crate::image::{Image, ZERO};
use crate::lookup::Lookup;
use crate::writer::Writer;

/// A verified block table.
#[derive(Clone, Copy)]
pub struct Table<'t> {
    pub(crate) header: &'t Header,
    pub(crate) bytes: &'t [u8],
    pub(crate) blocks: &'t [BlockRecord],
    pub(crate) lookup: Lookup<'t>,
    pub(crate) layouts: &'t [LayoutRecord],
    pub(crate) rules: &'t [RuleRecord],
    pub(crate) instructions: &'t [Instruction],
    pub(crate) values: &'t [U64],
    pub(crate) images: &'t [Image],
    pub(crate) strings: &'t [u8],
}

/// The device that a table describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'t> {
    /// Its name, 1 to 63 bytes.
    pub name: &'t str,
    /// PCI vendor ID of the PF.
    pub vendor_id: u16,
    ids: &'t [U16],
    /// The most VFs that may be enabled, 1 to 4096.
    pub max_vfs: u16,
}

impl<'t> Device<'t> {
    /// The PCI device IDs that the PF may have, 1 to 16 of them, all different.
    #[must_use]
    pub fn device_ids(self) -> impl ExactSizeIterator<Item = u16> + 't {
        self.ids.iter().map(|id| id.get())
    }

    /// Whether the table is for a PF with these IDs.
    #[must_use]
    pub fn is(self, vendor_id: u16, device_id: u16) -> bool {
        self.vendor_id == vendor_id && self.device_ids().any(|id| id == device_id)
    }
}

/// When a VF is served again after a reset that may change its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reset {
    /// As soon as the reset has succeeded.
    Immediate,
    /// Once host software acknowledges the reset, or when the time is up.
    Acknowledged {
        /// Milliseconds from the end of the reset, 1 to 60000.
        timeout: u16,
    },
}

impl Reset {
    /// The milliseconds for which a VF waits; 0 if it does not.
    #[must_use]
    pub const fn timeout(self) -> u16 {
        match self {
            Self::Immediate => 0,
            Self::Acknowledged { timeout } => timeout,
        }
    }
}

/// The rate limit of each VF's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Writes in a second over a long time, at least 1.
    pub writes_per_second: u32,
    /// Writes at once after a pause, at least 1.
    pub burst: u32,
}

/// The kind of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The last committed value.
    Register,
    /// A bounded queue of messages from VF to host software.
    Stream,
}

/// A VF's access to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Neither read nor write it: the block is state of the host.
    None,
    /// Read it.
    ReadOnly,
    /// Write it.
    WriteOnly,
    /// Read and write it.
    ReadWrite,
}

impl Access {
    /// The access that a record has.
    pub(crate) const fn of(code: u8) -> Self {
        match code {
            access::NONE => Self::None,
            access::READ_ONLY => Self::ReadOnly,
            access::WRITE_ONLY => Self::WriteOnly,
            _ => Self::ReadWrite,
        }
    }

    /// Whether a VF may read.
    #[must_use]
    pub const fn readable(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadWrite)
    }

    /// Whether a VF may write.
    #[must_use]
    pub const fn writable(self) -> bool {
        matches!(self, Self::WriteOnly | Self::ReadWrite)
    }
}

/// The result of a read that is shorter than the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShortRead {
    /// It is refused.
    Refuse,
    /// It gets the first bytes.
    Prefix,
}

/// The effect of a reset on bytes that only host software writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnReset {
    /// They return to their defaults.
    Default,
    /// They stay; in a table, at least some of them do.
    Keep,
}

/// The operations of a VF on a block that the companion driver handles: the vendor's kernel driver,
/// which programs the hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Companion {
    /// None.
    None,
    /// It handles a write after all rules hold and before the commit, and may decline it.
    Write,
    /// It sets the PF's bytes before a read is answered, and may decline it.
    Read,
    /// Both.
    ReadWrite,
}

impl Companion {
    /// Whether it handles writes.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }

    /// Whether it handles reads.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }
}

/// The handling of a message for a full stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// It is refused.
    Refuse,
    /// It replaces the oldest message.
    DropOldest,
}

impl<'t> Table<'t> {
    /// The device that the table describes.
    #[must_use]
    pub fn device(&self) -> Device<'t> {
        Device {
            name: self.text(self.header.name),
            vendor_id: self.header.vendor_id.get(),
            ids: self.header.device_ids(),
            max_vfs: self.header.max_vfs.get(),
        }
    }

    /// The limits of each VF, if it has any.
    #[must_use]
    pub fn limits(&self) -> Option<Limits> {
        let limits = Limits {
            writes_per_second: self.header.writes_per_second.get(),
            burst: self.header.burst.get(),
        };
        (limits.writes_per_second != 0).then_some(limits)
    }

    /// When a VF is served again after a reset.
    #[must_use]
    pub fn reset(&self) -> Reset {
        match self.header.reset_timeout.get() {
            0 => Reset::Immediate,
            timeout => Reset::Acknowledged { timeout },
        }
    }

    /// The table's CRC, which distinguishes tables.
    #[must_use]
    pub fn crc(&self) -> u32 {
        self.header.crc.get()
    }

    /// The bytes that were verified.
    #[must_use]
    pub fn as_bytes(&self) -> &'t [u8] {
        self.bytes
    }

    /// The manifest that the table was compiled from, without comments and documentation: UTF-8, as
    /// the compiler writes it. Nothing but the checksum of the table is verified of it, and it decides
    /// nothing: it has the names of fields and values for tools. Empty in a table without it.
    #[must_use]
    pub fn manifest(&self) -> &'t [u8] {
        let length = usize::try_from(self.header.manifest.get()).unwrap_or(usize::MAX);
        let start = self.bytes.len().saturating_sub(length);
        self.bytes.get(start..).unwrap_or_default()
    }

    /// The number of blocks.
    #[must_use]
    #[inline]
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The index of the block with `block_id`, in O(1): it probes at most a verified number of
    /// slots.
    #[must_use]
    #[inline]
    pub fn find(&self, block_id: u32) -> Option<usize> {
        self.lookup.find(self.blocks, block_id)
    }

    /// The block at `index`, from 0 to [`block_count`](Self::block_count).
    #[must_use]
    #[inline]
    pub fn block(&self, index: usize) -> Option<Block<'_>> {
        Some(Block {
            table: self,
            record: self.blocks.get(index)?,
        })
    }

    /// All blocks, in the order of the manifest.
    #[must_use]
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = Block<'_>> {
        self.blocks.iter().map(|record| Block {
            table: self,
            record,
        })
    }

    pub(crate) fn text(&self, text: Text) -> &'t str {
        let bytes = slice(
            self.strings,
            text.start.get(),
            usize::from(text.length.get()),
        );
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn image(&self, index: impl Into<u16>) -> &'t Image {
        self.images.get(usize::from(index.into())).unwrap_or(&ZERO)
    }

    #[inline]
    pub(crate) fn rules(&self, span: Span) -> &'t [RuleRecord] {
        slice(self.rules, span.start.get(), usize::from(span.count.get()))
    }

    #[inline]
    pub(crate) fn span(&self, span: Span) -> &'t [Instruction] {
        slice(
            self.instructions,
            span.start.get(),
            usize::from(span.count.get()),
        )
    }

    /// The instructions that a rule's two arguments name.
    #[inline]
    pub(crate) fn code(&self, start: u64, count: u64) -> &'t [Instruction] {
        wide_slice(self.instructions, start, count)
    }

    /// The values that a rule's two arguments name.
    #[inline]
    pub(crate) fn values(&self, start: u64, count: u64) -> &'t [U64] {
        wide_slice(self.values, start, count)
    }
}

impl fmt::Debug for Table<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Table")
            .field("device", &self.device())
            .field("crc", &self.crc())
            .finish_non_exhaustive()
    }
}

/// The elements from `start`; none if any of them is missing, which the verifier has excluded.
#[inline]
fn slice<T>(elements: &[T], start: u32, count: usize) -> &[T] {
    // A `u32` fits into `usize` on every target of the driver and its tools; if the sum wraps,
    // there are no elements.
    let start = start as usize;
    elements
        .get(start..start.wrapping_add(count))
        .unwrap_or_default()
}

#[inline]
fn wide_slice<T>(elements: &[T], start: u64, count: u64) -> &[T] {
    let (Ok(start), Ok(count)) = (u32::try_from(start), usize::try_from(count)) else {
        return &[];
    };
    slice(elements, start, count)
}

/// One block of a table.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    pub(crate) table: &'a Table<'a>,
    pub(crate) record: &'a BlockRecord,
}

impl<'a> Block<'a> {
    /// The block ID.
    #[must_use]
    #[inline]
    pub fn id(&self) -> u32 {
        self.record.id.get()
    }

    /// The block's name, 1 to 63 bytes.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.table.text(self.record.name)
    }

    /// The kind of the block.
    #[must_use]
    #[inline]
    pub fn kind(&self) -> Kind {
        if self.record.kind == block_kind::STREAM {
            Kind::Stream
        } else {
            Kind::Register
        }
    }

    /// The VF's access.
    #[must_use]
    #[inline]
    pub fn vf_access(&self) -> Access {
        Access::of(self.record.access)
    }

    /// Which operations of a VF the companion driver handles.
    #[must_use]
    #[inline]
    pub fn companion(&self) -> Companion {
        let has = |flag| self.record.flags & flag != 0;
        match (
            has(block_flag::COMPANION_READ),
            has(block_flag::COMPANION_WRITE),
        ) {
            (false, false) => Companion::None,
            (false, true) => Companion::Write,
            (true, false) => Companion::Read,
            (true, true) => Companion::ReadWrite,
        }
    }

    /// The shortest write in bytes, 1 to 128.
    #[must_use]
    #[inline]
    pub fn min_length(&self) -> usize {
        usize::from(self.record.min_length)
    }

    /// The longest write and the length of the block in bytes, 1 to 128.
    #[must_use]
    #[inline]
    pub fn max_length(&self) -> usize {
        usize::from(self.record.max_length)
    }

    /// Whether publishing the block invalidates it for the VF.
    #[must_use]
    #[inline]
    pub fn notify(&self) -> bool {
        self.record.flags & block_flag::NOTIFY != 0
    }

    /// Whether the block has a bit in the invalidation mask: its ID is below 64.
    #[must_use]
    #[inline]
    pub fn invalidatable(&self) -> bool {
        self.id() < INVALIDATABLE_BLOCKS
    }

    /// The result of a read that is shorter than the block.
    #[must_use]
    #[inline]
    pub fn short_read(&self) -> ShortRead {
        if self.record.flags & block_flag::SHORT_READ == 0 {
            ShortRead::Refuse
        } else {
            ShortRead::Prefix
        }
    }

    /// The effect of a reset on bytes that only host software writes.
    #[must_use]
    #[inline]
    pub fn on_reset(&self) -> OnReset {
        if self.record.flags & block_flag::KEEP == 0 {
            OnReset::Default
        } else {
            OnReset::Keep
        }
    }

    /// Messages that a stream keeps for each VF, 1 to 4096; zero for a register.
    #[must_use]
    #[inline]
    pub fn depth(&self) -> usize {
        usize::from(self.record.depth.get())
    }

    /// The handling of a message for a full stream.
    #[must_use]
    #[inline]
    pub fn when_full(&self) -> WhenFull {
        if self.record.flags & block_flag::DROP_OLDEST == 0 {
            WhenFull::Refuse
        } else {
            WhenFull::DropOldest
        }
    }

    /// The image after a reset; bytes after [`max_length`](Self::max_length) are zero.
    #[must_use]
    #[inline]
    pub fn default_image(&self) -> &'a Image {
        self.table.image(self.record.shape.default)
    }

    /// Whether a write of `writer` sets every byte, so that nothing of the committed image stays.
    #[must_use]
    #[inline]
    pub fn written_whole_by(&self, writer: Writer) -> bool {
        let flag = match writer {
            Writer::Vf => block_flag::VF_WRITES_ALL,
            Writer::Pf => block_flag::PF_WRITES_ALL,
        };
        self.record.flags & flag != 0
    }

    /// The indices of the blocks whose values the rules of this one read, at most
    /// [`MAX_USES`](crate::format::MAX_USES): registers that no VF writes.
    #[inline]
    pub fn uses(&self) -> impl Iterator<Item = usize> + use<'a> {
        let uses = self.record.uses.iter();
        uses.take_while(|index| index.get() != NO_BLOCK)
            .map(|index| index.get().into())
    }

    pub(crate) fn layouts(&self) -> &'a [LayoutRecord] {
        let span = self.record.layouts;
        slice(
            self.table.layouts,
            span.start.get(),
            usize::from(span.count.get()),
        )
    }

    /// The shapes of the block: its own, and those of its layouts.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &'a Shape> {
        core::iter::once(&self.record.shape)
            .chain(self.layouts().iter().map(|layout| &layout.shape))
    }
}

impl fmt::Debug for Block<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Block")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
