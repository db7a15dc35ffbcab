//! The entries of a list in a draft: which there are, and where.

use block_manifest::expression::Expression;
use block_manifest::{Block, Entry, Field, List};
use block_table::Image;

/// The entries of one draft.
pub(super) struct Plan<'l> {
    list: &'l List,
    /// Each entry with its first byte and its length.
    entries: Vec<(u8, u8, &'l Entry)>,
    /// The first byte after the entries.
    end: u8,
    /// How many bytes are sent, if the list ends with them.
    sent: Option<usize>,
}

impl<'l> Plan<'l> {
    /// One entry of each kind, as many as fit. Some drafts have none.
    pub(super) fn new(list: &'l List, block: &Block, turn: u64, attempt: u64) -> Self {
        let kinds = list
            .entries
            .iter()
            .filter(|entry| !list.is_end(entry.tag.value));
        let mut kinds: Vec<&Entry> = kinds.collect();
        let first = turn.wrapping_add(attempt) % kinds.len().max(1) as u64;
        kinds.rotate_left(usize::try_from(first).unwrap_or(0));
        if attempt % 3 == 2 {
            kinds.clear();
        }
        let room_end = list.offset.saturating_add(list.length);
        let end_length = u8::try_from(list.end_bytes().len()).unwrap_or(u8::MAX);
        let mut end = list.offset;
        let mut entries = Vec::new();
        for entry in kinds {
            let next = end.saturating_add(entry.length);
            if next.saturating_add(end_length) <= room_end {
                entries.push((end, entry.length, entry));
                end = next;
            }
        }
        let is_open = list.end.is_none();
        if let (true, Some((start, length, _))) = (is_open, entries.last_mut())
            && end < block.min_length
        {
            // The last entry takes what a write has at least.
            *length = block.min_length.saturating_sub(*start);
            end = block.min_length;
        }
        Self {
            list,
            entries,
            end,
            sent: is_open.then(|| end.max(block.min_length).into()),
        }
    }

    /// The fields of the entries, at their places in the block.
    pub(super) fn fields(&self) -> Vec<Field> {
        let placed = self.entries.iter().zip(0..);
        let placed = placed.flat_map(|((start, _, entry), index): (_, usize)| {
            let name = format!("{}[{index}]", self.list.name);
            entry.structure.fields_at(&name, *start)
        });
        placed.collect()
    }

    /// The rules of the entries, as rules over the block.
    pub(super) fn rules(&self) -> Vec<Expression> {
        let entries = self.entries.iter();
        entries
            .flat_map(|(start, _, entry)| entry.structure.rules_at(*start))
            .collect()
    }

    /// Fills the list with zeros.
    pub(super) fn clear(&self, image: &mut Image) {
        let last = self.list.offset.saturating_add(self.list.length);
        image[self.list.offset.into()..last.into()].fill(0);
    }

    /// Writes the tags and lengths, and the end.
    pub(super) fn write(&self, image: &mut Image) {
        let mut put = |at: u8, bytes: Vec<u8>| {
            let place = image.iter_mut().skip(at.into());
            for (byte, value) in place.zip(bytes) {
                *byte = value;
            }
        };
        for (start, length, entry) in &self.entries {
            put(*start, self.list.header(entry.tag.value, *length));
        }
        put(self.end, self.list.end_bytes());
    }

    /// How many bytes are sent, if the list ends with them.
    pub(super) const fn sent(&self) -> Option<usize> {
        self.sent
    }
}
