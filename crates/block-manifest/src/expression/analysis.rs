//! Whether conditions can hold at all, given the values that fields may have.
//!
//! The answer "never" is only given when it is certain: either every combination of the fields' values was tried, or
//! interval arithmetic shows it. The answer "possible" may be wrong for conditions that are beyond both.

use super::{Binary, Expression, Load, Node};

/// At most so many combinations of values are tried.
const MAX_COMBINATIONS: usize = 1 << 16;

/// The values that a field may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Exactly these.
    Values(Vec<u64>),
    /// Some of those from the first to the second.
    Interval(u64, u64),
}

/// A condition and whether it is to hold or not.
pub(crate) type Wanted<'e> = (&'e Expression, bool);

/// Whether all of `wanted` might be as wanted at once. `domain` gives the values of whole fields.
pub(crate) fn possible(wanted: &[Wanted<'_>], domain: &dyn Fn(&Load) -> Domain) -> bool {
    let variables = Variable::collect(wanted, domain);
    match try_values(wanted, &variables) {
        Tried::Found => true,
        Tried::AllFailed => false,
        Tried::Unknown => !contradicts(wanted, &variables),
    }
}

/// A field that the conditions name, as a whole.
struct Variable {
    offset: u8,
    domain: Domain,
    /// Values worth trying where the domain is too large to try all.
    candidates: Vec<u64>,
}

impl Variable {
    fn collect(wanted: &[Wanted<'_>], domain: &dyn Fn(&Load) -> Domain) -> Vec<Self> {
        let mut constants = vec![0, u64::MAX];
        for (expression, _) in wanted {
            collect_constants(expression, &mut constants);
        }
        let mut variables: Vec<Self> = Vec::new();
        for (expression, _) in wanted {
            expression.for_each_load(&mut |load, _| {
                if variables.iter().all(|known| known.offset != load.offset) {
                    let domain = domain(load);
                    let candidates = candidates(&domain, &constants, load);
                    variables.push(Self {
                        offset: load.offset,
                        domain,
                        candidates,
                    });
                }
            });
        }
        variables
    }

    const fn is_exact(&self) -> bool {
        matches!(self.domain, Domain::Values(_))
    }

    fn interval(&self) -> (u64, u64) {
        match &self.domain {
            Domain::Values(values) => (
                values.iter().min().copied().unwrap_or(0),
                values.iter().max().copied().unwrap_or(0),
            ),
            Domain::Interval(min, max) => (*min, *max),
        }
    }
}

fn collect_constants(expression: &Expression, constants: &mut Vec<u64>) {
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

/// All values of a small domain; of a large one its ends and what lies at the conditions' constants.
fn candidates(domain: &Domain, constants: &[u64], load: &Load) -> Vec<u64> {
    let (min, max) = match domain {
        Domain::Values(values) => return values.clone(),
        Domain::Interval(min, max) => (*min, *max),
    };
    let around = constants.iter().flat_map(|constant| {
        [
            constant.saturating_sub(1),
            *constant,
            constant.saturating_add(1),
        ]
    });
    let moved = around.flat_map(|value| [value, value.checked_shl(load.shift.into()).unwrap_or(0)]);
    let mut values: Vec<u64> = moved
        .chain([min, max])
        .filter(|value| (min..=max).contains(value))
        .collect();
    values.sort_unstable();
    values.dedup();
    values
}

enum Tried {
    Found,
    AllFailed,
    Unknown,
}

/// Tries every combination of the variables' candidates, when there are not too many.
fn try_values(wanted: &[Wanted<'_>], variables: &[Variable]) -> Tried {
    let combinations = variables.iter().try_fold(1usize, |product, variable| {
        product.checked_mul(variable.candidates.len())
    });
    let Some(combinations) = combinations.filter(|combinations| *combinations <= MAX_COMBINATIONS)
    else {
        return Tried::Unknown;
    };
    for combination in 0..combinations {
        let value = |load: &Load| {
            let mut rest = combination;
            for variable in variables {
                let count = variable.candidates.len();
                if variable.offset == load.offset {
                    return (variable.candidates[rest % count] >> load.shift) & load.mask;
                }
                rest /= count;
            }
            0
        };
        // An overflow refuses the write, so what overflows neither holds nor fails to hold.
        if wanted
            .iter()
            .all(|(expression, holds)| expression.evaluate(&value) == Some((*holds).into()))
        {
            return Tried::Found;
        }
    }
    if variables.iter().all(Variable::is_exact) {
        Tried::AllFailed
    } else {
        Tried::Unknown
    }
}

/// The values that a field can still have while a contradiction is looked for.
struct Narrowed {
    offset: u8,
    shift: u8,
    mask: u64,
    min: u64,
    max: u64,
}

/// Whether interval arithmetic shows that `wanted` cannot all be as wanted.
fn contradicts(wanted: &[Wanted<'_>], variables: &[Variable]) -> bool {
    let mut facts: Vec<Wanted<'_>> = Vec::new();
    for (expression, holds) in wanted {
        split(expression, *holds, &mut facts);
    }
    let mut narrowed: Vec<Narrowed> = Vec::new();
    for (expression, _) in &facts {
        expression.for_each_load(&mut |load, _| {
            if find(&narrowed, load).is_none() {
                let (min, max) = variables
                    .iter()
                    .find(|variable| variable.offset == load.offset)
                    .map_or((0, u64::MAX), Variable::interval);
                let part = load.shift != 0 || load.mask != load.integer.max();
                let (min, max) = if part { (0, load.mask) } else { (min, max) };
                narrowed.push(Narrowed {
                    offset: load.offset,
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
    // An excluded value at the end of an interval moves the end, so the second look may see more than the first.
    facts.iter().any(|(expression, holds)| {
        !narrow(expression, *holds, &mut narrowed) || never(expression, *holds, &narrowed)
    })
}

/// Splits what must hold together into its parts.
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
        (known.offset, known.shift, known.mask) == (load.offset, load.shift, load.mask)
    })
}

/// Uses a comparison of a field with a constant to narrow the field's interval; false when nothing is left of it.
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
        (known.offset, known.shift, known.mask) == (load.offset, load.shift, load.mask)
    }) else {
        return true;
    };
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
            field.min += u64::from(field.min == constant);
            field.max -= u64::from(field.max == constant);
            false
        }
        Binary::Less => {
            field.max = field.max.min(constant.saturating_sub(1));
            constant == 0
        }
        Binary::LessOrEqual => {
            field.max = field.max.min(constant);
            false
        }
        Binary::Greater => {
            field.min = field.min.max(constant.saturating_add(1));
            constant == u64::MAX
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

/// Whether `expression` certainly is not as wanted.
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

/// The interval in which the value lies, with truth as 1; `None` when the arithmetic certainly overflows.
fn interval(expression: &Expression, narrowed: &[Narrowed]) -> Option<(u64, u64)> {
    match &expression.node {
        Node::Constant(value) => Some((*value, *value)),
        Node::Load(load) => {
            Some(find(narrowed, load).map_or((0, load.mask), |known| (known.min, known.max)))
        }
        Node::Not(inner) => {
            interval(inner, narrowed).map(|(min, max)| (u64::from(max == 0), u64::from(min == 0)))
        }
        Node::And(left, right) => {
            let (min, max) = interval(left, narrowed)?;
            if max == 0 {
                return Some((0, 0));
            }
            // What overflows on the right side may not be looked at; then the whole is false.
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

fn binary_interval(operation: Binary, left: (u64, u64), right: (u64, u64)) -> Option<(u64, u64)> {
    let truth = |always: bool, never: bool| Some((always.into(), (!never).into()));
    match operation {
        // The smallest result that fits bounds the others from below; none fits when it does not.
        Binary::Add => Some((left.0.checked_add(right.0)?, left.1.saturating_add(right.1))),
        Binary::Multiply => Some((left.0.checked_mul(right.0)?, left.1.saturating_mul(right.1))),
        Binary::Subtract => Some((left.0.saturating_sub(right.1), left.1.checked_sub(right.0)?)),
        Binary::BitAnd => Some((0, left.1.min(right.1))),
        Binary::BitOr => Some((left.0.max(right.0), left.1.saturating_add(right.1))),
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
