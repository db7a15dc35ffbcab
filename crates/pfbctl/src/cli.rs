//! The command line: every command, argument and default, with the help that users read.

mod devices;
mod inf;
mod manifests;

use clap::{Parser, Subcommand};

pub(crate) use devices::{
    Acknowledge, Drain, EventFilter, Invalidate, Journal, List, Metrics, Play, Publish, Read,
    Reset, Selection, Serve, Stats, Top, Watch,
};
pub(crate) use inf::{Class, Inf, InfNames};
pub(crate) use manifests::{
    Check, Compile, Completions, Decode, Encode, Language, Man, New, NewBlock, NewKind, Schema,
    Sender, Show, Simulate, data, id, new_block,
};

#[cfg(test)]
pub(crate) use devices::{Contents, ManifestFile};
#[cfg(test)]
pub(crate) use manifests::Form;

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
