//! Generates a C header and a Rust module for authors of VF drivers, and a reference in Markdown.
//! All three come from the model only, so they match what the broker checks.

mod c;
mod checks;
mod default_bytes;
mod identifier;
mod markdown;
mod record;
mod rust;
mod style;

pub use style::{Style, StyleError};

use crate::model::Manifest;

impl Manifest {
    /// A C header with the block IDs, lengths, structures and constants, and with a function for each
    /// block that a VF writes, which judges a write before it is sent.
    ///
    /// It needs C11 or C++11, compiles in kernels that have `<linux/types.h>` or `<stdint.h>`, and
    /// asserts each offset. Every name begins with the device's name or with the style's prefix.
    #[must_use]
    pub fn header_c(&self, style: &Style) -> String {
        c::header(self, style)
    }

    /// A Rust module with the same content; it needs no crate, no `std` and
    /// no `unsafe`.
    ///
    /// Each structure converts itself to and from the block's bytes, in the byte order of the
    /// manifest.
    #[must_use]
    pub fn header_rust(&self, style: &Style) -> String {
        rust::module(self, style)
    }

    /// A reference of the blocks in Markdown, for the documentation of the device.
    #[must_use]
    pub fn reference_markdown(&self, style: &Style) -> String {
        markdown::reference(self, style)
    }
}
