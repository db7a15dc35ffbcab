//! `pfbctl serve`: a simulated device on this machine, whose management interface and guests are
//! reached over TCP connections.
//!
//! | file | holds |
//! |---|---|
//! | `device.rs` | the device that all connections share |
//! | `management.rs` | the management interface: decodes requests, encodes replies |

mod device;
mod management;

use std::io::Write;

use device_server::{ListenError, Server};

use crate::cli;
use crate::failure::Failure;
use crate::printable::printable;
use crate::simulate::vf_count;
use crate::simulation::simulate;
use crate::source;
use device::Shared;

/// `pfbctl serve`: until the user ends it.
pub(crate) fn run(arguments: &cli::Serve, out: &mut dyn Write) -> Result<(), Failure> {
    let manifest = source::manifest(&arguments.manifest)?;
    let vfs = vf_count(&manifest, arguments.vfs)?;
    let bytes = manifest.compile();
    let table = source::verify(&arguments.manifest, &bytes)?;
    let server = Server::listen(arguments.listen).map_err(refused)?;
    writeln!(
        out,
        "{}: {vfs} {}, served at sim:{} until Ctrl-C",
        printable(table.device().name),
        if vfs == 1 { "VF" } else { "VFs" },
        server.address()
    )?;
    out.flush()?;
    simulate(table, vfs, |simulation| {
        server.serve(&Shared::start(simulation), |problem| {
            anstream::eprintln!("a connection was closed: {problem}");
        });
    });
    Ok(())
}

fn refused(error: ListenError) -> Failure {
    match error {
        ListenError::NotLoopback(_) => Failure::Argument {
            argument: "--listen",
            problem: error.to_string(),
        },
        ListenError::System { address, source } => Failure::Listen { address, source },
    }
}
