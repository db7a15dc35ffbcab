//! Compile-time checks of structure layouts.

/// Asserts at compile time the size of a structure and the offset of each of the named fields.
macro_rules! assert_layout {
    ($type:ty, size $size:literal, $($field:ident @ $offset:literal),+ $(,)?) => {
        const _: () = assert!(core::mem::size_of::<$type>() == $size, stringify!($type));
        $(const _: () = assert!(
            core::mem::offset_of!($type, $field) == $offset,
            concat!(stringify!($type), ".", stringify!($field))
        );)+
    };
}
pub(crate) use assert_layout;
