//! The sample companion: the lab's function driver, controlled through the filter above it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use lab_control::companion as abi;
use lab_control::stack::{MAX_INPUT, Request, file};
use pf_broker_client::{Control as _, Handle};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::session::Session;

/// Writes to take with one request.
const TAKEN_AT_ONCE: usize = 64;

/// A handle to the function driver.
pub(crate) struct SampleCompanion(Handle);

/// A status of the companion's control codes as an error.
pub(crate) fn by_companion(status: u32) -> anyhow::Error {
    anyhow!("the function driver: 0x{status:08X}")
}

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

    /// Sets how the function driver answers the next queries for a companion.
    pub(crate) fn set_offer(&self, offer: u32) -> Outcome<()> {
        self.set(abi::IOCTL_SET_OFFER, &offer)
    }

    /// Sets whether it keeps the driver's functions after its detach.
    pub(crate) fn keep_functions(&self, keep: bool) -> Outcome<()> {
        self.set(abi::IOCTL_KEEP_FUNCTIONS, &u32::from(keep))
    }

    /// Takes what has reached it since the last time.
    pub(crate) fn take_record(&self) -> Outcome<abi::CompanionRecord> {
        let mut record = abi::CompanionRecord::default();
        let code = abi::IOCTL_TAKE_COMPANION_RECORD;
        self.0.control(code, &[], record.as_mut_bytes())?;
        Ok(record)
    }

    /// Has it call one of the functions that it was given, at `PASSIVE_LEVEL`.
    pub(crate) fn call(&self, call: &abi::BrokerCall) -> Result<abi::BrokerCalled> {
        let mut output = [0; size_of::<abi::BrokerCalled>()];
        let called = self
            .0
            .control(abi::IOCTL_CALL_BROKER, call.as_bytes(), &mut output);
        called.map_err(by_companion)?;
        abi::BrokerCalled::read_from_bytes(&output).map_err(|_| anyhow!("a reply is too short"))
    }

    /// The same at `DISPATCH_LEVEL`; the status that the function returns.
    pub(crate) fn call_at_dispatch(session: &Session, call: &abi::BrokerCall) -> Result<u32> {
        let input = call.as_bytes();
        let mut request = Request {
            code: abi::IOCTL_CALL_BROKER,
            internal: 0,
            user_mode: 0,
            file: file::STACK,
            raised: 1,
            close: 0,
            input_length: u32::try_from(input.len())?,
            output_length: u32::try_from(size_of::<abi::BrokerCalled>())?,
            milliseconds: 10_000,
            input: [0; MAX_INPUT],
        };
        request.input[..input.len()].copy_from_slice(input);
        let answer = session.stack.request(&request)?;
        ensure!(
            (answer.status, answer.raised) == (0, 1),
            "a call at DISPATCH_LEVEL: {answer:?}"
        );
        let called = abi::BrokerCalled::read_from_prefix(&answer.output);
        called
            .map(|(called, _)| called.status)
            .map_err(|_| anyhow!("a reply is too short"))
    }
}

/// Waits until a condition holds.
pub(crate) fn until(mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let start = Instant::now();
    while !holds()? {
        ensure!(
            start.elapsed() < PATIENCE,
            "waited {} s",
            PATIENCE.as_secs()
        );
        sleep(Duration::from_millis(2));
    }
    Ok(())
}
