//! Holding a VF back, wiping it, serving it again, and removing it for good.

use pf_broker_abi::{PowerState, Refusal};

use super::{Gate, Vf};
use crate::counters::increment;
use crate::limits::Bucket;
use crate::request::{Request, Target};

impl Vf<'_> {
    /// Holds the VF back until [`Vf::open`], puts it into D0, where a function is after its reset, and
    /// forgets all but its blocks, which are to be wiped one by one.
    pub(crate) fn hold(&mut self, request: &Request) -> Result<(), Refusal> {
        if self.gate == Gate::Removed {
            return Err(self.refuse(request, None, Refusal::Removed));
        }
        self.gate = Gate::Wiping;
        self.power = PowerState::D0;
        self.pending = 0;
        self.bucket = Bucket::FULL;
        increment(&mut self.counters.resets);
        self.record(request, None);
        Ok(())
    }

    /// Wipes one block of a VF that is being wiped.
    pub(crate) fn wipe(&mut self, Target { index, block }: Target<'_>) {
        if self.gate == Gate::Wiping {
            self.store.wipe(index, block);
        }
    }

    /// Notes that every block has been wiped.
    pub(crate) fn end_wiping(&mut self) {
        if self.gate == Gate::Wiping {
            self.gate = Gate::Held;
        }
    }

    /// Serves the VF again, once it is wiped.
    pub(crate) fn open(&mut self, request: &Request) -> Result<(), Refusal> {
        match self.gate {
            Gate::Removed => Err(self.refuse(request, None, Refusal::Removed)),
            Gate::Wiping => Err(self.refuse(request, None, Refusal::State)),
            Gate::Open => Ok(()),
            Gate::Held => {
                self.gate = Gate::Open;
                increment(&mut self.changes);
                self.record(request, None);
                Ok(())
            }
        }
    }

    pub(crate) fn remove(&mut self, request: &Request) {
        if self.gate != Gate::Removed {
            self.gate = Gate::Removed;
            self.record(request, None);
        }
    }
}
