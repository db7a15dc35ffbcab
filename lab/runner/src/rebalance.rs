//! Rebalances: the PF is stopped with the stack's consent and started again.

use anyhow::{Result, ensure};
use lab_control::stack::pnp;

use crate::stack::Stack;
use crate::status;

/// The requests of one rebalance.
const ROUND: [u32; 3] = [pnp::QUERY_STOP, pnp::STOP, pnp::START];

/// Rebalances once.
pub(crate) fn round(stack: &Stack) -> Result<()> {
    part(stack, ROUND.len())
}

/// Plays the first requests of a rebalance and leaves the PF there: 1 about to stop, 2 stopped.
pub(crate) fn part(stack: &Stack, requests: usize) -> Result<()> {
    for &request in ROUND.iter().take(requests) {
        send(stack, request)?;
    }
    Ok(())
}

/// Plays the last request of a rebalance, whose others were played before.
pub(crate) fn start(stack: &Stack) -> Result<()> {
    send(stack, pnp::START)
}

fn send(stack: &Stack, request: u32) -> Result<()> {
    let got = stack.pnp(request, 0)?;
    ensure!(
        got == status::SUCCESS,
        "request {request:#x} of a rebalance: 0x{got:08X}"
    );
    Ok(())
}
