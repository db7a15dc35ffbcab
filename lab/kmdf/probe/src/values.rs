//! What objects and registry keys keep: contexts, and values with their types.

use core::ptr;

use wdk_sys::{
    KEY_ALL_ACCESS, NTSTATUS, PVOID, REG_BINARY, REG_DWORD, REG_SZ, STATUS_BUFFER_OVERFLOW,
    STATUS_OBJECT_NAME_EXISTS, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS, UNICODE_STRING, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO, WDFKEY,
    WDFMEMORY, WDFSTRING, call_unsafe_wdf_function_binding,
};

use crate::framework::{Framework, Promise, attributes, memory_with, promise, size, unicode, wdf};

/// A description of context space that any thread may read.
struct Description(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: the pointers inside name constants.
unsafe impl Sync for Description {}

const fn description(name: &'static core::ffi::CStr, size_of_context: usize) -> Description {
    Description(WDF_OBJECT_CONTEXT_TYPE_INFO {
        Size: size::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
        ContextName: name.as_ptr(),
        ContextSize: size_of_context,
        UniqueType: ptr::null(),
        EvtDriverGetUniqueContextType: None,
    })
}

static FIRST: Description = description(c"FIRST", 40);
static SECOND: Description = description(c"SECOND", 24);

/// The context of this type, as numbers.
fn context(object: WDFMEMORY, which: &'static Description) -> *mut u64 {
    wdf!(
        WdfObjectGetTypedContextWorker,
        object.cast(),
        &raw const which.0
    )
    .cast()
}

/// Whether so many numbers of a context are zero.
fn is_zero(context: *mut u64, count: usize) -> bool {
    (0..count).all(|index| {
        // SAFETY: the caller passes a context that has so many numbers.
        (unsafe { context.wrapping_add(index).read() }) == 0
    })
}

/// Contexts are zeroed, told apart by type, and stay where they are.
pub(crate) fn contexts(framework: &Framework) -> Result<(), Promise> {
    let object = memory_with(&mut WDF_OBJECT_ATTRIBUTES {
        ContextTypeInfo: &raw const FIRST.0,
        ..attributes(framework.driver)
    });
    let first = context(object, &FIRST);
    promise(is_zero(first, 5), "a context is zeroed")?;
    // SAFETY: the context has five numbers.
    unsafe { first.write(7) };
    let (status, second) = add_second(object);
    promise(status == STATUS_SUCCESS, "an object takes a second context")?;
    promise(is_zero(second, 3), "a second context is zeroed")?;
    promise(second != first, "each context has space of its own")?;
    promise(
        second == context(object, &SECOND),
        "a context is found by its type",
    )?;
    promise(
        first == context(object, &FIRST),
        "a context stays where it is",
    )?;
    // SAFETY: as above.
    let kept = unsafe { first.read() };
    promise(kept == 7, "a context keeps its contents")?;
    let (status, again) = add_second(object);
    promise(
        status == STATUS_OBJECT_NAME_EXISTS && again == second,
        "a type is added once",
    )
}

fn add_second(object: WDFMEMORY) -> (NTSTATUS, *mut u64) {
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        ContextTypeInfo: &raw const SECOND.0,
        ..attributes(ptr::null_mut::<()>())
    };
    let mut address: PVOID = ptr::null_mut();
    let status = wdf!(
        WdfObjectAllocateContext,
        object.cast(),
        &raw mut attributes,
        &raw mut address
    );
    (status, address.cast())
}

/// A name of a registry value.
struct Name {
    room: [u16; 64],
}

impl Name {
    fn of(text: &str, use_it: impl FnOnce(*const UNICODE_STRING) -> NTSTATUS) -> NTSTATUS {
        let mut name = Self { room: [0; 64] };
        let string = unicode(text, &mut name.room);
        use_it(&raw const string)
    }
}

const NUMBER: u32 = 0x1234_5678;
const TEXT: [u16; 3] = [b'a' as u16, b'b' as u16, 0];
const BYTES: [u8; 5] = [1, 2, 3, 4, 5];

/// Values come back with their type, and not as another one.
pub(crate) fn registry_types(framework: &Framework) -> Result<(), Promise> {
    let mut key: WDFKEY = ptr::null_mut();
    let _ = wdf!(
        WdfDriverOpenParametersRegistryKey,
        framework.driver,
        KEY_ALL_ACCESS,
        ptr::null_mut(),
        &raw mut key
    );
    assign(key);
    numbers(key)?;
    texts(key)?;
    anything(key)?;
    wdf!(WdfRegistryClose, key);
    Ok(())
}

fn assign(key: WDFKEY) {
    Name::of("Number", |name| {
        wdf!(WdfRegistryAssignULong, key, name, NUMBER)
    });
    let mut text = TEXT;
    Name::of("Text", |name| {
        wdf!(
            WdfRegistryAssignValue,
            key,
            name,
            REG_SZ,
            6,
            text.as_mut_ptr().cast()
        )
    });
    let mut bytes = BYTES;
    Name::of("Bytes", |name| {
        wdf!(
            WdfRegistryAssignValue,
            key,
            name,
            REG_BINARY,
            5,
            bytes.as_mut_ptr().cast()
        )
    });
}

fn numbers(key: WDFKEY) -> Result<(), Promise> {
    let mut number = 0;
    let mut ask = |name| {
        Name::of(name, |name| {
            wdf!(WdfRegistryQueryULong, key, name, &raw mut number)
        })
    };
    promise(
        ask("Text") == STATUS_OBJECT_TYPE_MISMATCH,
        "a text is no number",
    )?;
    promise(
        ask("Missing") == STATUS_OBJECT_NAME_NOT_FOUND,
        "a value that is missing is not found",
    )?;
    promise(ask("Number") == STATUS_SUCCESS, "a number is a number")?;
    promise(number == NUMBER, "a number is the one that was assigned")
}

fn texts(key: WDFKEY) -> Result<(), Promise> {
    let mut string: WDFSTRING = ptr::null_mut();
    let _ = wdf!(
        WdfStringCreate,
        ptr::null(),
        ptr::null_mut(),
        &raw mut string
    );
    let ask = |name| Name::of(name, |name| wdf!(WdfRegistryQueryString, key, name, string));
    promise(
        ask("Number") == STATUS_OBJECT_TYPE_MISMATCH,
        "a number is no text",
    )?;
    promise(
        ask("Bytes") == STATUS_OBJECT_TYPE_MISMATCH,
        "bytes are no text",
    )?;
    promise(ask("Text") == STATUS_SUCCESS, "a text is a text")?;
    let mut seen = UNICODE_STRING::default();
    wdf!(WdfStringGetUnicodeString, string, &raw mut seen);
    promise(seen.Length == 4, "a text's length leaves its zero out")
}

fn anything(key: WDFKEY) -> Result<(), Promise> {
    let mut buffer = [0_u8; 8];
    let (mut length, mut kind) = (0, 0);
    let mut ask = |room, length: &mut u32, kind: &mut u32| {
        Name::of("Bytes", |name| {
            wdf!(
                WdfRegistryQueryValue,
                key,
                name,
                room,
                buffer.as_mut_ptr().cast(),
                length,
                kind
            )
        })
    };
    promise(
        ask(4, &mut length, &mut kind) == STATUS_BUFFER_OVERFLOW && length == 5,
        "a buffer that is too small is told the length",
    )?;
    promise(
        ask(8, &mut length, &mut kind) == STATUS_SUCCESS && (length, kind) == (5, REG_BINARY),
        "a value comes with its length and type",
    )?;
    promise(
        buffer.starts_with(&BYTES),
        "a value is the one that was assigned",
    )?;
    let mut memory: WDFMEMORY = ptr::null_mut();
    let status = Name::of("Number", |name| {
        wdf!(
            WdfRegistryQueryMemory,
            key,
            name,
            512,
            ptr::null_mut(),
            &raw mut memory,
            &raw mut kind
        )
    });
    promise(
        status == STATUS_SUCCESS && kind == REG_DWORD,
        "memory holds a value of any type",
    )?;
    let mut size = 0;
    let _ = wdf!(WdfMemoryGetBuffer, memory, &raw mut size);
    promise(size == 4, "memory is as large as the value")
}
