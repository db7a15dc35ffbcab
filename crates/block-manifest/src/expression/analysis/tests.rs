use proptest::prelude::*;

use super::super::sign::settled;
use super::*;
use crate::diagnostic::Sink;
use crate::model::Valid;
use crate::types::Integer;

const fn made(node: Node) -> Expression {
    Expression { node, span: 0..0 }
}

/// The byte that is signed.
const SIGNED_OFFSET: u8 = 1;

const fn byte(offset: u8) -> Integer {
    Integer {
        signed: offset == SIGNED_OFFSET,
        ..Integer::U8
    }
}

/// A byte at `offset`, or two bits of it.
fn load(offset: u8, shift: u8, mask: u64) -> Expression {
    made(Node::Load(Load {
        name: format!("at{offset}"),
        source: Source::Block,
        offset,
        integer: byte(offset),
        shift,
        mask,
    }))
}

fn arithmetic() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        Just(load(0, 0, 0xFF)),
        Just(load(0, 2, 3)),
        Just(load(SIGNED_OFFSET, 0, 0xFF)),
        prop_oneof![0..4_i128, 0..=300_i128, -130..=0_i128]
            .prop_map(|value| made(Node::Constant(value))),
    ];
    let operation = prop::sample::select(
        &[
            Binary::Add,
            Binary::Subtract,
            Binary::Multiply,
            Binary::BitAnd,
            Binary::BitOr,
        ][..],
    );
    leaf.prop_recursive(2, 6, 2, move |inner| {
        (operation.clone(), inner.clone(), inner).prop_map(|(operation, left, right)| {
            made(Node::Binary(operation, Box::new(left), Box::new(right)))
        })
    })
}

fn conditions() -> impl Strategy<Value = Expression> {
    let comparison = prop::sample::select(
        &[
            Binary::Equal,
            Binary::NotEqual,
            Binary::Less,
            Binary::LessOrEqual,
            Binary::Greater,
            Binary::GreaterOrEqual,
        ][..],
    );
    let leaf = (comparison, arithmetic(), arithmetic()).prop_map(|(comparison, left, right)| {
        let comparison = made(Node::Binary(comparison, Box::new(left), Box::new(right)));
        settled(comparison, &Sink::default())
    });
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|inner| made(Node::Not(Box::new(inner)))),
            (inner.clone(), inner.clone())
                .prop_map(|(left, right)| made(Node::And(Box::new(left), Box::new(right)))),
            (inner.clone(), inner)
                .prop_map(|(left, right)| made(Node::Or(Box::new(left), Box::new(right)))),
        ]
    })
}

proptest! {
    /// With two bytes every combination can be tried, so the answer is right both ways.
    #[test]
    fn conditions_on_two_bytes_are_possible_when_some_values_meet_them(
        conditions in prop::collection::vec((conditions(), any::<bool>()), 1..4),
        min in prop::option::of(0..=255_i128),
        multiple_of in prop::option::of(1..9u64),
    ) {
        let first = Valid { min, multiple_of, ..Valid::default() };
        let second = Valid::default();
        let wanted: Vec<Wanted<'_>> = conditions
            .iter()
            .map(|(condition, holds)| (condition, *holds))
            .collect();
        let domain = |load: &Load| {
            let valid = if load.offset == 0 { &first } else { &second };
            let integer = byte(load.offset);
            Domain::new(valid, (integer.min(), integer.max()), 0xFF)
        };
        let met = (0..=255_i128).filter(|value| first.allows(*value)).any(|zero| {
            (-128..=127_i128).any(|one| {
                let value = |load: &Load| match load.offset {
                    0 => (zero >> load.shift) & i128::from(load.mask),
                    _ => one,
                };
                wanted.iter().all(|(condition, holds)| {
                    condition.evaluate(&value) == Some((*holds).into())
                })
            })
        });
        let none = !(0..=255_i128).any(|value| first.allows(value));
        let names_it = conditions.iter().any(|(condition, _)| {
            let mut found = false;
            condition.for_each_load(&mut |load, _| found |= load.offset == 0);
            found
        });
        // A field without any value is reported by itself, and conditions that name it are not.
        prop_assert_eq!(possible(&wanted, &domain, &Budget::new()), met || (none && names_it));
    }
}

/// `at0 * at0 == 3`, which no interval refutes and no value meets.
fn no_square() -> Expression {
    let square = made(Node::Binary(
        Binary::Multiply,
        Box::new(load(0, 0, 0xFF)),
        Box::new(load(0, 0, 0xFF)),
    ));
    made(Node::Binary(
        Binary::Equal,
        Box::new(square),
        Box::new(made(Node::Constant(3))),
    ))
}

#[test]
fn a_condition_on_a_field_without_values_is_not_reported_beside_the_field() {
    let valid = Valid {
        min: Some(5),
        max: Some(0),
        ..Valid::default()
    };
    let domain = |_: &Load| Domain::new(&valid, (0, Integer::U8.max()), 0xFF);
    for operation in [
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::Greater,
    ] {
        let condition = made(Node::Binary(
            operation,
            Box::new(load(0, 0, 0xFF)),
            Box::new(made(Node::Constant(0))),
        ));
        for holds in [true, false] {
            assert!(possible(&[(&condition, holds)], &domain, &Budget::new()));
        }
    }
}

#[test]
fn without_a_budget_interval_arithmetic_decides() {
    let domain = |_: &Load| Domain::whole(Integer::U8);
    let spent = Budget(Cell::new(0));
    let (square, interval) = (no_square(), {
        made(Node::Binary(
            Binary::Greater,
            Box::new(load(0, 0, 0xFF)),
            Box::new(made(Node::Constant(255))),
        ))
    });
    assert!(!possible(&[(&square, true)], &domain, &Budget::new()));
    assert!(possible(&[(&square, true)], &domain, &spent));
    assert!(!possible(&[(&interval, true)], &domain, &spent));
}

#[test]
fn the_budget_is_that_of_the_reference() {
    let reference = include_str!("../../../../../docs/manifest.md");
    // The page wraps its lines.
    let words: Vec<&str> = reference.split_whitespace().collect();
    let limit = format!("at most {} steps are spent", Budget::STEPS);
    assert!(words.join(" ").contains(&limit), "{limit}");
}
