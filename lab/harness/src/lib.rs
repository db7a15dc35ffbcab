//! Runs the driver image in the lab: sessions, tests, conformance of the KMDF double, coverage and
//! mutants.
#![forbid(unsafe_code)]

mod bench;
pub mod build;
pub mod command;
pub mod coverage;
mod double_log;
mod etw_log;
mod inf;
pub mod kmdf_conformance;
pub mod mutants;
pub mod packages;
mod prefix;
mod run;
mod suite;
