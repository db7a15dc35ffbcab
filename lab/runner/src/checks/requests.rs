//! One stack at a time, in every reading of the documentation.

use anyhow::{Result, ensure};
use lab_control::stack as abi;
use pcivirt_abi::sriov;

use super::ioctl::{Origin, expect, refused, request};
use crate::check::Check;
use crate::cli::Mode;
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    ("a second ATTACH is a sharing violation", second_attach),
    (
        "invalidations arrive once in every reading of the documentation",
        modes,
    ),
];

fn second_attach(session: &mut Session) -> Result<()> {
    let held = refused(status::SHARING_VIOLATION);
    for internal in [false, true] {
        let origin = Origin {
            internal,
            ..Origin::KERNEL
        };
        let attach = request(origin, sriov::IOCTL_ATTACH, &[], 0);
        expect(session, "a second ATTACH", &attach, held)?;
    }
    Ok(())
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

/// Takes the mask of a VF's invalidated blocks, and compares.
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
