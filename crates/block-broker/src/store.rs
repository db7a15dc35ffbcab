//! The memory of one VF: values of registers and messages of streams.

use core::mem::offset_of;

use block_table::format::MAX_USES;
use block_table::{
    Block, History, Image, Kind, MAX_BLOCK_LENGTH, Table, WhenFull, Writer, copy_prefix,
};
use pf_broker_abi::Refusal;

use crate::BlockCounters;
use crate::changes::BlockStamps;

/// Registers and streams begin at multiples of this many bytes, so that few cross a cache line.
const ALIGNMENT: usize = 16;

/// The memory of a VF is a multiple of this many bytes: neighbours share no cache line.
const CACHE_LINE: usize = 64;

/// The state of one block of one VF, without the block's bytes: two cache lines. A read or a write
/// that succeeds needs the first one only.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct BlockSlot {
    /// Offset of the block's bytes in the VF's memory.
    offset: usize,
    /// Commits and resets of the block since the device started.
    revision: u64,
    stamps: BlockStamps,
    /// The slot of a stream's oldest message.
    head: u16,
    /// How many messages a stream keeps at the moment.
    queued: u16,
    /// Which sides have committed something since the last reset.
    history: History,
    /// `reads` and `writes` come first.
    counters: BlockCounters,
}

/// What a read or a write uses is in the first cache line.
const _: () = assert!(
    size_of::<BlockSlot>() == 2 * CACHE_LINE
        && offset_of!(BlockSlot, counters) + offset_of!(BlockCounters, publishes) <= CACHE_LINE
);

impl BlockSlot {
    /// A slot that no VF uses yet, to fill the memory for [`Vf::new`](crate::Vf::new) with.
    pub const UNUSED: Self = Self {
        counters: BlockCounters {
            reads: 0,
            writes: 0,
            publishes: 0,
            refused: 0,
            dropped: 0,
        },
        offset: 0,
        head: 0,
        queued: 0,
        history: History::EMPTY,
        revision: 0,
        stamps: BlockStamps::NEVER,
    };

    pub(crate) fn counters(&self) -> &BlockCounters {
        &self.counters
    }

    pub(crate) fn counters_mut(&mut self) -> &mut BlockCounters {
        &mut self.counters
    }

    pub(crate) fn queued(&self) -> u16 {
        self.queued
    }

    pub(crate) fn history(&self) -> History {
        self.history
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn stamps(&self) -> BlockStamps {
        self.stamps
    }

    pub(crate) fn stamps_mut(&mut self) -> &mut BlockStamps {
        &mut self.stamps
    }

    /// Whether a stream keeps as many messages as it can.
    fn is_full(&self, block: Block<'_>) -> bool {
        usize::from(self.queued) >= block.depth()
    }

    /// Increases the revision: the block has a new value or a new tenant.
    fn revise(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }

    /// Offset of the record of the message that is `places` messages after the oldest one.
    fn message(&self, block: Block<'_>, places: usize) -> usize {
        let mut place = usize::from(self.head).wrapping_add(places);
        if place >= block.depth() {
            place = place.wrapping_sub(block.depth());
        }
        self.offset
            .wrapping_add(place.wrapping_mul(record_length(block)))
    }
}

/// The slots and bytes of one VF. A block's index is that of the table.
#[derive(Debug)]
pub(crate) struct Store<'m> {
    slots: &'m mut [BlockSlot],
    bytes: &'m mut [u8],
}

/// How many bytes the blocks of one VF need.
///
/// [`MAX_BLOCK_LENGTH`] bytes follow the last block, so that code without a branch on the length
/// can read every block as a full image.
pub(crate) fn bytes_needed(table: &Table<'_>) -> usize {
    let blocks = table
        .blocks()
        .fold(0_usize, |sum, block| sum.saturating_add(room(block)));
    blocks
        .saturating_add(MAX_BLOCK_LENGTH)
        .div_ceil(CACHE_LINE)
        .saturating_mul(CACHE_LINE)
}

/// How many bytes one block takes.
fn room(block: Block<'_>) -> usize {
    let bytes = match block.kind() {
        Kind::Register => block.max_length(),
        Kind::Stream => block.depth().saturating_mul(record_length(block)),
    };
    bytes.div_ceil(ALIGNMENT).saturating_mul(ALIGNMENT)
}

/// How many bytes a message takes: those of the block, and one with the length that was sent.
fn record_length(block: Block<'_>) -> usize {
    block.max_length().wrapping_add(1)
}

impl<'m> Store<'m> {
    /// Gives each block its place, with its default value; `None` if the memory is too small.
    pub(crate) fn new(
        table: &Table<'_>,
        slots: &'m mut [BlockSlot],
        bytes: &'m mut [u8],
    ) -> Option<Self> {
        let slots = slots.get_mut(..table.block_count())?;
        let bytes = bytes.get_mut(..bytes_needed(table))?;
        bytes.fill(0);
        let mut offset = 0_usize;
        for (block, slot) in table.blocks().zip(slots.iter_mut()) {
            *slot = BlockSlot {
                offset,
                ..BlockSlot::UNUSED
            };
            offset = offset.wrapping_add(room(block));
        }
        let mut store = Self { slots, bytes };
        for (index, block) in table.blocks().enumerate() {
            store.set_to_default(index, block);
        }
        Some(store)
    }

    pub(crate) fn slot(&self, index: usize) -> Option<&BlockSlot> {
        self.slots.get(index)
    }

    pub(crate) fn slot_mut(&mut self, index: usize) -> Option<&mut BlockSlot> {
        self.slots.get_mut(index)
    }

    /// Fills `reply` with the first `length` bytes of a register, then zeros.
    #[inline]
    pub(crate) fn read_register(&self, index: usize, length: usize, reply: &mut Image) {
        let window = self
            .slots
            .get(index)
            .and_then(|slot| self.window(slot.offset));
        copy_prefix(window.unwrap_or(&ZERO), length, reply);
    }

    /// The committed image for the next write: the value of a register, the message that a stream
    /// accepted last, or the default image of a stream that has accepted none since its reset.
    #[inline(never)]
    pub(crate) fn committed(&self, index: usize, block: Block<'_>) -> Image {
        prefix(self.newest(index, block), block.max_length())
    }

    /// Like `committed`, but borrowed: bytes after `max_length` do not belong to the block.
    #[inline]
    pub(crate) fn newest<'s>(&'s self, index: usize, block: Block<'s>) -> &'s Image {
        let Some(slot) = self.slots.get(index) else {
            return &ZERO;
        };
        let offset = match block.kind() {
            Kind::Register => slot.offset,
            Kind::Stream if slot.history == History::EMPTY => return block.default_image(),
            Kind::Stream => {
                let behind_newest = block.depth().wrapping_add(usize::from(slot.queued));
                let newest = behind_newest.wrapping_sub(1);
                let newest = if newest >= block.depth() {
                    newest.wrapping_sub(block.depth())
                } else {
                    newest
                };
                slot.message(block, newest)
            }
        };
        self.window(offset).unwrap_or(&ZERO)
    }

    /// The values of the blocks that a block uses, as [`Write::used`](block_table::Write) has them.
    #[inline]
    pub(crate) fn used<'s>(&'s self, block: Block<'_>) -> [&'s Image; MAX_USES] {
        let mut used = [&ZERO; MAX_USES];
        for (image, index) in used.iter_mut().zip(block.uses()) {
            let slot = self.slots.get(index);
            *image = slot
                .and_then(|slot| self.window(slot.offset))
                .unwrap_or(&ZERO);
        }
        used
    }

    /// Sets the value of a register to `image`.
    #[inline]
    pub(crate) fn commit(&mut self, index: usize, block: Block<'_>, writer: Writer, image: &Image) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        slot.history = slot.history.after(writer);
        slot.revise();
        let offset = slot.offset;
        self.store_register(offset, block.max_length(), image);
    }

    /// Clears the VF from a register's history because none of its bytes remain: its sequences may
    /// start at any value.
    pub(crate) fn forget_vf(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.history = slot.history.without(Writer::Vf);
        }
    }

    /// Whether another message can be queued: not if the stream is full and its manifest says to
    /// refuse. There is always room for the value of a register.
    pub(crate) fn check_room(&self, index: usize, block: Block<'_>) -> Result<(), Refusal> {
        let slot = self.slots.get(index).ok_or(Refusal::Block)?;
        if block.kind() == Kind::Stream
            && slot.is_full(block)
            && block.when_full() == WhenFull::Refuse
        {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// Queues a message; when the stream is full, drops the oldest one or refuses, as the manifest
    /// says.
    pub(crate) fn push(
        &mut self,
        index: usize,
        block: Block<'_>,
        message: &Message,
    ) -> Result<Pushed, Refusal> {
        self.check_room(index, block)?;
        let slot = self.slots.get_mut(index).ok_or(Refusal::Block)?;
        let full = slot.is_full(block);
        let offset = slot.message(block, if full { 0 } else { usize::from(slot.queued) });
        if full {
            slot.head = next_place(slot.head, block);
        } else {
            slot.queued = slot.queued.wrapping_add(1);
        }
        slot.history = slot.history.after(Writer::Vf);
        slot.revise();
        self.store_message(offset, block.max_length(), message);
        Ok(if full {
            Pushed::DroppingOldest
        } else {
            Pushed::Behind
        })
    }

    /// Takes the oldest message; `None` when there is none.
    pub(crate) fn pop(&mut self, index: usize, block: Block<'_>) -> Option<Message> {
        let slot = self.slots.get_mut(index)?;
        slot.queued = slot.queued.checked_sub(1)?;
        let offset = slot.message(block, 0);
        slot.head = next_place(slot.head, block);
        let end = offset.wrapping_add(block.max_length());
        Some(Message {
            image: prefix(self.window(offset)?, block.max_length()),
            length: *self.bytes.get(end)?,
        })
    }

    /// Wipes a VF's data: a register returns to the value that its manifest defines, a stream is
    /// emptied and its memory zeroed, and sequences may start at any value.
    pub(crate) fn wipe(&mut self, index: usize, block: Block<'_>) {
        let committed = self.committed(index, block);
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        slot.head = 0;
        slot.queued = 0;
        slot.history = History::EMPTY;
        slot.revise();
        slot.stamps = BlockStamps::NEVER;
        let offset = slot.offset;
        match block.kind() {
            Kind::Register => {
                self.store_register(offset, block.max_length(), &block.reset_image(&committed));
            }
            Kind::Stream => {
                let end = offset.wrapping_add(room(block));
                self.bytes.get_mut(offset..end).unwrap_or_default().fill(0);
            }
        }
    }

    fn set_to_default(&mut self, index: usize, block: Block<'_>) {
        if let (Some(slot), Kind::Register) = (self.slots.get(index), block.kind()) {
            self.store_register(slot.offset, block.max_length(), block.default_image());
        }
    }

    /// 128 bytes of memory from `offset`; as many follow the start of every block.
    #[inline]
    fn window(&self, offset: usize) -> Option<&Image> {
        self.bytes.get(offset..).and_then(<[u8]>::first_chunk)
    }

    /// Overwrites the register of `length` bytes at `offset`. Its room is a multiple of
    /// [`ALIGNMENT`], and the bytes of `image` after `length` are zero, so it is written in whole
    /// steps.
    #[inline]
    fn store_register(&mut self, offset: usize, length: usize, image: &Image) {
        let bytes = self.bytes.get_mut(offset..).unwrap_or_default();
        let (room, _) = bytes.as_chunks_mut::<ALIGNMENT>();
        let (image, _) = image.as_chunks::<ALIGNMENT>();
        for (old, new) in room.iter_mut().zip(image).take(length.div_ceil(ALIGNMENT)) {
            *old = *new;
        }
    }

    /// Overwrites the record at `offset` of a message of a block of `length` bytes, but no byte of
    /// the next one.
    #[inline]
    fn store_message(&mut self, offset: usize, length: usize, message: &Message) {
        let bytes = self.bytes.get_mut(offset..).unwrap_or_default();
        let sent = message.image.iter().take(length).chain([&message.length]);
        for (old, new) in bytes.iter_mut().zip(sent) {
            *old = *new;
        }
    }
}

/// A message of a stream.
#[derive(Debug)]
pub(crate) struct Message {
    /// The bytes that were sent, followed by zeros.
    pub(crate) image: Image,
    /// How many were sent, at most [`MAX_BLOCK_LENGTH`].
    pub(crate) length: u8,
}

impl Message {
    /// The bytes that were sent.
    pub(crate) fn sent(&self) -> &[u8] {
        self.image.get(..self.length.into()).unwrap_or(&self.image)
    }
}

/// How a message was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The stream had room.
    Behind,
    /// The oldest message was dropped.
    DroppingOldest,
}

fn next_place(place: u16, block: Block<'_>) -> u16 {
    let next = place.wrapping_add(1);
    if usize::from(next) >= block.depth() {
        0
    } else {
        next
    }
}

/// An image of zeros.
static ZERO: Image = [0; MAX_BLOCK_LENGTH];

/// `image` with zeros after its first `length` bytes.
#[inline]
pub(crate) fn prefix(image: &Image, length: usize) -> Image {
    let mut prefix = ZERO;
    copy_prefix(image, length, &mut prefix);
    prefix
}
