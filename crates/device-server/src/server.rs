//! Listens at a loopback address, and has a thread for each of a limited number of connections.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::connection::{self, Problem};
use crate::device::Device;

/// The most connections at one time.
pub const MOST_CONNECTIONS: usize = 32;
/// How long the server pauses when the system cannot accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Why nothing can be served at an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Other machines could reach it.
    #[error(
        "{0} is no loopback address: a served device has no access control, so it is served on \
         this machine only, as at 127.0.0.1:{port}",
        port = .0.port()
    )]
    NotLoopback(SocketAddr),
    /// The system refuses, for example because another program listens there.
    #[error("cannot listen at {address}")]
    System {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// A server for one device.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    open: Mutex<Open>,
}

/// The connections, until the server ends.
#[derive(Debug, Default)]
struct Open {
    connections: Vec<Arc<TcpStream>>,
    has_ended: bool,
}

impl Server {
    /// Listens at a loopback address; port 0 is any free one.
    ///
    /// # Errors
    /// When it is no loopback address, or the system refuses.
    pub fn listen(address: SocketAddr) -> Result<Self, ListenError> {
        if !address.ip().is_loopback() {
            return Err(ListenError::NotLoopback(address));
        }
        let system = |source| ListenError::System { address, source };
        let listener = TcpListener::bind(address).map_err(system)?;
        let address = listener.local_addr().map_err(system)?;
        Ok(Self {
            listener,
            address,
            open: Mutex::default(),
        })
    }

    /// The address, with the port that is listened at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves a device until [`Server::end`], and passes on why connections end other than by their
    /// clients.
    pub fn serve<D: Device>(&self, device: &D, report: impl Fn(&Problem<D::Error>) + Sync) {
        let report = &report;
        thread::scope(|scope| {
            for accepted in self.listener.incoming() {
                if self.open().has_ended {
                    return;
                }
                let Ok(connection) = accepted else {
                    thread::sleep(PAUSE);
                    continue;
                };
                // A connection beyond the limit is closed at once.
                let Some(place) = Place::take(self, connection) else {
                    continue;
                };
                let begin = move || {
                    let has_ended = || self.open().has_ended;
                    let served = connection::serve(&place.connection, &has_ended, device);
                    if let Err(problem) = served {
                        report(&problem);
                    }
                };
                // A system without another thread closes the connection, too.
                let _ = thread::Builder::new().spawn_scoped(scope, begin);
            }
        });
    }

    /// Ends every connection and [`Server::serve`], which returns when the threads have ended.
    pub fn end(&self) {
        let mut open = self.open();
        open.has_ended = true;
        for connection in &open.connections {
            // Ends the waits of clients. One may have ended its connection.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(open);
        // Wakes the thread that accepts connections. It fails when the server does not serve.
        let _ = TcpStream::connect(self.address);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection among the most that there may be.
struct Place<'s> {
    server: &'s Server,
    connection: Arc<TcpStream>,
}

impl<'s> Place<'s> {
    /// A place for a connection, if one is free and the server goes on.
    fn take(server: &'s Server, connection: TcpStream) -> Option<Self> {
        let mut open = server.open();
        if open.has_ended || open.connections.len() == MOST_CONNECTIONS {
            return None;
        }
        let connection = Arc::new(connection);
        open.connections.push(Arc::clone(&connection));
        drop(open);
        Some(Self { server, connection })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let others = |other: &Arc<TcpStream>| !Arc::ptr_eq(other, &self.connection);
        self.server.open().connections.retain(others);
    }
}

#[cfg(test)]
mod tests;
