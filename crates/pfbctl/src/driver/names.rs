//! The names of a device's blocks, fields and values, from the manifest in its table or in a file.

use std::path::Path;

use block_manifest::{Block, Field, Manifest};
use pf_broker_abi as abi;
use pf_broker_client::{Control, Device, Error, name_text};
use pf_state::status;

use crate::failure::Failure;
use crate::fields::{self, Decoded};
use crate::printable::printable;
use crate::source;
use crate::style::BAD;

/// The answer of a driver that does not know a control code.
pub(super) const UNKNOWN_CODE: u32 = status::INVALID_DEVICE_REQUEST.cast_unsigned();

/// The names of a device; none at first.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Of the manifest, if there is one, otherwise of the driver's table.
    blocks: Vec<(u32, String)>,
    manifest: Option<Manifest>,
}

impl Names {
    /// No names at all.
    #[cfg(test)]
    pub(super) const NONE: Self = Self {
        blocks: Vec::new(),
        manifest: None,
    };

    /// The names of the manifest in a file, or of that in the driver's table. Without either, blocks
    /// have names and fields have none.
    pub(super) fn of<C: Control>(device: &Device<C>, file: Option<&Path>) -> Result<Self, Failure> {
        let manifest = match file {
            Some(path) => Some(of_file(device, path)?),
            None => reported(device)?,
        };
        match manifest {
            Some(manifest) => Ok(Self::of_manifest(manifest)),
            None => Ok(Self::of_blocks(&device.blocks()?)),
        }
    }

    /// The names of blocks alone.
    pub(super) fn of_blocks(blocks: &[abi::BlockInfo]) -> Self {
        let named = blocks
            .iter()
            .map(|block| (block.id, name_text(&block.name)));
        Self {
            blocks: named.collect(),
            manifest: None,
        }
    }

    /// The names of a manifest.
    pub(super) fn of_manifest(manifest: Manifest) -> Self {
        let blocks = manifest.blocks().iter();
        Self {
            blocks: blocks.map(|block| (block.id, block.name.clone())).collect(),
            manifest: Some(manifest),
        }
    }

    /// The block of an ID or a name.
    pub(super) fn block(&self, text: &str) -> Result<u32, Failure> {
        let named = self.blocks.iter().find(|(_, name)| name == text);
        if let Some(id) = named.map(|(id, _)| *id).or_else(|| text.parse().ok()) {
            return Ok(id);
        }
        let all = self.blocks.iter().map(|(id, name)| (*id, name.as_str()));
        Err(source::no_block("BLOCK", text, &all.collect::<Vec<_>>()))
    }

    /// The name of a block; a refused operation may name one that does not exist.
    pub(super) fn name(&self, id: u32) -> Option<&str> {
        let named = self.blocks.iter().find(|(block, _)| *block == id);
        named.map(|(_, name)| name.as_str())
    }

    /// The columns of the longest name.
    pub(super) fn width(&self) -> usize {
        let widths = self.blocks.iter().map(|(_, name)| printable(name).len());
        widths.max().unwrap_or(0)
    }

    /// A block with its manifest, if there is one.
    pub(super) fn described(&self, id: u32) -> Option<(&Manifest, &Block)> {
        let manifest = self.manifest.as_ref()?;
        let block = manifest.blocks().iter().find(|block| block.id == id)?;
        Some((manifest, block))
    }

    /// The field that has the byte `offset` of a block. None if that depends on the layout.
    pub(super) fn field(&self, id: u32, offset: u8) -> Option<&str> {
        let (_, block) = self.described(id)?;
        let layouts = block.layouts.iter().flat_map(|layout| &layout.fields);
        let covers = |field: &&Field| {
            (usize::from(field.offset)..field.end()).contains(&usize::from(offset))
        };
        let mut names = block.fields.iter().chain(layouts).filter(covers);
        let first = names.next()?.name.as_str();
        names.all(|other| other.name == first).then_some(first)
    }

    /// The fields of a block, if the manifest has any for it.
    pub(super) fn decode(&self, id: u32, bytes: &[u8]) -> Option<Decoded> {
        let (manifest, block) = self.described(id)?;
        (!block.is_opaque()).then(|| fields::decode(manifest, block, bytes))
    }
}

/// The manifest in a file. One that the driver's table does not come from is used with a warning.
fn of_file<C: Control>(device: &Device<C>, path: &Path) -> Result<Manifest, Failure> {
    let manifest = source::manifest(path)?;
    let bytes = manifest.compile();
    let compiled = source::verify(path, &bytes)?.crc();
    let active = device.query()?.table_crc;
    if compiled != active {
        anstream::eprintln!(
            "{BAD}warning{BAD:#}: {} compiles to table {compiled:08x}, and the device serves \
             {active:08x}: names may be wrong",
            printable(&source::name(path))
        );
    }
    Ok(manifest)
}

/// The manifest in the driver's table: none of a driver that does not report its table, and with a
/// warning none of a table that this tool cannot read.
fn reported<C: Control>(device: &Device<C>) -> Result<Option<Manifest>, Failure> {
    let table = match device.table() {
        Ok(table) => table,
        Err(Error::Status(UNKNOWN_CODE)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    source::embedded(&table).or_else(|problem| {
        anstream::eprintln!(
            "{BAD}warning{BAD:#}: the device's block table names no fields for this pfbctl: {}",
            printable(&problem)
        );
        Ok(None)
    })
}
