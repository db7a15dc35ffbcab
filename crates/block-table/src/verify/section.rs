//! The sections of a table.

use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::outcome::{Outcome, refuse};
use crate::error::Flaw;
use crate::format::Header;
use crate::lookup::Lookup;
use crate::table::Table;

/// A number of elements for each section whose elements have one owner each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) layouts: usize,
    pub(super) rules: usize,
    pub(super) instructions: usize,
    pub(super) values: usize,
}

impl Sections {
    /// The lengths of the sections of `table`.
    pub(super) const fn of(table: &Table<'_>) -> Self {
        Self {
            layouts: table.layouts.len(),
            rules: table.rules.len(),
            instructions: table.instructions.len(),
            values: table.values.len(),
        }
    }
}

/// The header and the bytes after it.
pub(super) fn header(bytes: &[u8]) -> Option<(&Header, &[u8])> {
    Header::ref_from_prefix(bytes).ok()
}

/// Splits `rest` into the sections that `header` counts.
pub(super) fn table<'t>(bytes: &'t [u8], header: &'t Header, rest: &'t [u8]) -> Outcome<Table<'t>> {
    let mut cut = Cut { bytes, rest };
    let blocks = cut.section(header.blocks.get().into())?;
    let slots = cut.section(header.slots.get())?;
    let table = Table {
        header,
        bytes,
        blocks,
        lookup: Lookup {
            slots,
            multiplier: header.multiplier.get(),
            shift: header.shift,
            probes: header.probes,
        },
        layouts: cut.section(header.layouts.get())?,
        rules: cut.section(header.rules.get())?,
        instructions: cut.section(header.instructions.get())?,
        values: cut.section(header.values.get())?,
        images: cut.section(header.images.get())?,
        strings: cut.section(header.strings.get())?,
    };
    // The last section is found from the end.
    let _manifest: &[u8] = cut.section(header.manifest.get())?;
    if cut.rest.is_empty() {
        Ok(table)
    } else {
        refuse(Flaw::Sections, bytes.len() - cut.rest.len())
    }
}

struct Cut<'t> {
    bytes: &'t [u8],
    rest: &'t [u8],
}

impl<'t> Cut<'t> {
    fn section<T: FromBytes + Immutable + KnownLayout>(&mut self, count: u32) -> Outcome<&'t [T]>
    where
        [T]: KnownLayout<PointerMetadata = usize>,
    {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let Ok((section, rest)) = <[T]>::ref_from_prefix_with_elems(self.rest, count) else {
            return refuse(
                Flaw::Sections,
                self.bytes.len().saturating_sub(self.rest.len()),
            );
        };
        self.rest = rest;
        Ok(section)
    }
}

/// The offset of `record` in `bytes`, which contains it.
pub(super) fn offset_of<T>(bytes: &[u8], record: &T) -> usize {
    core::ptr::from_ref(record)
        .addr()
        .saturating_sub(bytes.as_ptr().addr())
}
