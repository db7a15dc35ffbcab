//! Builds KMDF drivers on Linux with the published wdk crates, and checks and packages the image.
#![forbid(unsafe_code)]

pub mod architecture;
pub mod driver;
pub mod image;
pub mod kit;
pub mod package;
pub mod packages;
pub mod reproducible;
pub mod toolchain;
pub mod wdk_build;
