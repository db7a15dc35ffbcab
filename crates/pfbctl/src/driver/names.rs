//! The names of a device's blocks, and with its manifest those of fields and values.

use std::path::Path;

use block_manifest::{Block, Manifest};
use pf_broker_client::{Control, Device, name_text};

use crate::failure::Failure;
use crate::fields::{self, Decoded};
use crate::printable::printable;
use crate::source;
use crate::style::BAD;

/// The names of a device.
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

    /// The names that the driver reports, and those of the manifest in a file. A manifest that the
    /// driver's table does not come from is used with a warning.
    pub(super) fn of<C: Control>(
        device: &Device<C>,
        manifest: Option<&Path>,
    ) -> Result<Self, Failure> {
        let Some(path) = manifest else {
            let blocks = device.blocks()?;
            let named = blocks
                .iter()
                .map(|block| (block.id, name_text(&block.name)));
            return Ok(Self {
                blocks: named.collect(),
                manifest: None,
            });
        };
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
        Ok(Self::of_manifest(manifest))
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

    /// The fields of a block, if the manifest has any for it.
    pub(super) fn decode(&self, id: u32, bytes: &[u8]) -> Option<Decoded> {
        let (manifest, block) = self.described(id)?;
        (!block.is_opaque()).then(|| fields::decode(manifest, block, bytes))
    }
}
