//! The doubles, as the runner drives them: one method for each control code.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use lab_control::contention::{Contend, Contended, IOCTL_CONTEND};
use lab_control::latency::{IOCTL_MEASURE_LATENCY, Latencies, Latency};
use lab_control::stack as abi;
use pf_broker_client::{Access, Control as _, Handle};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A handle to the doubles' control device.
pub(crate) struct Stack(Handle);

/// A request that the doubles, or the driver behind them, failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// What was asked.
    pub(crate) what: &'static str,
    /// The NTSTATUS.
    pub(crate) status: u32,
}

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: 0x{:08X}", self.what, self.status)
    }
}

impl std::error::Error for Failed {}

type Result<T> = std::result::Result<T, Failed>;

impl Stack {
    /// Opens the control device.
    pub(crate) fn open() -> std::io::Result<Self> {
        Handle::open(abi::PATH, Access::Change).map(Self)
    }

    fn tell<I: IntoBytes + Immutable>(
        &self,
        what: &'static str,
        code: u32,
        input: &I,
    ) -> Result<()> {
        self.0
            .control(code, input.as_bytes(), &mut [])
            .map(|_| ())
            .map_err(|status| Failed { what, status })
    }

    fn ask<I: IntoBytes + Immutable, O: FromBytes>(
        &self,
        what: &'static str,
        code: u32,
        input: &I,
    ) -> Result<O> {
        let mut output = vec![0; size_of::<O>()];
        let failed = |status| Failed { what, status };
        self.0
            .control(code, input.as_bytes(), &mut output)
            .map_err(failed)?;
        O::read_from_bytes(&output).map_err(|_| failed(0))
    }

    pub(crate) fn plug_pf(&self, pf: abi::PlugPf) -> Result<()> {
        self.tell("plug the PF in", abi::IOCTL_PLUG_PF, &pf)
    }

    pub(crate) fn pull_pf(&self) -> Result<()> {
        let wait = abi::Wait {
            milliseconds: 10_000,
        };
        self.tell("pull the PF out", abi::IOCTL_PULL_PF, &wait)
    }

    /// Waits until the first start of the PF has ended; its status.
    pub(crate) fn started(&self) -> Result<u32> {
        let wait = abi::Wait {
            milliseconds: 10_000,
        };
        self.ask("wait for the PF's start", abi::IOCTL_STARTED, &wait)
            .map(|started: abi::Started| started.status)
    }

    /// Waits until the start of the VF that was plugged in last has ended; its status.
    pub(crate) fn vf_started(&self) -> Result<u32> {
        let wait = abi::Wait {
            milliseconds: 20_000,
        };
        self.ask("wait for the VF's start", abi::IOCTL_VF_STARTED, &wait)
            .map(|started: abi::Started| started.status)
    }

    pub(crate) fn plug_vf(&self, vf: u16) -> Result<()> {
        self.tell("plug a VF in", abi::IOCTL_PLUG_VF, &vf_request(vf, false))
    }

    pub(crate) fn pull_vf(&self, vf: u16) -> Result<()> {
        self.tell("pull a VF out", abi::IOCTL_PULL_VF, &vf_request(vf, false))
    }

    /// Opens the PF's device interface at a path of user mode and queries the SR-IOV interface.
    pub(crate) fn connect(&self, path: &str, size: u16, version: u16) -> Result<abi::Connected> {
        let request = connect(path, size, version);
        self.ask("connect to the PF", abi::IOCTL_CONNECT, &request)
    }

    /// Opens the PF's management interface from the kernel, at a path of user mode.
    pub(crate) fn open_management(&self, path: &str) -> Result<()> {
        let request = connect(path, 0, 0);
        self.tell(
            "open the management interface",
            abi::IOCTL_OPEN_MANAGEMENT,
            &request,
        )
    }

    /// Sets whether those who open devices from now on are administrators.
    pub(crate) fn set_opener(&self, administrator: bool) -> Result<()> {
        let opener = abi::Opener {
            administrator: administrator.into(),
        };
        self.tell("set who opens devices", abi::IOCTL_OPENER, &opener)
    }

    pub(crate) fn disconnect(&self) -> Result<()> {
        self.tell("disconnect from the PF", abi::IOCTL_DISCONNECT, &[0_u8; 0])
    }

    pub(crate) fn transfer(&self, transfer: &abi::Transfer) -> Result<abi::Transferred> {
        self.ask("transfer a block", abi::IOCTL_TRANSFER, transfer)
    }

    pub(crate) fn request(&self, request: &abi::Request) -> Result<abi::Answer> {
        self.ask("send a request", abi::IOCTL_REQUEST, request)
    }

    pub(crate) fn attach(&self, attach: &abi::Attach) -> Result<()> {
        self.tell("attach", abi::IOCTL_ATTACH, attach)
    }

    pub(crate) fn detach(&self) -> Result<()> {
        self.tell("detach", abi::IOCTL_DETACH, &[0_u8; 0])
    }

    /// Changes how the attached stack answers events.
    pub(crate) fn policy(&self, policy: u32) -> Result<()> {
        let attach = abi::Attach {
            policy,
            mode: 0,
            vfs: 0,
        };
        self.tell("change the policy", abi::IOCTL_POLICY, &attach)
    }

    pub(crate) fn call(&self, call: &abi::Call) -> Result<abi::Called> {
        self.ask("call the interface", abi::IOCTL_CALL, call)
    }

    /// Sends the PF's device stack a Plug and Play or power request and waits for its status.
    pub(crate) fn pnp(&self, request: u32, argument: u32) -> Result<u32> {
        let pnp = abi::Pnp {
            request,
            argument,
            milliseconds: 0,
        };
        self.ask("send a Plug and Play request", abi::IOCTL_PNP, &pnp)
            .map(|answer: abi::Answer| answer.status)
    }

    /// Sends the system to S3, in which the PF driver's framework requests D3 for the PF.
    pub(crate) fn sleep(&self) -> anyhow::Result<()> {
        let slept = self.pnp(abi::pnp::SET_SYSTEM_POWER, 4)?;
        let power = self.report()?.power;
        anyhow::ensure!(
            (slept, power) == (0, 4),
            "S3 ends with 0x{slept:08X}, and the bus saw D-state {power}"
        );
        Ok(())
    }

    /// Lets the system work again. It does not wait for its devices, so this waits until the PF has
    /// so many VFs on again.
    pub(crate) fn wake(&self, vfs: u16) -> anyhow::Result<()> {
        let woken = self.pnp(abi::pnp::SET_SYSTEM_POWER, 1)?;
        anyhow::ensure!(woken == 0, "S0 ends with 0x{woken:08X}");
        let start = Instant::now();
        loop {
            let report = self.report()?;
            if (report.power, report.enabled_vfs) == (1, vfs.into()) {
                return Ok(());
            }
            anyhow::ensure!(
                start.elapsed() < Duration::from_secs(10),
                "ten seconds after S0 the PF is in D-state {} with {} VFs on",
                report.power,
                report.enabled_vfs
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes the accesses of drivers to the PF's registers since the last call.
    pub(crate) fn take_accesses(&self) -> Result<abi::Accesses> {
        let what = "take the accesses to the PF's registers";
        self.ask(what, abi::IOCTL_TAKE_ACCESSES, &[0_u8; 0])
    }

    pub(crate) fn fault(&self, fault: u32, target: u32) -> Result<()> {
        let fault = abi::Fault { fault, target };
        self.tell("switch a fault", abi::IOCTL_FAULT, &fault)
    }

    /// Sets many threads on the same VFs.
    pub(crate) fn contend(&self, contend: Contend) -> Result<Contended> {
        self.ask("contend for VFs", IOCTL_CONTEND, &contend)
    }

    /// Unloads a driver, none of whose devices is left.
    pub(crate) fn unload(&self, service: &str) -> Result<()> {
        let mut request = abi::Unload {
            milliseconds: 10_000,
            length: 0,
            service: [0; 32],
        };
        for (place, unit) in request.service.iter_mut().zip(service.encode_utf16()) {
            *place = unit;
            request.length += 1;
        }
        self.tell("unload a driver", abi::IOCTL_UNLOAD, &request)
    }

    pub(crate) fn report(&self) -> Result<abi::Report> {
        self.ask("report", abi::IOCTL_REPORT, &[0_u8; 0])
    }

    pub(crate) fn measure(&self, measure: &abi::Measure) -> Result<abi::Measured> {
        self.ask("measure", abi::IOCTL_MEASURE, measure)
    }

    /// Plays operations in a row on a system thread.
    /// Measures how long a VF waits for what host software makes of its write.
    pub(crate) fn latency(&self, latency: &Latency) -> Result<Latencies> {
        self.ask("measure a latency", IOCTL_MEASURE_LATENCY, latency)
    }

    pub(crate) fn batch(&self, transfers: &[abi::Transfer]) -> Result<Vec<abi::Transferred>> {
        let what = "play a batch";
        let mut output = vec![0; size_of::<abi::Transferred>() * transfers.len()];
        self.0
            .control(abi::IOCTL_BATCH, transfers.as_bytes(), &mut output)
            .map_err(|status| Failed { what, status })?;
        output
            .chunks_exact(size_of::<abi::Transferred>())
            .map(|reply| {
                abi::Transferred::read_from_bytes(reply).map_err(|_| Failed { what, status: 0 })
            })
            .collect()
    }

    /// Lets invalidations come to rest and takes those of a VF that has no device.
    pub(crate) fn take(&self, vf: u16, raw: bool) -> Result<u64> {
        self.ask("take invalidations", abi::IOCTL_TAKE, &vf_request(vf, raw))
            .map(|taken: abi::Taken| taken.mask)
    }
}

fn vf_request(vf: u16, raw: bool) -> abi::Vf {
    abi::Vf {
        vf,
        raw: raw.into(),
        milliseconds: 10_000,
    }
}

/// A device interface at a path of user mode, as the kernel names it.
fn connect(path: &str, size: u16, version: u16) -> abi::Connect {
    let link = path.replacen(r"\\?\", r"\??\", 1);
    let units: Vec<u16> = link.encode_utf16().collect();
    let mut request = abi::Connect {
        size,
        version,
        link_length: u32::try_from(units.len()).unwrap_or(u32::MAX),
        link: [0; 256],
    };
    for (place, unit) in request.link.iter_mut().zip(units) {
        *place = unit;
    }
    request
}
