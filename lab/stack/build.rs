//! Links a WDM driver: the image imports the kernel alone and starts at `DriverEntry`.

use std::env;

fn main() {
    println!("cargo::rerun-if-env-changed=WDKContentRoot");
    if let Ok(kit) = env::var("WDKContentRoot") {
        println!("cargo::rustc-link-search={kit}/Lib/10.0.26100.0/km/x64");
        println!("cargo::rustc-link-search={kit}/Lib/wdf/kmdf/x64/1.33");
    }
    for argument in [
        "/DRIVER",
        "/NODEFAULTLIB",
        "/SUBSYSTEM:NATIVE",
        "/ENTRY:DriverEntry",
        "/NXCOMPAT",
        "/DYNAMICBASE",
        "/MANIFEST:NO",
    ] {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
}
