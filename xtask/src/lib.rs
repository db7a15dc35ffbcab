//! What `cargo xtask` is made of: the cross-build, the image checks and the test run.
#![forbid(unsafe_code)]

pub mod architecture;
pub mod coverage;
pub mod double;
pub mod driver;
pub mod image;
pub mod kit;
pub mod lab;
pub mod mutants;
pub mod package;
pub mod packages;
pub mod places;
pub mod process;
pub mod reproducible;
pub mod source_edit;
pub mod suite;
pub mod tally;
pub mod toolchain;
pub mod wdk_build;
