//! Commands that work on manifests, block tables and traces alone.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::fields::Assignment;

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Form {
    /// Print JSON for scripts, as docs/json.md describes it
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The manifests; - is standard input
    #[arg(required = true, value_name = "MANIFEST")]
    pub(crate) manifests: Vec<PathBuf>,

    /// Print JSON for scripts and editors, as docs/json.md describes it; the diagnostics are in it
    #[arg(long)]
    pub(crate) json: bool,

    /// The form of the diagnostics; `json` is the same as --json
    #[arg(long, value_enum, value_name = "FORM", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}

impl Check {
    /// Whether the result is printed as JSON.
    pub(crate) fn prints_json(&self) -> bool {
        self.json || self.message_format == MessageFormat::Json
    }
}

/// Forms of diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    /// For readers
    Human,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Write to this file, which must not exist, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Name of the device
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// PCI vendor ID of the PF, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = id)]
    pub(crate) vendor_id: Option<u16>,

    /// PCI device ID of the PF, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = id)]
    pub(crate) device_id: Option<u16>,

    /// Most VFs that the device can have
    #[arg(long, value_name = "N")]
    pub(crate) max_vfs: Option<u16>,

    /// A block; KIND is read-only, write-only, read-write or stream; may be repeated
    #[arg(long, value_name = "NAME:KIND[:LENGTH]", value_parser = new_block)]
    pub(crate) block: Vec<NewBlock>,
}

/// A block of a new manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewBlock {
    /// Its name; the check of the manifest judges it.
    pub(crate) name: String,
    /// Its kind and access.
    pub(crate) kind: NewKind,
    /// Its length in bytes; the check of the manifest judges it.
    pub(crate) length: u8,
}

/// Kinds of blocks with the access of VFs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// A register that host software publishes.
    ReadOnly,
    /// A register that VFs write.
    WriteOnly,
    /// A register that VFs write and read.
    ReadWrite,
    /// Messages of VFs.
    Stream,
}

/// The length of a block without one.
const NEW_LENGTH: u8 = 64;

/// Reads `NAME:KIND[:LENGTH]`.
pub(crate) fn new_block(text: &str) -> Result<NewBlock, String> {
    let mut parts = text.split(':');
    let (name, kind, length) = (parts.next(), parts.next(), parts.next());
    let (Some(name), Some(kind), None) = (name, kind, parts.next()) else {
        return Err(format!("`{text}` is not NAME:KIND or NAME:KIND:LENGTH"));
    };
    let kind = NewKind::from_str(kind, false)
        .map_err(|_| format!("`{kind}` is none of read-only, write-only, read-write and stream"))?;
    let length = match length {
        None => NEW_LENGTH,
        Some(length) => length
            .parse()
            .map_err(|_| format!("`{length}` is no length; blocks have 1 to 128 bytes"))?,
    };
    Ok(NewBlock {
        name: name.to_owned(),
        kind,
        length,
    })
}

/// Reads a PCI ID: hexadecimal, with or without `0x`.
pub(crate) fn id(text: &str) -> Result<u16, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u16::from_str_radix(digits, 16)
        .map_err(|_| format!("`{text}` is no PCI ID of up to four hexadecimal digits"))
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The language
    #[arg(value_enum)]
    pub(crate) language: Language,
}

/// Languages with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Manifests
    Manifest,
    /// One line of a trace
    Trace,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder, which must exist
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The manifest; - is standard input
    pub(crate) manifest: PathBuf,

    #[command(flatten)]
    pub(crate) outputs: Outputs,

    /// Begin each name in the C header with this instead of the device's name
    #[arg(long, value_name = "NAME", requires = "header")]
    pub(crate) prefix: Option<String>,

    /// Begin headers and documentation with this license, an SPDX expression such as MIT
    #[arg(long, value_name = "SPDX")]
    pub(crate) license: Option<String>,
}

/// The outputs of a manifest: at least one; one of them may be - for standard output.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Outputs {
    /// Write the block table to this file; here and below, - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write a C header with the blocks as structures to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) header: Option<PathBuf>,

    /// Write a Rust module with the blocks as structures to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) rust: Option<PathBuf>,

    /// Write the blocks' documentation (Markdown) to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) doc: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A manifest, or a block table that `pfbctl compile` wrote; - is standard input
    pub(crate) file: PathBuf,

    /// Only the block of this ID or name
    #[arg(long, value_name = "ID|NAME")]
    pub(crate) block: Option<String>,

    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct Encode {
    /// The manifest; - is standard input
    pub(crate) manifest: PathBuf,

    /// ID or name of the block
    pub(crate) block: String,

    /// Values: a number, the name of a value, names of bits as `a|b=2`, elements as `1,2,3`,
    /// hexadecimal digits or a text, as the type of the field says; FIELD.BITS sets only these bits
    #[arg(value_name = "FIELD=VALUE", value_parser = Assignment::parse)]
    pub(crate) fields: Vec<Assignment>,

    /// The sender, whose fields have values [default: vf, if VFs write the block]
    #[arg(long, value_enum, value_name = "SENDER")]
    pub(crate) sender: Option<Sender>,
}

/// The sender of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sender {
    /// A VF, which writes it
    Vf,
    /// Host software, which publishes it
    Pf,
}

#[derive(Debug, Args)]
pub(crate) struct Decode {
    /// The manifest; - is standard input
    pub(crate) manifest: PathBuf,

    /// ID or name of the block
    pub(crate) block: String,

    /// The bytes, two hexadecimal digits each
    #[arg(value_parser = data)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The manifest; - is standard input
    pub(crate) manifest: PathBuf,

    /// Number of VFs, at most the manifest's max-vfs [default: 4, or max-vfs if that is less]
    #[arg(long, value_name = "N")]
    pub(crate) vfs: Option<u16>,

    /// Play this trace (JSON Lines, docs/trace.md); - reads standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) trace: Option<PathBuf>,

    /// Say for each operation of the trace that is refused why: field, place, value and rule, on
    /// standard error
    #[arg(long, requires = "trace")]
    pub(crate) explain: bool,

    /// Write the story's operations to this file, as a trace to keep and to play elsewhere
    #[arg(long, value_name = "FILE", conflicts_with = "trace")]
    pub(crate) record: Option<PathBuf>,

    /// Print the story's summary as JSON (docs/json.md) instead of the story; a trace's results are
    /// JSON always
    #[arg(long, conflicts_with = "trace")]
    pub(crate) json: bool,
}

/// Bytes from the command line.
#[derive(Clone, Debug)]
pub(crate) struct Data(pub(crate) Vec<u8>);

pub(crate) fn data(text: &str) -> Result<Data, block_trace::HexError> {
    block_trace::bytes_from_hex(text).map(Data)
}
