//! The VFs of a PF and their blocks, from the first start of the device to the deletion of its PF.

use core::{cell::UnsafeCell, mem::MaybeUninit};

use block_broker::{BlockSlot, Broker, Newest, Vf, VfLock};
use block_table::Table;
use pf_broker_abi::TableSource;
use pf_state::{
    companion::{HandsOver, Turn},
    config::Identity,
    event_log::{Floods, Limits},
    failure::StartFailure,
    invalidation::Input,
    retention::RegisterStore,
    rundown::Rundown,
    saved_registers::SavedRegisters,
    table::{self, Origin},
};
use wdk_sys::{WDFDEVICE, WDFOBJECT};

use crate::{
    os::{lock::SpinLock, memory, request::ManualQueue, wait::Event},
    parameters::Parameters,
};

/// The block table that is used when the registry holds none.
static EMBEDDED_TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/block_table.bin"));

/// One VF. Two VFs share no cache line, nor a pair of lines that a processor fetches together.
#[repr(C, align(128))]
pub(crate) struct VfContext {
    lock: SpinLock,
    newest: Newest,
    vf: UnsafeCell<Vf<'static>>,
    /// Calls that use the VF's hardware enter it; a reset closes it.
    pub(crate) rundown: Rundown,
    /// Orders the calls into the companion about this VF.
    pub(crate) turn: Turn<Event>,
    /// `IOCTL_SRIOV_INVALIDATE_BLOCK` requests that name this VF.
    pub(crate) invalidations: ManualQueue,
    /// When entries of the event log about this VF may be written.
    pub(crate) log_limits: Limits,
    /// Floods that are to be reported.
    pub(crate) floods: Floods,
    /// The registers of the VF, while it is off.
    saved: UnsafeCell<Option<SavedRegisters>>,
}

impl RegisterStore for VfContext {
    fn rundown(&self) -> &Rundown {
        &self.rundown
    }

    fn replace(&self, saved: Option<SavedRegisters>) -> Option<SavedRegisters> {
        let _held = self.lock.hold();
        // SAFETY: the lock is held, so there is no other reference to the registers.
        let kept = unsafe { &mut *self.saved.get() };
        core::mem::replace(kept, saved)
    }
}

// SAFETY: the VF and its registers are reached through the lock alone; everything else synchronises
// itself.
unsafe impl Sync for VfContext {}
// SAFETY: as above.
unsafe impl Send for VfContext {}

impl VfLock for VfContext {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        let _held = self.lock.hold();
        // SAFETY: the lock is held, so there is no other reference to the VF.
        operation(unsafe { &mut *self.vf.get() })
    }

    #[inline]
    fn newest(&self) -> &Newest {
        &self.newest
    }
}

/// The VFs of a PF, and the broker between them and the host.
pub(crate) struct VfSet {
    pub(crate) broker: Broker<'static, VfContext>,
    contexts: &'static [VfContext],
    pub(crate) num_vfs: u16,
    pub(crate) table_source: TableSource,
    /// What the table hands to the companion.
    pub(crate) hands_over: HandsOver,
    /// How the input of an `IOCTL_SRIOV_INVALIDATE_BLOCK` is read.
    pub(crate) invalidate_input: Input,
    /// The PF's IDs, as its configuration space holds them.
    pub(crate) identity: Identity,
}

impl VfSet {
    /// Reads the parameters, verifies the table, compares its IDs with the PF's and allocates all
    /// memory, at `PASSIVE_LEVEL`. `start` identifies this start of the device for the cookies of
    /// host software.
    ///
    /// # Safety
    /// The result is used only as long as `owner`, which owns its memory, lives.
    pub(crate) unsafe fn new(
        device: WDFDEVICE,
        owner: WDFOBJECT,
        identity: Identity,
        start: [u64; 2],
    ) -> Result<Self, StartFailure> {
        let parameters = Parameters::open(device)?;
        // SAFETY: as the caller promises.
        let registry = unsafe { parameters.block_table(owner) }?;
        let (table, origin) = table::choose(registry, EMBEDDED_TABLE, identity)?;
        let table_source = match origin {
            Origin::Registry => TableSource::Registry,
            Origin::Image => TableSource::Embedded,
        };
        let num_vfs = checked_num_vfs(parameters.num_vfs()?, table.device().max_vfs)?;
        let invalidate_input = parameters.invalidate_input()?;
        let hands_over = HandsOver::of(&table);
        // SAFETY: as the caller promises.
        let contexts = unsafe { make_vfs(device, owner, &table, num_vfs) }?;
        let broker =
            Broker::new(table, contexts).map_err(|_| StartFailure::NumVfsAboveManifest {
                asked: u32::from(num_vfs),
                allowed: table.device().max_vfs,
            })?;
        Ok(Self {
            broker: broker.with_start(start),
            contexts,
            num_vfs,
            table_source,
            hands_over,
            invalidate_input,
            identity,
        })
    }

    /// The VF with this index.
    #[inline]
    pub(crate) fn vf(&self, vf: u16) -> Option<&VfContext> {
        self.contexts.get(usize::from(vf))
    }

    /// All VFs.
    pub(crate) const fn all(&self) -> &[VfContext] {
        self.contexts
    }
}

fn checked_num_vfs(asked: u32, allowed: u16) -> Result<u16, StartFailure> {
    match u16::try_from(asked) {
        Ok(0) => Err(StartFailure::NumVfsZero),
        Ok(num_vfs) if num_vfs <= allowed => Ok(num_vfs),
        _ => Err(StartFailure::NumVfsAboveManifest { asked, allowed }),
    }
}

/// A cache line of a VF's bytes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Allocates the memory of all VFs and initializes them.
///
/// # Safety
/// The VFs are used only as long as `owner` lives.
unsafe fn make_vfs(
    device: WDFDEVICE,
    owner: WDFOBJECT,
    table: &Table<'static>,
    num_vfs: u16,
) -> Result<&'static [VfContext], StartFailure> {
    let count = usize::from(num_vfs);
    let slots_each = Vf::slots_needed(table);
    let lines_each = Vf::bytes_needed(table).div_ceil(size_of::<Line>());
    let all = |each: usize| {
        each.checked_mul(count)
            .ok_or(StartFailure::Memory { bytes: usize::MAX })
    };
    // SAFETY: as the caller promises.
    let slots = unsafe { memory::take::<BlockSlot>(owner, all(slots_each)?) }?;
    let mut slots = fill(slots, || BlockSlot::UNUSED);
    // SAFETY: as the caller promises.
    let lines = unsafe { memory::take::<Line>(owner, all(lines_each)?) }?;
    let mut lines = fill(lines, || Line([0; 64]));
    // SAFETY: as the caller promises.
    let contexts = unsafe { memory::take::<VfContext>(owner, count) }?;
    for context in contexts.iter_mut() {
        let (Some(vf_slots), Some(vf_lines)) = (
            slots.split_off_mut(..slots_each),
            lines.split_off_mut(..lines_each),
        ) else {
            return Err(StartFailure::Memory { bytes: 0 });
        };
        let vf = Vf::new(table, vf_slots, as_bytes(vf_lines)).map_err(|needed| {
            StartFailure::Memory {
                bytes: needed.bytes_needed,
            }
        })?;
        let context = context.write(VfContext {
            lock: SpinLock::new(owner).map_err(StartFailure::Framework)?,
            newest: Newest::new(),
            vf: UnsafeCell::new(vf),
            rundown: Rundown::open(),
            turn: Turn::new(Event::unusable()),
            invalidations: ManualQueue::new(device).map_err(StartFailure::Framework)?,
            log_limits: Limits::new(),
            floods: Floods::new(),
            saved: UnsafeCell::new(None),
        });
        context.turn.signal().initialize();
    }
    // SAFETY: every context was written.
    Ok(unsafe { memory::written(contexts) })
}

/// Initializes memory.
fn fill<T>(memory: &'static mut [MaybeUninit<T>], value: impl Fn() -> T) -> &'static mut [T] {
    for slot in memory.iter_mut() {
        slot.write(value());
    }
    // SAFETY: every value was written.
    unsafe { memory::written(memory) }
}

/// The bytes of whole lines.
fn as_bytes(lines: &'static mut [Line]) -> &'static mut [u8] {
    let length = size_of_val(lines);
    // SAFETY: a line is 64 bytes without padding, and the borrow is passed on.
    unsafe { core::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<u8>(), length) }
}
