//! The verifier: a table that it accepts can be evaluated on any bytes without a failure.
//!
//! Every element of a section belongs to exactly one owner, in the order of the owners in the
//! table. So verification takes time linear in the table's length, no element remains without an
//! owner, and no two records share an element.

mod block;
mod code;
mod list;
mod outcome;
mod reach;
mod rule;
mod section;

use crate::error::{Flaw, TableError};
use crate::format::{CRC_START, EMPTY_SLOT, MAGIC, MAX_PROBES, Span, Text, VERSION};
use crate::table::Table;
use crate::{MAX_BLOCKS, MAX_NAME_LENGTH, MAX_RESET_TIMEOUT, MAX_TABLE_LENGTH, MAX_VFS};
use outcome::{Outcome, ensure, refuse};
use section::{Sections, offset_of};

impl<'t> Table<'t> {
    /// The format version in the header of `bytes`; `None` if they do not begin like a block table.
    /// [`Table::verify`] accepts [`VERSION`] alone.
    #[must_use]
    pub fn format_version(bytes: &[u8]) -> Option<u16> {
        let (header, _) = section::header(bytes)?;
        (header.magic == MAGIC).then(|| header.version.get())
    }

    /// Verifies `bytes` as a block table.
    ///
    /// This takes time linear in the length of `bytes` and no memory beyond a few hundred bytes of
    /// stack.
    ///
    /// # Errors
    /// The first rule of the format that the bytes break, with the offset of the record that breaks
    /// it.
    pub fn verify(bytes: &'t [u8]) -> Result<Self, TableError> {
        ensure(bytes.len() <= MAX_TABLE_LENGTH, Flaw::TooLong, 0)?;
        let Some((header, rest)) = section::header(bytes) else {
            return refuse(Flaw::TooShort, bytes.len());
        };
        ensure(header.magic == MAGIC, Flaw::Magic, 0)?;
        ensure(
            header.version.get() == VERSION,
            Flaw::Version,
            offset_of(bytes, &header.version),
        )?;
        ensure(
            header.reserved.get() == 0,
            Flaw::ReservedNotZero,
            offset_of(bytes, &header.reserved),
        )?;
        let length = usize::try_from(header.length.get()).ok();
        ensure(
            length == Some(bytes.len()),
            Flaw::Length,
            offset_of(bytes, &header.length),
        )?;
        let crc = bytes.get(CRC_START..).map(crate::checksum::crc32);
        ensure(
            crc == Some(header.crc.get()),
            Flaw::Crc,
            offset_of(bytes, &header.crc),
        )?;
        let table = section::table(bytes, header, rest)?;
        Verifier {
            table: &table,
            next: Sections::default(),
        }
        .verify()?;
        Ok(table)
    }
}

/// One verification of a table whose sections exist.
struct Verifier<'v> {
    table: &'v Table<'v>,
    /// Index of the first element of each section that no owner has claimed yet.
    next: Sections,
}

impl Verifier<'_> {
    fn verify(mut self) -> Outcome {
        self.device()?;
        self.lookup()?;
        for (index, record) in self.table.blocks.iter().enumerate() {
            ensure(
                self.table.find(record.id.get()) == Some(index),
                Flaw::NotFound,
                self.at(record),
            )?;
            self.block(record)?;
        }
        let all = Sections::of(self.table);
        ensure(self.next == all, Flaw::Sections, self.table.bytes.len())
    }

    fn device(&self) -> Outcome {
        let header = self.table.header;
        self.name(header.name, &header.name)?;
        let ids = header.device_ids();
        let different = (1..).zip(ids).all(|(next, id)| {
            let mut behind = ids.iter().skip(next);
            !behind.any(|other| other == id)
        });
        let mut unused = header.device_ids.iter().skip(ids.len());
        ensure(
            !ids.is_empty() && different && unused.all(|id| id.get() == 0),
            Flaw::DeviceIds,
            self.at(&header.device_ids),
        )?;
        ensure(
            (1..=MAX_VFS).contains(&header.max_vfs.get()),
            Flaw::MaxVfs,
            self.at(&header.max_vfs),
        )?;
        let (rate, burst) = (header.writes_per_second.get(), header.burst.get());
        ensure(
            (rate == 0) == (burst == 0),
            Flaw::Limits,
            self.at(&header.writes_per_second),
        )?;
        ensure(
            header.reset_timeout.get() <= MAX_RESET_TIMEOUT,
            Flaw::ResetTimeout,
            self.at(&header.reset_timeout),
        )
    }

    fn lookup(&self) -> Outcome {
        let header = self.table.header;
        let blocks = self.table.blocks.len();
        ensure(
            (1..=MAX_BLOCKS).contains(&blocks),
            Flaw::BlockCount,
            self.at(&header.blocks),
        )?;
        let slots = self.table.lookup.slots;
        ensure(
            slots.len().is_power_of_two() && slots.len() <= 1 << 16,
            Flaw::SlotCount,
            self.at(&header.slots),
        )?;
        let probes = (1..=MAX_PROBES).contains(&header.probes);
        ensure(
            probes && header.shift < 32,
            Flaw::Lookup,
            self.at(&header.shift),
        )?;
        for slot in slots {
            let names_a_block = slot.get() == EMPTY_SLOT || usize::from(slot.get()) < blocks;
            ensure(names_a_block, Flaw::Slot, self.at(slot))?;
        }
        Ok(())
    }

    fn name<T>(&self, text: Text, record: &T) -> Outcome {
        let start = usize::try_from(text.start.get()).unwrap_or(usize::MAX);
        let length = usize::from(text.length.get());
        let bytes = self
            .table
            .strings
            .get(start..)
            .and_then(|rest| rest.get(..length));
        let fits = (1..=MAX_NAME_LENGTH).contains(&length)
            && bytes.is_some_and(|bytes| core::str::from_utf8(bytes).is_ok());
        ensure(fits, Flaw::Name, self.at(record))
    }

    /// The offset of `record`, which lies in the table, in bytes.
    fn at<T>(&self, record: &T) -> usize {
        offset_of(self.table.bytes, record)
    }
}

/// Claims the elements of `span`, which must be the next ones of a section of `length` elements.
fn claim(next: &mut usize, start: u64, count: u64, length: usize) -> bool {
    let (Ok(start), Ok(count)) = (usize::try_from(start), usize::try_from(count)) else {
        return false;
    };
    let follows = start == *next;
    let end = start.saturating_add(count);
    *next = end;
    follows && end <= length
}

fn claim_span(next: &mut usize, span: Span, length: usize) -> bool {
    claim(
        next,
        span.start.get().into(),
        span.count.get().into(),
        length,
    )
}
