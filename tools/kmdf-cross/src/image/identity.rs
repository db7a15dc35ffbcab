//! An image's identity: the stamp in its headers, and the GUID by which a debugger finds its symbols.
//!
//! lld computes both from the symbol file, which contains the linker's command line with folders of
//! this machine and the name of a temporary one, so two clones would get the same code under two
//! identities. Here both are computed from the image alone.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use object::LittleEndian as LE;
use object::pe;
use object::pod;
use object::read::pe::PeFile64;
use sha2::{Digest as _, Sha256};

use super::checksum;

/// Length of the GUID in bytes.
const GUID: usize = 16;

/// The places of the identity in the file, in bytes.
#[derive(Debug)]
struct Fields {
    /// The file header's time stamp and those of the debug directory, which a reproducible build
    /// fills with a hash ("PE Format", Debug Type, `IMAGE_DEBUG_TYPE_REPRO`).
    stamps: Vec<Range<usize>>,
    /// The GUID of the symbol file.
    guid: Range<usize>,
    checksum: Range<usize>,
}

/// Gives `image`, a 64-bit PE file with debug information, an identity computed from its content, and
/// `symbols` the GUID by which a debugger matches them with this image.
///
/// # Errors
/// When the image is not well formed or has no symbols, or when `symbols` do not carry the image's
/// GUID exactly once and so belong to another image.
pub fn seal(image: &mut [u8], symbols: &mut [u8]) -> Result<()> {
    let fields = Fields::find(image)?;
    let linked: [u8; GUID] = image[fields.guid.clone()].try_into()?;
    let in_symbols = only_place(symbols, &linked)?;

    for field in fields.stamps.iter().chain([&fields.guid, &fields.checksum]) {
        image[field.clone()].fill(0);
    }
    let hash = Sha256::digest(&*image);
    for stamp in &fields.stamps {
        image[stamp.clone()].copy_from_slice(&hash[..4]);
    }
    image[fields.guid.clone()].copy_from_slice(&hash[..GUID]);
    let sum = checksum::of(image, &fields.checksum);
    image[fields.checksum].copy_from_slice(&sum.to_le_bytes());

    symbols[in_symbols].copy_from_slice(&hash[..GUID]);
    Ok(())
}

impl Fields {
    fn find(image: &[u8]) -> Result<Self> {
        // In an image's headers, and in an entry of the debug directory.
        const STAMP_IN_HEADERS: usize = 8;
        const STAMP_IN_ENTRY: usize = 4;

        let file = PeFile64::parse(image).context("not a 64-bit PE file")?;
        let (start, bytes) = debug_directory(&file)?;
        let entries = pod::slice_from_all_bytes::<pe::ImageDebugDirectory>(bytes)
            .map_err(|()| anyhow::anyhow!("a debug directory that is cut short"))?;
        let codeview = entries
            .iter()
            .find(|entry| entry.typ.get(LE) == pe::IMAGE_DEBUG_TYPE_CODEVIEW)
            .context("no symbol file")?;

        let headers = usize::try_from(file.dos_header().nt_headers_offset())?;
        let in_directory = (0..entries.len())
            .map(|index| start + index * size_of::<pe::ImageDebugDirectory>() + STAMP_IN_ENTRY);
        Ok(Self {
            stamps: std::iter::once(headers + STAMP_IN_HEADERS)
                .chain(in_directory)
                .map(|start| start..start + 4)
                .collect(),
            guid: guid(image, codeview)?,
            checksum: checksum::place(&file),
        })
    }
}

/// Where the debug directory begins in the file, and its bytes.
fn debug_directory<'data>(file: &PeFile64<'data>) -> Result<(usize, &'data [u8])> {
    let sections = file.section_table();
    let directory = file
        .data_directory(pe::IMAGE_DIRECTORY_ENTRY_DEBUG)
        .filter(|directory| directory.size.get(LE) != 0)
        .context("no debug information")?;
    let (start, _) = directory.file_range(&sections)?;
    Ok((
        usize::try_from(start)?,
        directory.data(file.data(), &sections)?,
    ))
}

/// The GUID of the symbol file, which follows the letters `RSDS` in the record that the entry points to.
fn guid(image: &[u8], codeview: &pe::ImageDebugDirectory) -> Result<Range<usize>> {
    const LETTERS: &[u8] = b"RSDS";
    let start = usize::try_from(codeview.pointer_to_raw_data.get(LE))?;
    let record = image
        .get(start..start + LETTERS.len() + GUID)
        .context("a symbol file's name outside the image")?;
    ensure!(record.starts_with(LETTERS), "symbols that are no PDB");
    let start = start + LETTERS.len();
    Ok(start..start + GUID)
}

/// The one place in `symbols` where `guid` stands: the head of the PDB.
fn only_place(symbols: &[u8], guid: &[u8; GUID]) -> Result<Range<usize>> {
    let mut places = symbols
        .windows(GUID)
        .enumerate()
        .filter(|(_, window)| window == guid)
        .map(|(start, _)| start..start + GUID);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (None, _) => bail!("the symbols are another image's: its GUID is not in them"),
        (Some(_), Some(_)) => bail!("the image's GUID stands in the symbols more than once"),
    }
}

#[cfg(test)]
mod tests;
