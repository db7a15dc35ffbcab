//! The writer of the format: lays out a [`Source`], to which the manifest compiler lowers a
//! manifest, as bytes.

mod condition;
mod error;
mod instruction;
mod slot_table;
mod source;
mod writer;

use zerocopy::IntoBytes;
use zerocopy::little_endian::U16;

use crate::format::{CRC_START, Header, MAGIC, MAX_DEVICE_IDS, VERSION};
use crate::{Limits, Table, Work};
use error::{count16, count32};
use slot_table::SlotTable;
use writer::Writer;

pub use crate::format::{FieldRecord, Instruction};
pub use condition::chosen;
pub use error::EncodeError;
pub use instruction::{
    compare_constant, compare_field, field_record, from_source, on_constant, on_field, on_stack,
    with_sign,
};
pub use source::{BlockSource, Checksum, Entry, Field, Layout, List, Rule, Shape, Source};

impl BlockSource {
    /// The work of one write of the block.
    ///
    /// # Errors
    /// [`EncodeError::TooMany`] when a count does not fit.
    pub fn work(&self) -> Result<Work, EncodeError> {
        let mut writer = Writer::default();
        let record = writer.block(self)?;
        Ok(writer.work(&record))
    }

    /// The number of rules in the longest rule list of the block.
    ///
    /// # Errors
    /// [`EncodeError::TooMany`] when a count does not fit.
    pub fn longest_rule_list(&self) -> Result<usize, EncodeError> {
        let mut writer = Writer::default();
        let record = writer.block(self)?;
        let layouts = writer.layouts.iter().map(|layout| layout.rules);
        let lists = layouts.chain([record.rules, record.last_rules]);
        let lengths = lists.map(|list| list.count.get().into());
        Ok(lengths.max().unwrap_or(0))
    }
}

impl Source {
    /// Writes the table and verifies it.
    ///
    /// # Errors
    /// [`EncodeError::TooMany`] when a count does not fit, [`EncodeError::Refused`] when the
    /// verifier refuses the result.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        let name = writer.text(&self.name)?;
        let blocks = self
            .blocks
            .iter()
            .map(|block| writer.block(block))
            .collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<u32> = self.blocks.iter().map(|block| block.id).collect();
        let lookup = SlotTable::for_ids(&ids).ok_or(EncodeError::TooMany("blocks"))?;
        let limits = self.limits.unwrap_or(Limits {
            writes_per_second: 0,
            burst: 0,
        });
        let mut device_ids = [U16::ZERO; MAX_DEVICE_IDS];
        if self.device_ids.len() > device_ids.len() {
            return Err(EncodeError::TooMany("device IDs"));
        }
        for (place, id) in device_ids.iter_mut().zip(&self.device_ids) {
            place.set(*id);
        }
        let device_id_count =
            u8::try_from(self.device_ids.len()).map_err(|_| EncodeError::TooMany("device IDs"))?;
        let header = Header {
            magic: MAGIC,
            version: VERSION.into(),
            reserved: 0.into(),
            length: 0.into(),
            crc: 0.into(),
            vendor_id: self.vendor_id.into(),
            device_ids,
            device_id_count,
            max_vfs: self.max_vfs.into(),
            writes_per_second: limits.writes_per_second.into(),
            burst: limits.burst.into(),
            reset_timeout: self.reset.timeout().into(),
            name,
            multiplier: lookup.multiplier.into(),
            shift: lookup.shift,
            probes: lookup.probes,
            blocks: count16(blocks.len(), "blocks")?,
            slots: count32(lookup.slots.len(), "slots")?,
            layouts: count32(writer.layouts.len(), "layouts")?,
            rules: count32(writer.rules.len(), "rules")?,
            instructions: count32(writer.instructions.len(), "instructions")?,
            values: count32(writer.values.len(), "values")?,
            images: count32(writer.images.len(), "images")?,
            strings: count32(writer.strings.len(), "bytes of names")?,
            manifest: count32(self.manifest.len(), "bytes of the manifest")?,
        };
        let mut bytes = header.as_bytes().to_vec();
        for section in [
            blocks.as_bytes(),
            lookup.slots.as_bytes(),
            writer.layouts.as_bytes(),
            writer.rules.as_bytes(),
        ] {
            bytes.extend_from_slice(section);
        }
        for section in [
            writer.instructions.as_bytes(),
            writer.values.as_bytes(),
            writer.images.as_bytes(),
            &writer.strings,
            &self.manifest,
        ] {
            bytes.extend_from_slice(section);
        }
        seal(&mut bytes);
        Table::verify(&bytes).map_err(EncodeError::Refused)?;
        Ok(bytes)
    }
}

/// Sets the length and the CRC in the header of a table, as far as `bytes` reach.
pub fn seal(bytes: &mut [u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(field) = bytes.get_mut(CRC_START - 8..CRC_START - 4) {
        field.copy_from_slice(&length);
    }
    let crc = crate::checksum::crc32(bytes.get(CRC_START..).unwrap_or(&[])).to_le_bytes();
    if let Some(field) = bytes.get_mut(CRC_START - 4..CRC_START) {
        field.copy_from_slice(&crc);
    }
}
