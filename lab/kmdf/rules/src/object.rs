//! Handles and kinds of framework objects.

use core::fmt;

/// The type of a framework object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `WDFDRIVER`.
    Driver,
    /// `WDFDEVICE`.
    Device,
    /// `WDFQUEUE`.
    Queue,
    /// `WDFREQUEST`.
    Request,
    /// `WDFFILEOBJECT`.
    FileObject,
    /// `WDFMEMORY`.
    Memory,
    /// `WDFSPINLOCK`.
    SpinLock,
    /// `WDFKEY`.
    Key,
    /// `WDFSTRING`.
    String,
    /// `WDFWORKITEM`.
    WorkItem,
    /// `WDFTIMER`.
    Timer,
    /// `WDFIOTARGET`.
    IoTarget,
    /// `WDFCMRESLIST`.
    ResourceList,
    /// A `WDFOBJECT` of `WdfObjectCreate`.
    General,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Driver,
        Self::Device,
        Self::Queue,
        Self::Request,
        Self::FileObject,
        Self::Memory,
        Self::SpinLock,
        Self::Key,
        Self::String,
        Self::WorkItem,
        Self::Timer,
        Self::IoTarget,
        Self::ResourceList,
        Self::General,
    ];

    /// The name of the handle type in the public headers.
    #[must_use]
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Driver => "WDFDRIVER",
            Self::Device => "WDFDEVICE",
            Self::Queue => "WDFQUEUE",
            Self::Request => "WDFREQUEST",
            Self::FileObject => "WDFFILEOBJECT",
            Self::Memory => "WDFMEMORY",
            Self::SpinLock => "WDFSPINLOCK",
            Self::Key => "WDFKEY",
            Self::String => "WDFSTRING",
            Self::WorkItem => "WDFWORKITEM",
            Self::Timer => "WDFTIMER",
            Self::IoTarget => "WDFIOTARGET",
            Self::ResourceList => "WDFCMRESLIST",
            Self::General => "WDFOBJECT",
        }
    }

    /// Whether a driver may delete any object of this kind. The framework marks the others with
    /// `MarkNoDeleteDDI` (`fxdriver.cpp`, `fxdevice.cpp`, `fxresource.cpp`, `fxfileobject.cpp`); of
    /// requests, a driver may delete those that it created; of devices, control devices, which the
    /// double does not have.
    #[must_use]
    pub const fn driver_may_delete(self) -> bool {
        !matches!(
            self,
            Self::Driver | Self::Device | Self::FileObject | Self::ResourceList | Self::Request
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

/// The value that a driver gets as a handle. Values are never used twice, so a stale handle is
/// always recognised; the framework itself reuses addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(pub u64);

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
