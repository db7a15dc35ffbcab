//! A server with clients of each kind until it ends; its limits are tested on `pfbctl serve`.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use block_trace::{Operation, Outcome};
use pf_broker_client::frame::{self, Request};
use pf_broker_client::{Access, Control as _, Limit, STATUS_IO_TIMEOUT, Simulated};

use super::{ListenError, Server};
use crate::device::{Answer, Device};

/// The code of a request that waits for ever. Others are answered with their input.
const WAITS: u32 = 7;

struct Echo;

impl Device for Echo {
    type Error = Infallible;

    fn control(&self, code: u32, input: &[u8], room: usize) -> Answer {
        if code == WAITS {
            return Answer::Later(input.to_vec());
        }
        Answer::Now(Ok(input[..input.len().min(room)].to_vec()))
    }

    fn control_later(&self, code: u32, input: &[u8], room: usize, time: Duration) -> Answer {
        thread::sleep(time);
        self.control(code, input, room)
    }

    fn player(&self) -> impl FnMut(&Operation) -> Result<Outcome, Infallible> {
        |_| Ok(Outcome::Data(vec![1, 2]))
    }
}

/// Serves while `clients` call, then ends the server.
fn served(clients: impl FnOnce(&str)) {
    let server = Server::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    thread::scope(|scope| {
        let thread = scope.spawn(|| server.serve(&Echo, |problem| panic!("{problem}")));
        clients(&server.address().to_string());
        server.end();
        thread.join().unwrap();
    });
}

#[test]
fn a_server_ends_with_clients_that_are_idle_and_wait_and_play() {
    let mut connected = Vec::new();
    served(|address| {
        let greeted = || {
            let connection = TcpStream::connect(address).unwrap();
            frame::send_greeting(&connection).unwrap();
            frame::receive_greeting(&connection).unwrap();
            connection
        };
        let waits = greeted();
        let request = Request {
            code: WAITS,
            input: Vec::new(),
            output_length: 0,
        };
        frame::send_request(&waits, &request).unwrap();
        let mut plays = TcpStream::connect(address).unwrap();
        plays
            .write_all(b"{\"op\":\"read\",\"vf\":0,\"block\":0,\"length\":2}\n")
            .unwrap();
        let mut result = [0; 38];
        plays.read_exact(&mut result).unwrap();
        assert_eq!(&result, b"{\"status\":\"0x00000000\",\"data\":\"0102\"}\n");
        connected = vec![greeted(), waits, plays];
    });
    for mut connection in connected {
        connection
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        assert_eq!(connection.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn a_request_is_answered_and_a_wait_is_given_up() {
    served(|address| {
        let client = Simulated::connect(address, Access::Change).unwrap();
        let mut output = [0; 4];
        for _ in 0..2 {
            assert_eq!(client.control(1, b"abc", &mut output), Ok(3));
            assert_eq!(&output, b"abc\0");
            let soon = Limit {
                timeout: Some(Duration::from_millis(10)),
                cancel: None,
            };
            let ended = client.control_within(WAITS, b"", &mut [], soon);
            assert_eq!(ended, Err(STATUS_IO_TIMEOUT));
        }
    });
}

#[test]
fn addresses_that_other_machines_reach_or_that_are_taken_are_refused() {
    for address in ["0.0.0.0:0", "192.0.2.1:9820", "[::]:0"] {
        let refused = Server::listen(address.parse().unwrap()).unwrap_err();
        assert!(
            matches!(refused, ListenError::NotLoopback(_)),
            "{address}: {refused}"
        );
    }
    let first = Server::listen("[::1]:0".parse().unwrap()).unwrap();
    let second = Server::listen(first.address()).unwrap_err();
    assert_eq!(
        second.to_string(),
        format!("cannot listen at {}", first.address())
    );
}
