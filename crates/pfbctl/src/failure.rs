//! Why a command failed, and its exit code.

use std::error::Error as _;
use std::io;
use std::iter;
use std::path::PathBuf;

use block_trace::PlayError;

use crate::printable::printable_lines;
use crate::style::BAD;

/// The exit code for findings: a manifest or table has errors, or the driver refused the request.
const FINDINGS: u8 = 1;
/// The exit code for a command that was not performed.
const NOT_DONE: u8 = 2;

/// Why a command ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Manifests have errors, which are printed already.
    #[error("errors in {manifests} of {of} {}", if *.of == 1 { "manifest" } else { "manifests" })]
    Findings {
        /// How many have errors.
        manifests: usize,
        /// How many were checked.
        of: usize,
    },
    /// Files could not be read; the error of each is printed already.
    #[error("{files} of {of} {} cannot be read{}", if *.of == 1 { "file" } else { "files" }, others(*.manifests))]
    Unread {
        /// How many cannot be read.
        files: usize,
        /// How many others have errors.
        manifests: usize,
        /// How many were given.
        of: usize,
    },
    /// A block table does not verify.
    #[error("{}: {problem}", path.display())]
    Table {
        /// The table's file.
        path: PathBuf,
        /// The verifier's message.
        problem: String,
    },
    /// The manifest does not support the requested output.
    #[error("{}: {problem}", path.display())]
    Unfit {
        /// The manifest's file.
        path: PathBuf,
        /// The reason.
        problem: String,
    },
    /// An argument does not go with the manifest.
    #[error("{argument}: {problem}")]
    Argument {
        /// The argument as the command line spells it.
        argument: &'static str,
        /// The problem with its value.
        problem: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A trace ended before its last line.
    #[error("{name}")]
    Trace {
        /// The trace's file, or its other source.
        name: String,
        /// The error that ended it.
        source: PlayError<std::convert::Infallible>,
    },
    /// Nothing can be served at this address.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
    /// The command calls the driver, which runs only on Windows.
    #[cfg(not(windows))]
    #[error(
        "this command calls the pf_broker driver, which runs on Windows alone; on any system \
         `pfbctl serve` simulates a device, which `--device sim:ADDRESS:PORT` selects"
    )]
    NeedsWindows,
    /// The devices cannot be listed.
    #[cfg(windows)]
    #[error("cannot list the devices")]
    Devices(#[source] io::Error),
    /// No device is present.
    #[error("no pf_broker device is present; is the package installed and the device enabled?")]
    NoDevice,
    /// Several devices are present.
    #[error("{count} devices are present; choose one with --device, see `pfbctl list`")]
    WhichDevice {
        /// How many there are.
        count: usize,
    },
    /// The device cannot be opened.
    #[error("cannot open {path}{}", if source.kind() == io::ErrorKind::PermissionDenied {
        ": only SYSTEM and administrators may; run this as administrator"
    } else {
        ""
    })]
    Open {
        /// The device's path.
        path: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A simulated device cannot play a line of the trace.
    #[error("{}: {problem}", trace.display())]
    Played {
        /// The trace's file.
        trace: PathBuf,
        /// What the device answers.
        problem: String,
    },
    /// Some devices did not answer; the error of each is printed already.
    #[error("{devices} of {of} {} did not answer", if *.of == 1 { "device" } else { "devices" })]
    Unanswered {
        /// How many did not answer.
        devices: usize,
        /// How many there are.
        of: usize,
        /// Their highest exit code.
        exit_code: u8,
    },
    /// The driver refused the request, and reports the allowed values.
    #[error("{allowed}")]
    Refused {
        /// The allowed values, with the requested one.
        allowed: String,
        /// The driver's reply.
        source: pf_broker_client::Error,
    },
    /// The driver's reply.
    #[error(transparent)]
    Driver(#[from] pf_broker_client::Error),
}

/// The other manifests that have errors.
fn others(manifests: usize) -> String {
    match manifests {
        0 => String::new(),
        1 => "; errors in 1 other".to_owned(),
        _ => format!("; errors in {manifests} others"),
    }
}

/// `ERROR_FILE_NOT_FOUND`, `ERROR_PATH_NOT_FOUND`, `ERROR_DEV_NOT_EXIST`, `ERROR_DELETE_PENDING`,
/// `ERROR_NO_SUCH_DEVICE` and `ERROR_DEVICE_REMOVED` of `winerror.h`: an open of a device that is
/// removed, or about to be.
#[cfg(windows)]
const ABSENT: [i32; 6] = [2, 3, 55, 303, 433, 1617];

/// Whether the error of an open says that the device is removed, or that nothing listens at the
/// address of a simulated one.
fn is_absent(error: &io::Error) -> bool {
    #[cfg(windows)]
    if error
        .raw_os_error()
        .is_some_and(|code| ABSENT.contains(&code))
    {
        return true;
    }
    error.kind() == io::ErrorKind::ConnectionRefused
}

impl Failure {
    /// Whether no device is present, which may change later.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::NoDevice => true,
            Self::Open { source, .. } => is_absent(source),
            _ => false,
        }
    }

    /// The exit code, as `pfbctl --help` documents it. A closed standard output
    /// (`pfbctl show … | head`) is no error.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Findings { .. }
            | Self::Table { .. }
            | Self::Unfit { .. }
            | Self::Refused { .. }
            | Self::Driver(_) => FINDINGS,
            Self::Unanswered { exit_code, .. } => *exit_code,
            _ => NOT_DONE,
        }
    }

    /// Prints the failure and its causes on standard error.
    pub(crate) fn print(&self) {
        anstream::eprintln!("{BAD}error{BAD:#}: {}", self.with_causes());
    }

    /// The failure and its causes as one text for the terminal.
    pub(crate) fn with_causes(&self) -> String {
        let causes = iter::successors(self.source(), |&cause| cause.source());
        let texts: Vec<String> = iter::once(self.to_string())
            .chain(causes.map(ToString::to_string))
            .collect();
        printable_lines(&texts.join(": ")).into_owned()
    }
}
