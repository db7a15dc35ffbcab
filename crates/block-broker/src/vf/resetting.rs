//! Holding a VF back, wiping it, serving it again at once or once that is acknowledged, and
//! removing it for good.

use block_table::Reset;
use pf_broker_abi::{PowerState, Refusal};

use super::{ServiceState, Vf};
use crate::Ticks;
use crate::counters::increment;
use crate::kinds::Kinds;
use crate::limits::Bucket;
use crate::request::{Request, ResetBy, Target};

impl Vf<'_> {
    /// Holds the VF back until [`Vf::end_reset`], sets D0, the state of a function after its reset, and
    /// clears everything but its blocks, which the caller wipes one by one.
    pub(crate) fn hold(&mut self, request: &Request, by: ResetBy) -> Result<(), Refusal> {
        if self.service == ServiceState::Removed {
            return Err(self.refuse(request, None, Refusal::Removed));
        }
        self.service = ServiceState::Wiping;
        self.may_change_tenant |= by == ResetBy::Host;
        self.power = PowerState::D0;
        self.pending = 0;
        self.stamps.forget_power();
        self.bucket = Bucket::FULL;
        increment(&mut self.counters.resets);
        self.record(request);
        Ok(())
    }

    /// Wipes one block of a VF that is being wiped.
    pub(crate) fn wipe(&mut self, Target { index, block }: Target<'_>) {
        if self.service == ServiceState::Wiping {
            self.store.wipe(index, block);
        }
    }

    /// Notes that every block has been wiped.
    pub(crate) fn end_wiping(&mut self) {
        if self.service == ServiceState::Wiping {
            self.service = ServiceState::Held;
        }
    }

    /// Ends a reset that has succeeded: serves the VF again, or has it wait for an acknowledgement
    /// as `reset` says. Returns whether invalidations can be delivered.
    pub(crate) fn end_reset(&mut self, request: &Request, reset: Reset) -> Result<bool, Refusal> {
        match self.service {
            ServiceState::Removed => return Err(self.refuse(request, None, Refusal::Removed)),
            ServiceState::Wiping => return Err(self.refuse(request, None, Refusal::State)),
            ServiceState::Open | ServiceState::Unacknowledged { .. } => {}
            ServiceState::Held => {
                match reset {
                    Reset::Acknowledged { timeout } if self.may_change_tenant => {
                        let deadline = request.now.after_milliseconds(timeout.into());
                        self.service = ServiceState::Unacknowledged { deadline };
                    }
                    _ => self.serve(),
                }
                self.note_change(Kinds::RESET);
                self.record(request);
            }
        }
        Ok(self.can_deliver())
    }

    /// Serves the VF again if `resets` is the number of the reset that is to be acknowledged.
    /// Returns whether invalidations can be delivered.
    pub(crate) fn acknowledge(&mut self, request: &Request, resets: u64) -> Result<bool, Refusal> {
        let refusal = match self.service {
            ServiceState::Unacknowledged { .. } if resets == self.counters.resets => {
                self.serve();
                self.record(request);
                return Ok(self.can_deliver());
            }
            ServiceState::Unacknowledged { .. } => Refusal::Changed,
            ServiceState::Removed => Refusal::Removed,
            ServiceState::Open | ServiceState::Wiping | ServiceState::Held => Refusal::State,
        };
        Err(self.refuse(request, None, refusal))
    }

    /// Serves the VF again if the time for its acknowledgement is up: returns then whether
    /// invalidations can be delivered, otherwise `None`.
    pub(crate) fn expire(&mut self, request: &Request) -> Option<bool> {
        if request.now < self.deadline()? {
            return None;
        }
        self.serve();
        self.record(request);
        Some(self.can_deliver())
    }

    /// When the time for an acknowledgement is up, if the VF waits for one.
    pub(crate) fn deadline(&self) -> Option<Ticks> {
        match self.service {
            ServiceState::Unacknowledged { deadline } => Some(deadline),
            _ => None,
        }
    }

    fn serve(&mut self) {
        self.service = ServiceState::Open;
        self.may_change_tenant = false;
    }

    fn can_deliver(&self) -> bool {
        self.service == ServiceState::Open && self.pending != 0
    }

    pub(crate) fn remove(&mut self, request: &Request) {
        if self.service != ServiceState::Removed {
            self.service = ServiceState::Removed;
            self.record(request);
        }
    }
}
