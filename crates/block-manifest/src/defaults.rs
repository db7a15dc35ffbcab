//! Whether blocks hold together while only defaults are in them.
//!
//! A default that is written down must be valid by itself; that is an error otherwise. What is checked here is the whole
//! image. Where both sides write a block, a publish is checked together with the VF's fields, so defaults of the VF's
//! fields that break a rule refuse every publish until the VF has written. That may be meant, so it is a warning.

use block_table::{History, Kind, Rule, Table, Violation, Writer};

use crate::diagnostic::{Diagnostic, Sink};
use crate::model::Block;

/// Warns about blocks that both sides write and whose defaults break their rules.
pub(crate) fn warn(table: &[u8], blocks: &[Block], sink: &Sink) {
    let Ok(table) = Table::verify(table) else {
        return;
    };
    for (compiled, block) in table.blocks().zip(blocks) {
        let one_writer =
            compiled.written_whole_by(Writer::Vf) || compiled.written_whole_by(Writer::Pf);
        if compiled.kind() == Kind::Stream || one_writer {
            continue;
        }
        let default = compiled.default_image();
        let sent = default.get(..compiled.max_length()).unwrap_or(default);
        if let Err(violation) = compiled.admit(Writer::Pf, sent, default, History::EMPTY) {
            sink.report(warning(violation, block));
        }
    }
}

fn warning(violation: Violation, block: &Block) -> Diagnostic {
    let at = usize::from(violation.offset);
    let layouts = block.layouts.iter().flat_map(|layout| &layout.fields);
    let field = block
        .fields
        .iter()
        .chain(layouts)
        .find(|field| (usize::from(field.offset)..field.end()).contains(&at));
    let named = !matches!(
        violation.rule,
        Rule::Layout | Rule::Require | Rule::Overflow
    );
    let (span, what) = match field.filter(|_| named) {
        Some(field) => (&field.span, format!("of `{}`", field.name)),
        None => (&block.span, "together".to_owned()),
    };
    let rule = match violation.rule {
        Rule::Layout => "choose no layout",
        Rule::Require => "break a `require`",
        Rule::Overflow => "overflow an expression",
        _ => "break its rules",
    };
    let message = format!(
        "until the VF has written block `{}`, every publish of it is refused",
        block.name
    );
    let label = format!("the defaults {what} {rule}");
    Diagnostic::warning(message, span, label)
        .help("give a valid `default`, unless the host side is meant to wait for the VF")
}
