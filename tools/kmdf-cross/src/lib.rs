//! Builds KMDF drivers on Linux with the published wdk crates, checks the image and packages it.
//!
//! From the top down: [`package`] and [`reproducible`] use [`driver`], which reads a driver's manifest,
//! builds its image with a [`toolchain`], seals it and checks it ([`image`]). A toolchain is the
//! published wdk-build with a few edits ([`wdk_build`]), a tree of headers and libraries in the form of
//! an installed WDK ([`kit`]), and a configuration of cargo. [`c_driver`] builds a driver that is
//! written in C with the same kit, and [`static_library`] a library that such drivers link. README.md
//! shows how to use it.
#![forbid(unsafe_code)]

pub mod architecture;
pub mod c_driver;
pub mod driver;
pub mod image;
pub mod kit;
pub mod llvm;
pub mod package;
pub mod packages;
pub mod reproducible;
pub mod static_library;
pub mod toolchain;
pub mod wdk_build;
