//! Clients beside each other, and clients that disappear, send half a frame, too much, or connect
//! too often.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use end_to_end::Served;
use pf_broker_abi::{
    CHANGE_PUBLISHED, ChangesCookie, IOCTL_CHANGES, IOCTL_QUERY, SIMULATED_GREETING, TableSource,
};
use pf_broker_client::frame::{Request, receive_greeting, send_request};
use pf_broker_client::{
    Access, Connection, Error, Limit, STATUS_DEVICE_REMOVED, STATUS_IO_TIMEOUT, Vfs,
};

use super::{accelerator, client};

/// The most connections of a device, as docs/administrators.md has it.
const MOST: usize = 32;

/// A status of the accelerator.
fn status() -> Vec<u8> {
    let mut status = vec![0; 32];
    status[0] = 1;
    status
}

/// A connection after the greetings.
fn greeted(served: &Served) -> TcpStream {
    let mut connection = TcpStream::connect(served.address()).expect("connected");
    connection.write_all(&SIMULATED_GREETING).expect("sent");
    receive_greeting(&connection).expect("a greeting");
    connection
}

fn request(code: u32, input: Vec<u8>, output_length: u32) -> Request {
    Request {
        code,
        input,
        output_length,
    }
}

/// Whether the device ends a connection within the time that it gives clients and some more.
fn is_closed(mut connection: &TcpStream) -> bool {
    let limit = Some(Duration::from_secs(10));
    connection.set_read_timeout(limit).expect("set");
    match connection.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_device_says_what_it_is() {
    let served = accelerator();
    let query = client(&served).query().expect("a reply");
    assert_eq!((query.vendor_id, query.device_id), (0x1414, 0xB001));
    assert_eq!((query.num_vfs, query.block_count), (4, 5));
    let source = TableSource::from_code(query.table_source);
    assert_eq!((source, query.attached), (Some(TableSource::Registry), 1));
}

#[test]
fn two_clients_call_at_one_time_and_one_waits_for_what_the_other_does() {
    let served = accelerator();
    let (waiting, other) = (client(&served), client(&served));
    let start = ChangesCookie::default();
    let now = waiting.poll_changes(CHANGE_PUBLISHED, &start).expect("now");
    assert_eq!(now.entries, []);
    thread::scope(|scope| {
        let waits = scope.spawn(|| waiting.changes(CHANGE_PUBLISHED, &now.cookie));
        // The same client calls meanwhile.
        thread::sleep(Duration::from_millis(50));
        waiting.query().expect("a reply");
        assert!(!waits.is_finished());
        other.publish(Vfs::One(2), 0, &status()).expect("published");
        let changes = waits.join().expect("no panic").expect("changes");
        let entries: Vec<_> = changes.entries.iter().map(|e| (e.vf, e.block)).collect();
        assert_eq!(entries, [(2, 0)]);
    });
}

#[test]
fn a_wait_ends_with_its_time_and_the_connection_serves_the_next_call() {
    let served = accelerator();
    let client = client(&served);
    let soon = Limit {
        timeout: Some(Duration::from_millis(60)),
        cancel: None,
    };
    let start = ChangesCookie::default();
    for _ in 0..3 {
        let ended = client.changes_within(CHANGE_PUBLISHED, &start, soon);
        assert_eq!(ended, Err(Error::Status(STATUS_IO_TIMEOUT)));
        client.query().expect("a reply");
    }
}

#[test]
fn a_device_that_ends_is_gone_for_a_client_that_waits() {
    let served = accelerator();
    let client = client(&served);
    thread::scope(|scope| {
        let start = ChangesCookie::default();
        let waits = scope.spawn(move || client.changes(CHANGE_PUBLISHED, &start));
        thread::sleep(Duration::from_millis(50));
        drop(served);
        let ended = waits.join().expect("no panic");
        assert_eq!(ended, Err(Error::Status(STATUS_DEVICE_REMOVED)));
    });
}

#[test]
fn a_cookie_of_an_earlier_device_is_recognized() {
    let served = accelerator();
    let old = client(&served)
        .poll_changes(CHANGE_PUBLISHED, &ChangesCookie::default())
        .expect("now");
    drop(served);
    let served = accelerator();
    let changes = client(&served).changes(CHANGE_PUBLISHED, &old.cookie);
    assert!(changes.expect("changes").restarted);
}

/// More clients than there are places: each leaves its place when it disappears.
#[test]
fn clients_that_disappear_while_they_wait_leave_their_places() {
    let served = accelerator();
    let mut changes = vec![0; 48];
    changes[0] = 1;
    for round in 0..3 {
        let waiting: Vec<TcpStream> = (0..MOST)
            .map(|_| {
                let connection = connect_until_served(&served);
                let wait = request(IOCTL_CHANGES, changes.clone(), 4096);
                send_request(&connection, &wait).expect("sent");
                connection
            })
            .collect();
        assert_eq!(waiting.len(), MOST, "round {round}");
        // Half of them end their connection, half have half a request under way.
        for (index, mut connection) in waiting.into_iter().enumerate() {
            if index % 2 == 0 {
                connection.shutdown(Shutdown::Both).expect("shut down");
            } else {
                connection.write_all(&[1, 0, 0]).expect("sent");
            }
        }
    }
    connect_until_served(&served);
}

/// Connects; again while the device has no place.
fn connect_until_served(served: &Served) -> TcpStream {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let mut connection = TcpStream::connect(served.address()).expect("connected");
        let limit = Some(Duration::from_secs(10));
        connection.set_read_timeout(limit).expect("set");
        let sent = connection.write_all(&SIMULATED_GREETING);
        if sent.is_ok() && receive_greeting(&connection).is_ok() {
            return connection;
        }
        assert!(Instant::now() < end, "the device has no place any more");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_flood_of_connections_takes_the_places_for_a_short_time_only() {
    let served = accelerator();
    let before = client(&served);
    // Connections that send nothing, fewer than the system keeps before they are accepted.
    let flood: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(served.address()).expect("connected"))
        .collect();
    let refused = Connection::open(&served.device, Access::Look);
    let refused = refused.expect_err("there is no place");
    assert!(
        refused.to_string().contains("no more connections"),
        "{refused}"
    );
    // A client that has a place keeps it, and the others lose theirs.
    before.query().expect("a reply");
    let after = connect_until_served(&served);
    drop((flood, after));
}

#[test]
fn half_a_frame_ends_its_connection_and_no_other() {
    let served = accelerator();
    let other = client(&served);
    let mut bytes = Vec::new();
    send_request(&mut bytes, &request(IOCTL_QUERY, vec![1, 2, 3], 88)).expect("written");
    let halves: Vec<TcpStream> = [1, 15, 16, 18]
        .into_iter()
        .map(|length| {
            let mut connection = greeted(&served);
            connection.write_all(&bytes[..length]).expect("sent");
            connection
        })
        .collect();
    let mut greeting = TcpStream::connect(served.address()).expect("connected");
    greeting.write_all(&SIMULATED_GREETING[..3]).expect("sent");
    other.query().expect("a reply");
    for connection in halves.iter().chain([&greeting]) {
        assert!(is_closed(connection));
    }
    other.query().expect("a reply");
}

/// A frame that arrives byte by byte is one.
#[test]
fn a_frame_in_pieces_is_served() {
    let served = accelerator();
    let mut connection = greeted(&served);
    let mut bytes = Vec::new();
    send_request(&mut bytes, &request(IOCTL_QUERY, Vec::new(), 88)).expect("written");
    for byte in bytes {
        connection.write_all(&[byte]).expect("sent");
        thread::sleep(Duration::from_millis(10));
    }
    let mut reply = [0; 8 + 88];
    connection.read_exact(&mut reply).expect("a reply");
    assert_eq!(reply[..8], [88, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_malformed_frame_ends_its_connection() {
    let served = accelerator();
    let head = |words: [u32; 4]| words.map(u32::to_le_bytes).concat();
    let other = client(&served);
    for frame in [
        head([u32::MAX, IOCTL_QUERY, 88, 0]),
        head([(1 << 16) + 1, IOCTL_QUERY, 88, 0]),
        head([0, IOCTL_QUERY, 88, 1]),
        head([0, 0, 1, 0]),
    ] {
        let mut connection = greeted(&served);
        connection.write_all(&frame).expect("sent");
        assert!(is_closed(&connection), "{frame:?}");
        other.query().expect("a reply");
    }
}

/// The longest reply is bounded, however much room the client has.
#[test]
fn a_client_with_room_for_4_gib_gets_what_there_is() {
    let served = accelerator();
    let connection = greeted(&served);
    let list = request(pf_broker_abi::IOCTL_BLOCKS, vec![0; 4], u32::MAX);
    send_request(&connection, &list).expect("sent");
    let mut head = [0; 8];
    (&connection).read_exact(&mut head).expect("a reply");
    assert_eq!(head, [144, 1, 0, 0, 0, 0, 0, 0], "5 blocks of 80 bytes");
}

#[test]
fn a_request_while_another_one_waits_ends_the_connection() {
    let served = accelerator();
    let connection = greeted(&served);
    let mut changes = vec![0; 48];
    changes[0] = 1;
    send_request(&connection, &request(IOCTL_CHANGES, changes, 4096)).expect("sent");
    send_request(&connection, &request(IOCTL_QUERY, Vec::new(), 88)).expect("sent");
    assert!(is_closed(&connection));
}

/// A page in a browser can send such requests.
#[test]
fn a_client_of_http_is_no_client() {
    let served = accelerator();
    for text in [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 41\r\n\r\n{\"op\":\"reset\",\"vf\":0}\n",
    ] {
        let mut connection = TcpStream::connect(served.address()).expect("connected");
        connection.write_all(text.as_bytes()).expect("sent");
        assert!(is_closed(&connection));
    }
    assert_eq!(client(&served).stats(0).expect("a reply").resets, 0);
}
