use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use pf_broker_abi::{IOCTL_CHANGES, IOCTL_PUBLISH, IOCTL_QUERY, SIMULATED_GREETING};

use super::Simulated;
use crate::access::Access;
use crate::device::Control as _;
use crate::frame::{receive_greeting, receive_request, send_greeting, send_reply};
use crate::limit::{Cancel, Limit, STATUS_CANCELLED, STATUS_DEVICE_REMOVED, STATUS_IO_TIMEOUT};

/// A device whose connections run `serve` after the greetings.
fn device(serve: impl Fn(&TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let connection = connection.expect("a connection");
            receive_greeting(&connection).expect("a greeting");
            send_greeting(&connection).expect("sent");
            serve(&connection);
        }
    });
    address
}

fn connect(address: &str) -> Simulated {
    Simulated::connect(address, Access::Change).expect("a device")
}

#[test]
fn only_addresses_of_this_machine_are_called() {
    for (address, words) in [
        ("192.0.2.1:9820", "192.0.2.1:9820 is no loopback address"),
        ("127.0.0.1", "127.0.0.1 is no address with a port"),
        ("localhost:9820", "no address with a port"),
    ] {
        let error = Simulated::connect(address, Access::Look).expect_err(address);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn another_program_at_the_address_is_no_device() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    thread::spawn(move || {
        for (connection, answer) in listener.incoming().zip([&b"HTTP/1.1 400 \r\n"[..], b""]) {
            let mut connection = connection.expect("a connection");
            let mut greeting = [0; SIMULATED_GREETING.len()];
            connection.read_exact(&mut greeting).expect("a greeting");
            connection.write_all(answer).expect("sent");
        }
    });
    for words in ["the connection begins with", "accepts no more connections"] {
        let error = Simulated::connect(&address, Access::Look).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_call_that_changes_something_needs_the_access_for_it() {
    let address = device(|connection| {
        while let Ok(request) = receive_request(connection) {
            send_reply(connection, &Ok(request.input)).expect("sent");
        }
    });
    let device = Simulated::connect(&address, Access::Look).expect("a device");
    let mut output = [0; 4];
    assert_eq!(
        device.control(IOCTL_PUBLISH, &[], &mut output),
        Err(0xC000_0022)
    );
    assert_eq!(device.control(IOCTL_QUERY, &[7, 8], &mut output), Ok(2));
    assert_eq!(output, [7, 8, 0, 0]);
}

#[test]
fn a_call_gives_up_after_its_time_or_when_it_is_cancelled() {
    let address = device(|connection| {
        // Each request waits until it is cancelled.
        while receive_request(connection).is_ok() {
            let cancellation = receive_request(connection).expect("a cancellation");
            assert!(cancellation.is_cancellation());
            send_reply(connection, &Err(STATUS_CANCELLED)).expect("sent");
        }
    });
    let device = connect(&address);
    let soon = Limit {
        timeout: Some(Duration::from_millis(30)),
        cancel: None,
    };
    for _ in 0..2 {
        let ended = device.control_within(IOCTL_CHANGES, &[], &mut [], soon);
        assert_eq!(ended, Err(STATUS_IO_TIMEOUT));
    }
    let cancel = Cancel::new().expect("an event");
    let cancelled = Limit {
        timeout: None,
        cancel: Some(&cancel),
    };
    thread::scope(|scope| {
        let call = || device.control_within(IOCTL_CHANGES, &[], &mut [], cancelled);
        let call = scope.spawn(call);
        thread::sleep(Duration::from_millis(50));
        cancel.cancel();
        assert_eq!(call.join().expect("no panic"), Err(STATUS_CANCELLED));
    });
}

#[test]
fn a_result_that_crosses_its_cancellation_is_kept() {
    let address = device(|connection| {
        receive_request(connection).expect("a request");
        let cancellation = receive_request(connection).expect("a cancellation");
        assert!(cancellation.is_cancellation());
        send_reply(connection, &Ok(vec![5])).expect("sent");
    });
    let soon = Limit {
        timeout: Some(Duration::from_millis(10)),
        cancel: None,
    };
    let mut output = [0];
    let ended = connect(&address).control_within(IOCTL_CHANGES, &[], &mut output, soon);
    assert_eq!((ended, output), (Ok(1), [5]));
}

#[test]
fn a_device_that_goes_stays_gone_for_its_callers() {
    let address = device(|connection| {
        receive_request(connection).expect("a request");
    });
    let device = connect(&address);
    for _ in 0..2 {
        let ended = device.control(IOCTL_QUERY, &[], &mut []);
        assert_eq!(ended, Err(STATUS_DEVICE_REMOVED));
    }
}

#[test]
fn a_reply_that_does_not_fit_ends_the_connection() {
    let address = device(|connection| {
        receive_request(connection).expect("a request");
        send_reply(connection, &Ok(vec![0; 9])).expect("sent");
    });
    let ended = connect(&address).control(IOCTL_QUERY, &[], &mut [0; 8]);
    assert_eq!(ended, Err(STATUS_DEVICE_REMOVED));
}
