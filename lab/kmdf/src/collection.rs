//! Collections: ordered lists that hold a reference to each item (`fxcollectionapi.cpp`).

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{NTSTATUS, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, WDFCOLLECTION, WDFOBJECT};

use crate::{
    body::Body,
    call::{Call, number, pointer},
    status,
    world::{self, Order},
};

/// A `WDFCOLLECTION`.
#[derive(Default)]
pub(crate) struct Collection(Locked<Vec<Handle>>);

impl Collection {
    /// Gives the references back.
    pub(crate) fn dispose(&self) {
        for item in self.0.with(core::mem::take) {
            world::dereference("WDFCOLLECTION deleted", item);
        }
    }
}

/// `WdfCollectionCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    collection: *mut WDFCOLLECTION,
) -> NTSTATUS {
    let call = Call::enter("WdfCollectionCreate", Level::Dispatch);
    let parent = crate::bind::default_parent(globals);
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, collection, "Collection") };
    status::of(world::create_for(&call, &order, |_| {
        Ok(Body::Collection(Collection::default()))
    }))
}

/// `WdfCollectionAdd`.
pub(crate) unsafe extern "C" fn add(
    _globals: PWDF_DRIVER_GLOBALS,
    collection: WDFCOLLECTION,
    item: WDFOBJECT,
) -> NTSTATUS {
    let call = Call::enter("WdfCollectionAdd", Level::Dispatch);
    let collection = call.object::<Collection, _>(collection);
    let (item, _) = call.any(item, false);
    world::reference(call.function(), item);
    collection.0.with(|items| items.push(item));
    status::SUCCESS
}

/// `WdfCollectionRemove`.
pub(crate) unsafe extern "C" fn remove(
    _globals: PWDF_DRIVER_GLOBALS,
    collection: WDFCOLLECTION,
    item: WDFOBJECT,
) {
    let call = Call::enter("WdfCollectionRemove", Level::Dispatch);
    let collection = call.object::<Collection, _>(collection);
    let item = number(item);
    let removed = collection.0.with(|items| {
        let place = items.iter().position(|&other| other == item)?;
        Some(items.remove(place))
    });
    match removed {
        Some(item) => world::dereference(call.function(), item),
        None => call.bad_parameter("Item", "is not in the collection", item.0),
    }
}

/// `WdfCollectionRemoveItem`.
pub(crate) unsafe extern "C" fn remove_item(
    _globals: PWDF_DRIVER_GLOBALS,
    collection: WDFCOLLECTION,
    index: u32,
) {
    let call = Call::enter("WdfCollectionRemoveItem", Level::Dispatch);
    let collection = call.object::<Collection, _>(collection);
    let removed = collection
        .0
        .with(|items| ((index as usize) < items.len()).then(|| items.remove(index as usize)));
    match removed {
        Some(item) => world::dereference(call.function(), item),
        None => call.bad_parameter("Index", "is behind the last item", u64::from(index)),
    }
}

/// `WdfCollectionGetCount`.
pub(crate) unsafe extern "C" fn get_count(
    _globals: PWDF_DRIVER_GLOBALS,
    collection: WDFCOLLECTION,
) -> u32 {
    let call = Call::enter("WdfCollectionGetCount", Level::Dispatch);
    let count = call
        .object::<Collection, _>(collection)
        .0
        .with(|items| items.len());
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// `WdfCollectionGetItem`.
pub(crate) unsafe extern "C" fn get_item(
    _globals: PWDF_DRIVER_GLOBALS,
    collection: WDFCOLLECTION,
    index: u32,
) -> WDFOBJECT {
    let call = Call::enter("WdfCollectionGetItem", Level::Dispatch);
    let item = call
        .object::<Collection, _>(collection)
        .0
        .with(|items| items.get(index as usize).copied());
    item.map_or(core::ptr::null_mut(), pointer)
}

/// `WdfCollectionGetFirstItem`.
pub(crate) unsafe extern "C" fn get_first(
    _globals: PWDF_DRIVER_GLOBALS,
    collection: WDFCOLLECTION,
) -> WDFOBJECT {
    let call = Call::enter("WdfCollectionGetFirstItem", Level::Dispatch);
    let item = call
        .object::<Collection, _>(collection)
        .0
        .with(|items| items.first().copied());
    item.map_or(core::ptr::null_mut(), pointer)
}

/// `WdfCollectionGetLastItem`.
pub(crate) unsafe extern "C" fn get_last(
    _globals: PWDF_DRIVER_GLOBALS,
    collection: WDFCOLLECTION,
) -> WDFOBJECT {
    let call = Call::enter("WdfCollectionGetLastItem", Level::Dispatch);
    let item = call
        .object::<Collection, _>(collection)
        .0
        .with(|items| items.last().copied());
    item.map_or(core::ptr::null_mut(), pointer)
}
