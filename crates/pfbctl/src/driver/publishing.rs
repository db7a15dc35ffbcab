//! The bytes of a publish: given as they are, or as values of fields.

use block_table::{Image, MAX_BLOCK_LENGTH, Table, Writer};
use pf_broker_client::{Control, Device, Vfs};

use super::names::Names;
use crate::cli;
use crate::failure::Failure;
use crate::fields::{self, Assignment};

/// The content of a publish on the command line.
#[derive(Debug)]
pub(super) enum Content {
    /// The bytes.
    Bytes(Vec<u8>),
    /// Values of fields.
    Fields(Vec<Assignment>),
}

impl Content {
    /// Reads one word of hexadecimal digits, or words with `=`.
    pub(super) fn parse(words: &[String]) -> Result<Self, Failure> {
        let refused = |problem| Failure::Argument {
            argument: "BYTES|FIELD=VALUE",
            problem,
        };
        match words {
            [word] if !word.contains('=') => cli::data(word)
                .map(|data| Self::Bytes(data.0))
                .map_err(|error| refused(error.to_string())),
            words => {
                let fields = words.iter().map(|word| Assignment::parse(word));
                let fields = fields.collect::<Result<_, _>>();
                fields.map(Self::Fields).map_err(refused)
            }
        }
    }
}

/// The content of a block before a publish.
#[derive(Debug)]
pub(super) struct Base {
    image: Image,
    /// The revision that the publish expects, of one VF.
    pub(super) revision: Option<u64>,
}

impl Base {
    /// The committed bytes of one VF, or the defaults for all.
    pub(super) fn read<C: Control>(
        device: &Device<C>,
        names: &Names,
        vfs: Vfs,
        block: u32,
    ) -> Result<Self, Failure> {
        match vfs {
            Vfs::One(vf) => {
                let value = device.read(vf, block, MAX_BLOCK_LENGTH)?;
                Ok(Self {
                    image: fields::image_of(&value.data),
                    revision: Some(value.revision),
                })
            }
            Vfs::All => Ok(Self {
                image: default_image(names, block),
                revision: None,
            }),
        }
    }

    /// The bytes with these values.
    pub(super) fn with(
        &self,
        names: &Names,
        block: u32,
        assignments: &[Assignment],
    ) -> Result<Vec<u8>, Failure> {
        let refused = |problem| Failure::Argument {
            argument: "FIELD=VALUE",
            problem,
        };
        let (manifest, block) = names.described(block).ok_or_else(|| {
            let problem = "the device's table names no such block with fields; --manifest names a \
                           manifest that does";
            refused(problem.to_owned())
        })?;
        fields::encode(manifest, block, Writer::Pf, &self.image, assignments).map_err(refused)
    }
}

/// The content of a block after a reset, zeros without a manifest.
fn default_image(names: &Names, block: u32) -> Image {
    let zeros = [0; MAX_BLOCK_LENGTH];
    let Some((manifest, _)) = names.described(block) else {
        return zeros;
    };
    let bytes = manifest.compile();
    let Ok(table) = Table::verify(&bytes) else {
        return zeros;
    };
    let found = table.find(block).and_then(|index| table.block(index));
    found.map_or(zeros, |found| *found.default_image())
}
