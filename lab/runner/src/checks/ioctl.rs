//! Sends control requests and judges their answers, for the tables of the other checks.

use anyhow::{Result, ensure};
use lab_control::stack as abi;

use crate::session::Session;
use crate::status;

/// The time before a pending request is cancelled, milliseconds.
const MOMENT: u32 = 20;
/// The time limit for an answer on a busy machine, milliseconds.
const PATIENCE: u32 = 10_000;

/// The origin of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) internal: bool,
    pub(super) user: bool,
    /// At `DISPATCH_LEVEL`, where a kernel driver is allowed to send a request.
    pub(super) raised: bool,
}

/// Both major functions, from the kernel at both levels and as if from user mode.
pub(super) const ORIGINS: [Origin; 6] = [
    Origin::KERNEL,
    Origin {
        raised: true,
        ..Origin::KERNEL
    },
    Origin {
        internal: false,
        ..Origin::KERNEL
    },
    Origin {
        internal: false,
        raised: true,
        ..Origin::KERNEL
    },
    Origin {
        user: true,
        ..Origin::KERNEL
    },
    Origin {
        internal: false,
        user: true,
        ..Origin::KERNEL
    },
];

impl Origin {
    /// From the kernel, as `IRP_MJ_INTERNAL_DEVICE_CONTROL`.
    pub(super) const KERNEL: Self = Self {
        internal: true,
        user: false,
        raised: false,
    };
}

/// A request with this input and this number of bytes of output.
pub(super) fn request(origin: Origin, code: u32, input: &[u8], output: u32) -> abi::Request {
    let mut request = abi::Request {
        code,
        internal: origin.internal.into(),
        user_mode: origin.user.into(),
        file: abi::file::STACK,
        close: 0,
        input_length: u32::try_from(input.len()).unwrap_or(u32::MAX),
        output_length: output,
        milliseconds: MOMENT,
        raised: origin.raised.into(),
        input: [0; abi::MAX_INPUT],
    };
    for (place, byte) in request.input.iter_mut().zip(input) {
        *place = *byte;
    }
    request
}

/// The expected answer to a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// At once, with this status, and this `Information`.
    Answer(u32, u64),
    /// Not before it is cancelled.
    Pends,
}

/// At once and without output.
pub(super) const fn refused(status: u32) -> Expected {
    Expected::Answer(status, 0)
}

/// Sends a request. Fails unless the answer is the expected one and the buffer is unchanged after
/// the answer's bytes. The driver's queue has the execution level passive, so a request that was
/// not cancelled is completed at `PASSIVE_LEVEL`, also if it was sent at another level.
pub(super) fn expect(
    session: &Session,
    what: &str,
    request: &abi::Request,
    expected: Expected,
) -> Result<abi::Answer> {
    let mut request = *request;
    // A request that is not expected to pend gets time: from DISPATCH_LEVEL it goes through a work
    // item.
    if !matches!(expected, Expected::Pends) && request.milliseconds == MOMENT {
        request.milliseconds = PATIENCE;
    }
    let answer = session.stack.request(&request)?;
    let pends = matches!(expected, Expected::Pends);
    let (status, information) = match expected {
        Expected::Answer(status, information) => (status, information),
        Expected::Pends => (status::CANCELLED, 0),
    };
    let got = (answer.status, answer.information, answer.pended != 0);
    ensure!(
        got == (status, information, pends),
        "{what}: status 0x{:08X}, Information {}, pended {} instead of 0x{status:08X}, \
         {information}, {pends} (code 0x{:08X}, {} bytes in, {} out, internal {}, user mode {}, \
         raised {})",
        got.0,
        got.1,
        got.2,
        request.code,
        request.input_length,
        request.output_length,
        request.internal,
        request.user_mode,
        request.raised,
    );
    ensure!(
        answer.raised == 0,
        "{what}: a request that was sent at DISPATCH_LEVEL was handled there"
    );
    ensure!(
        answer.spoiled == 0,
        "{what}: the buffer after {information} bytes of output was changed"
    );
    Ok(answer)
}

/// Sends a request that the function driver below answers, at the level at which it was sent, and
/// fails unless it does so with this status.
pub(super) fn passed_on(
    session: &Session,
    what: &str,
    request: &abi::Request,
    status: u32,
) -> Result<abi::Answer> {
    let request = abi::Request {
        milliseconds: PATIENCE,
        ..*request
    };
    let answer = session.stack.request(&request)?;
    ensure!(
        (answer.status, answer.pended) == (status, 0),
        "{what}: status 0x{:08X}, pended {} instead of 0x{status:08X} at once (code 0x{:08X})",
        answer.status,
        answer.pended,
        request.code,
    );
    ensure!(
        answer.raised == request.raised,
        "{what}: the request reached the function driver at another level than it was sent at"
    );
    ensure!(
        answer.spoiled == 0,
        "{what}: the buffer behind the output was changed"
    );
    Ok(answer)
}
