//! How the ETW double is linked: a kernel image without an entry point, because it initializes
//! nothing.

fn main() -> Result<(), std::env::VarError> {
    kernel_image::link("/NOENTRY")
}
