//! What each kind of object is made of.

use kmdf_rules::object::{Handle, Kind};

use crate::{
    collection::Collection, device::Device, driver::Driver, file::FileObject, lock::SpinLock,
    lock::WaitLock, memory::Memory, queue::Queue, registry::Key, request::Request,
    resources::ResourceList, string::Text, target::IoTarget, timer::Timer, work_item::WorkItem,
    world::Typed,
};

/// An object created with `WdfObjectCreate`.
pub(crate) struct General;

macro_rules! bodies {
    ($($kind:ident($body:ty),)*) => {
        /// The part of an object that its kind decides.
        #[expect(
            clippy::large_enum_variant,
            reason = "every body lives in an allocation of its own"
        )]
        pub(crate) enum Body {
            $(
                #[doc = concat!("Body of [`Kind::", stringify!($kind), "`].")]
                $kind($body),
            )*
        }

        impl Body {
            /// The kind of handle.
            pub(crate) const fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }
        }

        $(
            impl Typed for $body {
                const KIND: Kind = Kind::$kind;

                fn of(body: &Body) -> Option<&Self> {
                    match body {
                        Body::$kind(body) => Some(body),
                        _ => None,
                    }
                }
            }
        )*
    };
}

bodies! {
    Driver(Driver),
    Device(Device),
    Queue(Queue),
    Request(Request),
    FileObject(FileObject),
    Memory(Memory),
    SpinLock(SpinLock),
    WaitLock(WaitLock),
    Key(Key),
    String(Text),
    Collection(Collection),
    Timer(Timer),
    WorkItem(WorkItem),
    IoTarget(IoTarget),
    ResourceList(ResourceList),
    General(General),
}

impl Body {
    /// What the framework does before the driver's cleanup callbacks run (`Dispose` of each class).
    pub(crate) fn dispose(&self, handle: Handle) {
        match self {
            Self::Queue(queue) => queue.dispose(handle),
            Self::Device(device) => crate::interface::free_all(device),
            Self::Request(request) => request.dispose(handle),
            Self::SpinLock(_) | Self::WaitLock(_) => crate::lock::dispose(handle),
            Self::Key(key) => key.close(),
            Self::Timer(timer) => timer.dispose(),
            Self::WorkItem(item) => item.dispose(),
            Self::Collection(collection) => collection.dispose(),
            Self::IoTarget(target) => target.dispose(),
            _ => {}
        }
    }
}
