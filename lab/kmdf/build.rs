//! How WDFLDR.SYS is linked: a kernel image without an entry point of its own, since the drivers
//! that import it call it first, with the four exports that the framework's loader has.

fn main() -> Result<(), std::env::VarError> {
    kernel_image::link("/NOENTRY")
}
