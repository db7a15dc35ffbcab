//! Answers the scrapes of Prometheus: `GET /metrics` over HTTP/1.1, one connection at a time.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::failure::Failure;

/// How long a client may take to send its request and to read the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request that is read; Prometheus sends less than 500 bytes.
const LONGEST_REQUEST: u64 = 8192;
/// The content type of `OpenMetrics` 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Listens until the user ends it. A client that fails ends its own connection only.
pub(super) fn serve(
    address: SocketAddr,
    scrape: impl Fn() -> Result<String, Failure>,
) -> Result<(), Failure> {
    let listener =
        TcpListener::bind(address).map_err(|source| Failure::Listen { address, source })?;
    anstream::eprintln!("metrics are at http://{}/metrics", listener.local_addr()?);
    for connection in listener.incoming() {
        if let Err(error) = connection.and_then(|connection| answer(connection, &scrape)) {
            anstream::eprintln!("a scrape failed: {error}");
        }
    }
    Ok(())
}

/// Answers one request.
pub(super) fn answer(
    mut connection: TcpStream,
    scrape: impl Fn() -> Result<String, Failure>,
) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let request = head(&connection)?;
    let line = request.lines().next().unwrap_or_default();
    let (status, kind, body) = match line.split(' ').collect::<Vec<_>>()[..] {
        ["GET", "/metrics", _] => match scrape() {
            Ok(text) => ("200 OK", OPEN_METRICS, text),
            Err(failure) => (
                "503 Service Unavailable",
                "text/plain; charset=utf-8",
                format!("{}\n", failure.with_causes()),
            ),
        },
        ["GET", ..] => (
            "404 Not Found",
            "text/plain; charset=utf-8",
            "metrics are at /metrics\n".to_owned(),
        ),
        _ => ("405 Method Not Allowed", "text/plain", String::new()),
    };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )?;
    connection.flush()
}

/// The head of a request, up to the empty line; a longer one is cut.
fn head(connection: &TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut bytes = io::BufReader::new(connection.take(LONGEST_REQUEST)).bytes();
    while !head.ends_with(b"\r\n\r\n") {
        match bytes.next() {
            Some(byte) => head.push(byte?),
            None => break,
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
