//! Which events `pfbctl journal` and `pfbctl watch` print.

use block_manifest::closest;

use super::names::Names;
use super::reply::{self, Event};
use crate::cli;
use crate::failure::Failure;
use crate::style::listed;

/// The events to print.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Of these blocks; of all if there are none.
    blocks: Vec<u32>,
    /// Of these operations; of all if there are none.
    operations: Vec<&'static str>,
    refused: bool,
}

impl Filter {
    /// The events that the arguments select.
    pub(super) fn new(arguments: &cli::EventFilter, names: &Names) -> Result<Self, Failure> {
        let blocks = arguments.blocks.iter().map(|block| names.block(block));
        let operations = arguments.operations.iter().map(|word| operation(word));
        Ok(Self {
            blocks: blocks.collect::<Result<_, _>>()?,
            operations: operations.collect::<Result<_, _>>()?,
            refused: arguments.refused,
        })
    }

    /// Whether an event is printed.
    pub(super) fn passes(&self, event: &Event) -> bool {
        let of_block = self.blocks.is_empty()
            || event
                .block
                .is_some_and(|block| self.blocks.contains(&block));
        let of_operation = self.operations.is_empty() || self.operations.contains(&event.operation);
        of_block && of_operation && (!self.refused || event.reason.is_some())
    }
}

/// The operation of a word such as `host-read`.
fn operation(word: &str) -> Result<&'static str, Failure> {
    let spaced = word.replace('-', " ");
    if let Some(name) = reply::operations().find(|name| *name == spaced) {
        return Ok(name);
    }
    let words: Vec<String> = reply::operations()
        .map(|name| name.replace(' ', "-"))
        .collect();
    let meant = closest(word, words.iter().map(String::as_str))
        .map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"));
    Err(Failure::Argument {
        argument: "--operation",
        problem: format!(
            "there is no operation `{word}`{meant}; operations are {}",
            listed(&words)
        ),
    })
}

#[cfg(test)]
mod tests {
    use pf_broker_abi::{self as abi, Operation, Refusal};
    use zerocopy::FromZeros as _;

    use super::*;

    fn passing(blocks: &[&str], operations: &[&str], refused: bool) -> Vec<usize> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let arguments = cli::EventFilter {
            blocks: owned(blocks),
            operations: owned(operations),
            refused,
        };
        let filter = Filter::new(&arguments, &Names::NONE).expect("known words");
        let event = |operation: Operation, block, refusal: Option<Refusal>| {
            let mut entry = abi::JournalEntry::new_zeroed();
            entry.operation = operation.code();
            entry.block = block;
            entry.status = refusal.map_or(0, Refusal::status).cast_signed();
            Event::new(&entry, &Names::NONE, None)
        };
        let events = [
            event(Operation::Write, 0, None),
            event(Operation::Write, 1, Some(Refusal::Value)),
            event(Operation::HostRead, 1, None),
            event(Operation::Reset, 0, None),
        ];
        let passing = events.iter().enumerate();
        passing
            .filter(|(_, event)| filter.passes(event))
            .map(|(index, _)| index)
            .collect()
    }

    #[test]
    fn an_event_passes_if_every_condition_holds() {
        assert_eq!(passing(&[], &[], false), [0, 1, 2, 3]);
        assert_eq!(passing(&["0"], &[], false), [0], "a reset has no block");
        assert_eq!(passing(&["0", "1"], &[], false), [0, 1, 2]);
        assert_eq!(passing(&[], &["write"], false), [0, 1]);
        assert_eq!(passing(&[], &["host-read", "reset"], false), [2, 3]);
        assert_eq!(passing(&[], &[], true), [1]);
        assert_eq!(passing(&["1"], &["write"], true), [1]);
        assert!(passing(&["0"], &["write"], true).is_empty());
    }

    #[test]
    fn an_unknown_operation_is_refused_with_the_known_ones() {
        let problem = operation("host-red").expect_err("unknown").to_string();
        assert!(
            problem.contains("did you mean `host-read`?") && problem.contains("reset-failed"),
            "{problem}"
        );
    }
}
