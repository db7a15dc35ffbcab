//! A device that the tool under test simulates.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use wait_timeout::ChildExt as _;

use crate::program::PROGRAM;

/// A process of `pfbctl serve`, which ends with the value.
#[derive(Debug)]
pub struct Served {
    process: Child,
    /// The device's name for `--device`.
    pub device: String,
}

impl Served {
    /// Serves a manifest with `vfs` VFs at a free port.
    ///
    /// # Panics
    ///
    /// If the program does not serve it.
    #[must_use]
    pub fn start(manifest: &Path, vfs: u16) -> Self {
        Self::start_at(manifest, vfs, "127.0.0.1:0")
    }

    /// Serves a manifest with `vfs` VFs at an address.
    ///
    /// # Panics
    ///
    /// If the program does not serve it.
    #[must_use]
    pub fn start_at(manifest: &Path, vfs: u16, address: &str) -> Self {
        let mut process = Command::new(&*PROGRAM)
            .arg("serve")
            .arg(manifest)
            .args(["--vfs", &vfs.to_string(), "--listen", address])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("pfbctl starts");
        let output = process.stdout.take().expect("standard output is a pipe");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("standard output can be read");
        let device = line.split(' ').find(|word| word.starts_with("sim:"));
        let device = device
            .unwrap_or_else(|| panic!("the device's address is in {line:?}"))
            .to_owned();
        Self { process, device }
    }

    /// The address at which the device listens.
    #[must_use]
    pub fn address(&self) -> &str {
        self.device.trim_start_matches("sim:")
    }

    /// The number of the process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the process ends by itself, and returns whether it reports success.
    ///
    /// # Panics
    ///
    /// If it does not end within 10 seconds.
    pub fn wait(&mut self) -> bool {
        let ended = self.process.wait_timeout(Duration::from_secs(10));
        let status = ended.expect("the system waits for it");
        status.expect("the process ends").success()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended cannot be ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
