//! Runs the driver image in the lab.
//!
//! From the top down: [`mutants`] and [`coverage`] run the tests of the lab (`suite`) on changed or
//! instrumented code, [`command`] a single job. A test is a run (`run`): a fresh Wine prefix
//! (`prefix`) with the images (`build`), INF files (`inf`) and a device (`device`), then the
//! runner, its output, and the logs of the doubles (`double_log`, `etw_log`, `error_log`). [`kmdf_conformance`]
//! tests the KMDF double itself, without the driver.
#![forbid(unsafe_code)]

pub mod build;
pub mod command;
pub mod coverage;
mod device;
mod double_log;
mod error_log;
mod etw_call;
mod etw_event;
mod etw_log;
mod inf;
pub mod kmdf_conformance;
mod live;
pub mod mutants;
pub mod packages;
mod prefix;
mod run;
mod suite;
mod vf_driver;
