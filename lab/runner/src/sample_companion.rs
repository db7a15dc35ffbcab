//! The sample companion: the lab's function driver, controlled through the filter above it.

use anyhow::Result;
use lab_control::companion as abi;
use pf_broker_client::{Control as _, Handle};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::session::Session;

/// Writes to take with one request.
const TAKEN_AT_ONCE: usize = 64;

/// A handle to the function driver.
pub(crate) struct SampleCompanion(Handle);

/// What a request returns, or the NTSTATUS that it fails with.
type Outcome<T> = std::result::Result<T, u32>;

impl SampleCompanion {
    /// Opens the device through the filter.
    pub(crate) fn open(session: &Session) -> Result<Self> {
        session.open_sriov().map(Self)
    }

    fn set<I: IntoBytes + Immutable>(&self, code: u32, input: &I) -> Outcome<()> {
        self.0.control(code, input.as_bytes(), &mut []).map(drop)
    }

    /// Has the companion say whether it is ready.
    pub(crate) fn set_ready(&self, ready: bool) -> Outcome<()> {
        self.set(abi::IOCTL_SET_READY, &u32::from(ready))
    }

    /// Sets how it answers operations on a block.
    pub(crate) fn set_answer(&self, answer: &abi::Answer) -> Outcome<()> {
        self.set(abi::IOCTL_SET_ANSWER, answer)
    }

    /// Takes the writes that it was called with since the last time.
    pub(crate) fn take_handed(&self) -> Outcome<Vec<abi::Handed>> {
        let mut all = Vec::new();
        loop {
            let mut output = [0; TAKEN_AT_ONCE * size_of::<abi::Handed>()];
            let length = self.0.control(abi::IOCTL_TAKE_HANDED, &[], &mut output)?;
            let taken = output[..length].chunks_exact(size_of::<abi::Handed>());
            let count = taken.len();
            all.extend(taken.filter_map(|bytes| abi::Handed::read_from_bytes(bytes).ok()));
            if count < TAKEN_AT_ONCE {
                return Ok(all);
            }
        }
    }
}
