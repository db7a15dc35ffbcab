//! Commands that call a device, and those that simulate one.

use std::path::PathBuf;

use clap::Args;

use super::manifests::Form;
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

/// How a command prints the bytes of a block.
#[derive(Debug, Args)]
pub(crate) struct Contents {
    #[command(flatten)]
    pub(crate) names: ManifestFile,

    #[command(flatten)]
    pub(crate) form: Form,

    /// Print bytes, and not the fields that the manifest names
    #[arg(long, conflicts_with_all = ["json", "manifest"])]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) contents: Contents,

    /// Index of the VF
    pub(crate) vf: u16,

    /// ID or name of the block
    pub(crate) block: String,

    /// Bytes to read
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(crate) length: u32,
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
    pub(crate) contents: Contents,

    /// Index of the VF
    pub(crate) vf: u16,

    /// ID or name of the stream
    pub(crate) block: String,

    /// Most messages to take
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub(crate) most: u16,
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

fn vfs(text: &str) -> Result<pf_broker_client::Vfs, String> {
    if text == "all" {
        return Ok(pf_broker_client::Vfs::All);
    }
    text.parse()
        .map(pf_broker_client::Vfs::One)
        .map_err(|_| "a VF index, 0 to 65535, or `all`".to_owned())
}
