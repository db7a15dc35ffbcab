//! The command line: every command, argument and default, with the help that users read.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::fields::Assignment;

/// The end of every help text.
const EXIT_CODES: &str = "\
Exit codes:
  0  done, and nothing to complain about
  1  findings: a manifest or table has errors, or the driver refused the request
  2  not done: wrong usage, a file that cannot be read or written, a malformed trace, no driver
Of several the highest is the one.";

/// Check, compile, show and simulate block manifests, and inspect a running pf_broker driver.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) color: colorchoice_clap::Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check manifests and print what is wrong with them, all of it in one run
    ///
    /// Every mistake is shown with file, line and caret. Nothing is written. Exit code 1 says that
    /// at least one manifest has an error, 2 that at least one file cannot be read.
    #[command(after_help = "\
Example:
  pfbctl check blocks/*.toml")]
    Check(Check),

    /// Write the first version of a manifest
    ///
    /// It has a device and blocks with a few fields, and passes `pfbctl check`. On a terminal the
    /// command asks for what no option gives; otherwise it takes the defaults.
    #[command(after_help = "\
Examples:
  pfbctl new -o contoso.toml
  pfbctl new --name 'Contoso CX-1' --vendor-id 1414 --device-id b000 \\
      --block status:read-only:32 --block log:stream -o contoso.toml")]
    New(New),

    /// Compile a manifest to a block table, headers or documentation
    ///
    /// The block table is what the driver loads: embedded at build time, or from the registry value
    /// `BlockTable`. The headers give the author of a VF driver the blocks as C or Rust types.
    #[command(after_help = "\
Examples:
  pfbctl compile blocks/hello.toml -o hello.table
  pfbctl compile blocks/hello.toml --header hello.h --doc hello.md")]
    Compile(Compile),

    /// Show a manifest's or a block table's blocks, fields and byte maps
    #[command(after_help = "\
Examples:
  pfbctl show blocks/accelerator.toml
  pfbctl show blocks/accelerator.toml --block command
  pfbctl show hello.table")]
    Show(Show),

    /// Play a trace, or a story of several VFs, against a manifest in process
    ///
    /// With --trace, each line of the trace is one operation and each line of output its result; what
    /// is refused is a result like any other. The built driver gives the same lines in the lab.
    ///
    /// Without it, the tool derives a story from the manifest: host software publishes, VFs write what
    /// the manifest allows, one of them is hostile, and a table sums up the operations of each VF.
    #[command(after_help = "\
Examples:
  pfbctl simulate blocks/mlx5-hv-vhca.toml
  pfbctl simulate blocks/hello.toml --vfs 2 --trace tests/traces/hello/conversation.jsonl
  echo '{\"op\":\"read\",\"vf\":0,\"block\":0,\"length\":128}' |
      pfbctl simulate blocks/mlx5-hv-vhca.toml --trace -")]
    Simulate(Simulate),

    /// Simulate a device for host software, on this machine
    ///
    /// The device has the management interface of the driver: every command that calls a device does
    /// so with `--device sim:ADDRESS:PORT`, and so does host software that uses pf-broker-client.
    /// `pfbctl play` plays its guests. At most 32 connections are served at one time; Ctrl-C ends
    /// it.
    #[command(after_help = "\
Examples:
  pfbctl serve blocks/accelerator.toml --vfs 4 &
  pfbctl stats --device sim:127.0.0.1:9820")]
    Serve(Serve),

    /// Play a trace on a simulated device, in the place of its guests
    ///
    /// Each line is one operation, and each line of output its result, as for `pfbctl simulate
    /// --trace`. The device keeps what it does.
    #[command(after_help = "\
Example:
  pfbctl play tests/traces/accelerator/conversation.jsonl --device sim:127.0.0.1:9820")]
    Play(Play),

    /// Make the bytes of a block from values of its fields
    ///
    /// Fields without a value have their defaults; counts of arrays and checksums are set. The bytes
    /// are checked as the driver checks them.
    #[command(after_help = "\
Examples:
  pfbctl encode blocks/accelerator.toml mailbox wanted_queues=4 ready=1
  pfbctl encode contoso.toml port link=up mtu=1500 flags.trusted=1")]
    Encode(Encode),

    /// Show the fields of a block's bytes
    #[command(after_help = "\
Example:
  pfbctl decode contoso.toml port 01000520000000000000000000000000")]
    Decode(Decode),

    /// Write a device's INF: PCI IDs, number of VFs and block table for one signed driver
    ///
    /// The INF and the file names are all that differs between two devices that share the driver. The names of service, binary and
    /// catalog come from the PF's PCI IDs, so that the packages of two vendors can be installed on one host. Before
    /// `inf2cat`, copy `pf_broker.sys` to the name of the binary.
    #[command(after_help = "\
Examples:
  pfbctl inf blocks/accelerator.toml --num-vfs 8 --provider Contoso -o contoso.inf
  pfbctl inf blocks/accelerator.toml --provider Contoso --service ContosoPf \\
      --class ComputeAccelerator --driver-ver 02/28/2026,1.0.0.0 -o contoso.inf
  pfbctl inf blocks/accelerator.toml --upper-filter --provider Contoso -o contoso-filter.inf")]
    Inf(Inf),

    /// List the devices that the driver runs
    List(List),

    /// Show the counters of every VF, or of one with its refusals and blocks
    #[command(after_help = "\
Examples:
  pfbctl stats              every VF, one a row; the one with many refusals misbehaves
  pfbctl stats --vf 3       why VF 3 was refused, and what it did to each block")]
    Stats(Stats),

    /// Read the committed bytes of a VF's register block
    Read(Read),

    /// Publish a block to a VF or to all
    ///
    /// With values of fields, the other fields of one VF's block stay as they are, unless something
    /// changes the block meanwhile: then nothing is published. For all VFs they get their defaults.
    #[command(after_help = "\
Examples:
  pfbctl publish all 0 0100000000000000
  pfbctl publish 3 port link=up mtu=1500")]
    Publish(Publish),

    /// Notify a VF or all to read blocks again
    Invalidate(Invalidate),

    /// Drain the messages of a VF's stream, oldest first
    Drain(Drain),

    /// Reset a VF: nothing that it wrote stays
    Reset(Reset),

    /// Acknowledge a VF's reset, so that the VF is served again
    ///
    /// For devices whose manifest says `reset = "acknowledged"`: once the VF's blocks are prepared
    /// for the next tenant.
    Acknowledge(Acknowledge),

    /// Show the events of VFs and host software as they occur
    ///
    /// Waits for changes and prints each VF's new journal entries. Ends with Ctrl-C.
    Watch(Watch),

    /// Show the last events of a VF
    Journal(Journal),

    /// Show the VFs live, the one with the most refusals first
    ///
    /// Below the table are the blocks and the journal of the selected VF. Keys: arrows select a VF, s
    /// changes the order, f shows VFs with refusals only, p pauses, q quits.
    Top(Top),

    /// Print counters for Prometheus, or answer its scrapes
    ///
    /// The format is `OpenMetrics` 1.0; docs/fleet.md lists the metrics and shows how to collect them.
    #[command(after_help = "\
Examples:
  pfbctl metrics
  pfbctl metrics --listen 127.0.0.1:9821")]
    Metrics(Metrics),

    /// Print the script that completes commands and options in a shell
    #[command(after_help = "\
Examples:
  pfbctl completions bash > ~/.local/share/bash-completion/completions/pfbctl
  pfbctl completions powershell >> $PROFILE")]
    Completions(Completions),

    /// Print the JSON Schema of manifests or of the lines of traces, for editors
    ///
    /// A schema completes keys and finds unknown ones, wrong words and numbers out of range;
    /// `pfbctl check` finds everything.
    #[command(after_help = "\
Example:
  pfbctl schema manifest > manifest.schema.json")]
    Schema(Schema),

    /// Write manual pages to a folder: pfbctl.1 and one for each command
    #[command(hide = true)]
    Man(Man),
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

/// The address of a simulated device without `--listen`.
const SIMULATED: &str = "127.0.0.1:9820";

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The manifest; - is standard input
    pub(crate) manifest: PathBuf,

    /// Number of VFs, at most the manifest's max-vfs [default: 4, or max-vfs if that is less]
    #[arg(long, value_name = "N")]
    pub(crate) vfs: Option<u16>,

    /// A loopback address and a port; port 0 is any free one, which is printed
    #[arg(long, value_name = "ADDRESS:PORT", default_value = SIMULATED)]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct Play {
    /// The trace (JSON Lines, docs/trace.md); - is standard input
    pub(crate) trace: PathBuf,

    #[command(flatten)]
    pub(crate) selection: Selection,
}

#[derive(Debug, Args)]
pub(crate) struct Inf {
    /// The manifest; - is standard input
    pub(crate) manifest: PathBuf,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// VFs that the driver enables, at most the manifest's max-vfs [default: max-vfs]
    #[arg(long, value_name = "N")]
    pub(crate) num_vfs: Option<u16>,

    /// Who provides the package, as Device Manager shows it [default: PCI vendor and the vendor ID]
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,

    /// Date and version of the package [default: the date of `SOURCE_DATE_EPOCH` or today, UTC; the
    /// version of this tool and the minute of that day]
    #[arg(
        long,
        visible_alias = "driver-version",
        value_name = "MM/DD/YYYY,A.B.C.D"
    )]
    pub(crate) driver_ver: Option<String>,

    #[command(flatten)]
    pub(crate) names: InfNames,

    /// Write the extension INF of an upper filter above a vendor's function driver, whose own INF
    /// installs the device and opts in to SR-IOV
    #[arg(long)]
    pub(crate) upper_filter: bool,

    /// GUID of the extension INF, the same in all versions of the package [default: one made of the
    /// PCI IDs]
    #[arg(long, value_name = "GUID", requires = "upper_filter")]
    pub(crate) extension_id: Option<String>,

    /// Device setup class; an extension INF has the class Extension [default: system]
    #[arg(long, value_enum, ignore_case = true, conflicts_with = "upper_filter")]
    pub(crate) class: Option<Class>,

    /// Let the device use message-signaled interrupts
    #[arg(long)]
    pub(crate) msi: bool,

    /// Most messages that Windows allocates to the device (MSI: a power of 2 up to 16; MSI-X: up to
    /// 2048)
    #[arg(
        long,
        value_name = "N",
        requires = "msi",
        value_parser = clap::value_parser!(u16).range(1..=2048)
    )]
    pub(crate) msi_limit: Option<u16>,

    /// Only devices with this subsystem vendor ID and subsystem ID, in hexadecimal; may be repeated
    #[arg(long, value_name = "VENDOR:ID")]
    pub(crate) subsystem: Vec<String>,

    /// Architecture of the package
    #[arg(long, value_name = "ARCH", default_value = "amd64", value_parser = ["amd64", "arm64"])]
    pub(crate) arch: String,
}

/// The names that must be unique among the packages on a host.
#[derive(Debug, Args)]
pub(crate) struct InfNames {
    /// Name of the driver's service [default: `pf_broker`, vendor ID and device ID, such as
    /// `pf_broker_1414_b001`]
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,

    /// File name of the driver in the package [default: the service's name and .sys]
    #[arg(long, value_name = "NAME.sys")]
    pub(crate) binary: Option<String>,

    /// File name of the package's catalog [default: the service's name and .cat]
    #[arg(long, value_name = "NAME.cat")]
    pub(crate) catalog: Option<String>,
}

/// Device setup classes that fit a PF ("System-Defined Device Setup Classes Available to Vendors").
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Class {
    /// System devices
    #[value(name = "System")]
    System,
    /// Compute accelerators
    #[value(name = "ComputeAccelerator")]
    ComputeAccelerator,
}

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Form {
    /// Print JSON for scripts, as docs/json.md describes it
    #[arg(long)]
    pub(crate) json: bool,
}

/// The manifest of a device.
#[derive(Debug, Args)]
pub(crate) struct ManifestFile {
    /// A manifest with the names of fields and values, in the place of the one in the device's table
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
}

/// The device of a command.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// The device: its number or path as `pfbctl list` shows them, or sim:ADDRESS:PORT for one that
    /// `pfbctl serve` simulates [default: the environment variable `PFBCTL_DEVICE`, or the only
    /// one; of `list` and `metrics` all]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) form: Form,

    /// Only this VF, in detail
    #[arg(long, value_name = "INDEX")]
    pub(crate) vf: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) names: ManifestFile,

    #[command(flatten)]
    pub(crate) form: Form,

    /// Index of the VF
    pub(crate) vf: u16,

    /// ID or name of the block
    pub(crate) block: String,

    /// Bytes to read
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(crate) length: u32,

    /// Print bytes, and not the fields that the manifest names
    #[arg(long, conflicts_with_all = ["json", "manifest"])]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) names: ManifestFile,

    /// Index of the VF, or `all`
    #[arg(value_parser = vfs)]
    pub(crate) vf: pf_broker_client::Vfs,

    /// ID or name of the block
    pub(crate) block: String,

    /// The bytes, two hexadecimal digits each, or values of fields
    #[arg(required = true, value_name = "BYTES|FIELD=VALUE")]
    pub(crate) content: Vec<String>,

    /// Publish only if the block still has this revision, which `pfbctl read` shows; for one VF
    #[arg(long, value_name = "REVISION")]
    pub(crate) expect: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Invalidate {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) names: ManifestFile,

    /// Index of the VF, or `all`
    #[arg(value_parser = vfs)]
    pub(crate) vf: pf_broker_client::Vfs,

    /// IDs or names of the blocks; the IDs are below 64
    #[arg(required = true, value_name = "BLOCK")]
    pub(crate) blocks: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) names: ManifestFile,

    #[command(flatten)]
    pub(crate) form: Form,

    /// Index of the VF
    pub(crate) vf: u16,

    /// ID or name of the stream
    pub(crate) block: String,

    /// Most messages to take
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub(crate) most: u16,

    /// Print bytes, and not the fields that the manifest names
    #[arg(long, conflicts_with_all = ["json", "manifest"])]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Index of the VF
    pub(crate) vf: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Acknowledge {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Index of the VF
    pub(crate) vf: u16,

    /// The number of the reset, as `stats` shows it; the VF's last one if omitted
    #[arg(long, value_name = "N")]
    pub(crate) reset: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) names: ManifestFile,

    #[command(flatten)]
    pub(crate) form: Form,

    #[command(flatten)]
    pub(crate) filter: EventFilter,

    /// Only this VF
    #[arg(long, value_name = "INDEX")]
    pub(crate) vf: Option<u16>,
}

/// The events that a command prints.
#[derive(Debug, Default, Args)]
pub(crate) struct EventFilter {
    /// Only events of this block, an ID or a name; may be repeated
    #[arg(long = "block", value_name = "BLOCK")]
    pub(crate) blocks: Vec<String>,

    /// Only events of this operation, such as write or host-read; may be repeated
    #[arg(long = "operation", value_name = "OPERATION")]
    pub(crate) operations: Vec<String>,

    /// Only refused operations
    #[arg(long)]
    pub(crate) refused: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Journal {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) names: ManifestFile,

    #[command(flatten)]
    pub(crate) form: Form,

    #[command(flatten)]
    pub(crate) filter: EventFilter,

    /// Index of the VF
    pub(crate) vf: u16,

    /// Only entries after the one of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) after: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Seconds between two looks at the counters
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=3600)
    )]
    pub(crate) interval: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Metrics {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Answer requests at this address and port until Ctrl-C; anyone who reaches it can read
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<std::net::SocketAddr>,

    /// Also the counters of each block of each VF
    #[arg(long)]
    pub(crate) blocks: bool,
}

/// Bytes from the command line.
#[derive(Clone, Debug)]
pub(crate) struct Data(pub(crate) Vec<u8>);

pub(crate) fn data(text: &str) -> Result<Data, block_trace::HexError> {
    block_trace::bytes_from_hex(text).map(Data)
}

fn vfs(text: &str) -> Result<pf_broker_client::Vfs, String> {
    if text == "all" {
        return Ok(pf_broker_client::Vfs::All);
    }
    text.parse()
        .map(pf_broker_client::Vfs::One)
        .map_err(|_| "a VF index, 0 to 65535, or `all`".to_owned())
}
