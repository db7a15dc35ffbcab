//! What the PF driver decides, without the framework that it decides it in.
//!
//! Each module is one conversation with Windows or with hardware, as values and functions that any
//! host can test: the driver's shell holds the locks, the queues and the requests, asks here, and
//! executes the answer.
//!
//! | module | decides |
//! |---|---|
//! | [`rebalance`] | who is attached, which Plug and Play event is told to whom, who has to wait |
//! | [`invalidation`] | which pending request may carry which VF's invalidation |
//! | [`rundown`] | which calls may still start, and when the last one is out |
//! | [`retention`] | which registers of a VF are restored after the PF was not in D0 |
//! | [`reset`] | the function level reset of a VF, register by register |
//! | [`opener`] | who may send management codes |
//! | [`power`] | which power states a VF may be put into |
//! | [`config`] | which bytes of a VF's configuration space may be written, which are made up |
//! | [`bars`] | which part of the PF's VF memory belongs to which VF |
//! | [`sriov`] | what the PF's SR-IOV capability says |
//! | [`enable`] | turning the VFs on and off, with the times that the device is given |
//! | [`table`] | which block table a PF is served by |
//! | [`facts`] | what every start of a device must find the same |
//! | [`failure`] | why a device does not start |
//! | [`event`] | what is told to Event Tracing, and how it is laid out |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod atomic;
pub mod bars;
pub mod clock;
pub mod config;
pub mod enable;
pub mod event;
pub mod facts;
pub mod failure;
pub mod flr;
pub mod invalidation;
pub mod opener;
pub mod power;
pub mod rebalance;
pub mod reset;
pub mod retention;
pub mod rundown;
pub mod sriov;
pub mod status;
pub mod table;

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
