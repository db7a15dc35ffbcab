//! The typed management interface, over any [`Control`].

use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use zerocopy::{FromBytes, IntoBytes};

use crate::limit::Limit;

/// One buffered device control call.
pub trait Control {
    /// Sends `code` with `input`, writes the reply to the start of `output`, and returns its
    /// length. Returns when the request is complete.
    ///
    /// # Errors
    ///
    /// The `NTSTATUS` that the call was completed with, when that is an error.
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32>;

    /// [`control`](Control::control) that gives up at a [`Limit`]. A control whose calls end at
    /// once needs no other than this one, which has no limit.
    ///
    /// # Errors
    ///
    /// As for [`control`](Control::control); [`STATUS_IO_TIMEOUT`](crate::STATUS_IO_TIMEOUT) or
    /// [`STATUS_CANCELLED`](crate::STATUS_CANCELLED) when it gave up.
    fn control_within(
        &self,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        limit: Limit<'_>,
    ) -> Result<usize, u32> {
        let _ = limit;
        self.control(code, input, output)
    }
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The driver completed the request with this `NTSTATUS`.
    #[error("the driver answers 0x{0:08X}{text}", text = refusal_text(*.0))]
    Status(u32),
    /// The reply is not as long as the interface says.
    #[error(
        "the reply to control code 0x{code:08X} has {actual} bytes instead of {expected}: \
         driver and tool speak different versions"
    )]
    ReplyLength {
        /// The control code.
        code: u32,
        /// Bytes that the reply has, or should be a multiple of.
        expected: usize,
        /// Bytes received.
        actual: usize,
    },
    /// The driver speaks another version of the interface.
    #[error(
        "the driver speaks version {driver} of the management interface, this tool version {tool}"
    )]
    Version {
        /// The driver's version.
        driver: u32,
        /// This tool's version, `pf_broker_abi::ABI_VERSION`.
        tool: u32,
    },
    /// The reply contradicts the interface.
    #[error("the reply to control code 0x{code:08X} says that {what} is {value}")]
    ReplyValue {
        /// The control code.
        code: u32,
        /// The name of the value.
        what: &'static str,
        /// The value.
        value: u64,
    },
}

impl Error {
    /// The refusal that the driver answered with, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Status(status) => Refusal::from_status(*status),
            _ => None,
        }
    }
}

fn refusal_text(status: u32) -> String {
    Refusal::from_status(status).map_or_else(String::new, |refusal| {
        format!(" ({}): {}", refusal.reason(), refusal.sentence())
    })
}

/// The VFs that a publish or an invalidation addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vfs {
    /// The VF of this index.
    One(u16),
    /// Every VF.
    All,
}

/// The value of a register when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockValue {
    /// As many bytes as requested, with zeros after those of the block.
    pub data: Vec<u8>,
    /// The block's revision: how often it was committed or reset since the device started. See
    /// [`Device::publish_expecting`].
    pub revision: u64,
}

/// What changed since a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The device, VFs and blocks that changed. A change may be repeated by the next call, with the
    /// same revision.
    pub entries: Vec<abi::Change>,
    /// For the next call.
    pub cookie: abi::ChangesCookie,
    /// There are more entries; the next call continues the list.
    pub more: bool,
    /// The cookie was of an earlier start of the device: the entries are everything since this
    /// start.
    pub restarted: bool,
}

/// The most entries that one request for a list asks for.
const ENTRIES: usize = 256;
/// The most bytes of the block table that one request asks for.
const TABLE_PART: usize = 1 << 16;

/// A device with the management interface.
///
/// Every method sends one request and blocks until the driver completes it; [`blocks`] and [`table`]
/// send as many as they need. Any number of threads may call at one time, if the [`Control`] allows it.
///
/// [`blocks`]: Device::blocks
/// [`table`]: Device::table
#[derive(Debug)]
pub struct Device<C>(C);

impl<C: Control> Device<C> {
    /// Uses the management interface over `control`, after checking the driver's version of it.
    ///
    /// # Errors
    ///
    /// [`Error::Version`], or the error of the version request.
    pub fn new(control: C) -> Result<Self, Error> {
        let device = Self(control);
        let driver = device.query()?.abi_version;
        if driver == abi::ABI_VERSION {
            Ok(device)
        } else {
            Err(Error::Version {
                driver,
                tool: abi::ABI_VERSION,
            })
        }
    }

    /// The driver's version, device and table.
    ///
    /// # Errors
    ///
    /// See [`Error`]; so for every method.
    pub fn query(&self) -> Result<abi::QueryReply, Error> {
        self.ask(abi::IOCTL_QUERY, &[])
    }

    /// The blocks of the table in force.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn blocks(&self) -> Result<Vec<abi::BlockInfo>, Error> {
        let mut blocks: Vec<abi::BlockInfo> = Vec::new();
        loop {
            let first = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
            let request = abi::BlocksRequest { first };
            let more: Vec<abi::BlockInfo> =
                self.list(abi::IOCTL_BLOCKS, request.as_bytes(), ENTRIES)?;
            let last = more.len() < ENTRIES;
            blocks.extend(more);
            if last {
                return Ok(blocks);
            }
        }
    }

    /// The block table in force, as `pfbctl compile` wrote it.
    ///
    /// # Errors
    ///
    /// See [`Error`]; `STATUS_INVALID_DEVICE_REQUEST` of a driver that does not report its table.
    pub fn table(&self) -> Result<Vec<u8>, Error> {
        let mut table: Vec<u8> = Vec::new();
        loop {
            let offset = u32::try_from(table.len()).unwrap_or(u32::MAX);
            let request = abi::TableRequest { offset };
            let part: Vec<u8> = self.list(abi::IOCTL_TABLE, request.as_bytes(), TABLE_PART)?;
            let is_last = part.len() < TABLE_PART;
            table.extend(part);
            if is_last {
                return Ok(table);
            }
        }
    }

    /// The counters and the state of a VF.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn stats(&self, vf: u16) -> Result<abi::StatsReply, Error> {
        let stats: abi::StatsReply = self.ask(abi::IOCTL_STATS, vf_request(vf).as_bytes())?;
        check_reasons(abi::IOCTL_STATS, stats.reason_count)?;
        Ok(stats)
    }

    /// How often operations of host software were refused, by reason.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn host_refusals(&self) -> Result<abi::HostRefusalsReply, Error> {
        let refusals: abi::HostRefusalsReply = self.ask(abi::IOCTL_HOST_REFUSALS, &[])?;
        check_reasons(abi::IOCTL_HOST_REFUSALS, refusals.reason_count)?;
        Ok(refusals)
    }

    /// The counters of one block of a VF.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn block_stats(&self, vf: u16, block: u32) -> Result<abi::BlockStatsReply, Error> {
        self.ask(abi::IOCTL_BLOCK_STATS, block_request(vf, block).as_bytes())
    }

    /// The committed value of a register block: `length` bytes, with zeros after the block, and its
    /// revision.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn read(&self, vf: u16, block: u32, length: usize) -> Result<BlockValue, Error> {
        let mut reply = vec![0; size_of::<abi::ReadReply>() + length];
        let request = block_request(vf, block);
        let actual = self.control(abi::IOCTL_READ, request.as_bytes(), &mut reply)?;
        match abi::ReadReply::read_from_prefix(&reply) {
            Ok((abi::ReadReply { revision }, data)) if actual == reply.len() => Ok(BlockValue {
                data: data.to_vec(),
                revision,
            }),
            _ => Err(Error::ReplyLength {
                code: abi::IOCTL_READ,
                expected: reply.len(),
                actual,
            }),
        }
    }

    /// Writes the PF-owned bytes of a block, for one VF or for all.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn publish(&self, vfs: Vfs, block: u32, data: &[u8]) -> Result<(), Error> {
        let (vf, scope) = address(vfs);
        let request = abi::PublishRequest {
            vf,
            scope,
            block,
            flags: 0,
            reserved: 0,
            expected: 0,
        };
        self.send_publish(&request, data)
    }

    /// Writes the PF-owned bytes of a block for one VF, only if the block still has the revision
    /// that [`read`](Device::read) returned, so it was not written since and the VF was not reset.
    ///
    /// # Errors
    ///
    /// See [`Error`]; [`Refusal::Changed`] if the block has another revision.
    pub fn publish_expecting(
        &self,
        vf: u16,
        block: u32,
        revision: u64,
        data: &[u8],
    ) -> Result<(), Error> {
        let request = abi::PublishRequest {
            vf,
            scope: abi::SCOPE_VF,
            block,
            flags: abi::PUBLISH_EXPECTS,
            reserved: 0,
            expected: revision,
        };
        self.send_publish(&request, data)
    }

    fn send_publish(&self, request: &abi::PublishRequest, data: &[u8]) -> Result<(), Error> {
        self.send(abi::IOCTL_PUBLISH, &[request.as_bytes(), data].concat())
    }

    /// Asks one VF or all to read the blocks of `mask` again, bit n for block n.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn invalidate(&self, vfs: Vfs, mask: u64) -> Result<(), Error> {
        let (vf, scope) = address(vfs);
        let request = abi::InvalidateRequest {
            vf,
            scope,
            reserved: [0; 2],
            mask,
        };
        self.send(abi::IOCTL_INVALIDATE, request.as_bytes())
    }

    /// Takes the oldest messages out of a stream, at most `most` of them. It returns fewer if the
    /// stream is empty, or if the VF is reset meanwhile.
    ///
    /// # Errors
    ///
    /// See [`Error`]. Messages in a malformed reply are lost.
    pub fn drain(&self, vf: u16, block: u32, most: usize) -> Result<Vec<Vec<u8>>, Error> {
        let request = block_request(vf, block);
        let messages: Vec<abi::Message> = self.list(abi::IOCTL_DRAIN, request.as_bytes(), most)?;
        messages
            .iter()
            .map(|message| {
                message
                    .data
                    .get(..message.length as usize)
                    .map(<[u8]>::to_vec)
                    .ok_or(Error::ReplyValue {
                        code: abi::IOCTL_DRAIN,
                        what: "the length of a message",
                        value: message.length.into(),
                    })
            })
            .collect()
    }

    /// Resets a VF.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn reset(&self, vf: u16) -> Result<(), Error> {
        self.send(abi::IOCTL_RESET, vf_request(vf).as_bytes())
    }

    /// Acknowledges a VF's reset, so that the VF is served again. `resets` is the number of the
    /// reset: [`StatsReply::resets`](abi::StatsReply::resets), read before the VF's blocks were
    /// prepared for the next tenant.
    ///
    /// # Errors
    ///
    /// See [`Error`]; as a refusal `state` if the VF waits for no acknowledgement, `changed` if it
    /// was reset again.
    pub fn acknowledge(&self, vf: u16, resets: u64) -> Result<(), Error> {
        let request = abi::AcknowledgeRequest {
            vf,
            reserved: [0; 3],
            resets,
        };
        self.send(abi::IOCTL_ACKNOWLEDGE, request.as_bytes())
    }

    /// Sets the power state of a VF.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn power(&self, vf: u16, state: abi::PowerState) -> Result<(), Error> {
        let state = u16::from(state.code());
        self.send(abi::IOCTL_POWER, abi::PowerRequest { vf, state }.as_bytes())
    }

    /// The oldest entries of a VF's journal with a greater sequence number than `after`, at most
    /// `most` of them. An entry that was returned before is included if it has new repetitions.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn journal(
        &self,
        vf: u16,
        after: u64,
        most: usize,
    ) -> Result<Vec<abi::JournalEntry>, Error> {
        let request = abi::JournalRequest {
            vf,
            reserved: [0; 3],
            after,
        };
        self.list(abi::IOCTL_JOURNAL, request.as_bytes(), most)
    }

    /// The present time of the driver's clock, as [`JournalEntry::time`](abi::JournalEntry::time).
    ///
    /// # Errors
    ///
    /// See [`Error`]; `STATUS_INVALID_DEVICE_REQUEST` of a driver that does not report its clock.
    pub fn clock(&self) -> Result<u64, Error> {
        let reply: abi::ClockReply = self.ask(abi::IOCTL_CLOCK, &[])?;
        Ok(reply.time)
    }

    /// Where a VF is on its PCI bus; `None` while the PF is not in D0, and of a simulated device.
    ///
    /// # Errors
    ///
    /// See [`Error`]; `STATUS_INVALID_DEVICE_REQUEST` of a driver that does not report locations.
    pub fn location(&self, vf: u16) -> Result<Option<abi::LocationReply>, Error> {
        let request = abi::VfRequest { vf, reserved: 0 };
        let reply: abi::LocationReply = self.ask(abi::IOCTL_LOCATION, request.as_bytes())?;
        Ok((reply != abi::LocationReply::NONE).then_some(reply))
    }

    /// Waits until something of these kinds, such as [`abi::CHANGE_WRITTEN`], has changed since
    /// `cookie`, and returns what. At first the cookie is the default one, which stands for the
    /// start of the device, and then that of the last [`Changes`].
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn changes(&self, kinds: u16, cookie: &abi::ChangesCookie) -> Result<Changes, Error> {
        self.list_changes(kinds, 0, cookie, Limit::NONE)
    }

    /// [`changes`](Device::changes) that gives up at a [`Limit`]. A change that ends the wait in the
    /// same moment is returned; otherwise the same cookie serves for the next call.
    ///
    /// # Errors
    ///
    /// See [`Error`]; [`Error::Status`] with [`STATUS_IO_TIMEOUT`](crate::STATUS_IO_TIMEOUT) or
    /// [`STATUS_CANCELLED`](crate::STATUS_CANCELLED) when it gave up.
    pub fn changes_within(
        &self,
        kinds: u16,
        cookie: &abi::ChangesCookie,
        limit: Limit<'_>,
    ) -> Result<Changes, Error> {
        self.list_changes(kinds, 0, cookie, limit)
    }

    /// What of these kinds has changed since `cookie`; nothing, perhaps.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn poll_changes(&self, kinds: u16, cookie: &abi::ChangesCookie) -> Result<Changes, Error> {
        self.list_changes(kinds, abi::CHANGES_POLL, cookie, Limit::NONE)
    }

    fn list_changes(
        &self,
        kinds: u16,
        flags: u16,
        cookie: &abi::ChangesCookie,
        limit: Limit<'_>,
    ) -> Result<Changes, Error> {
        let code = abi::IOCTL_CHANGES;
        let request = abi::ChangesRequest {
            kinds,
            flags,
            reserved: 0,
            cookie: *cookie,
        };
        let expected = size_of::<abi::ChangesReply>();
        let mut reply = vec![0; expected + ENTRIES * size_of::<abi::Change>()];
        let actual = self
            .0
            .control_within(code, request.as_bytes(), &mut reply, limit)
            .map_err(Error::Status)?;
        let wrong_length = Error::ReplyLength {
            code,
            expected,
            actual,
        };
        let Some(Ok((head, entries))) =
            reply.get(..actual).map(abi::ChangesReply::read_from_prefix)
        else {
            return Err(wrong_length);
        };
        Ok(Changes {
            entries: whole(entries).ok_or(wrong_length)?,
            cookie: head.cookie,
            more: head.flags & abi::CHANGES_MORE != 0,
            restarted: head.flags & abi::CHANGES_RESTARTED != 0,
        })
    }

    /// A request whose reply is one structure.
    fn ask<T: FromBytes + IntoBytes>(&self, code: u32, input: &[u8]) -> Result<T, Error> {
        let mut reply = T::new_zeroed();
        let actual = self.control(code, input, reply.as_mut_bytes())?;
        let expected = size_of::<T>();
        if actual == expected {
            Ok(reply)
        } else {
            Err(Error::ReplyLength {
                code,
                expected,
                actual,
            })
        }
    }

    /// A request with an empty reply.
    fn send(&self, code: u32, input: &[u8]) -> Result<(), Error> {
        match self.control(code, input, &mut [])? {
            0 => Ok(()),
            actual => Err(Error::ReplyLength {
                code,
                expected: 0,
                actual,
            }),
        }
    }

    /// A request whose reply is at most `most` entries.
    fn list<T: FromBytes>(&self, code: u32, input: &[u8], most: usize) -> Result<Vec<T>, Error> {
        let mut reply = vec![0; most * size_of::<T>()];
        let actual = self.control(code, input, &mut reply)?;
        let bytes = reply.get(..actual).unwrap_or(&reply);
        whole(bytes).ok_or(Error::ReplyLength {
            code,
            expected: size_of::<T>(),
            actual,
        })
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        self.0.control(code, input, output).map_err(Error::Status)
    }
}

/// The entries that `bytes` consist of; `None` if the last one is cut off.
fn whole<T: FromBytes>(bytes: &[u8]) -> Option<Vec<T>> {
    let entries = bytes.chunks(size_of::<T>());
    entries
        .map(|entry| T::read_from_bytes(entry).ok())
        .collect()
}

fn vf_request(vf: u16) -> abi::VfRequest {
    abi::VfRequest { vf, reserved: 0 }
}

fn block_request(vf: u16, block: u32) -> abi::BlockRequest {
    abi::BlockRequest {
        vf,
        reserved: 0,
        block,
    }
}

/// A driver of the same version may count more reasons than this client knows, or fewer: codes are
/// append-only. The size of the reply bounds their number.
fn check_reasons(code: u32, reason_count: u32) -> Result<(), Error> {
    if reason_count as usize <= abi::MAX_REASONS {
        Ok(())
    } else {
        Err(Error::ReplyValue {
            code,
            what: "the number of refusal reasons",
            value: reason_count.into(),
        })
    }
}

/// The index and the scope that address these VFs.
fn address(vfs: Vfs) -> (u16, u16) {
    match vfs {
        Vfs::One(vf) => (vf, abi::SCOPE_VF),
        Vfs::All => (0, abi::SCOPE_ALL),
    }
}

/// A name of the interface as text: UTF-8 up to the zeros that pad it.
#[must_use]
pub fn name_text(name: &[u8; abi::NAME_LENGTH]) -> String {
    let end = name
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}

#[cfg(test)]
mod tests;
