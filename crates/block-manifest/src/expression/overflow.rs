//! Finds values for which a rule holds in mathematics and its arithmetic overflows: such a write is
//! refused although its author means to allow it.
//!
//! A finding is always right, because it has the values: those of turning points are tried. There
//! may be others where none are found.

use std::ops::Not as _;

use block_table::format::{owner, source};

use super::analysis::{Budget, Variable, Wanted, collect_constants, place, size};
use super::{Binary, Expression, Load, Node, Source};
use crate::domain::{Domain, MAX_TRIES};

/// Values of the fields in a rule, and the part of it that overflows for them.
pub(crate) struct Overflow<'e> {
    /// The part.
    pub(crate) part: &'e Expression,
    /// Its result in mathematics.
    pub(crate) result: i128,
    /// The operands in it with their values.
    pub(crate) operands: Vec<(&'e Load, i128)>,
}

/// Values that `others` allow, for which `rule` holds in mathematics and overflows.
pub(crate) fn find<'e, 'd>(
    rule: &'e Expression,
    others: &[Wanted<'e>],
    domain: &dyn Fn(&Load) -> Domain<'d>,
    budget: &Budget,
) -> Option<Overflow<'e>> {
    if !computes(rule) {
        return None;
    }
    let others = connected(rule, others);
    let mut all: Vec<Wanted<'e>> = others.clone();
    all.push((rule, true));
    let variables = Variable::collect(&all, domain);
    let mut constants = Vec::new();
    for (expression, _) in &all {
        collect_constants(expression, &mut constants);
    }
    constants.sort_unstable();
    constants.dedup();
    let values = candidates(&variables, &constants, budget)?;
    let steps: u64 = all.iter().map(|(expression, _)| size(expression)).sum();
    let combinations: usize = values.iter().map(Vec::len).product();
    let by_vf_alone = reads_other_blocks(rule);
    for combination in 0..combinations {
        if !budget.spend(steps) {
            return None;
        }
        let load = |load: &Load| {
            let mut rest = combination;
            for (variable, values) in variables.iter().zip(&values) {
                if variable.place == place(load) {
                    return load.part_of(values[rest % values.len()]);
                }
                rest /= values.len();
            }
            0
        };
        let holds = |(expression, holds): &Wanted<'_>| {
            exactly(expression, &load) == Some(i128::from(*holds))
        };
        let judged = !by_vf_alone || written_by_vf(rule, &load);
        if judged
            && rule.evaluate(&load).is_none()
            && exactly(rule, &load) == Some(1)
            && others.iter().all(holds)
        {
            let (part, result) = overflowing(rule, &load)?;
            let mut operands: Vec<(&Load, i128)> = Vec::new();
            part.for_each_load(&mut |operand, _| {
                if operands.iter().all(|(known, _)| known.name != operand.name) {
                    operands.push((operand, load(operand)));
                }
            });
            return Some(Overflow {
                part,
                result,
                operands,
            });
        }
    }
    None
}

/// Whether an expression adds, subtracts or multiplies.
fn computes(expression: &Expression) -> bool {
    match &expression.node {
        Node::Constant(_) | Node::Load(_) => false,
        Node::Not(inner) => computes(inner),
        Node::Binary(operation, left, right) => {
            let overflows =
                !operation.compares() && !matches!(operation, Binary::BitAnd | Binary::BitOr);
            overflows || computes(left) || computes(right)
        }
        Node::And(left, right) | Node::Or(left, right) => computes(left) || computes(right),
    }
}

/// Those of `others` that share a field with `rule`, or with one that does.
fn connected<'e>(rule: &Expression, others: &[Wanted<'e>]) -> Vec<Wanted<'e>> {
    let mut places = Vec::new();
    rule.for_each_load(&mut |load, _| places.push(place(load)));
    let mut found = Vec::new();
    let mut rest = others.to_vec();
    loop {
        let (near, far): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(expression, _)| {
            let mut shares = false;
            expression.for_each_load(&mut |load, _| shares |= places.contains(&place(load)));
            shares
        });
        if near.is_empty() {
            return found;
        }
        for (expression, _) in &near {
            expression.for_each_load(&mut |load, _| places.push(place(load)));
        }
        found.extend(near);
        rest = far;
    }
}

/// The values of each variable that are tried: turning points, or the smallest and the largest where
/// there are too many combinations of these; `None` if there are too many of those.
fn candidates(
    variables: &[Variable<'_>],
    constants: &[i128],
    budget: &Budget,
) -> Option<Vec<Vec<i128>>> {
    let few = |values: &[Vec<i128>]| {
        let product = values
            .iter()
            .try_fold(1_usize, |product, values| product.checked_mul(values.len()));
        product.is_some_and(|product| product as u64 <= MAX_TRIES)
    };
    [constants, &[]].into_iter().find_map(|constants| {
        let values = variables
            .iter()
            .map(|variable| variable.turning_points(constants, budget));
        let values: Vec<Vec<i128>> = values.collect::<Option<_>>()?;
        few(&values).then_some(values)
    })
}

/// Whether it reads other blocks, so that it applies to writes of the VF only.
fn reads_other_blocks(rule: &Expression) -> bool {
    let mut reads = false;
    rule.for_each_load(&mut |load, _| reads |= matches!(load.source, Source::Used(_)));
    reads
}

/// Whether the VF writes, as far as the rule reads who does.
fn written_by_vf(rule: &Expression, value: &dyn Fn(&Load) -> i128) -> bool {
    let mut by_vf = true;
    rule.for_each_load(&mut |load, _| {
        if load.source == Source::Write && load.offset == source::WRITER {
            by_vf &= value(load) == i128::from(owner::VF);
        }
    });
    by_vf
}

/// The result in mathematics, with truth as 1; `None` where it is not known.
fn exactly(expression: &Expression, load: &dyn Fn(&Load) -> i128) -> Option<i128> {
    let both =
        |left: &Expression, right: &Expression| Some((exactly(left, load)?, exactly(right, load)?));
    match &expression.node {
        Node::Constant(value) => Some(*value),
        Node::Load(operand) => Some(load(operand)),
        Node::Not(inner) => exactly(inner, load).map(|value| (value == 0).into()),
        Node::And(left, right) => match exactly(left, load)? {
            0 => Some(0),
            _ => exactly(right, load),
        },
        Node::Or(left, right) => match exactly(left, load)? {
            0 => exactly(right, load),
            _ => Some(1),
        },
        Node::Binary(operation, left, right) => {
            let (left, right) = both(left, right)?;
            exact(*operation, left, right)
        }
    }
}

fn exact(operation: Binary, left: i128, right: i128) -> Option<i128> {
    match operation {
        Binary::Add | Binary::SignedAdd => left.checked_add(right),
        Binary::Subtract | Binary::SignedSubtract => left.checked_sub(right),
        Binary::Multiply | Binary::SignedMultiply => left.checked_mul(right),
        // Bits of a result that does not exist.
        Binary::BitAnd | Binary::BitOr => [left, right]
            .iter()
            .all(|value| u64::try_from(*value).is_ok())
            .then(|| operation.apply(left, right))?,
        _ => operation.apply(left, right),
    }
}

/// The first part of `expression` that overflows, with its result in mathematics.
fn overflowing<'e>(
    expression: &'e Expression,
    load: &dyn Fn(&Load) -> i128,
) -> Option<(&'e Expression, i128)> {
    match &expression.node {
        Node::Constant(_) | Node::Load(_) => None,
        Node::Not(inner) => overflowing(inner, load),
        Node::Binary(operation, left, right) => overflowing(left, load)
            .or_else(|| overflowing(right, load))
            .or_else(|| {
                let (left, right) = (left.evaluate(load)?, right.evaluate(load)?);
                let overflows = operation.apply(left, right).is_none();
                let result = overflows.then(|| exact(*operation, left, right))??;
                Some((expression, result))
            }),
        Node::And(left, right) => overflowing(left, load).or_else(|| {
            let decided = left.evaluate(load) == Some(0);
            decided.not().then(|| overflowing(right, load))?
        }),
        Node::Or(left, right) => overflowing(left, load).or_else(|| {
            let decided = left.evaluate(load) != Some(0);
            decided.not().then(|| overflowing(right, load))?
        }),
    }
}
