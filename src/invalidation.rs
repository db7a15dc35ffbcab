//! `IOCTL_SRIOV_INVALIDATE_BLOCK`: the virtualization stack waits to hear that a VF should read
//! blocks again.
//!
//! [`pf_state::invalidation`] says which request may carry which VF's bits and in which order the
//! work is done; the broker holds the bits.

use pcivirt_abi::sriov::InvalidateBlock;
use pf_state::{
    invalidation::{Filter, reply},
    status,
};

use crate::{
    os::{request::Request, wait},
    pf::Pf,
    vfs::Served,
};

/// A request arrives: it waits, and carries what is latched already.
pub(crate) fn arrive(pf: &Pf, request: Request, input_length: usize, output_length: usize) {
    let served = match pf.served() {
        Ok(served) => served,
        Err(status) => return request.complete(status),
    };
    let input = request.input::<InvalidateBlock>(input_length);
    let filter = Filter::admit(
        served.invalidate_input,
        input_length,
        input,
        output_length,
        served.num_vfs,
    );
    match filter {
        Err(status) => request.complete(status),
        Ok(Filter::Any) => {
            request.wait_in(pf.queues.invalidations);
            look_at_all(pf, served);
        }
        Ok(Filter::Vf(vf)) => match served.cell(vf) {
            None => request.complete(status::INVALID_PARAMETER),
            Some(cell) => {
                request.wait_in(cell.invalidations);
                look(pf, served, vf);
            }
        },
    }
}

/// Hands the latched bits of a VF to a request that waits for them, if both are there. A request
/// that names the VF goes before one that could carry another's. Callable up to `DISPATCH_LEVEL`.
pub(crate) fn look(pf: &Pf, served: &Served, vf: u16) {
    let Ok(_alive) = pf.alive() else { return };
    let Some(cell) = served.cell(vf) else { return };
    let carrier = || {
        cell.invalidations
            .next()
            .or_else(|| pf.queues.invalidations.next())
    };
    if let Some((request, mask)) = served.broker.hand_over_invalidation(vf, carrier) {
        pf.rotation.lock().served(vf);
        request.reply(&reply(vf, mask));
    }
}

/// The VFs' hardware was reset while the PF had no power: every VF is to read again each block that it
/// is told of. At `PASSIVE_LEVEL`.
pub(crate) fn after_power_loss(pf: &Pf) {
    if let Ok(served) = pf.served() {
        served.broker.invalidate_notifying(wait::now());
        look_at_all(pf, served);
    }
}

/// The same for every VF, beginning behind the one that was served last.
pub(crate) fn look_at_all(pf: &Pf, served: &Served) {
    let rotation = *pf.rotation.lock();
    for vf in rotation.order(served.num_vfs) {
        look(pf, served, vf);
    }
}
