//! Bounds the rules of a block and the work of one write, as the verifier of the block table does.

use block_table::encode::{BlockSource, Source};
use block_table::{MAX_RULES, MAX_WORK};

use crate::diagnostic::{Diagnostic, Sink};
use crate::model::Block;

/// Reports each of `blocks` whose writes take more comparisons than a block table may have. `source`
/// holds the compiled blocks in the same order.
pub(crate) fn check(source: &Source, blocks: &[Block], sink: &Sink) {
    for (compiled, block) in source.blocks.iter().zip(blocks) {
        rules(compiled, block, sink);
        let Ok(work) = compiled.work() else { continue };
        let total = work.total();
        if total <= MAX_WORK {
            continue;
        }
        let message = format!(
            "a write of block `{}` takes {total} comparisons, and may take {MAX_WORK}",
            block.name
        );
        let mut parts = vec![(work.before, "for the rules of the block's fields")];
        if !block.layouts.is_empty() {
            parts.push((
                work.choice,
                "to choose the layout, before the write and after it",
            ));
            parts.push((work.layout, "for the rules of the largest layout"));
        }
        parts.push((work.after, "for `require` and sequences of the block"));
        let parts: Vec<String> = parts
            .into_iter()
            .map(|(comparisons, what)| format!("{comparisons} {what}"))
            .collect();
        sink.report(
            Diagnostic::error(message, &block.span, "too much work for one write")
                .note(format!("they are {}", parts.join(", ")))
                .note("a write holds the lock of its VF while its rules are evaluated"),
        );
    }
}

/// Reports a block with more rules in one list than a block table may have.
fn rules(compiled: &BlockSource, block: &Block, sink: &Sink) {
    let Ok(rules) = compiled.longest_rule_list() else {
        return;
    };
    if rules > MAX_RULES {
        let message = format!(
            "a write of block `{}` is judged by {rules} rules on fields, and may be by {MAX_RULES}",
            block.name
        );
        sink.report(
            Diagnostic::error(message, &block.span, "too many rules").note(
                "the rules of the block's fields, its `require` and the rules of each layout are counted apart",
            ),
        );
    }
}
