//! How the ETW double is linked: a kernel image without an entry point of its own, since the kernel
//! that looks its functions up has nothing to tell it first.

use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let kit = env::var("WDKContentRoot")?;
    println!("cargo::rerun-if-env-changed=WDKContentRoot");
    for folder in ["Lib/10.0.26100.0/km/x64", "Lib/wdf/kmdf/x64/1.33"] {
        println!("cargo::rustc-link-search={kit}/{folder}");
    }
    for argument in [
        "/DRIVER",
        "/NODEFAULTLIB",
        "/SUBSYSTEM:NATIVE",
        "/NOENTRY",
        "/NXCOMPAT",
        "/DYNAMICBASE",
        "/MANIFEST:NO",
    ] {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    Ok(())
}
