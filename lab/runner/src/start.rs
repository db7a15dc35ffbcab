//! A start of the PF that may fail, and how it ended.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use lab_control::stack::{fault, pnp};
use pf_broker_client::interfaces;

use crate::checks;
use crate::cli::{Bench, Start, StartFault};
use crate::leftovers;
use crate::session::{self, Session, install_drivers, plug_pf, sriov_class};
use crate::stack::Stack;

/// Plugs the PF in with a fault of the bus, and prints the status that its start ended with and
/// how many device interfaces it offers then.
pub(crate) fn run(bench: &Bench, start: &Start) -> Result<ExitCode> {
    let fault = match start.fault {
        Some(StartFault::SmallWindow) => return small_window(bench),
        Some(StartFault::NoInterface) => Some(fault::NO_INTERFACE),
        Some(StartFault::NoBusInterface) => Some(fault::NO_BUS_INTERFACE),
        Some(StartFault::Unreadable) => Some(fault::UNREADABLE),
        Some(StartFault::NoCapability) => Some(fault::NO_CAPABILITY),
        Some(StartFault::ProbedBarsFail) => Some(fault::PROBED_BARS_FAIL),
        Some(StartFault::EnableFails) => Some(fault::ENABLE_FAILS),
        Some(StartFault::VfsOn) => Some(fault::VFS_ON),
        Some(StartFault::SilentVf) => Some(fault::SILENT_VF),
        Some(StartFault::NoAddress) => Some(fault::NO_ADDRESS),
        None => None,
    };
    install_drivers(bench)?;
    let stack = Stack::open().context("the stack double's control device")?;
    if let Some(fault) = fault {
        stack.fault(fault, 1)?;
    }
    plug_pf(&stack, bench, start.total_vfs.unwrap_or(bench.vfs.max(8)))?;
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
    session::unload_pf(&stack)?;
    Ok(ExitCode::SUCCESS)
}

/// The resource list is the only place where a window can be too small, and the kernel of the lab
/// passes none: so a rebalance has to.
fn small_window(bench: &Bench) -> Result<ExitCode> {
    let session = Session::start(bench)?;
    for request in [pnp::QUERY_STOP, pnp::STOP] {
        let status = session.stack.pnp(request, 0)?;
        ensure!(status == 0, "the stop before: 0x{status:08X}");
    }
    let status = session.stack.pnp(pnp::START, 2)?;
    let vfs = session.stack.report()?.enabled_vfs;
    println!("status 0x{status:08X}, 0 interfaces, {vfs} VFs");
    // The stack that is attached to a device that failed finds nobody any more.
    checks::fails(&session.stack.detach(), checks::status::DEVICE_REMOVED)?;
    session.end()?;
    Ok(ExitCode::SUCCESS)
}
