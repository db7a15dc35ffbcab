//! How the ETW double is linked: a kernel image without an entry point of its own, since the kernel
//! that looks its functions up has nothing to tell it first.

fn main() -> Result<(), std::env::VarError> {
    kernel_image::link("/NOENTRY")
}
