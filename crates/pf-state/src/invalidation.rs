//! Which pending `IOCTL_SRIOV_INVALIDATE_BLOCK` may carry which VF's invalidation.
//!
//! The documentation leaves open whether the stack keeps one request pending for the PF or one for
//! each VF, and whether the structure in the buffer is read, written or both. One rule serves all
//! of these readings: a request without input, or with [`ALL_VFS`], carries any VF's bits; a
//! request that names a VF carries that VF's bits and no other's; and the reply always names the
//! VF and its bits. A request whose output cannot hold a reply would lose bits, so it is refused.
//!
//! One reading stays open: an input without meaning looks like one that names a VF. Until a real
//! stack was observed, a registry value says whether the input is read ([`Input`]).
//!
//! The bits stay latched with the VF until a request is there to carry them. [`Delivery`] is what
//! the shell implements; the functions on it are the order of work that loses and doubles nothing:
//! - whatever latches bits then calls [`try_deliver`];
//! - [`on_invalidate_ioctl`] queues a request, then tries to deliver;
//! - [`try_deliver`] takes a request out of the queue and the bits out of the VF under the VF's
//!   lock, both or neither;
//! - a reset, during which a VF's bits cannot be taken, ends with [`try_deliver`].

use crate::status::{self, NtStatus};
use pcivirt_abi::sriov::{ALL_VFS, InvalidateBlock};

/// Bytes of the structure in the request's buffer, on the way in and on the way out.
pub const BUFFER_LENGTH: usize = size_of::<InvalidateBlock>();

/// How the input of a request is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// A whole structure, whose VF index says whose bits are wanted.
    #[default]
    Filter,
    /// Nothing: each request may carry any VF's bits.
    Ignored,
}

impl Input {
    /// The meaning of the registry value `InvalidateInput`; without the value it is the default.
    /// `None` for an undefined number.
    #[must_use]
    pub const fn from_registry(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::Ignored),
            1 => Some(Self::Filter),
            _ => None,
        }
    }
}

/// Whose invalidations a request may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Any VF's.
    Any,
    /// One VF's.
    Vf(u16),
}

impl Filter {
    /// Checks a request when it arrives. `input` is the structure in the buffer when the input is
    /// long enough to hold it; `read_as` says whether it counts.
    ///
    /// # Errors
    /// `STATUS_BUFFER_TOO_SMALL` for an output that cannot hold a reply; of an input that is not
    /// ignored, `STATUS_INFO_LENGTH_MISMATCH` when it is neither empty nor a whole structure, and
    /// `STATUS_INVALID_PARAMETER` for a VF that does not exist.
    pub fn admit(
        read_as: Input,
        input_length: usize,
        input: Option<InvalidateBlock>,
        output_length: usize,
        num_vfs: u16,
    ) -> Result<Self, NtStatus> {
        if output_length < BUFFER_LENGTH {
            return Err(status::BUFFER_TOO_SMALL);
        }
        if input_length == 0 || read_as == Input::Ignored {
            return Ok(Self::Any);
        }
        match input.ok_or(status::INFO_LENGTH_MISMATCH)?.vf_index {
            ALL_VFS => Ok(Self::Any),
            vf if vf < num_vfs => Ok(Self::Vf(vf)),
            _ => Err(status::INVALID_PARAMETER),
        }
    }
}

/// The reply for a VF: it names the VF, never [`ALL_VFS`], so that a stack that keeps one request
/// for each VF and one that keeps a single request read it alike.
#[must_use]
pub const fn reply(vf_index: u16, block_mask: u64) -> InvalidateBlock {
    InvalidateBlock {
        vf_index,
        padding: [0; 6],
        block_mask,
    }
}

/// The order in which VFs use a request that carries any VF's bits: round-robin, starting after the
/// last VF served, so that one VF's storm cannot starve another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    next: u16,
}

impl Rotation {
    /// Starts with VF 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 0 }
    }

    /// Every VF once, starting after the last VF served.
    pub fn order(self, num_vfs: u16) -> impl Iterator<Item = u16> {
        let start = if self.next < num_vfs { self.next } else { 0 };
        (start..num_vfs).chain(0..start)
    }

    /// This VF was served.
    pub const fn served(&mut self, vf: u16) {
        self.next = vf.wrapping_add(1);
    }
}

/// The latched invalidations of a PF's VFs and the requests that wait for them.
pub trait Delivery {
    /// A pending `IOCTL_SRIOV_INVALIDATE_BLOCK`.
    type Request;

    /// The number of VFs.
    fn num_vfs(&self) -> u16;

    /// Lets a request wait in the queue for its filter.
    fn enqueue(&self, filter: Filter, request: Self::Request);

    /// Takes the oldest request that names this VF.
    fn next_for_vf(&self, vf: u16) -> Option<Self::Request>;

    /// Takes the oldest request that carries any VF's bits.
    fn next_for_any(&self) -> Option<Self::Request>;

    /// Under the VF's lock: if bits are latched and the VF is not being reset, calls `carrier`, and
    /// if that returns a request, takes the bits.
    fn hand_over(
        &self,
        vf: u16,
        carrier: impl FnOnce() -> Option<Self::Request>,
    ) -> Option<(Self::Request, u64)>;

    /// Runs a function on the rotation, under its lock. The VF's lock is not held.
    fn with_rotation<R>(&self, function: impl FnOnce(&mut Rotation) -> R) -> R;

    /// Completes a request with its reply. No lock is held.
    fn complete(&self, request: Self::Request, reply: InvalidateBlock);
}

/// Completes a pending request with the latched bits of a VF, if there are both. A request that
/// names the VF goes before one that could carry another's. At most one request is completed, so
/// the work is bounded at any IRQL.
pub fn try_deliver(delivery: &impl Delivery, vf: u16) {
    let carrier = || delivery.next_for_vf(vf).or_else(|| delivery.next_for_any());
    if let Some((request, mask)) = delivery.hand_over(vf, carrier) {
        delivery.with_rotation(|rotation| rotation.served(vf));
        delivery.complete(request, reply(vf, mask));
    }
}

/// [`try_deliver`] for every VF once, starting after the last VF served.
pub fn try_deliver_all(delivery: &impl Delivery) {
    let rotation = delivery.with_rotation(|rotation| *rotation);
    for vf in rotation.order(delivery.num_vfs()) {
        try_deliver(delivery, vf);
    }
}

/// A request arrived and was admitted: it waits, and carries bits that are latched already.
pub fn on_invalidate_ioctl<D: Delivery>(delivery: &D, filter: Filter, request: D::Request) {
    delivery.enqueue(filter, request);
    match filter {
        Filter::Any => try_deliver_all(delivery),
        Filter::Vf(vf) => try_deliver(delivery, vf),
    }
}

#[cfg(test)]
mod tests;
