//! What an upper filter passes to the function driver below it, which counts what reaches it.

use std::io::{Read as _, Write as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab_control::function_driver::{IOCTL_ECHO, IOCTL_TAKE_RECORD, Record};
use lab_control::stack::{self as abi, pnp};
use pcivirt_abi::sriov;
use pf_broker_client::Access;
use zerocopy::FromBytes as _;

use super::ioctl::{ORIGINS, Origin, passed_on, request};
use crate::check::{Check, is};
use crate::cli::Mode;
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "a filter passes on foreign control codes from everywhere, at the level of their sender",
        controls,
    ),
    (
        "a filter passes on as many creates as cleanups and closes",
        files,
    ),
    (
        "a filter keeps the files of the management interface from the function driver",
        management,
    ),
    ("a filter passes on reads, writes and WMI packets", others),
    (
        "a filter turns the VFs on after the function driver enters D0, and off before it leaves",
        power,
    ),
];

/// How long a close may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes what has reached the function driver since the last time.
fn record(session: &Session) -> Result<Record> {
    let length = size_of::<Record>();
    let ask = request(
        Origin::KERNEL,
        IOCTL_TAKE_RECORD,
        &[],
        u32::try_from(length)?,
    );
    let answer = passed_on(session, "the record", &ask, status::SUCCESS)?;
    let bytes = answer.output.get(..length).unwrap_or_default();
    Record::read_from_bytes(bytes).map_err(|_| anyhow::anyhow!("the record is too short"))
}

/// The record once `done` with it, together with what arrived before.
fn record_once(session: &Session, done: impl Fn(&Record) -> bool) -> Result<Record> {
    let start = Instant::now();
    let mut all = record(session)?;
    while !done(&all) && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(5));
        let more = record(session)?;
        all.creates += more.creates;
        all.cleanups += more.cleanups;
        all.closes += more.closes;
        all.named_creates += more.named_creates;
    }
    Ok(all)
}

/// Fails unless exactly this has reached the function driver.
fn reached(what: &str, record: Record, expected: Record) -> Result<()> {
    ensure!(
        record == expected,
        "{what}: {record:?} reached the function driver instead of {expected:?}"
    );
    Ok(())
}

fn controls(session: &mut Session) -> Result<()> {
    const INPUT: [u8; 5] = [1, 2, 3, 4, 5];
    record(session)?;
    for origin in ORIGINS {
        for file in [abi::file::STACK, abi::file::NONE] {
            let mut ask = request(origin, IOCTL_ECHO, &INPUT, 8);
            ask.file = file;
            let answer = passed_on(session, "a foreign code", &ask, status::SUCCESS)?;
            ensure!(
                answer.information == 5 && answer.output[..5] == INPUT,
                "the function driver got {:02x?}",
                &answer.output[..5]
            );
        }
    }
    let count = |internal| {
        let those = ORIGINS.iter().filter(|origin| origin.internal == internal);
        u32::try_from(2 * those.count())
    };
    let expected = Record {
        controls: count(false)?,
        internal_controls: count(true)?,
        ..Record::default()
    };
    reached("foreign codes", record(session)?, expected)
}

fn files(session: &mut Session) -> Result<()> {
    const HANDLES: u32 = 3;
    record(session)?;
    for _ in 0..HANDLES {
        drop(session.open_sriov()?);
    }
    // Wine sends no cleanup for a handle of user mode.
    let expected = Record {
        creates: HANDLES,
        closes: HANDLES,
        ..Record::default()
    };
    let closed = |record: &Record| record.closes >= HANDLES;
    reached("handles", record_once(session, closed)?, expected)?;
    session.stack.disconnect()?;
    let size = u16::try_from(size_of::<sriov::DeviceInterface>())?;
    session.connect(size, sriov::DEVICE_INTERFACE_VERSION)?;
    // The stack double sends a control code after the create, to learn that it has arrived.
    let expected = Record {
        creates: 1,
        cleanups: 1,
        closes: 1,
        controls: 1,
        ..Record::default()
    };
    let closed = |record: &Record| record.closes >= 1;
    reached("the stack's file", record_once(session, closed)?, expected)?;
    session.attach(abi::policy::ACCEPT, Mode::EachVf)?;
    Ok(())
}

fn management(session: &mut Session) -> Result<()> {
    record(session)?;
    let handle = session.open_management(Access::Look)?;
    let query = pf_broker_client::Control::control(&handle, 0x0022_6400, &[], &mut [0; 256]);
    ensure!(query.is_ok(), "the management interface: {query:x?}");
    // A code that the driver does not have, through its own file, and one of its own.
    for code in [IOCTL_ECHO, 0x0022_67FC] {
        let mut ask = request(Origin::KERNEL, code, &[], 0);
        ask.file = abi::file::MANAGEMENT;
        let answer = session.stack.request(&ask)?;
        is("a code", answer.status, status::INVALID_DEVICE_REQUEST)?;
    }
    drop(handle);
    let mut file = session.open_management_file()?;
    let read = file.read(&mut [0; 16]);
    ensure!(read.is_err(), "a read of a management file gives {read:?}");
    let written = file.write(&[0; 16]);
    ensure!(
        written.is_err(),
        "a write of a management file gives {written:?}"
    );
    drop(file);
    reached("management", record(session)?, Record::default())
}

fn others(session: &mut Session) -> Result<()> {
    const LENGTH: u32 = 16;
    record(session)?;
    is("a read", session.stack.pnp(pnp::READ, LENGTH)?, 0)?;
    for _ in 0..2 {
        is("a write", session.stack.pnp(pnp::WRITE, LENGTH)?, 0)?;
    }
    // IRP_MN_REGINFO_EX: the bus has no WMI, whatever it answers.
    let _ = session.stack.pnp(pnp::SYSTEM_CONTROL, 0x0B);
    let expected = Record {
        reads: 1,
        writes: 2,
        wmi: 1,
        ..Record::default()
    };
    reached("other packets", record(session)?, expected)
}

fn power(session: &mut Session) -> Result<()> {
    record(session)?;
    session.stack.sleep()?;
    let off = session.stack.report()?.enabled_vfs;
    is("the VFs that are on in S3", off, 0)?;
    session.stack.wake(session.vfs)?;
    let expected = Record {
        d0_entries: 1,
        d0_exits: 1,
        ..Record::default()
    };
    reached("power", record(session)?, expected)
}
