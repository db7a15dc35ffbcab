//! Links a WDM driver: the image imports the kernel alone and starts at `DriverEntry`.

fn main() -> Result<(), std::env::VarError> {
    kernel_image::link("/ENTRY:DriverEntry")
}
