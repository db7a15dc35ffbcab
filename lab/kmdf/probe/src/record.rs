//! The record of a scenario, in order: callbacks, packets that reach the bus, packets that come
//! back. Each entry ends with the level of its thread unless that is `PASSIVE_LEVEL`.

use core::{
    cell::UnsafeCell,
    fmt::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

/// Between two entries.
const SEPARATOR: &str = "; ";
const ROOM: usize = 4096;

// The level that the double tracks; Wine's kernel has none.
#[link(name = "WDFLDR.SYS", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn WdfDoubleLevel() -> u8;
}

struct Text {
    characters: [u16; ROOM],
    length: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.encode_utf16() {
            let place = self.characters.get_mut(self.length).ok_or(fmt::Error)?;
            *place = character;
            self.length += 1;
        }
        Ok(())
    }
}

struct Record {
    taken: AtomicBool,
    text: UnsafeCell<Text>,
}

// SAFETY: `with` gives the text to one thread at a time.
unsafe impl Sync for Record {}

static RECORD: Record = Record {
    taken: AtomicBool::new(false),
    text: UnsafeCell::new(Text {
        characters: [0; ROOM],
        length: 0,
    }),
};

fn with<R>(body: impl FnOnce(&mut Text) -> R) -> R {
    while RECORD.taken.swap(true, Ordering::Acquire) {
        core::hint::spin_loop();
    }
    // SAFETY: this thread alone set `taken`.
    let result = body(unsafe { &mut *RECORD.text.get() });
    RECORD.taken.store(false, Ordering::Release);
    result
}

/// Adds an entry. One that does not fit is left out, and the comparison then fails.
pub(crate) fn add(entry: fmt::Arguments<'_>) {
    // SAFETY: the function takes nothing and returns a value.
    let level = match unsafe { WdfDoubleLevel() } {
        0 => "",
        1 => " at APC_LEVEL",
        _ => " at DISPATCH_LEVEL",
    };
    with(|text| {
        let separator = if text.length == 0 { "" } else { SEPARATOR };
        let _ = write!(text, "{separator}{entry}{level}");
    });
}

/// Adds an entry, with the syntax of `format!`.
macro_rules! record {
    ($($text:tt)*) => { $crate::record::add(format_args!($($text)*)) };
}
pub(crate) use record;

/// Hands the whole record out, if there is any.
pub(crate) fn finish(write: impl FnOnce(&mut [u16])) {
    with(|text| {
        if let Some(written @ [_, ..]) = text.characters.get_mut(..text.length) {
            write(written);
        }
    });
}
