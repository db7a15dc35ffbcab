//! The image for programs of the system that Wine runs on: a console, and beside it a server of the
//! management interface and of players.

use std::io::{Write as _, stdout};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use block_trace::{Host as _, Operation, Outcome};
use device_server::{Answer, Device, Server};
use pf_broker_abi::IOCTL_CHANGES;
use pf_broker_client::{Access, Control as _, Handle, Limit, STATUS_IO_TIMEOUT};

use crate::console;
use crate::session::Session;
use crate::trace::{Lab, Trouble};

/// How long a request that waits takes before its client is looked after for the first time.
const FIRST_STEP: Duration = Duration::from_millis(1);

/// Serves the image at an address until the console's input ends.
pub(crate) fn run(session: &Session, address: SocketAddr) -> Result<ExitCode> {
    let server = Server::listen(address)?;
    let image = Image {
        session,
        management: session.open_management(Access::Change)?,
    };
    let mut out = stdout();
    writeln!(out, "served at sim:{} until Ctrl-C", server.address())?;
    out.flush()?;
    thread::scope(|scope| {
        scope.spawn(|| {
            server.serve(&image, |problem| {
                eprintln!("a connection was closed: {problem}");
            });
        });
        let code = console::run(session);
        server.end();
        code
    })
}

/// The image with one open file for all host software. Its players are guests beside each other.
struct Image<'s> {
    session: &'s Session,
    management: Handle,
}

impl Device for Image<'_> {
    type Error = Trouble;

    fn control(&self, code: u32, input: &[u8], room: usize) -> Answer {
        self.control_later(code, input, room, FIRST_STEP)
    }

    fn control_later(&self, code: u32, input: &[u8], room: usize, time: Duration) -> Answer {
        // Every other request is complete soon, and must not be cancelled on the way.
        let timeout = (code == IOCTL_CHANGES).then_some(time);
        let limit = Limit {
            timeout,
            cancel: None,
        };
        let mut output = vec![0; room];
        match self
            .management
            .control_within(code, input, &mut output, limit)
        {
            Ok(length) => {
                output.truncate(length);
                Answer::Now(Ok(output))
            }
            Err(STATUS_IO_TIMEOUT) if timeout.is_some() => Answer::Later(input.to_vec()),
            Err(status) => Answer::Now(Err(status)),
        }
    }

    fn player(&self) -> impl FnMut(&Operation) -> Result<Outcome, Trouble> {
        let mut lab = Lab::new(self.session);
        move |operation| lab.perform(operation)
    }
}
