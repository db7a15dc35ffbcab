//! The control codes of the driver with the bus double and the virtualization-stack double.
//!
//! A code that waits is served on a system thread of its own, so a handle that waits
//! holds back no other handle.

mod call;
mod transfer;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::code;

pub use call::{Call, Called, function, null};
pub use transfer::{PATTERN, Transfer, Transferred, operation, path, spoiled};

/// The control device in the kernel's name space.
pub const DEVICE_NAME: &str = r"\Device\PfBrokerLab";
/// Its symbolic link, for user mode.
pub const LINK_NAME: &str = r"\DosDevices\PfBrokerLab";
/// The path that a program opens.
pub const PATH: &str = r"\\.\PfBrokerLab";
/// The service of the lab's function driver, with the code of [`crate::function_driver`].
pub const FUNCTION_DRIVER: &str = "function_driver";
/// The hardware ID of the root-enumerated bus device.
pub const HARDWARE_ID: &str = r"ROOT\PF_BROKER_LAB";

/// Plugs the PF in: input [`PlugPf`].
pub const IOCTL_PLUG_PF: u32 = code(0xA00);
/// Pulls the PF out without a question and waits until its driver has let go: input [`Wait`].
pub const IOCTL_PULL_PF: u32 = code(0xA01);
/// Plugs a VF's device into the guest's virtual PCI bus: input [`Vf`].
pub const IOCTL_PLUG_VF: u32 = code(0xA02);
/// Pulls a VF's device out and waits until its driver has let go: input [`Vf`].
pub const IOCTL_PULL_VF: u32 = code(0xA03);
/// Opens the PF's device interface and queries the SR-IOV interface: input [`Connect`], output
/// [`Connected`].
pub const IOCTL_CONNECT: u32 = code(0xA04);
/// Gives the interface and the handle back.
pub const IOCTL_DISCONNECT: u32 = code(0xA05);
/// Takes the accesses of drivers to the PF's registers since the last one: output [`Accesses`].
pub const IOCTL_TAKE_ACCESSES: u32 = code(0xA1B);
/// Calls `ReadVfConfigBlock`, `WriteVfConfigBlock` and what else [`Transfer`] names: input
/// [`Transfer`], output [`Transferred`].
pub const IOCTL_TRANSFER: u32 = code(0xA06);
/// Plays many [`Transfer`]s in a row on a system thread: output as many [`Transferred`].
pub const IOCTL_BATCH: u32 = code(0xA07);
/// Calls another function of the SR-IOV interface: input [`Call`], output [`Called`].
pub const IOCTL_CALL: u32 = code(0xA08);
/// Sends the PF driver a device control request: input [`Request`], output [`Answer`].
pub const IOCTL_REQUEST: u32 = code(0xA09);
/// Sends the PF's device stack a Plug and Play or power request: input [`Pnp`], output [`Answer`].
pub const IOCTL_PNP: u32 = code(0xA0A);
/// Attaches as the virtualization stack and keeps its requests pending: input [`Attach`].
pub const IOCTL_ATTACH: u32 = code(0xA0B);
/// Detaches.
pub const IOCTL_DETACH: u32 = code(0xA0C);
/// Lets the invalidations come to rest, then takes a VF's: input [`Vf`], output [`Taken`].
pub const IOCTL_TAKE: u32 = code(0xA0D);
/// Makes the PCI double misbehave, or behave again: input [`Fault`].
pub const IOCTL_FAULT: u32 = code(0xA0E);
/// What the doubles saw: output [`Report`].
pub const IOCTL_REPORT: u32 = code(0xA0F);
/// Measures one path: input [`Measure`], output [`Measured`].
pub const IOCTL_MEASURE: u32 = code(0xA10);
/// How the attached stack answers events from now on: input [`Attach`], whose `policy` alone
/// counts.
pub const IOCTL_POLICY: u32 = code(0xA11);
/// Waits until the first start of the PF that is plugged in has ended: input [`Wait`], output
/// [`Started`].
pub const IOCTL_STARTED: u32 = code(0xA12);
/// Waits until the start of the VF that was plugged in last has ended: input [`Wait`], output
/// [`Started`].
pub const IOCTL_VF_STARTED: u32 = code(0xA1A);
/// Unloads a driver, none of whose devices is left: input [`Unload`].
pub const IOCTL_UNLOAD: u32 = code(0xA13);
/// Opens the PF's management interface, beside the stack's: input [`Connect`], whose `link` alone
/// counts.
pub const IOCTL_OPEN_MANAGEMENT: u32 = code(0xA18);
/// Who opens devices from now on: input [`Opener`].
pub const IOCTL_OPENER: u32 = code(0xA19);

/// Bytes of input that a [`Request`] can send: a published block and more.
pub const MAX_INPUT: usize = 192;
/// Bytes of output that a [`Request`] can offer.
pub const MAX_OUTPUT: usize = 512;

/// Input of [`IOCTL_PLUG_PF`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PlugPf {
    /// PCI vendor ID.
    pub vendor_id: u16,
    /// PCI device ID.
    pub device_id: u16,
    /// PCI device ID of its VFs.
    pub vf_device_id: u16,
    /// `TotalVFs` of its SR-IOV capability.
    pub total_vfs: u16,
    /// UTF-16 units of `filter`; 0 if the PF's function driver is the only one.
    pub filter_length: u32,
    /// 1: the filter is below [`FUNCTION_DRIVER`]; 0: above it.
    pub filter_is_below: u32,
    /// What the list of resources holds that the PF with a filter is started with: one of
    /// [`resources`].
    pub resources: u32,
    /// The service of the filter of the PF, whose function driver is [`FUNCTION_DRIVER`].
    pub filter: [u16; 32],
}

/// Input of [`IOCTL_PULL_PF`], [`IOCTL_STARTED`] and [`IOCTL_VF_STARTED`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Wait {
    /// Milliseconds to wait at most; the answer is then `STATUS_IO_TIMEOUT`.
    pub milliseconds: u32,
}

/// Input of [`IOCTL_OPENER`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Opener {
    /// 1: an administrator, as at the start; 0: an ordinary user.
    pub administrator: u32,
}

/// Output of [`IOCTL_STARTED`] and [`IOCTL_VF_STARTED`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Started {
    /// The NTSTATUS that the whole device stack completed `IRP_MN_START_DEVICE` with.
    pub status: u32,
}

/// Input of [`IOCTL_UNLOAD`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Unload {
    /// Milliseconds to wait at most; the answer is then `STATUS_IO_TIMEOUT`.
    pub milliseconds: u32,
    /// UTF-16 units of `service`.
    pub length: u32,
    /// The name of the driver's service.
    pub service: [u16; 32],
}

/// Names a VF.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Vf {
    /// The VF's index.
    pub vf: u16,
    /// [`IOCTL_TAKE`]: 1 to take what waits at the stack, 0 to let the guest's bus have it.
    pub raw: u16,
    /// Milliseconds to wait at most.
    pub milliseconds: u32,
}

/// Input of [`IOCTL_CONNECT`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connect {
    /// `Size` of the queried interface.
    pub size: u16,
    /// `Version` of the queried interface.
    pub version: u16,
    /// UTF-16 units of `link`.
    pub link_length: u32,
    /// The symbolic link of the PF's device interface, `\??\…`.
    pub link: [u16; 256],
}

/// Output of [`IOCTL_CONNECT`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connected {
    /// `Size` of the interface that came back.
    pub size: u16,
    /// Its `Version`.
    pub version: u16,
    /// Bit n: the n-th pointer of the structure, `Context` being 0, is not NULL.
    pub pointers: u32,
}

/// Input of [`IOCTL_REQUEST`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Request {
    /// The control code.
    pub code: u32,
    /// 0: `IRP_MJ_DEVICE_CONTROL`; 1: `IRP_MJ_INTERNAL_DEVICE_CONTROL`.
    pub internal: u8,
    /// 0: from the kernel; 1: as if from user mode.
    pub user_mode: u8,
    /// One of [`file`]: what it comes through.
    pub file: u8,
    /// 1: a request that still pends is not cancelled, but the handle that it came through closed.
    pub close: u8,
    /// Bytes of `input` to send.
    pub input_length: u32,
    /// Bytes of output to offer, at most [`MAX_OUTPUT`].
    pub output_length: u32,
    /// Milliseconds to wait before the request is cancelled.
    pub milliseconds: u32,
    /// 1: sent at `DISPATCH_LEVEL`.
    pub raised: u32,
    /// The input.
    pub input: [u8; MAX_INPUT],
}

/// Which file object a request comes through, in [`Request::file`].
pub mod file {
    /// The virtualization stack's.
    pub const STACK: u8 = 0;
    /// None.
    pub const NONE: u8 = 1;
    /// The one that was opened with [`super::IOCTL_OPEN_MANAGEMENT`].
    pub const MANAGEMENT: u8 = 2;
}

/// Output of [`IOCTL_REQUEST`] and [`IOCTL_PNP`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Answer {
    /// The NTSTATUS that the request completed with.
    pub status: u32,
    /// 1 if it was still pending when the wait was over, and was then cancelled.
    pub pended: u32,
    /// 1 if bytes of the buffer behind `information` were changed.
    pub spoiled: u32,
    /// 1 if it was completed on a thread at `DISPATCH_LEVEL`.
    pub raised: u32,
    /// `IoStatus.Information`
    pub information: u64,
    /// The output.
    pub output: [u8; MAX_OUTPUT],
}

impl Answer {
    /// The answer of a request without a buffer.
    #[must_use]
    pub const fn without_output(status: u32, information: u64) -> Self {
        Self {
            status,
            pended: 0,
            spoiled: 0,
            raised: 0,
            information,
            output: [0; MAX_OUTPUT],
        }
    }
}

/// Packets to the top of the PF's stack, in [`Pnp::request`]: Plug and Play, power, and others that
/// are no device controls.
pub mod pnp {
    /// `IRP_MN_START_DEVICE`
    pub const START: u32 = 0x00;
    /// `IRP_MN_QUERY_REMOVE_DEVICE`
    pub const QUERY_REMOVE: u32 = 0x01;
    /// `IRP_MN_CANCEL_REMOVE_DEVICE`
    pub const CANCEL_REMOVE: u32 = 0x03;
    /// `IRP_MN_STOP_DEVICE`
    pub const STOP: u32 = 0x04;
    /// `IRP_MN_QUERY_STOP_DEVICE`
    pub const QUERY_STOP: u32 = 0x05;
    /// `IRP_MN_CANCEL_STOP_DEVICE`
    pub const CANCEL_STOP: u32 = 0x06;
    /// `IRP_MN_SET_POWER` for the system state in [`super::Pnp::argument`] (1 is S0, 4 is S3). The
    /// PF driver's framework owns the power policy, and requests the device's power itself.
    pub const SET_SYSTEM_POWER: u32 = 0x100;
    /// `IRP_MJ_READ` of [`super::Pnp::argument`] bytes, without a file object.
    pub const READ: u32 = 0x101;
    /// `IRP_MJ_WRITE`, in the same way.
    pub const WRITE: u32 = 0x102;
    /// `IRP_MJ_SYSTEM_CONTROL` (WMI) with the minor function in [`super::Pnp::argument`].
    pub const SYSTEM_CONTROL: u32 = 0x103;
}

/// Input of [`IOCTL_PNP`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Pnp {
    /// One of [`pnp`].
    pub request: u32,
    /// A power state; for [`pnp::START`] one of [`resources`].
    pub argument: u32,
    /// Milliseconds to wait; the request is then left to complete by itself.
    pub milliseconds: u32,
}

/// What is in the resource list of [`pnp::START`], in [`Pnp::argument`].
pub mod resources {
    /// There is no list.
    pub const NONE: u32 = 0;
    /// The memory of all VFs that the device can have.
    pub const ALL_VFS: u32 = 1;
    /// Of each register a byte less than one VF needs.
    pub const TOO_SMALL: u32 = 2;
    /// Of each register a byte more than all VFs need.
    pub const OTHER_LENGTH: u32 = 3;
    /// [`ALL_VFS`], and more ranges than a PF can have.
    pub const TOO_MANY: u32 = 4;
}

/// How the attached stack answers an event, in [`Attach::policy`].
pub mod policy {
    /// `EVENT_COMPLETE` with `STATUS_SUCCESS`.
    pub const ACCEPT: u32 = 0;
    /// `EVENT_COMPLETE` with `STATUS_DEVICE_BUSY`.
    pub const VETO: u32 = 1;
    /// No answer, until the policy changes.
    pub const SILENCE: u32 = 2;
    /// The handle is closed instead of an answer.
    pub const CLOSE: u32 = 3;
    /// `DETACH` instead of an answer.
    pub const DETACH: u32 = 4;
}

/// How `IOCTL_SRIOV_INVALIDATE_BLOCK` is kept pending, in [`Attach::mode`]: each is one reading of
/// documentation that leaves it open.
pub mod mode {
    /// One request for each VF, whose input names it.
    pub const EACH_VF: u32 = 0;
    /// One request for the PF, whose input names all VFs.
    pub const ALL_VFS: u32 = 1;
    /// One request for the PF, without input.
    pub const NO_INPUT: u32 = 2;
    /// Three requests for the PF at a time, without input.
    pub const THREE: u32 = 3;
    /// As [`EACH_VF`], in `IRP_MJ_DEVICE_CONTROL`.
    pub const DEVICE_CONTROL: u32 = 4;
    /// One request for the PF, whose input means nothing: for a PF driver that does not read it.
    pub const GARBAGE_INPUT: u32 = 5;
}

/// Input of [`IOCTL_ATTACH`] and [`IOCTL_POLICY`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Attach {
    /// One of [`policy`].
    pub policy: u32,
    /// One of [`mode`].
    pub mode: u32,
    /// VFs to keep requests pending for.
    pub vfs: u32,
}

/// Output of [`IOCTL_TAKE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Taken {
    /// The mask, 0 when nothing was latched.
    pub mask: u64,
}

/// What the PCI double does wrong, in [`Fault::fault`]: with the PF that is plugged in, and with
/// every one that is plugged in later.
pub mod fault {
    /// The VF's Transactions Pending bit stays set.
    pub const TRANSACTIONS_PENDING: u32 = 0;
    /// `SetVirtualFunctionData` moves no byte.
    pub const CONFIG_WRITE_FAILS: u32 = 1;
    /// The VF's configuration space reads as `FFh` after a function level reset.
    pub const LOST_AFTER_RESET: u32 = 2;
    /// `EnableVirtualization` fails.
    pub const ENABLE_FAILS: u32 = 3;
    /// `PCI_VIRTUALIZATION_INTERFACE` is refused.
    pub const NO_INTERFACE: u32 = 4;
    /// `GetVirtualFunctionProbedBars` fails.
    pub const PROBED_BARS_FAIL: u32 = 5;
    /// The PF's configuration space cannot be read.
    pub const UNREADABLE: u32 = 6;
    /// `BUS_INTERFACE_STANDARD` is refused.
    pub const NO_BUS_INTERFACE: u32 = 7;
    /// A PF that is plugged in has no SR-IOV capability.
    pub const NO_CAPABILITY: u32 = 8;
    /// A PF that is plugged in has its VFs on already.
    pub const VFS_ON: u32 = 9;
    /// The VFs' configuration space reads as `FFh`.
    pub const SILENT_VF: u32 = 10;
    /// A PF that is plugged in has no address in VF BAR 2.
    pub const NO_ADDRESS: u32 = 11;
    /// `GetVirtualFunctionData` moves no byte.
    pub const CONFIG_READ_FAILS: u32 = 12;
    /// A PF that is pulled out stays where it is: the system removes its device, and its registers
    /// go on to answer.
    pub const STAYS: u32 = 13;
    /// `GetVirtualFunctionProbedBars` returns the PF's own registers: another type than the VFs'
    /// and I/O space.
    pub const PF_BARS: u32 = 14;
    /// `GetVirtualFunctionProbedBars` returns the PF's own registers: the VFs' types and other
    /// sizes.
    pub const PF_SIZES: u32 = 15;
    /// `GetVirtualFunctionProbedBars` returns no size for VF BAR 2.
    pub const NO_SIZE: u32 = 16;
    /// A PF that is plugged in has an address in VF BAR 2 that is no multiple of the size.
    pub const MISALIGNED: u32 = 17;
    /// VF Enable stays clear although `EnableVirtualization` succeeds.
    pub const NOT_ENABLED: u32 = 18;
    /// VF Memory Space Enable stays clear although `EnableVirtualization` succeeds.
    pub const NO_MEMORY_SPACE: u32 = 19;
    /// `NumVFs` is one less than the argument of `EnableVirtualization`.
    pub const OTHER_NUM_VFS: u32 = 20;
    /// The VF's configuration space reads as `FFh` until 700 ms after VF Enable, its vendor ID as
    /// 0001h, as a root complex returns it for a request that is to be sent again.
    pub const LATE_VF: u32 = 21;
    /// VFs have no capabilities.
    pub const NO_EXPRESS: u32 = 22;
    /// VFs that are turned on have an MSI capability with 32-bit addresses and without mask bits.
    pub const NARROW_MSI: u32 = 23;
    /// The PF's firmware is not ready: its register FIRMWARE reads 0.
    pub const FIRMWARE_STARTS: u32 = 24;
    /// How many there are.
    pub const COUNT: usize = 25;
}

/// Input of [`IOCTL_FAULT`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Fault {
    /// One of [`fault`].
    pub fault: u32,
    /// 0: behave; else 1 + the VF that it is about, or 0xFFFF for every VF; 1 for the PF itself.
    pub target: u32,
}

/// Output of [`IOCTL_REPORT`].
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Report {
    /// The most calls of the SR-IOV interface that ran at one time since the last report.
    pub calls_at_once: u32,
    /// References that PF drivers hold on interfaces of the PCI double, also of PFs that are gone.
    pub bus_references: u32,
    /// `NumVFs` while virtualization is enabled, else 0.
    pub enabled_vfs: u32,
    /// Function level resets since the PF was plugged in.
    pub resets: u32,
    /// Events that the attached stack was notified of since it attached: `QueryStopDevice`.
    pub query_stop_events: u32,
    /// As before: `Restart`.
    pub restart_events: u32,
    /// 1 while the stack is attached.
    pub attached: u32,
    /// The device power state that the PF's bus saw last, 1 for D0.
    pub power: u32,
    /// PF devices in memory: plugged in, or removed and still referenced.
    pub pf_devices: u32,
    /// As before, for VFs.
    pub vf_devices: u32,
    /// Requests of the stack double that a driver has not completed.
    pub open_requests: u32,
    /// Of the requests that the last attached stack kept pending, those that ended with
    /// `STATUS_DEVICE_REMOVED`.
    pub removed_requests: u32,
    /// Of the same, those that ended with another status that is no success.
    pub refused_requests: u32,
    /// The status of one of those, 0 if there is none.
    pub refused_status: u32,
    /// Accesses to a VF's configuration space within 100 ms after its function level reset.
    pub early_accesses: u32,
    /// VFs that were on when the last driver let go of a PF that was pulled out and stayed.
    pub vfs_left_on: u32,
    /// Calls of `EnableVirtualization` for a PF that was pulled out and does not answer any more.
    pub late_switches: u32,
    /// Accesses to a VF's configuration space within 100 ms after VF Enable was set.
    pub early_after_enable: u32,
    /// Accesses to the SR-IOV capability, and calls of `EnableVirtualization`, within a second
    /// after VF Enable was cleared.
    pub early_after_disable: u32,
    /// The status of a query for the SR-IOV interface that came between the surprise removal of
    /// the last PF that was pulled out and its removal.
    pub late_query_status: u32,
    /// The status of a request for the LUID at the same moment.
    pub late_request_status: u32,
    /// `restart_events` when the PF's bus saw `IRP_MN_CANCEL_STOP_DEVICE` last.
    pub restarts_before_cancel_stop: u32,
    /// Mappings of the PF's memory that drivers have not undone.
    pub mappings: u32,
    /// Mappings of other memory, and calls that unmap what is not mapped.
    pub bad_mappings: u32,
    /// Accesses to the PF's memory that a driver must not make.
    pub bad_accesses: u32,
}

/// One access of a driver to the PF's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegisterAccess {
    /// The number of the thread that made it.
    pub thread: u64,
    /// The offset in the PF's memory.
    pub offset: u32,
    /// The value that was read or written.
    pub value: u32,
    /// 1: a write; 0: a read.
    pub is_write: u32,
    /// Zero.
    pub reserved: u32,
}

/// Output of [`IOCTL_TAKE_ACCESSES`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Accesses {
    /// How many of `accesses` are used.
    pub count: u32,
    /// Further ones, which found no room.
    pub lost: u32,
    /// The accesses in their order.
    pub accesses: [RegisterAccess; MAX_ACCESSES],
}

/// The most accesses that are kept between two of [`IOCTL_TAKE_ACCESSES`].
pub const MAX_ACCESSES: usize = 128;

impl Default for Accesses {
    fn default() -> Self {
        const NONE: RegisterAccess = RegisterAccess {
            thread: 0,
            offset: 0,
            value: 0,
            is_write: 0,
            reserved: 0,
        };
        Self {
            count: 0,
            lost: 0,
            accesses: [NONE; MAX_ACCESSES],
        }
    }
}

/// Input of [`IOCTL_MEASURE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Measure {
    /// What to repeat.
    pub transfer: Transfer,
    /// How often, on each thread.
    pub count: u32,
    /// How many system threads; thread n takes VF `transfer.vf` + n.
    pub threads: u32,
}

/// Output of [`IOCTL_MEASURE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Measured {
    /// Time for all, in units of 100 ns.
    pub time: u64,
    /// How many succeeded.
    pub succeeded: u64,
}
