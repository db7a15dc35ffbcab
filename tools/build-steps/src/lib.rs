//! What the steps of a build share: folders, commands, Debian packages, exact edits to source text,
//! and counts of tests.
#![forbid(unsafe_code)]

pub mod packages;
pub mod paths;
pub mod process;
pub mod source_edit;
pub mod tally;
pub mod write;
