//! Plays a trace through the running image.

use std::io::{stdin, stdout};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use block_trace::{
    Change, Direction, Failure, HandedWrite, Host, PlayError, PowerState, Stats, Status, Target,
};
use lab_control::companion::{Answer, Handed};
use lab_control::{MAX_BLOCK_LENGTH, sample, stack as abi};
use pcivirt_abi::sriov;
use pf_broker_abi::{ChangesCookie, Refusal};
use pf_broker_client::{Control as _, Device, Error as ClientError, Handle, Vfs};
use zerocopy::{FromBytes as _, IntoBytes as _};

use crate::cli::{Path, Position};
use crate::sample_companion::SampleCompanion;
use crate::session::Session;
use crate::stack::Failed;

/// Messages to take out of a stream with one request.
const DRAINED_AT_ONCE: usize = 64;

/// Plays standard input and prints the results.
pub(crate) fn play(session: &Session) -> Result<ExitCode> {
    let mut lab = Lab::new(session);
    // What starting the VFs has changed is not part of the trace.
    if let Err(Failure::Host(trouble)) = lab.changes() {
        return Err(trouble.into());
    }
    match block_trace::play(stdin().lock(), stdout().lock(), &mut lab) {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error @ (PlayError::Malformed { .. } | PlayError::TooLong { .. })) => {
            eprintln!("error: {error}");
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error.into()),
    }
}

/// The lab as a host of traces.
pub(crate) struct Lab<'s> {
    session: &'s Session,
    /// Transfers by the VF driver so far: they take turns between its two ways.
    transfers: u32,
    /// What host software has received of the changes.
    seen: ChangesCookie,
}

impl<'s> Lab<'s> {
    pub(crate) fn new(session: &'s Session) -> Self {
        Self {
            session,
            transfers: 0,
            seen: ChangesCookie::default(),
        }
    }
}

/// Why an operation could not be carried out at all.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The doubles failed.
    Stack(Failed),
    /// The management interface failed otherwise than by a refusal.
    Management(ClientError),
    /// The driver did something to a buffer that it must not.
    Spoiled(String),
    /// `--path vpci`, for an operation that no VF driver can send.
    NotCarried(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stack(failed) => failed.fmt(formatter),
            Self::Management(error) => error.fmt(formatter),
            Self::Spoiled(what) | Self::NotCarried(what) => formatter.write_str(what),
        }
    }
}

impl std::error::Error for Trouble {}

type Outcome<T> = Result<T, Failure<Trouble>>;

fn refused(status: u32) -> Failure<Trouble> {
    Failure::Refused(Status::new(status))
}

fn by_stack(failed: Failed) -> Failure<Trouble> {
    Failure::Host(Trouble::Stack(failed))
}

fn by_management(error: ClientError) -> Failure<Trouble> {
    match error {
        ClientError::Status(status) => refused(status),
        other => Failure::Host(Trouble::Management(other)),
    }
}

fn target(vf: Target) -> Vfs {
    match vf {
        Target::Vf(index) => Vfs::One(index),
        Target::All => Vfs::All,
    }
}

impl Lab<'_> {
    /// The guest's device for an operation, when it goes by VF driver and VPCI.
    fn guest(&self, vf: u16, length: usize) -> Outcome<Option<&Handle>> {
        let carried = (1..=MAX_BLOCK_LENGTH).contains(&length);
        let guest = self.session.guests.get(usize::from(vf)).filter(|_| carried);
        match self.session.path {
            Path::Raw => Ok(None),
            Path::Vpci if guest.is_none() => Err(Failure::Host(Trouble::NotCarried(if carried {
                format!("--path vpci: no VF driver runs for VF {vf}, which does not exist")
            } else {
                format!("--path vpci: VPCI carries 1 to 128 bytes, and these are {length}")
            }))),
            Path::Auto | Path::Vpci => Ok(guest),
        }
    }

    /// The sample companion, which is the function driver below a filter.
    fn sample(&self) -> Outcome<SampleCompanion> {
        if self.session.bench.position != Position::UpperFilter {
            return Err(Failure::Host(Trouble::NotCarried(
                "the driver is the function driver of its device, which has no companion"
                    .to_owned(),
            )));
        }
        let opened = SampleCompanion::open(self.session);
        opened.map_err(|error| Failure::Host(Trouble::Spoiled(format!("{error:#}"))))
    }

    fn management(&self) -> Outcome<&Device<Handle>> {
        let gone = |_| Failure::Host(Trouble::Spoiled("the PF is pulled out".to_owned()));
        self.session.management().map_err(gone)
    }

    /// The two ways of the VF driver, in turn.
    fn way(&mut self) -> u32 {
        self.transfers += 1;
        if self.transfers.is_multiple_of(2) {
            sample::BY_IOCTL
        } else {
            sample::BY_CALL
        }
    }

    /// Takes a VF's invalidations, as a trace does.
    pub(crate) fn taken(&mut self, vf: u16) -> Result<u64> {
        match self.take_invalidation(vf) {
            Ok(mask) => Ok(mask),
            Err(Failure::Refused(status)) => anyhow::bail!("refused with {status}"),
            Err(Failure::Host(trouble)) => Err(trouble.into()),
        }
    }

    fn straight(&self, transfer: &abi::Transfer) -> Outcome<Vec<u8>> {
        let reply = self.session.stack.transfer(transfer).map_err(by_stack)?;
        if reply.spoiled != 0 {
            return Err(Failure::Host(Trouble::Spoiled(format!(
                "the PF driver spoiled a buffer ({:#x}): {transfer:?}",
                reply.spoiled
            ))));
        }
        if reply.status != 0 {
            return Err(refused(reply.status));
        }
        let length = usize::try_from(reply.length).unwrap_or(0);
        Ok(reply.data.get(..length).unwrap_or_default().to_vec())
    }
}

fn transfer(operation: u8, vf: u16, block: u32, length: u32, data: &[u8]) -> abi::Transfer {
    let mut transfer = abi::Transfer {
        operation,
        path: abi::path::SRIOV,
        vf,
        block,
        length,
        data: [0; MAX_BLOCK_LENGTH],
    };
    for (place, byte) in transfer.data.iter_mut().zip(data) {
        *place = *byte;
    }
    transfer
}

impl Host for Lab<'_> {
    type Error = Trouble;

    fn write(&mut self, vf: u16, block: u32, data: &[u8]) -> Outcome<()> {
        let way = self.way();
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let Some(guest) = self.guest(vf, data.len())? else {
            let write = transfer(abi::operation::WRITE, vf, block, length, data);
            return self.straight(&write).map(|_| ());
        };
        let mut request = sample::WriteRequest {
            block,
            way,
            length,
            data: [0; MAX_BLOCK_LENGTH],
        };
        for (place, byte) in request.data.iter_mut().zip(data) {
            *place = *byte;
        }
        guest
            .control(sample::IOCTL_WRITE, request.as_bytes(), &mut [])
            .map(|_| ())
            .map_err(refused)
    }

    fn read(&mut self, vf: u16, block: u32, length: u32) -> Outcome<Vec<u8>> {
        let way = self.way();
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(guest) = self.guest(vf, bytes)? else {
            let read = transfer(abi::operation::READ, vf, block, length, &[]);
            return self.straight(&read);
        };
        let request = sample::ReadRequest { block, way };
        let mut data = vec![0; bytes];
        let read = guest
            .control(sample::IOCTL_READ, request.as_bytes(), &mut data)
            .map_err(refused)?;
        data.truncate(read);
        Ok(data)
    }

    fn publish(&mut self, vf: u16, block: u32, data: &[u8], expect: Option<u64>) -> Outcome<()> {
        let management = self.management()?;
        match expect {
            Some(revision) => management.publish_expecting(vf, block, revision, data),
            None => management.publish(Vfs::One(vf), block, data),
        }
        .map_err(by_management)
    }

    fn publish_all(&mut self, block: u32, data: &[u8]) -> Outcome<()> {
        self.management()?
            .publish(Vfs::All, block, data)
            .map_err(by_management)
    }

    fn host_read(&mut self, vf: u16, block: u32, length: u32) -> Outcome<(Vec<u8>, u64)> {
        // Beyond the longest block all lengths are refused alike.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let length = length.min(MAX_BLOCK_LENGTH + 1);
        let value = self
            .management()?
            .read(vf, block, length)
            .map_err(by_management)?;
        Ok((value.data, value.revision))
    }

    fn invalidate(&mut self, vf: Target, mask: u64) -> Outcome<()> {
        self.management()?
            .invalidate(target(vf), mask)
            .map_err(by_management)
    }

    fn take_invalidation(&mut self, vf: u16) -> Outcome<u64> {
        if vf >= self.session.vfs {
            return self.take_of_unknown(vf);
        }
        let guest = self.session.guests.get(usize::from(vf));
        let mask = self
            .session
            .stack
            .take(vf, guest.is_none())
            .map_err(by_stack)?;
        let Some(guest) = guest else { return Ok(mask) };
        let mut changes = [0; size_of::<sample::Changes>()];
        guest
            .control(sample::IOCTL_TAKE_CHANGES, &[], &mut changes)
            .map_err(refused)?;
        Ok(u64::from_le_bytes(changes))
    }

    fn drain(&mut self, vf: u16, block: u32) -> Outcome<Vec<Vec<u8>>> {
        let mut messages = Vec::new();
        loop {
            let more = self
                .management()?
                .drain(vf, block, DRAINED_AT_ONCE)
                .map_err(by_management)?;
            let last = more.len() < DRAINED_AT_ONCE;
            messages.extend(more);
            if last {
                return Ok(messages);
            }
        }
    }

    fn reset(&mut self, vf: u16) -> Outcome<()> {
        // A stack that resets a VF forgets what it had to tell its guest, and the guest's driver
        // starts anew. Before, what is on its way arrives.
        let known = vf < self.session.vfs;
        if known {
            self.take_invalidation(vf)?;
        }
        self.management()?.reset(vf).map_err(by_management)
    }

    fn acknowledge(&mut self, vf: u16) -> Outcome<()> {
        let management = self.management()?;
        management
            .stats(vf)
            .and_then(|stats| management.acknowledge(vf, stats.resets))
            .map_err(by_management)
    }

    fn power(&mut self, vf: u16, state: PowerState) -> Outcome<()> {
        self.management()?.power(vf, state).map_err(by_management)
    }

    fn stats(&mut self, vf: u16) -> Outcome<Stats> {
        let reply = self.management()?.stats(vf).map_err(by_management)?;
        Ok(Stats {
            reads: reply.reads,
            writes: reply.writes,
            publishes: reply.publishes,
            withdrawn: reply.withdrawn,
            refused: Refusal::ALL.map(|refusal| reply.refused[refusal.index()]),
        })
    }

    fn changes(&mut self) -> Outcome<Vec<Change>> {
        let mut entries = Vec::new();
        loop {
            let list = self
                .management()?
                .poll_changes(Change::KINDS, &self.seen)
                .map_err(by_management)?;
            self.seen = list.cookie;
            entries.extend(list.entries);
            if !list.more {
                return Ok(Change::list(&entries));
            }
        }
    }

    fn advance(&mut self, milliseconds: u32) -> Outcome<()> {
        sleep(Duration::from_millis(milliseconds.into()));
        Ok(())
    }

    fn companion(&mut self, ready: bool) -> Outcome<()> {
        self.sample()?.set_ready(ready).map_err(refused)
    }

    fn answer(
        &mut self,
        block: u32,
        to: Direction,
        status: u32,
        data: Option<&[u8]>,
    ) -> Outcome<()> {
        let mut answer = Answer {
            reads: (to == Direction::Read).into(),
            status,
            has_data: data.is_some().into(),
            length: u32::try_from(data.unwrap_or_default().len()).unwrap_or(u32::MAX),
            ..Answer::accept(block)
        };
        for (place, byte) in answer.data.iter_mut().zip(data.unwrap_or_default()) {
            *place = *byte;
        }
        self.sample()?.set_answer(&answer).map_err(refused)
    }

    fn handed(&mut self) -> Outcome<Vec<HandedWrite>> {
        let handed = self.sample()?.take_handed().map_err(refused)?;
        let write = |one: Handed| HandedWrite {
            vf: one.vf,
            block: one.block,
            data: one.data[..usize::from(one.length).min(MAX_BLOCK_LENGTH)].to_vec(),
        };
        Ok(handed.into_iter().map(write).collect())
    }
}

impl Lab<'_> {
    /// Sends one `IOCTL_SRIOV_INVALIDATE_BLOCK` for a VF that does not exist: none is pending for
    /// it.
    fn take_of_unknown(&self, vf: u16) -> Outcome<u64> {
        let mut request = abi::Request {
            code: sriov::IOCTL_INVALIDATE_BLOCK,
            internal: 1,
            user_mode: 0,
            file: abi::file::STACK,
            raised: 0,
            close: 0,
            input_length: 16,
            output_length: 16,
            milliseconds: 50,
            input: [0; abi::MAX_INPUT],
        };
        // The request cannot name VF 0xFFFF: there it stands for all. Another VF that does not
        // exist has to do.
        let named = if vf == sriov::ALL_VFS { vf - 1 } else { vf };
        request.input[..2].copy_from_slice(&named.to_le_bytes());
        let answer = self.session.stack.request(&request).map_err(by_stack)?;
        if answer.status != 0 {
            return Err(refused(answer.status));
        }
        let mask = answer.output.get(8..16).unwrap_or_default();
        Ok(u64::read_from_bytes(mask).unwrap_or(0))
    }
}
