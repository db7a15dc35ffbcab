//! The control codes of `pcivirt.h`: every code, with every length, from every origin.
//!
//! Codes, sizes and offsets are written out here: the driver and the doubles have theirs from the
//! same crate, and a wrong value there would match itself.

use anyhow::{Result, ensure};
use pf_broker_client::Control as _;

use super::ioctl::{Expected, ORIGINS, Origin, expect, passed_on, refused, request};
use crate::check::{Check, is};
use crate::cli::Position;
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "every code of the stack, with every length, answers as the contract says",
        answers,
    ),
    ("user mode can query the LUID and nothing else", user_mode),
    (
        "a handle of user mode is denied every code but the LUID's",
        user_handle,
    ),
    (
        "an invalidation names its VF and its blocks, and nothing more",
        invalidation,
    ),
];

const NOTIFICATION: u32 = 0x0022_6044;
const EVENT_COMPLETE: u32 = 0x0022_6048;
const ATTACH: u32 = 0x0022_604C;
const DETACH: u32 = 0x0022_6050;
const INVALIDATE_BLOCK: u32 = 0x0022_6054;
const RANGE_COUNT: u32 = 0x0022_6058;
const RANGES: u32 = 0x0022_605C;
const RANGE_UPDATE: u32 = 0x0022_6060;
const QUERY_LUID: u32 = 0x0022_6064;

/// Codes that only the kernel can send.
const KERNEL_ONLY: [u32; 8] = [
    NOTIFICATION,
    EVENT_COMPLETE,
    ATTACH,
    DETACH,
    INVALIDATE_BLOCK,
    RANGE_COUNT,
    RANGES,
    RANGE_UPDATE,
];

/// VF 1 in 16 bytes: the structure of `INVALIDATE_BLOCK`, and the front of it the others' input.
const VF_1: [u8; 17] = first(1, 0);
/// The first VF that does not exist.
const VF_4: [u8; 16] = first(4, 0);
const VF_FFFE: [u8; 16] = first(0xFFFE, 0);
/// `SRIOV_INVALIDATE_BLOCK_ALL_VFS`
const ALL_VFS: [u8; 16] = first(0xFFFF, 0);
const VF_1_BAR_5: [u8; 4] = first(1, 5);
const VF_1_BAR_6: [u8; 4] = first(1, 6);
const VF_1_BAR_255: [u8; 4] = first(1, 255);

/// A VF's index at 0 and a byte at 2.
const fn first<const LENGTH: usize>(vf: u16, third: u8) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let [low, high] = vf.to_le_bytes();
    bytes[0] = low;
    bytes[1] = high;
    bytes[2] = third;
    bytes
}

const SERVED: u32 = status::SUCCESS;
const SMALL: Expected = refused(status::BUFFER_TOO_SMALL);
const NO_VF: Expected = refused(status::INVALID_PARAMETER);
const HALF: Expected = refused(status::INFO_LENGTH_MISMATCH);
const NO_EVENT: Expected = refused(status::INVALID_DEVICE_STATE);
const UNKNOWN: Expected = refused(status::INVALID_DEVICE_REQUEST);

/// Code, input, bytes of output, and the answer to the kernel while a stack is attached.
#[rustfmt::skip]
const CASES: &[(u32, &[u8], u32, Expected)] = &[
    (NOTIFICATION, &[], 4, Expected::Pends),
    (NOTIFICATION, &[], 8, Expected::Pends),
    (NOTIFICATION, &[], 3, SMALL),
    (NOTIFICATION, &[], 0, SMALL),
    (EVENT_COMPLETE, &[0; 4], 0, NO_EVENT),
    (EVENT_COMPLETE, &[0; 5], 0, NO_EVENT),
    (EVENT_COMPLETE, &[0; 3], 0, SMALL),
    (EVENT_COMPLETE, &[], 0, SMALL),
    (ATTACH, &[], 0, refused(status::SHARING_VIOLATION)),
    (INVALIDATE_BLOCK, &[], 16, Expected::Pends),
    (INVALIDATE_BLOCK, VF_1.split_at(16).0, 16, Expected::Pends),
    (INVALIDATE_BLOCK, &VF_1, 32, Expected::Pends),
    (INVALIDATE_BLOCK, &ALL_VFS, 16, Expected::Pends),
    (INVALIDATE_BLOCK, &[], 15, SMALL),
    (INVALIDATE_BLOCK, &VF_4, 15, SMALL),
    (INVALIDATE_BLOCK, VF_1.split_at(8).0, 15, SMALL),
    (INVALIDATE_BLOCK, VF_1.split_at(15).0, 16, HALF),
    (INVALIDATE_BLOCK, VF_1.split_at(8).0, 16, HALF),
    (INVALIDATE_BLOCK, VF_1.split_at(2).0, 16, HALF),
    (INVALIDATE_BLOCK, VF_1.split_at(1).0, 16, HALF),
    (INVALIDATE_BLOCK, &VF_4, 16, NO_VF),
    (INVALIDATE_BLOCK, &VF_FFFE, 16, NO_VF),
    (RANGE_COUNT, VF_1.split_at(2).0, 24, Expected::Answer(SERVED, 24)),
    (RANGE_COUNT, VF_1.split_at(3).0, 25, Expected::Answer(SERVED, 24)),
    (RANGE_COUNT, VF_1.split_at(1).0, 24, SMALL),
    (RANGE_COUNT, VF_1.split_at(2).0, 23, SMALL),
    (RANGE_COUNT, VF_4.split_at(2).0, 24, NO_VF),
    (RANGE_COUNT, ALL_VFS.split_at(2).0, 24, NO_VF),
    (RANGES, &VF_1_BAR_5, 16, refused(status::NOT_SUPPORTED)),
    (RANGES, &VF_1_BAR_5, 0, refused(status::NOT_SUPPORTED)),
    (RANGES, VF_1_BAR_5.split_at(3).0, 16, SMALL),
    (RANGES, &VF_1_BAR_6, 16, NO_VF),
    (RANGES, &VF_1_BAR_255, 16, NO_VF),
    (RANGES, VF_4.split_at(4).0, 16, NO_VF),
    (RANGES, VF_FFFE.split_at(4).0, 16, NO_VF),
    (RANGE_UPDATE, VF_1.split_at(2).0, 2, Expected::Pends),
    (RANGE_UPDATE, VF_1.split_at(1).0, 2, SMALL),
    (RANGE_UPDATE, VF_1.split_at(2).0, 1, SMALL),
    (RANGE_UPDATE, VF_4.split_at(2).0, 2, NO_VF),
    (RANGE_UPDATE, ALL_VFS.split_at(2).0, 2, NO_VF),
    (QUERY_LUID, &[], 8, Expected::Answer(SERVED, 8)),
    (QUERY_LUID, &[], 9, Expected::Answer(SERVED, 8)),
    (QUERY_LUID, &[], 7, SMALL),
    (QUERY_LUID, &[], 0, SMALL),
    (0x0022_6040, &[], 16, UNKNOWN),
    (0x0022_6068, &[], 16, UNKNOWN),
    // The header names other transfer methods, which its macro ignores: they give other codes.
    (0x0022_6056, &[], 16, UNKNOWN),
    (0, &[], 0, UNKNOWN),
];

/// Whether a code is none of the stack's.
fn is_foreign(code: u32) -> bool {
    code != QUERY_LUID && !KERNEL_ONLY.contains(&code)
}

fn answers(session: &mut Session) -> Result<()> {
    for (index, &(code, input, output, expected)) in CASES.iter().enumerate() {
        let what = format!("case {index}");
        for origin in ORIGINS {
            // A filter passes on what it does not know, and the function driver refuses that.
            let is_passed_on = session.bench.position == Position::UpperFilter && is_foreign(code);
            let expected = if origin.user && code != QUERY_LUID && !is_passed_on {
                refused(status::ACCESS_DENIED)
            } else {
                expected
            };
            let ask = request(origin, code, input, output);
            let answer = if is_passed_on {
                passed_on(session, &what, &ask, status::INVALID_DEVICE_REQUEST)?
            } else {
                expect(session, &what, &ask, expected)?
            };
            if code == RANGE_COUNT && answer.status == SERVED {
                let counts = answer.output.get(..24).unwrap_or_default();
                ensure!(
                    counts.iter().all(|&byte| byte == 0),
                    "there are ranges: {counts:02x?}"
                );
            }
        }
    }
    Ok(())
}

fn user_mode(session: &mut Session) -> Result<()> {
    for internal in [false, true] {
        let origin = Origin {
            internal,
            user: true,
            ..Origin::KERNEL
        };
        for code in KERNEL_ONLY {
            for (input, output) in [(16, 64), (0, 0)] {
                let ask = request(origin, code, &VF_1[..input], output);
                expect(session, "user mode", &ask, refused(status::ACCESS_DENIED))?;
            }
        }
        let ask = request(origin, QUERY_LUID, &[], 8);
        expect(session, "the LUID", &ask, Expected::Answer(SERVED, 8))?;
    }
    // Shows a DETACH or an ATTACH that had an effect in spite of its status.
    ensure!(
        session.stack.report()?.attached == 1,
        "the attachment is lost"
    );
    let again = request(Origin::KERNEL, ATTACH, &[], 0);
    let held = refused(status::SHARING_VIOLATION);
    expect(session, "ATTACH afterwards", &again, held).map(|_| ())
}

fn user_handle(session: &mut Session) -> Result<()> {
    let handle = session.open_sriov()?;
    for code in KERNEL_ONLY {
        let mut output = [0; 64];
        let status = handle.control(code, &VF_1, &mut output).err().unwrap_or(0);
        is(&format!("code 0x{code:08X}"), status, status::ACCESS_DENIED)?;
    }
    let mut luid = [0; 8];
    let bytes = handle
        .control(QUERY_LUID, &[], &mut luid)
        .map_err(|status| anyhow::anyhow!("the LUID is refused with 0x{status:08X}"))?;
    ensure!(bytes == 8, "the LUID has {bytes} bytes");
    let kernel = request(Origin::KERNEL, QUERY_LUID, &[], 8);
    let kernel = expect(session, "the LUID", &kernel, Expected::Answer(SERVED, 8))?;
    ensure!(kernel.output[..8] == luid, "the LUIDs differ");
    Ok(())
}

fn invalidation(session: &mut Session) -> Result<()> {
    use pf_broker_client::Vfs;
    session.stack.detach()?;
    let reply = |vf: u8| [vf, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    for (input, vf) in [(&VF_1[..16], 1), (&ALL_VFS, 2), (&[][..], 3)] {
        session
            .management()?
            .invalidate(Vfs::One(u16::from(vf)), 1)?;
        let ask = request(Origin::KERNEL, INVALIDATE_BLOCK, input, 32);
        let answer = expect(session, "a latched bit", &ask, Expected::Answer(SERVED, 16))?;
        ensure!(
            answer.output[..16] == reply(vf),
            "VF {vf}: the reply is {:02x?}",
            &answer.output[..16]
        );
        let rest = expect(session, "a second request", &ask, Expected::Pends);
        rest.map_err(|error| error.context(format!("VF {vf}")))?;
    }
    session.attach(lab_control::stack::policy::ACCEPT, crate::cli::Mode::EachVf)?;
    Ok(())
}
