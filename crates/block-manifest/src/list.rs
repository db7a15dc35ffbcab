//! Finds and writes the entries of a list in the bytes of a block.

use crate::model::{Entry, LengthCounts, List, Unknown};
use crate::types::low_bits;

/// An entry in the bytes of a block.
#[derive(Clone, Copy, Debug)]
pub struct Found<'l> {
    /// Its first byte in the block.
    pub start: u8,
    /// Its length in bytes, with tag and length.
    pub length: u8,
    /// Its tag.
    pub tag: u64,
    /// What it is, if its tag is known.
    pub entry: Option<&'l Entry>,
}

impl List {
    /// The bytes of a tag and a length.
    #[must_use]
    pub const fn header_length(&self) -> u8 {
        self.tag_type.width() + self.length_type.width()
    }

    /// The known entry with this tag.
    #[must_use]
    pub fn entry(&self, tag: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag.value == tag)
    }

    /// Whether `tag` ends the entries.
    #[must_use]
    pub fn is_end(&self, tag: u64) -> bool {
        self.end.as_ref().is_some_and(|end| end.value == tag)
    }

    /// Whether an entry with `tag`, which is unknown, is skipped.
    #[must_use]
    pub const fn skips(&self, tag: u64) -> bool {
        matches!(self.unknown, Unknown::Skip) != (tag & self.except != 0)
    }

    /// The bytes of tag and length of an entry of `length` bytes.
    #[must_use]
    pub fn header(&self, tag: u64, length: u8) -> Vec<u8> {
        let counted = match self.length_counts {
            LengthCounts::Entry => length,
            LengthCounts::Value => length.saturating_sub(self.header_length()),
        };
        let mut bytes = self.tag_type.encode(tag.into());
        bytes.extend(self.length_type.encode(counted.into()));
        bytes
    }

    /// The bytes that end the entries: none without an end tag.
    #[must_use]
    pub fn end_bytes(&self) -> Vec<u8> {
        let Some(end) = &self.end else {
            return Vec::new();
        };
        let Some(entry) = self.entry(end.value) else {
            return self.tag_type.encode(end.value.into());
        };
        let mut bytes = self.header(end.value, entry.length);
        bytes.resize(entry.length.into(), 0);
        for field in &entry.structure.fields {
            if let Some(place) = bytes.get_mut(field.offset.into()..field.end()) {
                place.copy_from_slice(&field.default);
            }
        }
        bytes
    }

    /// The entries before the end in `bytes`, those of a block as they are sent. The second value is
    /// the offset of the first byte that belongs to none of them: that of the end, or of an entry
    /// that is no whole one.
    #[must_use]
    pub fn find_entries(&self, bytes: &[u8]) -> (Vec<Found<'_>>, usize) {
        let mut found = Vec::new();
        let mut at = usize::from(self.offset);
        while let Some(entry) = self.entry_at(bytes, at) {
            at += usize::from(entry.length);
            found.push(entry);
        }
        (found, at)
    }

    /// The whole entry at `at`, unless the list ends there.
    fn entry_at(&self, bytes: &[u8], at: usize) -> Option<Found<'_>> {
        let rest = bytes.get(at..)?;
        let header = usize::from(self.header_length());
        let (tag, length) = rest.get(..header)?.split_at(self.tag_type.width().into());
        let tag = low_bits(self.tag_type.decode(tag));
        let counted = usize::try_from(self.length_type.decode(length)).ok()?;
        let length = match self.length_counts {
            LengthCounts::Entry => counted,
            LengthCounts::Value => counted.checked_add(header)?,
        };
        let fits = (header..=rest.len()).contains(&length) && !self.is_end(tag);
        fits.then_some(Found {
            start: u8::try_from(at).ok()?,
            length: u8::try_from(length).ok()?,
            tag,
            entry: self.entry(tag),
        })
    }
}
