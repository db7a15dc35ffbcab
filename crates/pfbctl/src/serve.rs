//! `pfbctl serve`: a simulated device on this machine, whose management interface and guests are
//! reached over TCP connections.
//!
//! | file | holds |
//! |---|---|
//! | `connection.rs` | one connection: of host software, or of a player of traces |
//! | `device.rs` | the device that all connections share |
//! | `management.rs` | the management interface: decodes requests, encodes replies |

mod connection;
mod device;
mod management;

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::cli;
use crate::failure::Failure;
use crate::printable::printable;
use crate::simulate::vf_count;
use crate::simulation::simulate;
use crate::source;
use device::Device;

/// The most connections at one time. Each has a thread.
pub(crate) const MOST_CONNECTIONS: usize = 32;
/// How long the device pauses when the system cannot accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// `pfbctl serve`: until the user ends it.
pub(crate) fn run(arguments: &cli::Serve, out: &mut dyn Write) -> Result<(), Failure> {
    let manifest = source::manifest(&arguments.manifest)?;
    let vfs = vf_count(&manifest, arguments.vfs)?;
    let bytes = manifest.compile();
    let table = source::verify(&arguments.manifest, &bytes)?;
    let listener = listen(arguments.listen)?;
    writeln!(
        out,
        "{}: {vfs} {}, served at sim:{} until Ctrl-C",
        printable(table.device().name),
        if vfs == 1 { "VF" } else { "VFs" },
        listener.local_addr()?
    )?;
    out.flush()?;
    simulate(table, vfs, |simulation| {
        let device = Device::start(simulation);
        let open = AtomicUsize::new(0);
        thread::scope(|scope| {
            for accepted in listener.incoming() {
                let Ok(connection) = accepted else {
                    thread::sleep(PAUSE);
                    continue;
                };
                // A connection beyond the limit is closed at once.
                let Some(place) = Place::take(&open) else {
                    continue;
                };
                let device = &device;
                let begin = move || serve(&connection, device, &place);
                // A system without another thread closes the connection, too.
                let _ = thread::Builder::new().spawn_scoped(scope, begin);
            }
        });
    });
    Ok(())
}

/// Listens at an address of this machine.
fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::Argument {
            argument: "--listen",
            problem: format!(
                "{address} is no loopback address: a simulated device has no access control, so it \
                 is served on this machine only, as at 127.0.0.1:{}",
                address.port()
            ),
        });
    }
    TcpListener::bind(address).map_err(|source| Failure::Listen { address, source })
}

/// Serves one connection, and reports why it ends if that is not its client's end.
fn serve(connection: &TcpStream, device: &Device<'_, '_>, _place: &Place<'_>) {
    if let Err(problem) = connection::serve(connection, device) {
        anstream::eprintln!("a connection was closed: {problem}");
    }
}

/// The place of one connection among the most that there may be.
struct Place<'c>(&'c AtomicUsize);

impl<'c> Place<'c> {
    /// A place, if one is free.
    fn take(open: &'c AtomicUsize) -> Option<Self> {
        let one_more = |count| (count < MOST_CONNECTIONS).then_some(count + 1);
        let taken = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        // Not `then_some`, which would drop a place that was not taken.
        taken.is_ok().then(|| Self(open))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
