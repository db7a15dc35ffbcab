//! `pfbctl inf`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
