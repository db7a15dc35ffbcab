//! The bytes that a structure begins with: the defaults of its fields and, in a layout, the values
//! that choose the layout.

use super::record::{Record, defaults};
use crate::expression::{Binary, Expression, Load, Node, Source};
use crate::model::{Block, Layout};
use crate::types::low_bits;

/// The bytes of a block with the fields of `record`. They choose the layout of `record` where its
/// condition has the form `FIELD == VALUE && …` and no earlier layout is chosen by them; otherwise
/// they are the defaults alone.
pub(super) fn default_bytes(block: &Block, record: &Record<'_>) -> Vec<u8> {
    let bytes = defaults(&record.members);
    let condition = record.layout.and_then(|layout| layout.when.as_ref());
    let Some(condition) = condition else {
        return bytes;
    };
    let mut chosen = bytes.clone();
    choose(&condition.expression, &mut chosen);
    let layouts = block.layouts.iter();
    let first = layouts
        .filter(|layout| holds(layout, &chosen))
        .map(|layout| &layout.name);
    if first.take(1).eq(record.layout.map(|layout| &layout.name)) {
        return chosen;
    }
    bytes
}

/// Stores the values that the equalities of a condition require.
fn choose(condition: &Expression, bytes: &mut [u8]) {
    match &condition.node {
        Node::And(left, right) => {
            choose(left, bytes);
            choose(right, bytes);
        }
        Node::Binary(Binary::Equal, left, right) => match (&left.node, &right.node) {
            (Node::Load(load), Node::Constant(value))
            | (Node::Constant(value), Node::Load(load)) => store(load, *value, bytes),
            _ => {}
        },
        _ => {}
    }
}

fn store(load: &Load, value: i128, bytes: &mut [u8]) {
    if load.source != Source::Block {
        return;
    }
    let place = &mut bytes[usize::from(load.offset)..][..load.integer.width().into()];
    let mask = load.mask << load.shift;
    let value = low_bits(value) << load.shift & mask;
    let whole = low_bits(load.integer.decode(place)) & !mask | value;
    place.copy_from_slice(&load.integer.encode(whole.into()));
}

/// Whether the condition of a layout holds for bytes that the VF writes over zeros.
fn holds(layout: &Layout, bytes: &[u8]) -> bool {
    let Some(when) = &layout.when else {
        return true;
    };
    let value = when.expression.evaluate(&|load| match load.source {
        Source::Block => load.part_of(load.integer.decode(&bytes[load.offset.into()..])),
        Source::Whole | Source::Was | Source::Write | Source::Used(_) => 0,
    });
    value.is_some_and(|value| value != 0)
}
