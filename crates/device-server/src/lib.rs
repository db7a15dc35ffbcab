//! Serves a device over loopback connections: its management interface to host software, and its
//! guests to players of traces.
//!
//! `pfbctl serve` does so for a simulated device, `cargo xtask lab serve` for the driver's image.
//! The first byte of a connection says which of both its client is.
//!
//! | file | holds |
//! |---|---|
//! | `server.rs` | [`Server`]: listens, limits the connections, ends them |
//! | `connection.rs` | one connection: frames of host software, or lines of a trace |
//! | `device.rs` | [`Device`]: what is served |
#![forbid(unsafe_code)]

mod connection;
mod device;
mod server;

pub use connection::Problem;
pub use device::{Answer, Device, Reply};
pub use server::{ListenError, MOST_CONNECTIONS, Server};
