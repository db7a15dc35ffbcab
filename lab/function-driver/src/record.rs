//! Counters of what reached the driver. There is one PF, so there is one set.

use core::sync::atomic::{AtomicU32, Ordering};

use lab_control::function_driver::Record;

/// One counter.
pub(crate) struct Counter(AtomicU32);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Counts one more.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

macro_rules! counters {
    ($($counter:ident = $field:ident;)*) => {
        $(
            #[doc = concat!("[`Record::", stringify!($field), "`]")]
            pub(crate) static $counter: Counter = Counter::new();
        )*

        /// Takes the counters, which begin anew.
        pub(crate) fn take() -> Record {
            Record { $($field: $counter.take(),)* }
        }
    };
}

counters! {
    CREATES = creates;
    CLEANUPS = cleanups;
    CLOSES = closes;
    READS = reads;
    WRITES = writes;
    CONTROLS = controls;
    INTERNAL_CONTROLS = internal_controls;
    NAMED_CREATES = named_creates;
    WMI = wmi;
    D0_ENTRIES = d0_entries;
    D0_EXITS = d0_exits;
    WITH_VFS_ON = with_vfs_on;
}
