//! `IOCTL_SRIOV_INVALIDATE_BLOCK`, with which the virtualization stack waits for blocks that a VF
//! should read again.
//!
//! [`pf_state::invalidation`] decides which request may carry which VF's bits and orders the work;
//! the broker holds the bits.

use pcivirt_abi::sriov::InvalidateBlock;
use pf_state::{
    invalidation::{self, Filter, Rotation},
    rundown::RundownGuard,
    status,
};

use crate::{os::request::Request, pf::Pf, vfs::VfSet};

/// A request arrives: it waits, and carries bits that are latched already.
pub(crate) fn on_invalidate_ioctl(
    pf: &Pf,
    request: Request,
    input_length: usize,
    output_length: usize,
) {
    let delivery = pf.vfs().and_then(|vfs| {
        let alive = pf.pending.enter()?;
        Ok(Delivery::new(pf, vfs, alive))
    });
    let delivery = match delivery {
        Ok(delivery) => delivery,
        Err(status) => return request.complete(status),
    };
    let input = request.input::<InvalidateBlock>(input_length);
    let filter = Filter::admit(
        delivery.vfs.invalidate_input,
        input_length,
        input,
        output_length,
        delivery.vfs.num_vfs,
    );
    match filter {
        Err(status) => request.complete(status),
        Ok(filter) => invalidation::on_invalidate_ioctl(&delivery, filter, request),
    }
}

/// Delivers the latched bits of a VF to a pending request, if there are both. Callable up to
/// `DISPATCH_LEVEL`.
pub(crate) fn try_deliver(pf: &Pf, vfs: &VfSet, vf: u16) {
    if let Ok(alive) = pf.pending.enter() {
        invalidation::try_deliver(&Delivery::new(pf, vfs, alive), vf);
    }
}

/// The same for every VF, starting after the last VF served.
pub(crate) fn try_deliver_all(pf: &Pf, vfs: &VfSet) {
    if let Ok(alive) = pf.pending.enter() {
        invalidation::try_deliver_all(&Delivery::new(pf, vfs, alive));
    }
}

/// The PF's queues and VFs, usable while this lives.
struct Delivery<'p> {
    pf: &'p Pf,
    vfs: &'p VfSet,
    _alive: RundownGuard<'p>,
}

impl<'p> Delivery<'p> {
    const fn new(pf: &'p Pf, vfs: &'p VfSet, alive: RundownGuard<'p>) -> Self {
        Self {
            pf,
            vfs,
            _alive: alive,
        }
    }
}

impl invalidation::Delivery for Delivery<'_> {
    type Request = Request;

    fn num_vfs(&self) -> u16 {
        self.vfs.num_vfs
    }

    fn enqueue(&self, filter: Filter, request: Request) {
        match filter {
            Filter::Any => request.forward_to(self.pf.pending.invalidations),
            Filter::Vf(vf) => match self.vfs.vf(vf) {
                Some(vf) => request.forward_to(vf.invalidations),
                None => request.complete(status::INVALID_PARAMETER),
            },
        }
    }

    fn next_for_vf(&self, vf: u16) -> Option<Request> {
        self.vfs.vf(vf)?.invalidations.next()
    }

    fn next_for_any(&self) -> Option<Request> {
        self.pf.pending.invalidations.next()
    }

    fn hand_over(
        &self,
        vf: u16,
        carrier: impl FnOnce() -> Option<Request>,
    ) -> Option<(Request, u64)> {
        self.vfs.broker.hand_over_invalidation(vf, carrier)
    }

    fn with_rotation<R>(&self, function: impl FnOnce(&mut Rotation) -> R) -> R {
        function(&mut self.pf.rotation.lock())
    }

    fn complete(&self, request: Request, reply: InvalidateBlock) {
        request.reply(&reply);
    }
}
