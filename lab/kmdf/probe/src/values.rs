//! What objects and registry keys keep: contexts, and values with their types.

use core::ptr;

use wdk_sys::{
    KEY_READ, NTSTATUS, REG_BINARY, REG_DWORD, REG_SZ, STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH, STATUS_SUCCESS, UNICODE_STRING, WDF_OBJECT_ATTRIBUTES,
    WDF_OBJECT_CONTEXT_TYPE_INFO, WDFKEY, WDFMEMORY, call_unsafe_wdf_function_binding,
};

use crate::{
    framework::{Framework, attributes, memory_with, wdf},
    kernel_types::{size, unicode},
    promise::{Promise, promise},
};

/// A description of context space that any thread may read.
struct Description(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: the pointers inside name constants.
unsafe impl Sync for Description {}

static DESCRIPTION: Description = Description(WDF_OBJECT_CONTEXT_TYPE_INFO {
    Size: size::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
    ContextName: c"NUMBERS".as_ptr(),
    ContextSize: 40,
    UniqueType: ptr::null(),
    EvtDriverGetUniqueContextType: None,
});

/// The context of an object, as numbers.
fn context(object: WDFMEMORY) -> *mut u64 {
    wdf!(
        WdfObjectGetTypedContextWorker,
        object.cast(),
        &raw const DESCRIPTION.0
    )
    .cast()
}

/// A context is zeroed, stays in place, and belongs to one object.
pub(crate) fn contexts(framework: &Framework) -> Result<(), Promise> {
    let create = || {
        memory_with(&mut WDF_OBJECT_ATTRIBUTES {
            ContextTypeInfo: &raw const DESCRIPTION.0,
            ..attributes(framework.driver)
        })
    };
    let (object, other) = (create(), create());
    let first = context(object);
    let zeroed = (0..5).all(|index| {
        // SAFETY: the context has five numbers.
        (unsafe { first.wrapping_add(index).read() }) == 0
    });
    promise(zeroed, "a context is zeroed")?;
    // SAFETY: as above.
    unsafe { first.write(7) };
    promise(
        first != context(other),
        "each object has a context of its own",
    )?;
    promise(first == context(object), "a context stays where it is")?;
    // SAFETY: as above.
    let kept = unsafe { first.read() };
    promise(kept == 7, "a context keeps its contents")
}

/// Calls `use_it` with the name of a registry value.
fn with_name(text: &str, use_it: impl FnOnce(*const UNICODE_STRING) -> NTSTATUS) -> NTSTATUS {
    let mut room = [0; 64];
    let string = unicode(text, &mut room);
    use_it(&raw const string)
}

const NUMBER: u32 = 0x1234_5678;

/// Values come back with their type, and not as another one.
pub(crate) fn registry_types(framework: &Framework) -> Result<(), Promise> {
    let parameters = &framework.parameters;
    parameters.write("Number", REG_DWORD, &mut NUMBER.to_le_bytes());
    parameters.write("Text", REG_SZ, &mut [b'a', 0, b'b', 0, 0, 0]);
    parameters.write("Bytes", REG_BINARY, &mut [1, 2, 3, 4, 5]);
    parameters.write("Nothing", REG_BINARY, &mut []);
    let mut key: WDFKEY = ptr::null_mut();
    let _ = wdf!(
        WdfDriverOpenParametersRegistryKey,
        framework.driver,
        KEY_READ,
        ptr::null_mut(),
        &raw mut key
    );
    numbers(key)?;
    memories(key)?;
    wdf!(WdfRegistryClose, key);
    Ok(())
}

fn numbers(key: WDFKEY) -> Result<(), Promise> {
    let mut number = 0;
    let mut query = |name| {
        with_name(name, |name| {
            wdf!(WdfRegistryQueryULong, key, name, &raw mut number)
        })
    };
    promise(
        query("Text") == STATUS_OBJECT_TYPE_MISMATCH,
        "a text is no number",
    )?;
    promise(
        query("Missing") == STATUS_OBJECT_NAME_NOT_FOUND,
        "a value that is missing is not found",
    )?;
    promise(query("Number") == STATUS_SUCCESS, "a number is a number")?;
    promise(number == NUMBER, "a number is the one that was written")
}

fn memories(key: WDFKEY) -> Result<(), Promise> {
    let (mut memory, mut kind): (WDFMEMORY, u32) = (ptr::null_mut(), 0);
    let mut query = |name| {
        with_name(name, |name| {
            wdf!(
                WdfRegistryQueryMemory,
                key,
                name,
                512,
                ptr::null_mut(),
                &raw mut memory,
                &raw mut kind
            )
        })
    };
    promise(query("Nothing") < 0, "an empty value makes no memory")?;
    promise(
        query("Bytes") == STATUS_SUCCESS,
        "memory holds a value of any type",
    )?;
    promise(kind == REG_BINARY, "a value comes with its type")?;
    let mut size = 0;
    let buffer = wdf!(WdfMemoryGetBuffer, memory, &raw mut size).cast::<u8>();
    promise(size == 5, "memory is as large as the value")?;
    // SAFETY: the memory has five bytes.
    let last = unsafe { buffer.wrapping_add(4).read() };
    promise(last == 5, "memory holds the value that was written")
}
