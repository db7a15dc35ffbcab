//! Decides whether conditions can hold, given the values that fields may have.
//!
//! The answer "never" is always certain: either interval arithmetic shows it, or every combination
//! of the fields' values was tried. The answer "possible" may be wrong for conditions that neither
//! method can decide.

use std::cell::Cell;

use super::{Binary, Expression, Load, Node, Source};
use crate::domain::{Domain, MAX_TRIES};

/// The most combinations of values that are tried: those of a single field are always found.
const MAX_COMBINATIONS: u64 = MAX_TRIES;

/// The work that is left for the conditions of one block.
///
/// Many rules over one field of 16 bits would take minutes otherwise. Work is counted, not timed,
/// so that a manifest is judged in the same way everywhere.
#[derive(Debug)]
pub(crate) struct Budget(Cell<u64>);

impl Budget {
    /// Steps for one block; a step reads about one operand or operator. All of them take some
    /// tenths of a second.
    pub(crate) const STEPS: u64 = 1 << 24;

    pub(crate) const fn new() -> Self {
        Self(Cell::new(Self::STEPS))
    }

    /// Takes `steps`, if as many are left. The first refusal ends the budget, so that the result
    /// for a condition does not depend on how cheap the next one is.
    pub(super) fn spend(&self, steps: u64) -> bool {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// A condition and the result that is wanted of it.
pub(crate) type Wanted<'e> = (&'e Expression, bool);

/// Whether all of `wanted` can have their results together. `domain` gives the values of whole
/// fields.
///
/// Without budget only single conditions are analysed, by interval arithmetic. If a field has no
/// value at all the answer is "possible": that is reported for the field, and every condition on it
/// would repeat it.
pub(crate) fn possible<'d>(
    wanted: &[Wanted<'_>],
    domain: &dyn Fn(&Load) -> Domain<'d>,
    budget: &Budget,
) -> bool {
    let affordable = budget.spend(wanted.iter().map(|(expression, _)| size(expression)).sum());
    if !affordable && wanted.len() > 1 {
        return true;
    }
    let variables = Variable::collect(wanted, domain);
    if variables.iter().any(|variable| variable.domain.is_empty()) {
        return true;
    }
    !contradicts(wanted, &variables) && !fails_everywhere(wanted, &variables, budget)
}

/// The operands and operators of `expression`.
pub(super) fn size(expression: &Expression) -> u64 {
    1 + match &expression.node {
        Node::Constant(_) | Node::Load(_) => 0,
        Node::Not(inner) => size(inner),
        Node::Binary(_, left, right) | Node::And(left, right) | Node::Or(left, right) => {
            size(left) + size(right)
        }
    }
}

/// Which integer a load reads, as a whole.
pub(super) type Place = (Source, u8);

pub(super) const fn place(load: &Load) -> Place {
    (load.source, load.offset)
}

/// An integer that the conditions name, as a whole.
pub(super) struct Variable<'d> {
    pub(super) place: Place,
    /// The shifts of the parts that the conditions name.
    shifts: Vec<u8>,
    domain: Domain<'d>,
}

impl<'d> Variable<'d> {
    pub(super) fn collect(
        wanted: &[Wanted<'_>],
        domain: &dyn Fn(&Load) -> Domain<'d>,
    ) -> Vec<Self> {
        let mut variables: Vec<Self> = Vec::new();
        for (expression, _) in wanted {
            expression.for_each_load(&mut |load, _| {
                let known = variables
                    .iter_mut()
                    .find(|known| known.place == place(load));
                match known {
                    Some(known) => known.shifts.push(load.shift),
                    None => variables.push(Self {
                        place: place(load),
                        shifts: vec![load.shift],
                        domain: domain(load),
                    }),
                }
            });
        }
        for variable in &mut variables {
            variable.shifts.sort_unstable();
            variable.shifts.dedup();
        }
        variables
    }

    /// Values for which the results may differ: the smallest, the largest, and those at
    /// `constants`.
    pub(super) fn turning_points(&self, constants: &[i128], budget: &Budget) -> Option<Vec<i128>> {
        let looks = 3 * constants.len() as u64 * self.shifts.len() as u64;
        if !budget.spend(looks.saturating_mul(self.domain.cost())) {
            return None;
        }
        let (min, max) = self.domain.bounds();
        let around = constants
            .iter()
            .flat_map(|constant| [constant - 1, *constant, constant + 1]);
        let moved = around.flat_map(|value| {
            let shifts = self.shifts.iter();
            shifts.filter_map(move |shift| value.checked_shl((*shift).into()))
        });
        let mut values: Vec<i128> = moved
            .chain([min, max])
            .filter(|value| self.domain.contains(*value))
            .collect();
        values.sort_unstable();
        values.dedup();
        Some(values)
    }
}

pub(super) fn collect_constants(expression: &Expression, constants: &mut Vec<i128>) {
    match &expression.node {
        Node::Constant(value) => constants.push(*value),
        Node::Load(_) => {}
        Node::Not(inner) => collect_constants(inner, constants),
        Node::Binary(_, left, right) | Node::And(left, right) | Node::Or(left, right) => {
            collect_constants(left, constants);
            collect_constants(right, constants);
        }
    }
}

/// Whether every combination of the fields' values was tried and none fits; false if there are too
/// many to try.
fn fails_everywhere(wanted: &[Wanted<'_>], variables: &[Variable<'_>], budget: &Budget) -> bool {
    let combinations = variables.iter().try_fold(1u64, |product, variable| {
        product.checked_mul(variable.domain.upper_bound())
    });
    if combinations.is_none_or(|combinations| combinations > MAX_COMBINATIONS) {
        return false;
    }
    // A condition that can hold usually does so for one of few values, so these are tried first.
    let mut constants = Vec::new();
    for (expression, _) in wanted {
        collect_constants(expression, &mut constants);
    }
    constants.sort_unstable();
    constants.dedup();
    let few = |variable: &Variable<'_>| variable.turning_points(&constants, budget);
    let all = |variable: &Variable<'_>| {
        let affordable = budget.spend(variable.domain.upper_bound());
        affordable.then(|| variable.domain.values().collect())
    };
    succeeds(wanted, variables, &few, budget) == Some(false)
        && succeeds(wanted, variables, &all, budget) == Some(false)
}

/// Whether some combination of the `values` of the variables gives the wanted results; `None` if
/// the budget ends before.
fn succeeds(
    wanted: &[Wanted<'_>],
    variables: &[Variable<'_>],
    values: &dyn Fn(&Variable<'_>) -> Option<Vec<i128>>,
    budget: &Budget,
) -> Option<bool> {
    let values: Vec<(Place, Vec<i128>)> = variables
        .iter()
        .map(|variable| Some((variable.place, values(variable)?)))
        .collect::<Option<_>>()?;
    let wanted: Vec<(u64, Wanted<'_>)> = wanted
        .iter()
        .map(|wanted| (size(wanted.0), *wanted))
        .collect();
    let combinations: usize = values.iter().map(|(_, values)| values.len()).product();
    'combinations: for combination in 0..combinations {
        let value = |load: &Load| {
            let mut rest = combination;
            for (known, values) in &values {
                if *known == place(load) {
                    return load.part_of(values[rest % values.len()]);
                }
                rest /= values.len();
            }
            0
        };
        for (size, (expression, holds)) in &wanted {
            if !budget.spend(*size) {
                return None;
            }
            // An overflow refuses the write, so what overflows neither holds nor fails to hold.
            if expression.evaluate(&value) != Some((*holds).into()) {
                continue 'combinations;
            }
        }
        return Some(true);
    }
    Some(false)
}

/// The values that a field can still have during the search for a contradiction.
struct Narrowed {
    place: Place,
    shift: u8,
    mask: u64,
    min: i128,
    max: i128,
}

/// Whether interval arithmetic shows that `wanted` is impossible.
fn contradicts(wanted: &[Wanted<'_>], variables: &[Variable<'_>]) -> bool {
    let mut facts: Vec<Wanted<'_>> = Vec::new();
    for (expression, holds) in wanted {
        split(expression, *holds, &mut facts);
    }
    let mut narrowed: Vec<Narrowed> = Vec::new();
    for (expression, _) in &facts {
        expression.for_each_load(&mut |load, _| {
            if find(&narrowed, load).is_none() {
                let mut variables = variables.iter();
                let variable = variables.find(|variable| variable.place == place(load));
                let domain = variable.and_then(|Variable { domain, .. }| {
                    if load.is_whole() {
                        Some(*domain)
                    } else {
                        domain.part(load.shift, load.mask)
                    }
                });
                let (min, max) = domain.map_or(load.range(), |domain| domain.bounds());
                narrowed.push(Narrowed {
                    place: place(load),
                    shift: load.shift,
                    mask: load.mask,
                    min,
                    max,
                });
            }
        });
    }
    for (expression, holds) in &facts {
        if !narrow(expression, *holds, &mut narrowed) {
            return true;
        }
    }
    // An excluded value at the end of an interval moves the end, so the second pass may exclude
    // more than the first.
    facts.iter().any(|(expression, holds)| {
        !narrow(expression, *holds, &mut narrowed) || never(expression, *holds, &narrowed)
    })
}

/// Splits a conjunction into its parts.
fn split<'e>(expression: &'e Expression, holds: bool, facts: &mut Vec<Wanted<'e>>) {
    match &expression.node {
        Node::Not(inner) => split(inner, !holds, facts),
        Node::And(left, right) if holds => {
            split(left, true, facts);
            split(right, true, facts);
        }
        Node::Or(left, right) if !holds => {
            split(left, false, facts);
            split(right, false, facts);
        }
        _ => facts.push((expression, holds)),
    }
}

fn find<'n>(narrowed: &'n [Narrowed], load: &Load) -> Option<&'n Narrowed> {
    narrowed.iter().find(|known| {
        (known.place, known.shift, known.mask) == (place(load), load.shift, load.mask)
    })
}

/// Narrows the field's interval by a comparison with a constant; false if it becomes empty.
fn narrow(expression: &Expression, holds: bool, narrowed: &mut [Narrowed]) -> bool {
    let Node::Binary(operation, left, right) = &expression.node else {
        return true;
    };
    let (load, constant, operation) = match (&left.node, &right.node) {
        (Node::Load(load), Node::Constant(constant)) => (load, *constant, *operation),
        (Node::Constant(constant), Node::Load(load)) => (load, *constant, operation.mirrored()),
        _ => return true,
    };
    let Some(field) = narrowed.iter_mut().find(|known| {
        (known.place, known.shift, known.mask) == (place(load), load.shift, load.mask)
    }) else {
        return true;
    };
    if field.min > field.max {
        return false;
    }
    let operation = if holds {
        operation
    } else {
        inverted(operation)
    };
    let empty = match operation {
        Binary::Equal => {
            let outside = constant < field.min || constant > field.max;
            (field.min, field.max) = (constant, constant);
            outside
        }
        Binary::NotEqual if field.min == field.max => field.min == constant,
        Binary::NotEqual => {
            field.min += i128::from(field.min == constant);
            field.max -= i128::from(field.max == constant);
            false
        }
        Binary::Less => {
            field.max = field.max.min(constant - 1);
            false
        }
        Binary::LessOrEqual => {
            field.max = field.max.min(constant);
            false
        }
        Binary::Greater => {
            field.min = field.min.max(constant + 1);
            false
        }
        Binary::GreaterOrEqual => {
            field.min = field.min.max(constant);
            false
        }
        _ => false,
    };
    !empty && field.min <= field.max
}

const fn inverted(operation: Binary) -> Binary {
    match operation {
        Binary::Equal => Binary::NotEqual,
        Binary::NotEqual => Binary::Equal,
        Binary::Less => Binary::GreaterOrEqual,
        Binary::LessOrEqual => Binary::Greater,
        Binary::Greater => Binary::LessOrEqual,
        Binary::GreaterOrEqual => Binary::Less,
        other => other,
    }
}

/// Whether `expression` certainly has another result than the wanted one.
fn never(expression: &Expression, holds: bool, narrowed: &[Narrowed]) -> bool {
    match interval(expression, narrowed) {
        Some((min, max)) => {
            if holds {
                max == 0
            } else {
                min > 0
            }
        }
        None => true,
    }
}

/// The interval in which the value lies, with truth as 1; `None` when the arithmetic certainly
/// overflows.
fn interval(expression: &Expression, narrowed: &[Narrowed]) -> Option<(i128, i128)> {
    match &expression.node {
        Node::Constant(value) => Some((*value, *value)),
        Node::Load(load) => {
            Some(find(narrowed, load).map_or(load.range(), |known| (known.min, known.max)))
        }
        Node::Not(inner) => {
            interval(inner, narrowed).map(|(min, max)| ((max == 0).into(), (min == 0).into()))
        }
        Node::And(left, right) => {
            let (min, max) = interval(left, narrowed)?;
            if max == 0 {
                return Some((0, 0));
            }
            // The right side may not be evaluated, so its overflow does not count; then the whole
            // is false.
            let (right_min, right_max) = interval(right, narrowed).unwrap_or((0, 0));
            Some((min.min(right_min), max.min(right_max)))
        }
        Node::Or(left, right) => {
            let (min, max) = interval(left, narrowed)?;
            if min > 0 {
                return Some((1, 1));
            }
            let (right_min, right_max) = interval(right, narrowed).unwrap_or((0, 0));
            Some((min.max(right_min), max.max(right_max)))
        }
        Node::Binary(operation, left, right) => binary_interval(
            *operation,
            interval(left, narrowed)?,
            interval(right, narrowed)?,
        ),
    }
}

fn binary_interval(
    operation: Binary,
    left: (i128, i128),
    right: (i128, i128),
) -> Option<(i128, i128)> {
    let truth = |always: bool, never: bool| Some((always.into(), (!never).into()));
    // Results outside of the range refuse the write; if all do, there is none.
    let in_range = |(min, max): (i128, i128)| {
        let (least, most) = operation.range();
        let (min, max) = (min.max(least), max.min(most));
        (min <= max).then_some((min, max))
    };
    match operation {
        Binary::Add | Binary::SignedAdd => in_range((left.0 + right.0, left.1 + right.1)),
        Binary::Subtract | Binary::SignedSubtract => in_range((left.0 - right.1, left.1 - right.0)),
        Binary::Multiply | Binary::SignedMultiply => {
            let sides = [
                (left.0, right.0),
                (left.0, right.1),
                (left.1, right.0),
                (left.1, right.1),
            ];
            let products = sides.map(|(left, right)| left.saturating_mul(right));
            let min = products.into_iter().fold(products[0], i128::min);
            in_range((min, products.into_iter().fold(products[0], i128::max)))
        }
        Binary::BitAnd if left.0 >= 0 && right.0 >= 0 => Some((0, left.1.min(right.1))),
        Binary::BitOr if left.0 >= 0 && right.0 >= 0 => {
            Some((left.0.max(right.0), left.1 + right.1))
        }
        // The bits of negative numbers.
        Binary::BitAnd | Binary::BitOr => Some(Binary::SignedAdd.range()),
        Binary::Equal => truth(
            left.0 == left.1 && left == right,
            left.1 < right.0 || right.1 < left.0,
        ),
        Binary::NotEqual => truth(
            left.1 < right.0 || right.1 < left.0,
            left.0 == left.1 && left == right,
        ),
        Binary::Less => truth(left.1 < right.0, left.0 >= right.1),
        Binary::LessOrEqual => truth(left.1 <= right.0, left.0 > right.1),
        Binary::Greater => truth(left.0 > right.1, left.1 <= right.0),
        Binary::GreaterOrEqual => truth(left.0 >= right.1, left.1 < right.0),
    }
}

#[cfg(test)]
mod tests;
