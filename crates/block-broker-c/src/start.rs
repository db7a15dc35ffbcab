//! The options of a broker, the memory that it needs, and its initialization.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use block_broker::{BlockSlot, Broker, Ticks, Vf, Watch};
use block_table::Table;

use crate::handle::bb_broker;
use crate::lifecycle::hold_unallocated;
use crate::pointers::put;
use crate::status::{
    BB_INVALID_ARGUMENT, BB_INVALID_SIZE, BB_MEMORY_TOO_SMALL, BB_SUCCESS, BB_TOO_MANY_VFS,
    bb_status,
};
use crate::table;
use crate::vf_context::{LockFunctions, VfContext, bb_acquire, bb_release};

/// Version of this interface. It grows with every change that a driver compiled with an older header
/// would misread.
pub const BB_VERSION: u32 = 1;

/// Flag of `bb_options`: every VF is allocated from the start, and `bb_allocate_vf` is not needed.
pub const BB_ALLOCATE_ALL_VFS: u32 = 1;

/// The options of `bb_initialize`. Set the whole structure to zero, then the members.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_options {
    /// `sizeof(bb_options)`.
    pub size: u32,
    /// Zero or `BB_ALLOCATE_ALL_VFS`.
    pub flags: u32,
    /// The bytes of the block table. They stay as they are, and resident if functions are called at
    /// raised IRQL, as long as the broker is used.
    pub table: *const c_void,
    /// How many bytes.
    pub table_length: usize,
    /// How many VFs there are, 1 to the manifest's max-vfs; their indexes are 0 to `vfs - 1`.
    pub vfs: u16,
    /// Zero.
    pub reserved: [u16; 3],
    /// Identifies this start of the device in the cookies of `bb_changes`: for example a counter
    /// that outlives the device. Zeros if no cookie does.
    pub start: [u64; 2],
    /// Acquires the lock of a VF. Not NULL.
    pub acquire: bb_acquire,
    /// Releases the lock of a VF. Not NULL.
    pub release: bb_release,
    /// Passed to both.
    pub lock_context: *mut c_void,
}

/// A cache line of a VF's bytes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// How many of each type the VFs of a device need.
struct Needs {
    vfs: usize,
    slots: usize,
    lines: usize,
}

impl Needs {
    /// `None` if there are no VFs, or more than the table allows.
    fn of(table: &Table<'_>, vfs: u16) -> Option<Self> {
        let vfs = usize::from((1..=table.device().max_vfs).contains(&vfs).then_some(vfs)?);
        let lines = Vf::bytes_needed(table).div_ceil(size_of::<Line>());
        Some(Self {
            vfs,
            slots: Vf::slots_needed(table).checked_mul(vfs)?,
            lines: lines.checked_mul(vfs)?,
        })
    }

    /// The bytes of all, at any address.
    fn bytes(&self) -> Option<usize> {
        room_for::<bb_broker>(1)?
            .checked_add(room_for::<VfContext>(self.vfs)?)?
            .checked_add(room_for::<BlockSlot>(self.slots)?)?
            .checked_add(room_for::<Line>(self.lines)?)
    }
}

/// The bytes of `count` values at any address.
fn room_for<T>(count: usize) -> Option<usize> {
    size_of::<T>()
        .checked_mul(count)?
        .checked_add(align_of::<T>())
}

/// Memory that has not been given to a value yet.
type Memory = &'static mut [MaybeUninit<u8>];

/// Takes places for `count` values out of memory.
fn take<T>(memory: &mut Memory, count: usize) -> Option<&'static mut [MaybeUninit<T>]> {
    let padding = memory.as_ptr().align_offset(align_of::<T>());
    memory.split_off_mut(..padding)?;
    let bytes = memory.split_off_mut(..size_of::<T>().checked_mul(count)?)?;
    let first = bytes.as_mut_ptr().cast();
    // SAFETY: the bytes are aligned for `count` places, which need no value, and given to nothing
    // else.
    Some(unsafe { core::slice::from_raw_parts_mut(first, count) })
}

/// Fills places with a value.
fn fill<T>(places: &'static mut [MaybeUninit<T>], value: impl Fn() -> T) -> &'static mut [T] {
    for place in places.iter_mut() {
        place.write(value());
    }
    // SAFETY: every value was written.
    unsafe { written(places) }
}

/// The values in places.
///
/// # Safety
/// Every value was written.
unsafe fn written<T>(places: &'static mut [MaybeUninit<T>]) -> &'static mut [T] {
    let (first, count) = (places.as_mut_ptr().cast(), places.len());
    // SAFETY: as the caller promises; the borrow is passed on.
    unsafe { core::slice::from_raw_parts_mut(first, count) }
}

/// The bytes of whole lines.
fn as_bytes(lines: &'static mut [Line]) -> &'static mut [u8] {
    let (first, length) = (lines.as_mut_ptr().cast(), size_of_val(lines));
    // SAFETY: a line is 64 bytes without padding, and the borrow is passed on.
    unsafe { core::slice::from_raw_parts_mut(first, length) }
}

/// Version of the library, to compare with `BB_VERSION` of the header. Any IRQL.
#[unsafe(no_mangle)]
pub extern "C" fn bb_version() -> u32 {
    BB_VERSION
}

/// How many bytes of memory `bb_initialize` needs for this table and this many VFs. The memory may
/// begin at any address.
///
/// Verifies the table: see `bb_verify_table`, also for IRQL and errors. `BB_TOO_MANY_VFS` if `vfs`
/// is 0 or above the manifest's max-vfs. `bytes` is unchanged then.
///
/// # Safety
/// `table` has `length` readable bytes; `bytes` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_memory_needed(
    table: *const c_void,
    length: usize,
    vfs: u16,
    bytes: *mut usize,
) -> bb_status {
    // SAFETY: as the caller promises; the table is not used after this call.
    let table = match unsafe { table::verified(table, length) } {
        Ok(table) => table,
        Err(error) => return table::status_of(error),
    };
    let Some(needed) = Needs::of(&table, vfs).and_then(|needs| needs.bytes()) else {
        return BB_TOO_MANY_VFS;
    };
    // SAFETY: as the caller promises.
    unsafe { put(bytes, needed) };
    BB_SUCCESS
}

/// Initializes a broker in the caller's memory.
///
/// Every block of every VF has its default value, and every VF is in D0. No VF is allocated, unless
/// the flag says so.
///
/// `memory` has `length` bytes, at least as many as `bb_memory_needed` says, and is the broker's
/// until no function runs any more that was called with it. It is resident if functions are called
/// at raised IRQL. Nothing has to be freed: call `bb_remove`, wait for the calls in progress, then
/// free the memory. `now` is the time; see `bb_write`. `broker` gets the broker, which lies in the
/// memory.
///
/// Verifies the table: see `bb_verify_table`, also for IRQL.
///
/// Returns `BB_SUCCESS`, or without any effect: `BB_INVALID_SIZE`; `BB_INVALID_ARGUMENT` for a NULL
/// pointer, an unknown flag or a reserved member that is not zero; `BB_INVALID_TABLE`,
/// `BB_TABLE_VERSION`, `BB_TOO_MANY_VFS`, `BB_MEMORY_TOO_SMALL`.
///
/// # Safety
/// `options` is readable, and says what is true of its table and its functions; `memory` is used by
/// nothing else; `broker` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_initialize(
    options: *const bb_options,
    memory: *mut c_void,
    length: usize,
    now: u64,
    broker: *mut *mut bb_broker,
) -> bb_status {
    if options.is_null() || memory.is_null() || broker.is_null() {
        return BB_INVALID_ARGUMENT;
    }
    // SAFETY: as the caller promises; the size is the first member, and of a structure of another
    // size nothing else is read.
    let size = unsafe { options.cast::<u32>().read() };
    if usize::try_from(size) != Ok(size_of::<bb_options>()) {
        return BB_INVALID_SIZE;
    }
    // SAFETY: as the caller promises.
    let options = unsafe { options.read() };
    let places = memory.cast::<MaybeUninit<u8>>();
    let length = length.min(isize::MAX.cast_unsigned());
    // SAFETY: as the caller promises; bytes without a value are allowed.
    let memory = unsafe { core::slice::from_raw_parts_mut(places, length) };
    // SAFETY: as the caller promises.
    match unsafe { initialize(&options, memory) } {
        Ok(initialized) => {
            if options.flags & BB_ALLOCATE_ALL_VFS == 0 {
                hold_unallocated(initialized, Ticks(now));
            }
            // SAFETY: as the caller promises.
            unsafe { broker.write(initialized) };
            BB_SUCCESS
        }
        Err(status) => status,
    }
}

/// Makes the broker of `options` in `memory`.
///
/// # Safety
/// The options say what is true of their table and their functions.
unsafe fn initialize(
    options: &bb_options,
    mut memory: Memory,
) -> Result<&'static mut bb_broker, bb_status> {
    let (Some(acquire), Some(release)) = (options.acquire, options.release) else {
        return Err(BB_INVALID_ARGUMENT);
    };
    if options.flags & !BB_ALLOCATE_ALL_VFS != 0 || options.reserved != [0; 3] {
        return Err(BB_INVALID_ARGUMENT);
    }
    let functions = LockFunctions {
        context: options.lock_context,
        acquire,
        release,
    };
    // SAFETY: as the caller promises.
    let table = unsafe { table::verified(options.table, options.table_length) }
        .map_err(table::status_of)?;
    let needs = Needs::of(&table, options.vfs).ok_or(BB_TOO_MANY_VFS)?;
    let place = take(&mut memory, 1).and_then(<[_]>::first_mut);
    let place = place.ok_or(BB_MEMORY_TOO_SMALL)?;
    let contexts = make_vfs(&table, &needs, &mut memory, functions).ok_or(BB_MEMORY_TOO_SMALL)?;
    let blocks = Broker::new(table, contexts).map_err(|_| BB_TOO_MANY_VFS)?;
    let blocks = match options.start {
        [0, 0] => blocks,
        start => blocks.with_start(start),
    };
    Ok(place.write(bb_broker {
        blocks,
        watch: Watch::new(),
        contexts,
    }))
}

/// Makes the VFs; `None` if the memory is too small.
fn make_vfs(
    table: &Table<'_>,
    needs: &Needs,
    memory: &mut Memory,
    functions: LockFunctions,
) -> Option<&'static [VfContext]> {
    let contexts = take::<VfContext>(memory, needs.vfs)?;
    let mut slots = fill(take(memory, needs.slots)?, || BlockSlot::UNUSED);
    let mut lines = fill(take(memory, needs.lines)?, || Line([0; 64]));
    let (slots_each, lines_each) = (
        slots.len().checked_div(needs.vfs)?,
        lines.len().checked_div(needs.vfs)?,
    );
    for (index, context) in (0..).zip(contexts.iter_mut()) {
        let vf_slots = slots.split_off_mut(..slots_each)?;
        let vf_lines = lines.split_off_mut(..lines_each)?;
        let vf = Vf::new(table, vf_slots, as_bytes(vf_lines)).ok()?;
        context.write(VfContext::new(index, vf, functions));
    }
    // SAFETY: every context was written.
    Some(unsafe { written(contexts) })
}
