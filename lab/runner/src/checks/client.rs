//! Calls of the client on one handle: side by side, with a time limit, cancelled, and closed.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use pf_broker_abi::{CHANGE_WRITTEN, ChangesCookie};
use pf_broker_client::{
    Access, Cancel, Changes, Control as _, Device, Error, Handle, Limit, STATUS_CANCELLED,
    STATUS_DELETE_PENDING, STATUS_IO_TIMEOUT,
};

use crate::check::Check;
use crate::operations::mark;
use crate::session::Session;

pub(super) const CHECKS: &[Check] = &[
    ("a call of the client ends at its time limit", timed_out),
    ("a call of the client ends when it is cancelled", cancelled),
    ("calls of one handle run side by side", side_by_side),
    ("a handle that is closed ends its calls", closed),
    ("a call that ends at a limit loses no change", nothing_lost),
];

const VF: u16 = 3;

/// Long enough for a call to begin to wait.
const A_WHILE: Duration = Duration::from_millis(50);

fn open(session: &Session) -> Result<Device<Handle>> {
    Ok(Device::new(session.open_management(Access::Look)?)?)
}

/// The cookie of a reader that has every change.
fn now(device: &Device<Handle>) -> Result<ChangesCookie> {
    let mut cookie = ChangesCookie::default();
    loop {
        let changes = device.poll_changes(CHANGE_WRITTEN, &cookie)?;
        cookie = changes.cookie;
        if !changes.more {
            return Ok(cookie);
        }
    }
}

fn within(milliseconds: u64) -> Limit<'static> {
    Limit {
        timeout: Some(Duration::from_millis(milliseconds)),
        cancel: None,
    }
}

/// Fails unless a call gave up with this status.
fn gave_up(result: &Result<Changes, Error>, status: u32) -> Result<()> {
    ensure!(
        *result == Err(Error::Status(status)),
        "CHANGES gives {result:x?} instead of 0x{status:08X}"
    );
    Ok(())
}

fn join<T>(thread: JoinHandle<T>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))
}

fn timed_out(session: &mut Session) -> Result<()> {
    let device = open(session)?;
    let cookie = now(&device)?;
    for milliseconds in [0, 1, 20] {
        let result = device.changes_within(CHANGE_WRITTEN, &cookie, within(milliseconds));
        gave_up(&result, STATUS_IO_TIMEOUT)?;
    }
    Ok(())
}

fn cancelled(session: &mut Session) -> Result<()> {
    let device = open(session)?;
    let cookie = now(&device)?;
    let cancel = Arc::new(Cancel::new()?);
    let canceller = Arc::clone(&cancel);
    let waiting = thread::spawn(move || {
        let limit = Limit {
            timeout: None,
            cancel: Some(&canceller),
        };
        let first = device.changes_within(CHANGE_WRITTEN, &cookie, limit);
        // One that begins after the cancellation.
        let second = device.changes_within(CHANGE_WRITTEN, &cookie, limit);
        (first, second)
    });
    thread::sleep(A_WHILE);
    ensure!(!waiting.is_finished(), "CHANGES does not wait");
    cancel.cancel();
    let (first, second) = join(waiting)?;
    gave_up(&first, STATUS_CANCELLED)?;
    gave_up(&second, STATUS_CANCELLED)
}

fn side_by_side(session: &mut Session) -> Result<()> {
    let device = Arc::new(open(session)?);
    let cookie = now(&device)?;
    let other = Arc::clone(&device);
    let waiting = thread::spawn(move || other.changes(CHANGE_WRITTEN, &cookie));
    thread::sleep(A_WHILE);
    ensure!(!waiting.is_finished(), "CHANGES does not wait");
    // On a synchronous handle this call would wait for the other one.
    let stats = device.stats(VF)?;
    ensure!(!waiting.is_finished(), "CHANGES does not wait");
    mark(session, VF, 3)?;
    let changes = join(waiting)??;
    ensure!(
        changes.entries.len() == 1 && device.stats(VF)?.writes == stats.writes + 1,
        "CHANGES returns {:x?}",
        changes.entries
    );
    Ok(())
}

fn closed(session: &mut Session) -> Result<()> {
    let handle = Arc::new(session.open_management(Access::Look)?);
    let other = Arc::clone(&handle);
    let cookie = now(&open(session)?)?;
    let waiting = thread::spawn(move || {
        let device = Device::new(SharedHandle(other))?;
        device.changes(CHANGE_WRITTEN, &cookie)
    });
    thread::sleep(A_WHILE);
    ensure!(!waiting.is_finished(), "CHANGES does not wait");
    handle.close();
    gave_up(&join(waiting)?, STATUS_DELETE_PENDING)?;
    let later = handle.control(pf_broker_abi::IOCTL_QUERY, &[], &mut [0; 96]);
    ensure!(
        later == Err(STATUS_DELETE_PENDING),
        "a closed handle gives {later:x?}"
    );
    Ok(())
}

/// A handle that another thread closes.
struct SharedHandle(Arc<Handle>);

impl pf_broker_client::Control for SharedHandle {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        self.0.control(code, input, output)
    }
}

/// A write at about the time limit ends the call, or the next call with the same cookie.
fn nothing_lost(session: &mut Session) -> Result<()> {
    let device = Arc::new(open(session)?);
    for round in 0..50 {
        let cookie = now(&device)?;
        let other = Arc::clone(&device);
        let waiting =
            thread::spawn(move || other.changes_within(CHANGE_WRITTEN, &cookie, within(3)));
        thread::sleep(Duration::from_micros(2_500 + 20 * round));
        mark(session, VF, 4)?;
        let changes = match join(waiting)? {
            Err(Error::Status(STATUS_IO_TIMEOUT)) => device.changes(CHANGE_WRITTEN, &cookie),
            result => result,
        }?;
        ensure!(
            matches!(&changes.entries[..], [entry] if entry.vf == VF),
            "round {round}: CHANGES returns {:x?}",
            changes.entries
        );
    }
    Ok(())
}
