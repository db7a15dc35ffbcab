//! The counters of all runs as a raw profile of LLVM.
//!
//! The format is that of `InstrProfData.inc` in compiler-rt, version 10: a header, then the
//! sections of the image that the profile runtime would have copied.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use object::read::pe::PeFile64;
use object::{Object as _, ObjectSection as _};

/// `\xFFlprofr\x81`: a raw profile of a 64-bit image.
const MAGIC: u64 = 0xFF6C_7072_6F66_7281;
/// The version that `llvm-profdata` of LLVM 19 reads.
const VERSION: u64 = 10;
/// Bytes of one function's record, `__llvm_profile_data`.
const RECORD: usize = 64;
/// Bytes of one counter.
const COUNTER: usize = 8;
/// Kinds of profiled values, less one: none is used, but the header names how many there are.
const LAST_VALUE_KIND: u64 = 2;

/// Sums over all runs, one for each counter of the image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counters(Vec<u64>);

impl Counters {
    /// Reads the files that the framework double wrote to `folder`: the counters of `image` once
    /// for each unload of the driver.
    ///
    /// # Errors
    /// When there are none, or they are not as many as the image has.
    pub(super) fn left_in(folder: &Path, image: &PeFile64) -> Result<Self> {
        let mut sums = Self(vec![0; section(image, ".lprfc")?.bytes.len() / COUNTER]);
        let mut loads = 0;
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            loads += sums
                .add(&fs_err::read(&path)?)
                .with_context(|| path.display().to_string())?;
        }
        ensure!(loads > 0, "no run of the lab left counters");
        eprintln!("the driver was loaded and unloaded {loads} times");
        Ok(sums)
    }

    /// Adds the counters of several loads; returns the number of loads.
    fn add(&mut self, loads: &[u8]) -> Result<usize> {
        let size = self.0.len() * COUNTER;
        ensure!(
            !self.0.is_empty() && loads.len().is_multiple_of(size),
            "{} bytes, which are no multiple of the image's {size} bytes of counters",
            loads.len()
        );
        for load in loads.chunks_exact(size) {
            let (counters, _) = load.as_chunks::<COUNTER>();
            for (sum, counter) in self.0.iter_mut().zip(counters) {
                *sum = sum.saturating_add(u64::from_le_bytes(*counter));
            }
        }
        Ok(loads.len() / size)
    }

    /// The raw profile.
    ///
    /// # Errors
    /// When `image` lacks a section that an image with counters has.
    pub(super) fn profile(&self, image: &PeFile64) -> Result<Vec<u8>> {
        let records = section(image, ".lprfd")?;
        let counters = section(image, ".lprfc")?;
        let names = section(image, ".lprfn")?;
        // A zero byte precedes the names (lab/harness/profile_runtime.S).
        let names_start = names.start + 1;
        let names = names.bytes.get(1..).context("an empty section .lprfn")?;
        let length = |count: usize| u64::try_from(count);
        let header = [
            MAGIC,
            VERSION,
            0, // no build IDs
            length(records.bytes.len() / RECORD)?,
            0, // no padding before the counters
            length(self.0.len())?,
            0, // nor after them
            0, // no bitmaps
            0,
            length(names.len())?,
            // The distance of the counters from the records, which have distances of 32 bits.
            u64::from(counters.start.wrapping_sub(records.start)),
            0,
            u64::from(names_start),
            0, // no virtual tables, nor their names
            0,
            LAST_VALUE_KIND,
        ];
        let mut profile: Vec<u8> = header.into_iter().flat_map(u64::to_le_bytes).collect();
        profile.extend(&records.bytes);
        profile.extend(self.0.iter().flat_map(|counter| counter.to_le_bytes()));
        profile.extend(names);
        profile.resize(profile.len().next_multiple_of(8), 0);
        Ok(profile)
    }
}

/// A section of the image as it is in memory.
struct Section {
    /// Its distance from the image's start, in bytes.
    start: u32,
    bytes: Vec<u8>,
}

fn section(image: &PeFile64, name: &str) -> Result<Section> {
    let section = image.section_by_name(name).with_context(|| {
        format!("the image has no section {name}: it was built without counters")
    })?;
    let mut bytes = section.data()?.to_vec();
    // The file leaves out zeros at the end.
    bytes.resize(usize::try_from(section.size())?, 0);
    Ok(Section {
        start: u32::try_from(section.address() - image.relative_address_base())?,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::Counters;

    #[test]
    fn counters_of_several_loads_are_added_up() {
        let mut sums = Counters(vec![0; 2]);
        let loads: Vec<u8> = [1_u64, 2, 30, 40, 0, u64::MAX]
            .into_iter()
            .flat_map(u64::to_le_bytes)
            .collect();
        assert_eq!(sums.add(&loads).unwrap(), 3);
        assert_eq!(sums, Counters(vec![31, u64::MAX]));
    }

    #[test]
    fn counters_of_another_image_are_refused() {
        let error = Counters(vec![0; 2]).add(&[0; 24]).unwrap_err();
        assert!(error.to_string().contains("24 bytes"), "{error}");
    }
}
