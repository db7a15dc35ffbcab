//! A request as it arrived, and the block that it names.

use block_table::{Block, Image, ShortRead};
use pf_broker_abi::{Operation, Refusal};

use crate::Ticks;
use crate::journal::Event;
use crate::store::prefix;

/// Who requests a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetBy {
    /// The virtualization stack or host software. The VF may have another tenant afterwards.
    Host,
    /// The VF's own driver, by a function level reset. The tenant stays.
    Vf,
}

/// A call as it arrived, for the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) block: u32,
    pub(crate) length: u32,
    pub(crate) now: Ticks,
}

impl Request {
    /// A request that names a block.
    #[inline]
    pub(crate) const fn on_block(
        operation: Operation,
        block: u32,
        length: u32,
        now: Ticks,
    ) -> Self {
        Self {
            operation,
            block,
            length,
            now,
        }
    }

    /// The request's data: as many bytes as its length, then zeros.
    #[inline(never)]
    pub(crate) fn message(&self, sent: &Image) -> Image {
        prefix(sent, self.sent_length())
    }

    /// The request's data, which `image` begins with.
    #[inline]
    pub(crate) fn sent<'i>(&self, image: &'i Image) -> &'i [u8] {
        image.get(..self.sent_length()).unwrap_or(image)
    }

    /// How many bytes the request's data has.
    #[inline]
    pub(crate) fn sent_length(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    /// Whether host software or the virtualization stack sent the request. Its refusal is not
    /// charged to a VF.
    pub(crate) const fn is_by_host(&self) -> bool {
        match self.operation {
            Operation::Read | Operation::Write | Operation::TakeInvalidation => false,
            Operation::Publish
            | Operation::Invalidate
            | Operation::Drain
            | Operation::Reset
            | Operation::SetPower
            | Operation::HostRead
            | Operation::BeginReset
            | Operation::FailReset
            | Operation::Remove
            | Operation::Withdraw
            | Operation::Acknowledge
            | Operation::Expire => true,
        }
    }

    /// The same request, journaled as another operation.
    pub(crate) const fn as_operation(&self, operation: Operation) -> Self {
        Self { operation, ..*self }
    }

    /// The event that the journal records if the request succeeds.
    pub(crate) const fn event(&self) -> Event {
        Event {
            operation: self.operation,
            block: self.block,
            length: self.length,
            refusal: None,
            companion_status: 0,
            fault: None,
        }
    }

    /// A request that concerns a VF as a whole.
    pub(crate) const fn on_vf(operation: Operation, now: Ticks) -> Self {
        Self::on_block(operation, 0, 0, now)
    }
}

/// A block of the table and its index.
#[derive(Clone, Copy)]
pub(crate) struct Target<'t> {
    pub(crate) index: usize,
    pub(crate) block: Block<'t>,
}

/// How many bytes of a register a read of `length` bytes gets; the rest of its reply is zero.
#[inline]
pub(crate) fn readable_length(block: Block<'_>, length: u32) -> Result<usize, Refusal> {
    let asked = length_of_request(length)?;
    if asked < block.max_length() && block.short_read() == ShortRead::Refuse {
        return Err(Refusal::Length);
    }
    Ok(asked.min(block.max_length()))
}

#[inline]
pub(crate) fn writable_length(block: Block<'_>, length: u32) -> Result<(), Refusal> {
    if block.accepts_length(length_of_request(length)?) {
        Ok(())
    } else {
        Err(Refusal::Length)
    }
}

/// Whether any call may have this length: 1 to 128 bytes.
#[inline]
fn length_of_request(length: u32) -> Result<usize, Refusal> {
    usize::try_from(length)
        .ok()
        .filter(|length| (1..=block_table::MAX_BLOCK_LENGTH).contains(length))
        .ok_or(Refusal::Length)
}
