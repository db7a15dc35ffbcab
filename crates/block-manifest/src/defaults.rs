//! Checks that blocks are consistent while they hold defaults only.
//!
//! The check of a field covers its own default. The checks here cover the whole image. A count and
//! the array that it counts must agree if one side sets both: defaults that do not are a mistake.
//! If both sides write a block, a publish must hold together with what the VF wrote, or with the
//! defaults of the VF's fields. Defaults that break a rule refuse every publish until the VF has
//! written, and a publish to all VFs always. That may be intended, so it is a warning.

use block_table::{History, Kind, Rule, Table, Violation, Write, Writer};

use crate::check::by_default;
use crate::diagnostic::{Diagnostic, Sink, counted};
use crate::model::{Behind, Block, Count, Field};

/// Reports defaults of one side that break a count, and warns about blocks that both sides write
/// and whose defaults break their rules.
pub(crate) fn check(table: &[u8], blocks: &[Block], sink: &Sink) {
    let Ok(table) = Table::verify(table) else {
        return;
    };
    for (compiled, block) in table.blocks().zip(blocks) {
        let default = compiled.default_image();
        let errors = sink.error_count();
        counts(block, compiled.layout_of(default), sink);
        let one_writer =
            compiled.written_whole_by(Writer::Vf) || compiled.written_whole_by(Writer::Pf);
        if compiled.kind() == Kind::Stream || one_writer || sink.error_count() > errors {
            continue;
        }
        if let Some(violation) = refusal_of_defaults(compiled) {
            sink.report(warning(violation, block));
        }
    }
}

/// The rule that a publish of the defaults breaks with each length that has them all. Rules that
/// compare a publish with the one before it may hold for another publish.
fn refusal_of_defaults(block: block_table::Block<'_>) -> Option<Violation> {
    let default = block.default_image();
    let set = default
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let lengths = set.max(block.min_length())..=block.max_length();
    let refusal = |length| {
        let write = Write {
            compares: false,
            ..Write::new(Writer::Pf, length, default, History::EMPTY)
        };
        block.admit_in_place(&write, &mut default.clone()).err()
    };
    let refusals: Option<Vec<Violation>> = lengths.map(refusal).collect();
    refusals?.pop()
}

/// Checks the counts of a block's own fields, and those of its layouts. A layout whose counter
/// belongs to the block is checked only if the defaults select it, as `chosen`: in any other the
/// counter has another value.
fn counts(block: &Block, chosen: Option<usize>, sink: &Sink) {
    count_rules(&block.fields, &block.fields, sink);
    for (index, layout) in block.layouts.iter().enumerate() {
        count_rules(&layout.fields, &layout.fields, sink);
        if chosen == Some(index) {
            count_rules(&layout.fields, &block.fields, sink);
        }
    }
}

/// Checks those of `fields` that `counters` count and that their owner sets.
fn count_rules(fields: &[Field], counters: &[Field], sink: &Sink) {
    let known: Vec<&Field> = counters.iter().collect();
    for field in fields {
        let Some(count) = &field.count else { continue };
        let mut loaded: Vec<Option<&Field>> = Vec::new();
        count.expression.for_each_load(&mut |load, _| {
            let mut counters = counters.iter();
            loaded.push(
                counters
                    .find(|counter| counter.offset == load.offset && counter.owner == field.owner),
            );
        });
        let counter = loaded.iter().all(Option::is_some).then(|| loaded.first());
        let number = count.expression.evaluate(&|load| by_default(load, &known));
        if let (Some(Some(Some(counter))), Some(counts)) = (counter, number) {
            count_rule(field, count, counter, counts, sink);
        }
    }
}

/// Checks that the defaults of `field` agree with `counts`, its count by default, which `counter`
/// gives.
fn count_rule(field: &Field, count: &Count, counter: &Field, counts: i128, sink: &Sink) {
    let elements = field.ty.elements();
    let has = counted(elements.into(), "element");
    let (name, counts_name) = (&field.name, &count.text);
    if counts < 0 {
        let message = format!("the default of `{counts_name}` is {counts}, and it counts `{name}`");
        let diagnostic = Diagnostic::error(message, &counter.span, "negative by default");
        sink.report(diagnostic.related(&field.span, format!("has {has}")));
        return;
    }
    if counts > elements.into() {
        let message = format!(
            "the default of `{counts_name}` counts more than there are: it is {counts}, and `{name}` has {has}"
        );
        let diagnostic = Diagnostic::error(message, &counter.span, format!("{counts} by default"));
        sink.report(diagnostic.related(&field.span, format!("has {has}")));
        return;
    }
    if count.behind == Behind::Any {
        return;
    }
    let width = usize::from(field.ty.element_length());
    let set = field
        .default
        .chunks(width)
        .rposition(|element| element.iter().any(|byte| *byte != 0));
    if let Some(last) = set
        && last as i128 >= counts
    {
        let message = format!(
            "the default of `{name}` is not zero after its count: it sets element {last}, and `{counts_name}` counts {counts}"
        );
        let diagnostic = Diagnostic::error(message, &field.span, format!("sets element {last}"))
            .related(&counter.span, format!("{counts} by default"));
        sink.report(diagnostic.help(format!(
            "give `{counts_name}` a `default` of {} or more",
            last + 1
        )));
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
    let mut lists = block.lists();
    let list = lists.find(|list| matches!(violation.rule, Rule::List(_)) && list.owner.has_pf());
    let (span, what) = match (field.filter(|_| named), list) {
        (_, Some(list)) => (&list.span, format!("of `{}`", list.name)),
        (Some(field), None) => (&field.span, format!("of `{}`", field.name)),
        (None, None) => (&block.span, "together".to_owned()),
    };
    let rule = match violation.rule {
        Rule::Layout => "choose no layout",
        Rule::Require => "break a `require`",
        Rule::Overflow => "overflow an expression",
        _ => "break its rules",
    };
    let message = format!(
        "until the VF has written block `{}`, every publish of it is refused, and to all VFs always",
        block.name
    );
    let label = format!("the defaults {what} {rule}");
    Diagnostic::warning(message, span, label)
        .help("give a valid `default`, unless host software is meant to wait for the VF")
}
