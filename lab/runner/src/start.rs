//! A start of the PF that may fail, and how it ended.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use lab_control::stack::{fault, pnp, resources};
use pf_broker_client::interfaces;

use crate::check::fails;
use crate::cli::{Bench, Start, StartFault};
use crate::leftovers;
use crate::session::{self, Session, install_drivers, plug_pf, sriov_class};
use crate::stack::Stack;
use crate::status;

/// Plugs the PF in with a fault of the bus, and prints the status that its start ended with and
/// how many device interfaces it offers then.
pub(crate) fn run(bench: &Bench, start: &Start) -> Result<ExitCode> {
    if let Some((fault, list)) = start.fault.and_then(in_a_rebalance) {
        return again(bench, fault, list);
    }
    let fault = start.fault.and_then(|fault| on_the_bus(fault, bench.vfs));
    install_drivers(bench)?;
    let stack = Stack::open().context("the stack double's control device")?;
    if let Some((fault, target)) = fault {
        stack.fault(fault, target)?;
    }
    let total_vfs = start.total_vfs.unwrap_or(bench.vfs.max(8));
    plug_pf(&stack, bench, total_vfs, resources::NONE)?;
    let status = stack.started()?;
    if status == 0 {
        // They are offered some time after the start.
        session::wait_for_interface(pf_broker_abi::INTERFACE_CLASS, |_| true)?;
        session::wait_for_interface(sriov_class(), |_| true)?;
    }
    let offered =
        interfaces(sriov_class())?.len() + interfaces(pf_broker_abi::INTERFACE_CLASS)?.len();
    let vfs = stack.report()?.enabled_vfs;
    println!("status 0x{status:08X}, {offered} interfaces, {vfs} VFs");
    stack.pull_pf()?;
    leftovers::none(&stack.report()?)?;
    if !start.not_loaded {
        session::unload_pf(&stack, bench)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The bus double's fault and the resource list with which a PF does not start again.
fn in_a_rebalance(fault: StartFault) -> Option<(Option<u32>, u32)> {
    match fault {
        StartFault::SmallWindow => Some((None, resources::TOO_SMALL)),
        StartFault::OtherWindow => Some((None, resources::OTHER_LENGTH)),
        StartFault::ManyRanges => Some((None, resources::TOO_MANY)),
        StartFault::PfSizes => Some((Some(fault::PF_SIZES), resources::ALL_VFS)),
        StartFault::OtherSizes => Some((Some(fault::PF_SIZES), resources::NONE)),
        _ => None,
    }
}

/// The bus double's fault and its target with which a PF with so many VFs starts.
fn on_the_bus(fault: StartFault, vfs: u16) -> Option<(u32, u32)> {
    const EVERY_VF: u32 = 0xFFFF;
    let of_the_pf = match fault {
        StartFault::NoInterface => fault::NO_INTERFACE,
        StartFault::NoBusInterface => fault::NO_BUS_INTERFACE,
        StartFault::Unreadable => fault::UNREADABLE,
        StartFault::NoCapability => fault::NO_CAPABILITY,
        StartFault::ProbedBarsFail => fault::PROBED_BARS_FAIL,
        StartFault::EnableFails => fault::ENABLE_FAILS,
        StartFault::VfsOn => fault::VFS_ON,
        StartFault::SilentVf => fault::SILENT_VF,
        StartFault::SilentLastVf => return Some((fault::SILENT_VF, vfs.into())),
        StartFault::LateVf => return Some((fault::LATE_VF, EVERY_VF)),
        StartFault::NoExpress => fault::NO_EXPRESS,
        StartFault::NotEnabled => fault::NOT_ENABLED,
        StartFault::NoMemorySpace => fault::NO_MEMORY_SPACE,
        StartFault::OtherNumVfs => fault::OTHER_NUM_VFS,
        StartFault::NoAddress => fault::NO_ADDRESS,
        StartFault::PfBars => fault::PF_BARS,
        StartFault::NoSize => fault::NO_SIZE,
        StartFault::Misaligned => fault::MISALIGNED,
        StartFault::SmallWindow
        | StartFault::OtherWindow
        | StartFault::ManyRanges
        | StartFault::PfSizes
        | StartFault::OtherSizes => return None,
    };
    Some((of_the_pf, 1))
}

/// What a resource list contradicts shows only in a rebalance, because the kernel of the lab passes
/// none when a device starts.
fn again(bench: &Bench, fault: Option<u32>, list: u32) -> Result<ExitCode> {
    let session = Session::start(bench)?;
    if let Some(fault) = fault {
        session.stack.fault(fault, 1)?;
    }
    for request in [pnp::QUERY_STOP, pnp::STOP] {
        let status = session.stack.pnp(request, 0)?;
        ensure!(status == 0, "the stop before: 0x{status:08X}");
    }
    let status = session.stack.pnp(pnp::START, list)?;
    let vfs = session.stack.report()?.enabled_vfs;
    println!("status 0x{status:08X}, 0 interfaces, {vfs} VFs");
    // The device failed, so the attached stack's DETACH fails.
    fails(&session.stack.detach(), status::DEVICE_REMOVED)?;
    session.end()?;
    Ok(ExitCode::SUCCESS)
}
