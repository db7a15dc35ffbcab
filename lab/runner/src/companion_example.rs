//! Checks of the example of a companion (examples/companion): the registers of the PF that it
//! programs, and what VFs see of it.
//!
//! Blocks, offsets and codes are those of the example's manifest and device, written out.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{Accesses, Transfer, fault, function, operation, pnp, resources};

use crate::check::{Check, is};
use crate::operations::{call, performed, transfer};
use crate::session::Session;
use crate::stack::Stack;
use crate::status;

pub(crate) const CHECKS: &[Check] = &[
    (
        "a command is programmed, and its response is there when the write returns",
        carried_out,
    ),
    ("each VF has registers of its own", own_registers),
    (
        "a command that the device cannot carry out is declined and not programmed",
        declined,
    ),
    (
        "a command that breaks a rule does not reach the driver",
        refused,
    ),
    ("a reset clears the registers of its VF alone", cleared),
    (
        "while the firmware starts no command is served, and afterwards each is",
        firmware,
    ),
    ("a rebalance detaches and attaches", rebalanced),
    ("while the PF sleeps no register is accessed", asleep),
    (
        "a PF that is removed while commands are carried out serves them when it returns",
        removed,
    ),
];

const COMMAND: u32 = 0;
const COMMAND_LENGTH: u32 = 20;
const RESPONSE: u32 = 1;
const RESPONSE_LENGTH: u32 = 8;
const MAP: u16 = 1;
const UNMAP: u16 = 2;
/// Offsets in the PF's memory.
const FIRMWARE: u32 = 0;
const LARGEST: u32 = 4;
const VFS: u32 = 0x1000;
const VF_BYTES: u32 = 0x40;
/// What LARGEST holds.
const LARGEST_COMMAND: u32 = 0x1_0000;
/// The refusals `companion` and `declined`, and what the driver declines with.
const NO_COMPANION: u32 = 0xC000_009D;
const DECLINED: u32 = 0xC000_0240;
/// How long the driver may take to be ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// A VF's command.
#[derive(Clone, Copy)]
struct Command {
    vf: u16,
    sequence: u32,
    opcode: u16,
    address: u64,
    size: u32,
}

impl Command {
    fn write(self) -> Transfer {
        let mut write = transfer(operation::WRITE, self.vf, COMMAND, COMMAND_LENGTH);
        write.data[..4].copy_from_slice(&self.sequence.to_le_bytes());
        write.data[4..6].copy_from_slice(&self.opcode.to_le_bytes());
        write.data[8..16].copy_from_slice(&self.address.to_le_bytes());
        write.data[16..20].copy_from_slice(&self.size.to_le_bytes());
        write
    }

    /// The accesses with which it is carried out: whether it is a write, offset, value.
    fn accesses(self) -> Vec<Access> {
        let vf = VFS + VF_BYTES * u32::from(self.vf);
        let halves = [self.address, self.address >> 32].map(|half| half & 0xFFFF_FFFF);
        let [low, high] = halves.map(|half| u32::try_from(half).unwrap_or_default());
        vec![
            (false, FIRMWARE, 1),
            (false, LARGEST, LARGEST_COMMAND),
            (true, vf, self.opcode.into()),
            (true, vf + 0x04, self.size),
            (true, vf + 0x08, low),
            (true, vf + 0x0C, high),
            (true, vf + 0x10, self.sequence),
            (false, vf + 0x14, self.sequence),
            (false, vf + 0x18, self.size / 4096),
        ]
    }
}

/// Whether it is a write, offset, value.
type Access = (bool, u32, u32);

/// Takes the accesses since the last call. All of one command come from one thread.
fn accesses(session: &Session) -> Result<Vec<Access>> {
    let Accesses {
        count,
        lost,
        accesses,
    } = session.stack.take_accesses()?;
    ensure!(lost == 0, "{lost} accesses found no room");
    let taken = &accesses[..usize::try_from(count)?];
    let threads = taken
        .windows(2)
        .filter(|two| two[0].thread != two[1].thread);
    ensure!(threads.count() == 0, "several threads: {taken:x?}");
    let simple = |access: &lab_control::stack::RegisterAccess| {
        (access.is_write != 0, access.offset, access.value)
    };
    Ok(taken.iter().map(simple).collect())
}

fn expect_accesses(session: &Session, expected: &[Access]) -> Result<()> {
    let got = accesses(session)?;
    ensure!(
        got == expected,
        "the accesses are {got:x?} instead of {expected:x?}"
    );
    Ok(())
}

/// The number and the pages of a VF's response.
fn response(session: &Session, vf: u16) -> Result<[u32; 2]> {
    let read = transfer(operation::READ, vf, RESPONSE, RESPONSE_LENGTH);
    let reply = session.stack.transfer(&read)?;
    is("read the response", reply.status, status::SUCCESS)?;
    let word = |place: usize| {
        let bytes = &reply.data[place..place + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    };
    Ok([word(0), word(4)])
}

/// Writes a command until it is not refused for want of a driver that is ready; the last status.
fn write_when_ready(session: &Session, command: Command) -> Result<u32> {
    let start = Instant::now();
    loop {
        let got = performed(session, &command.write())?;
        if got != NO_COMPANION || start.elapsed() > PATIENCE {
            return Ok(got);
        }
        sleep(Duration::from_millis(5));
    }
}

/// Fails unless a command is carried out, once the driver is ready.
fn serve(session: &Session, command: Command) -> Result<()> {
    let got = write_when_ready(session, command)?;
    is("write a command", got, status::SUCCESS)?;
    let got = response(session, command.vf)?;
    let expected = [command.sequence, command.size / 4096];
    ensure!(
        got == expected,
        "the response is {got:x?} instead of {expected:x?}"
    );
    Ok(())
}

fn forget(session: &Session, vf: u16) -> Result<()> {
    session.stack.take_accesses()?;
    session.stack.take(vf, true)?;
    Ok(())
}

const FIRST: Command = Command {
    vf: 0,
    sequence: 2,
    opcode: MAP,
    address: 0x1234_5678_9000,
    size: 0x3000,
};

fn carried_out(session: &mut Session) -> Result<()> {
    serve(
        session,
        Command {
            sequence: 1,
            ..FIRST
        },
    )?;
    forget(session, 0)?;
    let got = performed(session, &FIRST.write())?;
    let response = response(session, 0)?;
    is("write a command", got, status::SUCCESS)?;
    ensure!(response == [2, 3], "the response is {response:x?}");
    expect_accesses(session, &FIRST.accesses())?;
    let mask = session.stack.take(0, true)?;
    ensure!(mask == 1 << RESPONSE, "the VF is notified of {mask:#x}");
    Ok(())
}

fn own_registers(session: &mut Session) -> Result<()> {
    let command = Command {
        vf: 1,
        sequence: 0xFFFF_FFFE,
        opcode: UNMAP,
        address: 0,
        size: LARGEST_COMMAND,
    };
    session.stack.take_accesses()?;
    serve(session, command)?;
    expect_accesses(session, &command.accesses())?;
    let other = response(session, 0)?;
    ensure!(other == [2, 3], "the response to VF 0 is {other:x?} now");
    Ok(())
}

fn declined(session: &mut Session) -> Result<()> {
    let command = Command {
        sequence: 3,
        size: LARGEST_COMMAND + 4096,
        ..FIRST
    };
    forget(session, 0)?;
    let got = performed(session, &command.write())?;
    is("write a command", got, DECLINED)?;
    let only_read = [(false, FIRMWARE, 1), (false, LARGEST, LARGEST_COMMAND)];
    expect_accesses(session, &only_read)?;
    let mask = session.stack.take(0, true)?;
    ensure!(mask == 0, "the VF is notified of {mask:#x}");
    let response = response(session, 0)?;
    ensure!(response == [2, 3], "the response is {response:x?}");
    let held = session
        .stack
        .transfer(&transfer(operation::READ, 0, COMMAND, COMMAND_LENGTH))?;
    ensure!(
        held.data[..20] == FIRST.write().data[..20],
        "the command is {:02x?}",
        &held.data[..20]
    );
    let journal = session.management()?.journal(0, 0, 1000)?;
    let last = journal.last().map(|entry| entry.companion_status);
    ensure!(
        last == Some(status::NOT_SUPPORTED.cast_signed()),
        "the journal has the status {last:x?}"
    );
    // The same number again: the declined write is not committed.
    serve(
        session,
        Command {
            sequence: 3,
            ..FIRST
        },
    )
}

fn refused(session: &mut Session) -> Result<()> {
    session.stack.take_accesses()?;
    let command = Command {
        sequence: 4,
        size: 0x800,
        ..FIRST
    };
    let got = performed(session, &command.write())?;
    ensure!(
        ![status::SUCCESS, DECLINED, NO_COMPANION].contains(&got),
        "a command of half a page: 0x{got:08X}"
    );
    expect_accesses(session, &[])
}

fn cleared(session: &mut Session) -> Result<()> {
    forget(session, 0)?;
    let reset = session.stack.call(&call(function::RESET_VF, 0, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)?;
    let zeros: Vec<_> = [0x00, 0x04, 0x08, 0x0C, 0x10]
        .map(|register| (true, VFS + register, 0))
        .to_vec();
    expect_accesses(session, &zeros)?;
    let (own, other) = (response(session, 0)?, response(session, 1)?);
    ensure!(
        own == [0, 0] && other == [0xFFFF_FFFE, 16],
        "the responses are {own:x?} and {other:x?}"
    );
    // The next owner of the VF may begin with any number.
    serve(
        session,
        Command {
            sequence: 1,
            ..FIRST
        },
    )
}

fn firmware(session: &mut Session) -> Result<()> {
    let command = Command {
        sequence: 5,
        ..FIRST
    };
    session.stack.fault(fault::FIRMWARE_STARTS, 1)?;
    session.stack.take_accesses()?;
    let first = performed(session, &command.write())?;
    let second = performed(session, &command.write())?;
    let accesses = session.stack.take_accesses()?;
    session.stack.fault(fault::FIRMWARE_STARTS, 0)?;
    is("the write that finds it", first, DECLINED)?;
    is("the next write", second, NO_COMPANION)?;
    let read = &accesses.accesses[..usize::try_from(accesses.count)?];
    ensure!(
        !read.is_empty()
            && read
                .iter()
                .all(|access| (access.is_write, access.offset) == (0, FIRMWARE)),
        "the accesses are {read:x?}"
    );
    serve(session, command)
}

fn rebalanced(session: &mut Session) -> Result<()> {
    let command = Command {
        sequence: 6,
        ..FIRST
    };
    for request in [pnp::QUERY_STOP, pnp::STOP] {
        is("stop", session.stack.pnp(request, 0)?, status::SUCCESS)?;
    }
    session.stack.take_accesses()?;
    let stopped = performed(session, &command.write());
    let accesses = accesses(session);
    let started = session.stack.pnp(pnp::START, resources::ALL_VFS)?;
    is("start", started, status::SUCCESS)?;
    is("a write while the PF is stopped", stopped?, NO_COMPANION)?;
    let accesses = accesses?;
    ensure!(accesses.is_empty(), "the accesses are {accesses:x?}");
    serve(session, command)
}

fn asleep(session: &mut Session) -> Result<()> {
    let command = Command {
        sequence: 7,
        ..FIRST
    };
    session.stack.take_accesses()?;
    session.stack.sleep()?;
    let written = performed(session, &command.write());
    let accesses = accesses(session);
    session.stack.wake(session.vfs)?;
    is("a write while the PF sleeps", written?, NO_COMPANION)?;
    let accesses = accesses?;
    ensure!(accesses.is_empty(), "the accesses are {accesses:x?}");
    serve(session, command)
}

/// Writes commands of a VF one after the other until the PF is removed; how many were carried out.
fn until_removed(vf: u16, first: u32) -> Result<u32> {
    const AT_ONCE: u32 = 20;
    let stack = Stack::open()?;
    let mut served = 0;
    for batch in 0.. {
        let commands = (0..AT_ONCE).map(|place| Command {
            vf,
            sequence: first + batch * AT_ONCE + place,
            ..FIRST
        });
        let writes: Vec<_> = commands.map(Command::write).collect();
        let mut is_removed = false;
        for reply in stack.batch(&writes)? {
            match reply.status {
                status::SUCCESS => {
                    ensure!(!is_removed, "VF {vf} is served after the removal");
                    served += 1;
                }
                status::DEVICE_REMOVED => is_removed = true,
                // The driver may find first that the device does not answer.
                status => ensure!(
                    [DECLINED, NO_COMPANION].contains(&status),
                    "a command ends with 0x{status:08X}"
                ),
            }
        }
        if is_removed {
            break;
        }
    }
    Ok(served)
}

fn removed(session: &mut Session) -> Result<()> {
    let guests =
        [(0, 8), (2, 1)].map(|(vf, first)| thread::spawn(move || until_removed(vf, first)));
    sleep(Duration::from_millis(100));
    session.pull_pf()?;
    for guest in guests {
        let served = guest.join().map_err(|_| anyhow!("a guest panicked"))??;
        ensure!(served > 0, "no command was carried out before the removal");
    }
    session.plug_again()?;
    let command = Command {
        sequence: 1,
        ..FIRST
    };
    serve(session, command)
}
