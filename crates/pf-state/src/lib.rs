//! The driver's decisions as state machines, free of KMDF.
//!
//! The driver's shell holds the locks, the queues and the requests. It calls this crate, or
//! implements its traits, and executes the results; so host tests run the code that the driver
//! runs.
//!
//! | module | decides |
//! |---|---|
//! | [`rebalance`] | which stack is attached, which event it gets, which callback waits |
//! | [`invalidation`] | which pending request carries which VF's invalidation, and when |
//! | [`reset`] | the steps of a VF's reset and their order |
//! | [`flr`] | the function level reset of a VF, register by register |
//! | [`companion`] | when the companion driver is called, and in which order |
//! | [`removal`] | the two parts of a PF's removal and the order of their steps |
//! | [`hardware_rundowns`] | when calls and resets may reach the hardware |
//! | [`rundown`] | which calls may start, and when the last one has left |
//! | [`retention`] | which registers of a VF are restored after the PF was not in D0 |
//! | [`opener`] | which files may send management codes |
//! | [`position`] | whether the driver is a device's function driver or a filter above it |
//! | [`alarm`] | when one timer has to run for the deadlines of all VFs |
//! | [`power`] | which power states a VF may have |
//! | [`config`] | reading configuration space, and the identifiers that a VF shows |
//! | [`write_list`] | which bits of a VF's configuration space a VF may write |
//! | [`saved_registers`] | how these are saved and restored |
//! | [`bars`] | which part of the PF's VF memory belongs to which VF |
//! | [`sriov`] | the PF's SR-IOV capability |
//! | [`enable`] | turning the VFs on and off, with the times that the device needs |
//! | [`table`] | which block table a PF uses |
//! | [`facts`] | what every start of a device must find the same |
//! | [`failure`] | why a device does not start |
//! | [`event_log`] | the entries of the System event log, their limit and their layout |
//! | [`event`] | the events for Event Tracing, and their layout |
//! | [`clock`], [`status`] | time; the statuses of the driver |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod alarm;
mod atomic;
pub mod bars;
pub mod clock;
pub mod companion;
pub mod config;
pub mod enable;
pub mod event;
pub mod event_log;
pub mod facts;
pub mod failure;
pub mod flr;
pub mod hardware_rundowns;
pub mod invalidation;
pub mod opener;
pub mod position;
pub mod power;
pub mod rebalance;
pub mod removal;
pub mod reset;
pub mod retention;
pub mod rundown;
pub mod saved_registers;
pub mod sriov;
pub mod status;
pub mod table;
pub mod write_list;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    /// The names of all functions in the files below a folder.
    fn functions(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a source folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                functions(&path, names);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source file");
            let calls = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("fn "));
            names.extend(calls.filter_map(|line| Some(line.split_once('(')?.0.to_owned())));
        }
    }

    #[test]
    fn every_test_that_the_documentation_of_the_contract_names_is_there() {
        let mut known = BTreeSet::new();
        functions(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut known,
        );
        let document = include_str!("../../../docs/contract.md");
        let named: BTreeSet<_> = document
            .split('`')
            .filter(|word| word.matches('_').count() > 3 && *word == word.to_lowercase())
            .collect();
        assert!(named.len() > 15, "the page names tests: {named:?}");
        for name in named {
            assert!(known.contains(name), "docs/contract.md names {name}");
        }
    }
}
