//! Holding a VF back, wiping it, serving it again, and removing it for good.

use pf_broker_abi::{PowerState, Refusal};

use super::{ServiceState, Vf};
use crate::counters::increment;
use crate::kinds::Kinds;
use crate::limits::Bucket;
use crate::request::{Request, Target};

impl Vf<'_> {
    /// Holds the VF back until [`Vf::open`], sets D0, the state of a function after its reset, and
    /// clears everything but its blocks, which the caller wipes one by one.
    pub(crate) fn hold(&mut self, request: &Request) -> Result<(), Refusal> {
        if self.service == ServiceState::Removed {
            return Err(self.refuse(request, None, Refusal::Removed));
        }
        self.service = ServiceState::Wiping;
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

    /// Serves the VF again, once it is wiped, and returns whether invalidations are pending.
    pub(crate) fn open(&mut self, request: &Request) -> Result<bool, Refusal> {
        match self.service {
            ServiceState::Removed => Err(self.refuse(request, None, Refusal::Removed)),
            ServiceState::Wiping => Err(self.refuse(request, None, Refusal::State)),
            ServiceState::Open => Ok(self.pending != 0),
            ServiceState::Held => {
                self.service = ServiceState::Open;
                self.note_change(Kinds::RESET);
                self.record(request);
                Ok(self.pending != 0)
            }
        }
    }

    pub(crate) fn remove(&mut self, request: &Request) {
        if self.service != ServiceState::Removed {
            self.service = ServiceState::Removed;
            self.record(request);
        }
    }
}
