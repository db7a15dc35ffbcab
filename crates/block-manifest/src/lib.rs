//! The block manifest language: parser, checks, compiler and code generators.
//!
//! [`Manifest::parse`] reads a manifest, a TOML document that docs/manifest.md describes key by key,
//! and reports everything that is wrong in one run. [`Manifest::compile`] returns the block table that
//! the driver loads. [`Manifest::header_c`], [`Manifest::header_rust`] and
//! [`Manifest::reference_markdown`] generate code and documentation for authors of VF drivers.
//!
//! From the top:
//!
//! | layer | does |
//! |---|---|
//! | `lib` | runs the steps below |
//! | `byte_map` | the picture of a block's bytes |
//! | `generate` | C header, Rust module and reference from the model |
//! | `defaults` | checks the compiled table with default values only |
//! | `work` | bounds the work of one write |
//! | `compile` | model to block table |
//! | `condense` | what the block table contains of the manifest itself |
//! | `check` | checks the values of all keys against each other and builds the model |
//! | `expression` | `require` and `when`: scope, parser, analysis, instructions |
//! | `list` | finds and writes the entries of lists |
//! | `domain` | the set of values that a field may have |
//! | `model` | a valid manifest |
//! | `syntax` | TOML to tables with spans; takes ranges and words from `keys` |
//! | `keys`, `types` | every key with its values and default; field types |
//! | `diagnostic` | errors and warnings with their places |
//!
//! ```
//! let manifest = block_manifest::Manifest::parse("example.toml", r#"
//!     [device]
//!     name = "Example"
//!     vendor-id = 0x1414
//!     device-id = 0xB001
//!     max-vfs = 4
//!
//!     [[block]]
//!     id = 0
//!     name = "greeting"
//!     vf-access = "read-only"
//!     length = 16
//! "#)?;
//! let bytes = manifest.compile();
//! let table = block_table::Table::verify(&bytes).expect("what compiles verifies");
//! assert_eq!(table.block(0).map(|block| block.max_length()), Some(16));
//! # Ok::<(), block_manifest::Diagnostics>(())
//! ```
#![forbid(unsafe_code)]

mod byte_map;
mod check;
mod compile;
mod condense;
mod defaults;
mod describe;
mod diagnostic;
mod domain;
pub mod expression;
mod generate;
pub mod keys;
mod list;
mod model;
mod syntax;
mod types;
mod work;

pub use diagnostic::{Diagnostic, Diagnostics, Located, Severity, Span, closest};
pub use generate::{Style, StyleError};
pub use list::Found;
pub use model::{
    Behind, Bits, Block, Condition, Count, Covered, Device, Entry, Enum, Field, Layout,
    LengthCounts, List, Mac, Manifest, Member, OneOf, Owner, SequenceKind, Structure, Tag, Unknown,
    Valid,
};
pub use types::{Integer, Type, low_bits};

use block_table::encode::EncodeError;
use block_table::{Flaw, TableError};
use diagnostic::Sink;

impl Manifest {
    /// Reads and checks the manifest `text`; `file_name` is what diagnostics call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, warnings included.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Diagnostics> {
        let sink = Sink::default();
        let file = syntax::read::file(text, &sink);
        let place = file
            .device
            .as_ref()
            .map_or(0..0, |device| device.header.clone());
        let parts = check::check(file, text, &sink);
        let (0, Some(device)) = (sink.error_count(), parts.device) else {
            return Err(sink.into_diagnostics(file_name, text));
        };
        let source = compile::source(&device, parts.limits, &parts.blocks, text);
        work::check(&source, &parts.blocks, &sink);
        if sink.error_count() > 0 {
            return Err(sink.into_diagnostics(file_name, text));
        }
        let table = match source.encode() {
            Ok(table) => table,
            Err(error) => {
                let label = match error {
                    EncodeError::TooMany(_)
                    | EncodeError::Refused(TableError {
                        flaw: Flaw::TooLong,
                        ..
                    }) => "the manifest is too large",
                    EncodeError::Refused(_) => {
                        "this is a mistake of the compiler, not of the manifest"
                    }
                };
                sink.error(error.to_string(), &place, label);
                return Err(sink.into_diagnostics(file_name, text));
            }
        };
        defaults::check(&table, &parts.blocks, &sink);
        let has_errors = sink.error_count() > 0;
        let warnings = sink.into_diagnostics(file_name, text);
        if has_errors {
            return Err(warnings);
        }
        Ok(Self {
            device,
            limits: parts.limits,
            constants: parts.constants,
            enums: parts.enums,
            blocks: parts.blocks,
            warnings,
            table,
        })
    }
}
