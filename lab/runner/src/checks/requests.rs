//! The control codes of `pcivirt.h`: status and Information of each, and who may send them.

use anyhow::{Result, ensure};
use lab_control::stack as abi;
use pcivirt_abi::sriov;

use super::{Check, is, status};
use crate::cli::Mode;
use crate::session::Session;

pub(super) const CHECKS: &[Check] = &[
    ("a second ATTACH is a sharing violation", second_attach),
    (
        "user mode may ask for the LUID and for nothing else",
        user_mode,
    ),
    (
        "every request answers alike as internal and as plain device control",
        both_majors,
    ),
    ("requests that wait can be cancelled", cancellation),
    ("a reply that has no room is refused", no_room),
    ("an EVENT_COMPLETE without an event is refused", no_event),
    (
        "invalidations arrive once in every reading of the documentation",
        modes,
    ),
];

/// A request from the kernel, as `IRP_MJ_INTERNAL_DEVICE_CONTROL`, with a quarter of a second to go.
pub(super) fn request(code: u32, input_length: u32, output_length: u32) -> abi::Request {
    abi::Request {
        code,
        internal: 1,
        user_mode: 0,
        no_file: 0,
        close: 0,
        input_length,
        output_length,
        milliseconds: 250,
        input: [0; abi::MAX_INPUT],
    }
}

fn second_attach(session: &mut Session) -> Result<()> {
    for internal in [0, 1] {
        let mut attach = request(sriov::IOCTL_ATTACH, 0, 0);
        attach.internal = internal;
        let answer = session.stack.request(&attach)?;
        is("ATTACH", answer.status, status::SHARING_VIOLATION)?;
    }
    Ok(())
}

const KERNEL_ONLY: [u32; 8] = [
    sriov::IOCTL_NOTIFICATION,
    sriov::IOCTL_EVENT_COMPLETE,
    sriov::IOCTL_ATTACH,
    sriov::IOCTL_DETACH,
    sriov::IOCTL_INVALIDATE_BLOCK,
    sriov::IOCTL_QUERY_MITIGATED_RANGE_COUNT,
    sriov::IOCTL_QUERY_MITIGATED_RANGES,
    sriov::IOCTL_MITIGATED_RANGE_UPDATE,
];

fn user_mode(session: &mut Session) -> Result<()> {
    for code in KERNEL_ONLY {
        let mut from_user = request(code, 16, 64);
        from_user.internal = 0;
        from_user.user_mode = 1;
        let answer = session.stack.request(&from_user)?;
        ensure!(answer.pended == 0, "code {code:#010x} pends");
        ensure!(
            answer.status & 0xC000_0000 == 0xC000_0000,
            "code {code:#010x} answers 0x{:08X}",
            answer.status
        );
        ensure!(answer.information == 0, "code {code:#010x} returns bytes");
    }
    let mut luid = request(sriov::IOCTL_PROXY_QUERY_LUID, 0, 8);
    luid.internal = 0;
    luid.user_mode = 1;
    let answer = session.stack.request(&luid)?;
    is("PROXY_QUERY_LUID", answer.status, status::SUCCESS)?;
    ensure!(
        session.stack.report()?.attached == 1,
        "the attachment is lost"
    );
    Ok(())
}

fn both_majors(session: &mut Session) -> Result<()> {
    let cases = [
        (
            sriov::IOCTL_QUERY_MITIGATED_RANGE_COUNT,
            2,
            24,
            status::SUCCESS,
            24,
        ),
        (sriov::IOCTL_PROXY_QUERY_LUID, 0, 8, status::SUCCESS, 8),
        (0x0022_6068, 0, 0, status::INVALID_DEVICE_REQUEST, 0),
    ];
    for (code, input, output, expected, information) in cases {
        for internal in [0, 1] {
            let mut ask = request(code, input, output);
            ask.internal = internal;
            let answer = session.stack.request(&ask)?;
            is(&format!("code {code:#010x}"), answer.status, expected)?;
            ensure!(
                answer.information == information,
                "code {code:#010x}: Information {}",
                answer.information
            );
        }
    }
    let counts =
        session
            .stack
            .request(&request(sriov::IOCTL_QUERY_MITIGATED_RANGE_COUNT, 2, 24))?;
    ensure!(
        counts.output[..24].iter().all(|&byte| byte == 0),
        "ranges exist"
    );
    let ranges = session
        .stack
        .request(&request(sriov::IOCTL_QUERY_MITIGATED_RANGES, 4, 16))?;
    ensure!(
        ranges.status & 0x8000_0000 != 0,
        "QUERY_MITIGATED_RANGES succeeds"
    );
    Ok(())
}

fn cancellation(session: &mut Session) -> Result<()> {
    for (code, input, output) in [
        (sriov::IOCTL_NOTIFICATION, 0, 4),
        (sriov::IOCTL_INVALIDATE_BLOCK, 16, 16),
        (sriov::IOCTL_MITIGATED_RANGE_UPDATE, 2, 2),
    ] {
        let answer = session.stack.request(&request(code, input, output))?;
        ensure!(answer.pended == 1, "code {code:#010x} does not pend");
        is(
            &format!("code {code:#010x}"),
            answer.status,
            status::CANCELLED,
        )?;
    }
    Ok(())
}

fn no_room(session: &mut Session) -> Result<()> {
    for (code, input, output) in [
        (sriov::IOCTL_NOTIFICATION, 0, 3),
        (sriov::IOCTL_INVALIDATE_BLOCK, 16, 15),
        (sriov::IOCTL_QUERY_MITIGATED_RANGE_COUNT, 2, 23),
        (sriov::IOCTL_PROXY_QUERY_LUID, 0, 7),
    ] {
        let answer = session.stack.request(&request(code, input, output))?;
        ensure!(answer.pended == 0, "code {code:#010x} pends");
        is(
            &format!("code {code:#010x}"),
            answer.status,
            status::BUFFER_TOO_SMALL,
        )?;
    }
    Ok(())
}

fn no_event(session: &mut Session) -> Result<()> {
    let answer = session
        .stack
        .request(&request(sriov::IOCTL_EVENT_COMPLETE, 4, 0))?;
    is(
        "EVENT_COMPLETE",
        answer.status,
        status::INVALID_DEVICE_STATE,
    )
}

fn modes(session: &mut Session) -> Result<()> {
    let all = [
        Mode::AllVfs,
        Mode::NoInput,
        Mode::Three,
        Mode::DeviceControl,
        Mode::EachVf,
    ];
    let mut guests = Vec::new();
    std::mem::swap(&mut guests, &mut session.guests);
    for mode in all {
        session.stack.detach()?;
        session
            .management()?
            .invalidate(pf_broker_client::Vfs::One(1), 1)?;
        session.attach(abi::policy::ACCEPT, mode)?;
        for (vf, latched) in [(0, false), (1, true)] {
            expect_change(&guests, session, mode, vf, latched)?;
        }
        session
            .management()?
            .invalidate(pf_broker_client::Vfs::All, 1)?;
        for vf in 0..session.vfs {
            expect_change(&guests, session, mode, vf, true)?;
            expect_change(&guests, session, mode, vf, false)?;
        }
    }
    std::mem::swap(&mut guests, &mut session.guests);
    Ok(())
}

/// Takes what a VF has to read again, and compares.
fn expect_change(
    guests: &[pf_broker_client::Handle],
    session: &Session,
    mode: Mode,
    vf: u16,
    expected: bool,
) -> Result<()> {
    use pf_broker_client::Control as _;
    let guest = guests.get(usize::from(vf));
    let mut mask = session.stack.take(vf, guest.is_none())?;
    if let Some(guest) = guest {
        let mut changes = [0; 8];
        guest
            .control(lab_control::sample::IOCTL_TAKE_CHANGES, &[], &mut changes)
            .map_err(|status| anyhow::anyhow!("the VF driver answers 0x{status:08X}"))?;
        mask = u64::from_le_bytes(changes);
    }
    ensure!(
        mask == u64::from(expected),
        "{mode:?}: VF {vf} takes {mask:#x}"
    );
    Ok(())
}
