//! One VF behind the caller's lock.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};

use block_broker::{Newest, Vf, VfLock};

/// Words of a `bb_lock`.
pub const BB_LOCK_WORDS: usize = 8;

/// Memory for the lock of one VF, such as a `KSPIN_LOCK`, zero at the start. It lies in the VF's own
/// cache lines. Alignment: 8 bytes.
#[repr(C)]
pub struct bb_lock {
    /// The caller's.
    pub words: [u64; BB_LOCK_WORDS],
}

/// Acquires the lock of one VF and returns a state for its release, such as the previous IRQL.
///
/// Must exclude every other holder of this VF's lock, at every IRQL at which the caller calls the
/// library: if some calls come at `DISPATCH_LEVEL`, it raises to `DISPATCH_LEVEL`. The library
/// never holds two locks, and holds each for a bounded time.
///
/// `context` is `lock_context` of the options, `vf` the VF's index, `lock` its memory for a lock.
/// The caller may use a lock of its own instead.
pub type bb_acquire =
    Option<unsafe extern "C" fn(context: *mut c_void, vf: u16, lock: *mut bb_lock) -> usize>;

/// Releases the lock of one VF. `state` is what the acquisition returned.
pub type bb_release =
    Option<unsafe extern "C" fn(context: *mut c_void, vf: u16, lock: *mut bb_lock, state: usize)>;

/// The caller's lock functions.
#[derive(Clone, Copy)]
pub(crate) struct LockFunctions {
    pub(crate) context: *mut c_void,
    pub(crate) acquire:
        unsafe extern "C" fn(context: *mut c_void, vf: u16, lock: *mut bb_lock) -> usize,
    pub(crate) release:
        unsafe extern "C" fn(context: *mut c_void, vf: u16, lock: *mut bb_lock, state: usize),
}

/// One VF. Two VFs share no cache line, nor a pair of lines that a processor fetches together.
#[repr(C, align(128))]
pub(crate) struct VfContext {
    lock: UnsafeCell<bb_lock>,
    functions: LockFunctions,
    newest: Newest,
    index: u16,
    is_allocated: AtomicBool,
    vf: UnsafeCell<Vf<'static>>,
}

// SAFETY: the VF is reached through the caller's lock alone, the lock's memory by the lock functions
// alone, which may be called on any thread; everything else is constant or atomic.
unsafe impl Sync for VfContext {}

impl VfContext {
    pub(crate) fn new(index: u16, vf: Vf<'static>, functions: LockFunctions) -> Self {
        Self {
            lock: UnsafeCell::new(bb_lock {
                words: [0; BB_LOCK_WORDS],
            }),
            functions,
            newest: Newest::new(),
            index,
            is_allocated: AtomicBool::new(true),
            vf: UnsafeCell::new(vf),
        }
    }

    /// Whether operations on the VF are passed to the broker. One that was passed just before the VF
    /// was freed finds it held back.
    #[inline]
    pub(crate) fn is_allocated(&self) -> bool {
        self.is_allocated.load(Ordering::Acquire)
    }

    /// Sets whether the VF is allocated, and returns whether it was.
    pub(crate) fn set_allocated(&self, is_allocated: bool) -> bool {
        self.is_allocated.swap(is_allocated, Ordering::AcqRel)
    }
}

impl VfLock for VfContext {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        let LockFunctions {
            context,
            acquire,
            release,
        } = self.functions;
        let lock = self.lock.get();
        // SAFETY: the caller of bb_initialize gave this function for these arguments.
        let state = unsafe { acquire(context, self.index, lock) };
        // SAFETY: the lock is held, so there is no other reference to the VF.
        let result = operation(unsafe { &mut *self.vf.get() });
        // SAFETY: as for `acquire`; this thread holds the lock, with this state.
        unsafe { release(context, self.index, lock, state) };
        result
    }

    #[inline]
    fn newest(&self) -> &Newest {
        &self.newest
    }
}
