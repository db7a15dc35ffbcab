//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Drives the lab from user mode.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) bench: Bench,
    #[command(subcommand)]
    pub(crate) job: Job,
}

/// The test bench: drivers and the PF.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    /// The folder with the INF files and images
    #[arg(long)]
    pub(crate) drivers: PathBuf,
    /// The PF driver's service
    #[arg(long)]
    pub(crate) service: String,
    /// PCI vendor ID of the PF
    #[arg(long)]
    pub(crate) vendor_id: u16,
    /// PCI device ID of the PF
    #[arg(long)]
    pub(crate) device_id: u16,
    /// How many VFs the PF driver enables
    #[arg(long)]
    pub(crate) vfs: u16,
    /// The PF driver's position in the device stack
    #[arg(long, value_enum, default_value_t = Position::FunctionDriver)]
    pub(crate) position: Position,
    /// The file that runs as VF driver, for messages
    #[arg(long, default_value = "vf_driver.sys")]
    pub(crate) vf_driver: String,
    /// How invalidation requests are kept pending
    #[arg(long, value_enum, default_value_t = Mode::EachVf)]
    pub(crate) mode: Mode,
    /// Which way a VF's operations go
    #[arg(long, value_enum, default_value_t = Path::Auto)]
    pub(crate) path: Path,
}

/// Where the PF driver is in the device stack of the PF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Position {
    /// It is the function driver
    FunctionDriver,
    /// It is a filter above the lab's function driver
    UpperFilter,
    /// It is a filter below it, where it does not work
    LowerFilter,
}

/// How `IOCTL_SRIOV_INVALIDATE_BLOCK` is kept pending: the readings of its documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// One request for each VF, whose input names it
    EachVf,
    /// One request, whose input names all VFs
    AllVfs,
    /// One request without input
    NoInput,
    /// Three requests without input at a time
    Three,
    /// One request for each VF, as `IRP_MJ_DEVICE_CONTROL`
    DeviceControl,
    /// One request, whose input means nothing, for a driver that does not read it
    GarbageInput,
}

/// Which way a VF's reads and writes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Path {
    /// By VF driver and VPCI where the VF exists and the length is 1–128, straight otherwise
    Auto,
    /// By VF driver and VPCI
    Vpci,
    /// Straight to the callbacks
    Raw,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Play the trace on standard input
    Trace,
    /// Carry out the operations of a trace and the commands on standard input
    Console {
        /// Serve the image at this loopback address meanwhile
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Tell a story of several VFs, one of them hostile
    Story,
    /// Check the driver from outside: layouts, requests, rebalance, faults, removal
    Checks,
    /// Play the faults of hardware and stack alone
    Faults,
    /// Flood the limits of a manifest
    Limits,
    /// Check resets that have to be acknowledged
    Acknowledgements,
    /// Plug the PF in and tell how its start ended
    Start(Start),
    /// Print the messages of the driver's image whose identifiers are on standard input
    Messages,
    /// Many operations of every VF at one time, with resets, rebalances and removals
    Storm {
        /// Operations of each VF
        #[arg(long, default_value_t = 12_500)]
        operations: u32,
        /// What the operations are made from
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Writers, readers, publishers, resets and invalidations on the same VFs
    Contention,
    /// Check the example of a companion
    Companion,
    /// Check the calls into the sample companion and those that it makes
    SampleCompanion,
    /// Measure reads and writes through each path, and what VFs wait for
    Measure,
}

/// A start and what goes wrong in it.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// What the bus does wrong
    #[arg(long, value_enum)]
    pub(crate) fault: Option<StartFault>,
    /// `TotalVFs` of the device
    #[arg(long)]
    pub(crate) total_vfs: Option<u16>,
    /// The framework does not bind the driver, so there is nothing to unload
    #[arg(long)]
    pub(crate) not_loaded: bool,
}

/// What the bus does wrong while the PF starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StartFault {
    /// No `PCI_VIRTUALIZATION_INTERFACE`
    NoInterface,
    /// No `BUS_INTERFACE_STANDARD`
    NoBusInterface,
    /// The PF's configuration space cannot be read
    Unreadable,
    /// The PF has no SR-IOV capability
    NoCapability,
    /// `GetVirtualFunctionProbedBars` fails
    ProbedBarsFail,
    /// `EnableVirtualization` fails
    EnableFails,
    /// The VFs are on already
    VfsOn,
    /// VF 0 does not answer
    SilentVf,
    /// The last VF does not answer
    SilentLastVf,
    /// Every VF takes 700 ms to answer
    LateVf,
    /// VFs have no capabilities
    NoExpress,
    /// VF Enable stays clear
    NotEnabled,
    /// VF Memory Space Enable stays clear
    NoMemorySpace,
    /// `NumVFs` is one less than it was set to
    OtherNumVfs,
    /// A base address register of the VFs has no address
    NoAddress,
    /// The bus gives the PF's registers for the VFs': other types
    PfBars,
    /// The bus gives no size for a base address register of the VFs
    NoSize,
    /// The address of a base address register of the VFs is no multiple of its size
    Misaligned,
    /// The PF starts, and again with a memory window that is too small
    SmallWindow,
    /// The PF starts, and again with a memory window of another length than VFs have
    OtherWindow,
    /// The PF starts, and again with more memory ranges than a PF can have
    ManyRanges,
    /// The PF starts, and again with a list of its memory while the bus gives the PF's sizes for
    /// the VFs'
    PfSizes,
    /// The PF starts, and again with VFs of another size
    OtherSizes,
}
