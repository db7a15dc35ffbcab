//! The work of the agent: answers to commands, grants of queues, telemetry. All state that it keeps
//! of a VF belongs to one tenant and goes with a reset.

use std::collections::BTreeMap;

use pf_broker_abi::{CHANGE_MESSAGE, CHANGE_RESET, CHANGE_WRITTEN, Change, ChangesCookie, Refusal};
use pf_broker_client::{Connection, Device, Error, Vfs};

use crate::blocks::{
    Command, CommandMap, CommandSubmit, CommandUnmap, Mailbox, Response, Status, Telemetry, link,
    opcode, result,
};

/// Bytes that a VF may have mapped at once.
const MEMORY_LIMIT: u64 = 0x1000_0000;
/// The most mappings of a VF.
const MOST_MAPPINGS: usize = 64;
/// The most queues of a VF.
const MOST_QUEUES: u16 = 64;
/// How often a grant is tried while the VF changes its request.
const TRIES: u32 = 8;
/// The most messages in one request.
const MESSAGES: usize = 32;

/// Details of a failed command.
mod detail {
    /// The VF has mapped as much as it may.
    pub(super) const LIMIT: u16 = 1;
    /// There is no such mapping.
    pub(super) const NO_MAPPING: u16 = 2;
    /// No mapping is as long as the job's.
    pub(super) const SHORT_MAPPING: u16 = 3;
}

/// What the agent keeps of a VF.
#[derive(Default)]
struct Vf {
    /// Bytes of each mapping, by its handle.
    mappings: BTreeMap<u64, u32>,
    last_mapping: u64,
    /// The last command that was answered. The same change may be listed twice.
    answered: Option<u32>,
}

/// The agent of one device.
pub(crate) struct Agent {
    device: Device<Connection>,
    vfs: Vec<Vf>,
    cookie: ChangesCookie,
}

impl Agent {
    /// An agent that begins with everything that has changed since the start of the device.
    pub(crate) fn new(device: Device<Connection>) -> Result<Self, Error> {
        let vfs = (0..device.query()?.num_vfs).map(|_| Vf::default());
        Ok(Self {
            vfs: vfs.collect(),
            device,
            cookie: ChangesCookie::default(),
        })
    }

    /// Says to all VFs what they may do.
    pub(crate) fn publish_status(&self) -> Result<(), Error> {
        let features = Status::FEATURES_MAPPING_MASK
            | Status::FEATURES_JOBS_MASK
            | Status::FEATURES_TELEMETRY_MASK;
        let status = Status {
            version: 1,
            link: link::UP,
            features,
            memory_limit: MEMORY_LIMIT,
            mac: [0; 6],
            numa_node: u16::MAX,
            reserved_20: [0; 12],
        };
        self.device
            .publish(Vfs::All, Status::BLOCK_ID, &status.to_bytes())?;
        println!("status published to {} VFs", self.vfs.len());
        Ok(())
    }

    /// Serves what has changed; waits for a change unless it is `once`. Returns whether there is
    /// more to do.
    pub(crate) fn serve_changes(&mut self, once: bool) -> Result<bool, Error> {
        let kinds = CHANGE_WRITTEN | CHANGE_MESSAGE | CHANGE_RESET;
        let changes = if once {
            self.device.poll_changes(kinds, &self.cookie)?
        } else {
            self.device.changes(kinds, &self.cookie)?
        };
        if changes.restarted {
            self.vfs.iter_mut().for_each(|vf| *vf = Vf::default());
            self.publish_status()?;
        }
        for change in &changes.entries {
            match self.serve(change) {
                // The VF is being reset; its reset is a change of its own.
                Err(error) if error.refusal() == Some(Refusal::State) => {}
                served => served?,
            }
        }
        self.cookie = changes.cookie;
        Ok(!once || changes.more)
    }

    fn serve(&mut self, change: &Change) -> Result<(), Error> {
        if change.kinds & CHANGE_RESET != 0 {
            self.vfs[usize::from(change.vf)] = Vf::default();
            println!("VF {}: reset", change.vf);
            return Ok(());
        }
        match change.block {
            Command::BLOCK_ID => self.answer(change.vf),
            Mailbox::BLOCK_ID => self.grant(change.vf),
            Telemetry::BLOCK_ID => self.collect(change.vf),
            _ => Ok(()),
        }
    }

    /// Carries out the command of a VF and publishes the response.
    fn answer(&mut self, index: u16) -> Result<(), Error> {
        // The revision of the response comes first: a reset increments it, and then the response to
        // the last tenant is refused.
        let response = self
            .device
            .read(index, Response::BLOCK_ID, Response::LENGTH)?;
        let bytes: [u8; Command::LENGTH] = self.block(index, Command::BLOCK_ID)?;
        let command = Command::from_bytes(&bytes);
        let vf = &mut self.vfs[usize::from(index)];
        if vf.answered == Some(command.sequence) {
            return Ok(());
        }
        let reply = vf.carry_out(&command, &bytes);
        let published = self.device.publish_expecting(
            index,
            Response::BLOCK_ID,
            response.revision,
            &reply.to_bytes(),
        );
        let (name, sequence) = (name(command.opcode), command.sequence);
        match published {
            Err(error) if error.refusal() == Some(Refusal::Changed) => {
                println!("VF {index}: {name} {sequence} was overtaken by a reset");
            }
            published => {
                published?;
                vf.answered = Some(sequence);
                println!(
                    "VF {index}: {name} {sequence}: result {}, detail {}, mapping {}",
                    reply.result, reply.detail, reply.mapping
                );
            }
        }
        Ok(())
    }

    /// Doubles the queues of a VF that uses all it has.
    fn grant(&self, vf: u16) -> Result<(), Error> {
        for _ in 0..TRIES {
            let value = self.device.read(vf, Mailbox::BLOCK_ID, Mailbox::LENGTH)?;
            let mut bytes = [0; Mailbox::LENGTH];
            bytes.copy_from_slice(&value.data);
            let mut mailbox = Mailbox::from_bytes(&bytes);
            let granted = mailbox.granted_queues;
            if mailbox.ready == 0 || mailbox.wanted_queues < granted || granted >= MOST_QUEUES {
                return Ok(());
            }
            mailbox.granted_queues = granted.saturating_mul(2).min(MOST_QUEUES);
            mailbox.epoch += 1;
            mailbox.doorbell = mailbox.doorbell.wrapping_add(1);
            let bytes = mailbox.to_bytes();
            let published =
                self.device
                    .publish_expecting(vf, Mailbox::BLOCK_ID, value.revision, &bytes);
            match published {
                // The VF has written it meanwhile.
                Err(error) if error.refusal() == Some(Refusal::Changed) => {}
                published => {
                    println!("VF {vf}: {} queues granted", mailbox.granted_queues);
                    return published;
                }
            }
        }
        Ok(())
    }

    /// Takes the telemetry of a VF.
    fn collect(&self, vf: u16) -> Result<(), Error> {
        let (mut count, mut samples, mut sum) = (0, 0, 0_u64);
        loop {
            let messages = self.device.drain(vf, Telemetry::BLOCK_ID, MESSAGES)?;
            for message in &messages {
                let mut bytes = [0; Telemetry::LENGTH];
                bytes[..message.len()].copy_from_slice(message);
                let telemetry = Telemetry::from_bytes(&bytes);
                let values = telemetry.values;
                let used = usize::from(telemetry.samples).min(values.len());
                samples += used;
                sum = values[..used]
                    .iter()
                    .fold(sum, |sum, value| sum.wrapping_add(*value));
            }
            count += messages.len();
            if messages.len() < MESSAGES {
                break;
            }
        }
        if count > 0 {
            println!("VF {vf}: {count} messages with {samples} samples, sum {sum}");
        }
        Ok(())
    }

    fn block<const N: usize>(&self, vf: u16, block: u32) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.device.read(vf, block, N)?.data);
        Ok(bytes)
    }
}

impl Vf {
    /// Carries out a command, which has passed every rule of the manifest.
    fn carry_out(&mut self, command: &Command, bytes: &[u8; Command::LENGTH]) -> Response {
        let mut response = Response {
            sequence: command.sequence,
            result: result::OK,
            detail: 0,
            mapping: 0,
            payload: [0; 4],
        };
        let failed = match command.opcode {
            opcode::MAP => self.map(&CommandMap::from_bytes(bytes), &mut response),
            opcode::UNMAP => {
                let mapping = CommandUnmap::from_bytes(bytes).mapping;
                let known = self.mappings.remove(&mapping).is_some();
                (!known).then_some((result::REJECTED, detail::NO_MAPPING))
            }
            opcode::SUBMIT => {
                let job = CommandSubmit::from_bytes(bytes);
                let fits = |bytes: &u32| u64::from(*bytes) >= job.limit;
                response.payload[0] = job.output_length;
                let known = self.mappings.values().any(fits);
                (!known).then_some((result::REJECTED, detail::SHORT_MAPPING))
            }
            // A label is for the administrator, who reads the command.
            _ => None,
        };
        if let Some((result, detail)) = failed {
            response = Response {
                result,
                detail,
                mapping: 0,
                payload: [0; 4],
                ..response
            };
        }
        response
    }

    fn map(&mut self, command: &CommandMap, response: &mut Response) -> Option<(u16, u16)> {
        let mapped: u64 = self.mappings.values().map(|&bytes| u64::from(bytes)).sum();
        let is_full = self.mappings.len() >= MOST_MAPPINGS;
        if is_full || mapped + u64::from(command.size) > MEMORY_LIMIT {
            return Some((result::NO_MEMORY, detail::LIMIT));
        }
        self.last_mapping += 1;
        self.mappings.insert(self.last_mapping, command.size);
        response.mapping = self.last_mapping;
        None
    }
}

fn name(opcode: u16) -> &'static str {
    match opcode {
        opcode::MAP => "map",
        opcode::UNMAP => "unmap",
        opcode::SUBMIT => "submit",
        opcode::SET_LABEL => "set_label",
        _ => "nop",
    }
}
