//! Simulated devices: every command, every trace, the requests of host software, and clients that do
//! what they should not.

mod clients;
mod commands;
mod engineers_guide;
mod requests;

use std::path::PathBuf;

use end_to_end::{Served, repository};
use pf_broker_client::{Access, Connection, Device};

/// The accelerator of the guides, with four VFs.
fn accelerator() -> Served {
    Served::start(&manifest("accelerator"), 4)
}

fn manifest(name: &str) -> PathBuf {
    repository().join(format!("blocks/{name}.toml"))
}

/// A client of the device.
fn client(served: &Served) -> Device<Connection> {
    let connection = Connection::open(&served.device, Access::Change).expect("the device is open");
    Device::new(connection).expect("the device speaks this version")
}
