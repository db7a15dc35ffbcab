//! A session of the lab: drivers installed, the PF and its VFs plugged in, the stack attached.

use std::fs::{File, OpenOptions};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use lab_control::{sample, stack as abi};
use pcivirt_abi::sriov;
use pf_broker_client::{Access, Device, Error, Handle, interfaces};

use crate::cli::{Bench, Mode, Path, Position};
use crate::install;
use crate::leftovers;
use crate::stack::{Failed, Stack};
use crate::status;

/// How long a device may take to appear or to go.
const PATIENCE: Duration = Duration::from_secs(20);

/// The INF files below the folder with the drivers, the bus first.
pub(crate) const BUS_INF: &str = "lab_stack.inf";
/// The service of the VF driver, which comes and goes with its devices.
const VF_SERVICE: &str = "vf_driver";
const CHILD_INFS: [&str; 3] = ["pf_broker.inf", "function_driver.inf", "vf_driver.inf"];

/// Everything that is plugged in.
pub(crate) struct Session {
    pub(crate) bench: Bench,
    pub(crate) stack: Stack,
    /// The path of the PF's device interface for the virtualization stack.
    link: String,
    /// The path of the PF's device interface for the host's software.
    management_path: String,
    /// The management interface; none while the PF is pulled out.
    management: Option<Device<Handle>>,
    /// The sample VF driver's device of each VF, where there is one.
    pub(crate) guests: Vec<Handle>,
    /// Whether the VF driver was ever loaded.
    had_guests: bool,
    pub(crate) vfs: u16,
    pub(crate) path: Path,
}

impl Session {
    /// Installs the drivers, plugs everything in, and attaches.
    pub(crate) fn start(bench: &Bench) -> Result<Self> {
        install_drivers(bench)?;
        let stack = Stack::open().context("the stack double's control device")?;
        let mut session = Self {
            bench: bench.clone(),
            stack,
            link: String::new(),
            management_path: String::new(),
            management: None,
            guests: Vec::new(),
            had_guests: false,
            vfs: bench.vfs,
            path: bench.path,
        };
        session.plug()?;
        Ok(session)
    }

    /// Plugs the PF in, attaches, and plugs the VFs in.
    pub(crate) fn plug(&mut self) -> Result<()> {
        let total_vfs = self.bench.vfs.max(8);
        plug_pf(&self.stack, &self.bench, total_vfs, abi::resources::ALL_VFS)?;
        self.link = wait_for_interface(sriov_class(), |_| true)
            .context("the PF driver offers no GUID_DEVINTERFACE_VIRTUALIZABLE_DEVICE")?;
        let size = u16::try_from(size_of::<sriov::DeviceInterface>())?;
        self.connect_when_open(size)?;
        self.attach(abi::policy::ACCEPT, self.bench.mode)?;
        self.management_path = wait_for_interface(pf_broker_abi::INTERFACE_CLASS, |_| true)
            .context("the PF driver offers no management interface")?;
        self.management = Some(manage(&self.management_path)?);
        self.stack.open_management(&self.management_path)?;
        if self.bench.path != Path::Raw {
            self.had_guests = true;
            for vf in 0..self.vfs {
                let guest = plug_vf(&self.stack, vf).with_context(|| self.bench.vf_driver.clone());
                self.guests.push(guest?);
            }
        }
        Ok(())
    }

    /// Checks that nothing is left of a PF that was removed by surprise, and plugs it in again.
    pub(crate) fn plug_again(&mut self) -> Result<()> {
        self.pull_guests()?;
        self.stack.disconnect()?;
        leftovers::none_after_removal(&self.stack.report()?)?;
        self.plug()
    }

    /// The management interface.
    pub(crate) fn management(&self) -> Result<&Device<Handle>> {
        self.management.as_ref().context("the PF is pulled out")
    }

    /// Opens the PF for the host's software once more.
    pub(crate) fn open_management(&self, access: Access) -> Result<Handle> {
        let path = &self.management_path;
        Handle::open(path, access).with_context(|| format!("open {path}"))
    }

    /// Opens the PF for the host's software as a file to read and write.
    pub(crate) fn open_management_file(&self) -> Result<File> {
        let path = &self.management_path;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open(path);
        file.with_context(|| format!("open {path}"))
    }

    /// Opens the PF from user mode where the virtualization stack opens it from the kernel.
    pub(crate) fn open_sriov(&self) -> Result<Handle> {
        let path = &self.link;
        Handle::open(path, Access::Look).with_context(|| format!("open {path}"))
    }

    /// Opens the PF anew and queries the SR-IOV interface.
    ///
    /// As in [`open`], the link may not be there yet.
    pub(crate) fn connect(&self, size: u16, version: u16) -> Result<abi::Connected, Failed> {
        const OBJECT_NAME_NOT_FOUND: u32 = 0xC000_0034;
        let start = Instant::now();
        loop {
            let connected = self.stack.connect(&self.link, size, version);
            match connected {
                Err(failed)
                    if failed.status == OBJECT_NAME_NOT_FOUND && start.elapsed() < PATIENCE =>
                {
                    sleep(Duration::from_millis(2));
                }
                other => return other,
            }
        }
    }

    /// Connects once the interface's link can be opened; see [`open`].
    fn connect_when_open(&self, size: u16) -> Result<(), Failed> {
        /// `STATUS_OBJECT_NAME_NOT_FOUND`
        const NOT_YET: u32 = 0xC000_0034;
        let start = Instant::now();
        loop {
            match self.connect(size, sriov::DEVICE_INTERFACE_VERSION) {
                Ok(_) => return Ok(()),
                Err(failed) if failed.status != NOT_YET || start.elapsed() > PATIENCE => {
                    return Err(failed);
                }
                Err(_) => sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Attaches as the virtualization stack.
    pub(crate) fn attach(&self, policy: u32, mode: Mode) -> Result<(), Failed> {
        self.stack.attach(&abi::Attach {
            policy,
            mode: number(mode),
            vfs: self.vfs.into(),
        })
    }

    /// Pulls the guests' devices out.
    pub(crate) fn pull_guests(&mut self) -> Result<()> {
        let guests = self.guests.len();
        self.guests.clear();
        for vf in 0..guests {
            self.stack.pull_vf(u16::try_from(vf)?)?;
        }
        Ok(())
    }

    /// Closes the management interface, as before the PF goes.
    pub(crate) fn close_management(&mut self) {
        self.management = None;
    }

    /// Pulls the PF out, whether or not it is in use.
    pub(crate) fn pull_pf(&mut self) -> Result<()> {
        self.close_management();
        self.stack.pull_pf()?;
        Ok(())
    }

    /// Pulls everything out again: guests, stack, PF. Nothing may be left of them, and the drivers
    /// must let themselves be unloaded.
    pub(crate) fn end(mut self) -> Result<()> {
        self.pull_guests()?;
        self.stack.disconnect()?;
        if self.management.is_some() {
            self.pull_pf()?;
            leftovers::none(&self.stack.report()?)?;
        } else {
            leftovers::none_after_removal(&self.stack.report()?)?;
        }
        unload_pf(&self.stack, &self.bench)?;
        if self.had_guests {
            self.stack.unload(VF_SERVICE).context(VF_SERVICE)?;
        }
        Ok(())
    }
}

impl Session {
    /// As [`end`](Self::end), but the stack gives the interface of the PF back only when the PF is
    /// gone and its driver being unloaded: the unload must wait for that.
    pub(crate) fn end_held(mut self) -> Result<()> {
        self.pull_guests()?;
        self.pull_pf()?;
        let bench = self.bench.clone();
        let unload = thread::spawn(move || unload_pf(&Stack::open()?, &bench));
        sleep(Duration::from_millis(100));
        ensure!(
            !unload.is_finished(),
            "{} was unloaded while its interface is held",
            self.bench.service
        );
        self.stack.disconnect()?;
        let unloaded = unload.join();
        unloaded.map_err(|_| anyhow!("a thread panicked"))??;
        leftovers::none_after_removal(&self.stack.report()?)?;
        if self.had_guests {
            self.stack.unload(VF_SERVICE).context(VF_SERVICE)?;
        }
        Ok(())
    }
}

/// Unloads the PF driver, none of whose devices is left.
pub(crate) fn unload_pf(stack: &Stack, bench: &Bench) -> Result<()> {
    let service = &bench.service;
    stack.unload(service).with_context(|| {
        format!("{service} has no device left, and its unload routine does not end")
    })?;
    if bench.position != Position::FunctionDriver {
        let function_driver = abi::FUNCTION_DRIVER;
        stack.unload(function_driver).context(function_driver)?;
    }
    Ok(())
}

fn number(mode: Mode) -> u32 {
    match mode {
        Mode::EachVf => abi::mode::EACH_VF,
        Mode::AllVfs => abi::mode::ALL_VFS,
        Mode::NoInput => abi::mode::NO_INPUT,
        Mode::Three => abi::mode::THREE,
        Mode::DeviceControl => abi::mode::DEVICE_CONTROL,
        Mode::GarbageInput => abi::mode::GARBAGE_INPUT,
    }
}

/// `GUID_DEVINTERFACE_VIRTUALIZABLE_DEVICE` as the digits of its text form.
pub(crate) fn sriov_class() -> u128 {
    let guid = sriov::GUID_DEVINTERFACE_VIRTUALIZABLE_DEVICE;
    (u128::from(guid.data1) << 96)
        | (u128::from(guid.data2) << 80)
        | (u128::from(guid.data3) << 64)
        | u128::from(u64::from_be_bytes(guid.data4))
}

/// Installs the drivers; devices that are plugged in later find theirs.
pub(crate) fn install_drivers(bench: &Bench) -> Result<()> {
    for inf in CHILD_INFS {
        let inf = bench.drivers.join(inf);
        if inf.exists() {
            install::add_inf(&inf).with_context(|| format!("install {}", inf.display()))?;
        }
    }
    let inf = bench.drivers.join(BUS_INF);
    install::add_root_device(abi::HARDWARE_ID, &inf)
        .with_context(|| format!("install {}", inf.display()))
}

/// Plugs the PF in, with `total_vfs` VFs in its capability. `resources`, one of
/// [`resources`](abi::resources), is what it starts with if there is a function driver below the
/// driver under test; without one the kernel of the lab starts it without a list.
pub(crate) fn plug_pf(stack: &Stack, bench: &Bench, total_vfs: u16, resources: u32) -> Result<()> {
    let mut plug = abi::PlugPf {
        vendor_id: bench.vendor_id,
        device_id: bench.device_id,
        vf_device_id: bench.device_id.wrapping_add(1),
        total_vfs,
        filter_length: 0,
        filter_is_below: u32::from(bench.position == Position::LowerFilter),
        resources,
        filter: [0; 32],
    };
    if bench.position != Position::FunctionDriver {
        for (place, unit) in plug.filter.iter_mut().zip(bench.service.encode_utf16()) {
            *place = unit;
            plug.filter_length += 1;
        }
    }
    stack.plug_pf(plug)?;
    Ok(())
}

/// Plugs a VF in and opens the device of its driver.
fn plug_vf(stack: &Stack, vf: u16) -> Result<Handle> {
    stack.plug_vf(vf)?;
    match stack.vf_started()? {
        status::SUCCESS => open_guest(vf),
        status::NO_SUCH_DEVICE => {
            bail!("VF {vf}: the driver was not loaded, or its EvtDriverDeviceAdd failed")
        }
        status => bail!("VF {vf}: its device does not start: 0x{status:08X}"),
    }
}

/// Opens the VF driver's device of a guest, once it is there.
pub(crate) fn open_guest(vf: u16) -> Result<Handle> {
    open(&guest_path(vf)?)
}

/// The path of the VF driver's device of a guest, once it is there.
fn guest_path(vf: u16) -> Result<String> {
    let instance = format!("#vf{vf}#");
    wait_for_interface(sample::INTERFACE_CLASS, |path| {
        path.to_lowercase().contains(&instance)
    })
    .with_context(|| {
        let digits = format!("{:032X}", sample::INTERFACE_CLASS);
        let class = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
        format!(
            "VF {vf}: the driver does not offer the device interface {{{}}}",
            class.join("-")
        )
    })
}

/// Opens a device whose interface was just seen: Wine shows an interface some time before its link
/// can be opened.
fn open(path: &str) -> Result<Handle> {
    let start = Instant::now();
    loop {
        match Handle::open(path, Access::Change) {
            Ok(handle) => return Ok(handle),
            Err(error) if start.elapsed() > PATIENCE => {
                return Err(error).with_context(|| format!("open {path}"));
            }
            Err(_) => sleep(Duration::from_millis(2)),
        }
    }
}

/// Opens the management interface, once it is one: under Wine its link leads to the PF itself for a
/// moment before it leads to where its files are named, and what comes through it is denied.
fn manage(path: &str) -> Result<Device<Handle>> {
    const ACCESS_DENIED: Error = Error::Status(0xC000_0022);
    let start = Instant::now();
    loop {
        match Device::new(open(path)?) {
            Err(error) if error == ACCESS_DENIED && start.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(2));
            }
            other => return Ok(other?),
        }
    }
}

/// The path of the first interface of a class that `wanted` picks, once it is there.
pub(crate) fn wait_for_interface(class: u128, wanted: impl Fn(&str) -> bool) -> Result<String> {
    let start = Instant::now();
    loop {
        if let Some(path) = interfaces(class)?.into_iter().find(|path| wanted(path)) {
            return Ok(path);
        }
        if start.elapsed() > PATIENCE {
            bail!("waited {} s", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(2));
    }
}
