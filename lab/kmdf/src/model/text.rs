//! String objects.

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::object::Kind;
use wdk_sys::UNICODE_STRING;

use crate::{kernel::counted_string::unicode, model::objects::Body};

/// A `WDFSTRING`: zero-terminated characters.
pub(crate) struct Text(Locked<Vec<u16>>);

impl Body for Text {
    const KIND: Kind = Kind::String;
}

impl Text {
    pub(crate) const fn new(characters: Vec<u16>) -> Self {
        Self(Locked::new(characters))
    }

    /// Replaces the text.
    pub(crate) fn set(&self, characters: Vec<u16>) {
        self.0.with(|own| *own = characters);
    }

    /// The text as a counted string, valid until it is replaced or deleted.
    pub(crate) fn counted(&self) -> UNICODE_STRING {
        self.0.with(|characters| unicode(characters))
    }
}
