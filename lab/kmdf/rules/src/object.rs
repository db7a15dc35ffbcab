//! Names of framework objects: handles and kinds.

use core::fmt;

/// What a framework handle refers to.
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
    /// `WDFWAITLOCK`.
    WaitLock,
    /// `WDFKEY`.
    Key,
    /// `WDFSTRING`.
    String,
    /// `WDFCOLLECTION`.
    Collection,
    /// `WDFTIMER`.
    Timer,
    /// `WDFWORKITEM`.
    WorkItem,
    /// `WDFDPC`.
    Dpc,
    /// `WDFIOTARGET`.
    IoTarget,
    /// `WDFCMRESLIST`.
    ResourceList,
    /// A `WDFOBJECT` made with `WdfObjectCreate`.
    General,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Driver,
        Self::Device,
        Self::Queue,
        Self::Request,
        Self::FileObject,
        Self::Memory,
        Self::SpinLock,
        Self::WaitLock,
        Self::Key,
        Self::String,
        Self::Collection,
        Self::Timer,
        Self::WorkItem,
        Self::Dpc,
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
            Self::WaitLock => "WDFWAITLOCK",
            Self::Key => "WDFKEY",
            Self::String => "WDFSTRING",
            Self::Collection => "WDFCOLLECTION",
            Self::Timer => "WDFTIMER",
            Self::WorkItem => "WDFWORKITEM",
            Self::Dpc => "WDFDPC",
            Self::IoTarget => "WDFIOTARGET",
            Self::ResourceList => "WDFCMRESLIST",
            Self::General => "WDFOBJECT",
        }
    }

    /// Whether a driver may pass the handle to `WdfObjectDelete`. The framework marks the others
    /// with `MarkNoDeleteDDI` (`fxdriver.cpp`, `fxdevice.cpp`, `fxresource.cpp`, `fxfileobject.cpp`);
    /// a request counts as deletable only when the driver created it, which its owner checks.
    #[must_use]
    pub const fn driver_may_delete(self) -> bool {
        !matches!(
            self,
            Self::Driver | Self::FileObject | Self::ResourceList | Self::Request
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

/// The value that a driver sees as a handle. Values are never used twice, so a stale handle is
/// always recognised; the framework itself reuses addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(pub u64);

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
