//! The work of one write is what the rules take, and bounded.

use block_table::encode::{
    BlockSource, Checksum, EncodeError, Field, Layout, Rule, Shape, on_constant,
};
use block_table::format::{covered, op, owner};
use block_table::{Flaw, MAX_WORK, Work};

use crate::changed::block;
use crate::source::{U8, U16, U32, bytes, field, load, opaque, table};

/// `count` rules of one comparison each.
fn comparisons(count: usize) -> Vec<Rule> {
    vec![Rule::Range(field(0, U8), 0, 1); count]
}

#[test]
fn every_rule_takes_the_comparisons_that_its_evaluation_may_take() {
    let work = |rule: Rule| {
        let block = BlockSource {
            last_rules: vec![rule],
            ..opaque(0, 16)
        };
        block.work().unwrap().after
    };
    let three = Field {
        elements: 3,
        ..field(0, U16)
    };
    let values = |count: u64| (0..count).map(|value| value * 100).collect();
    assert_eq!(work(Rule::Range(field(0, U32), 0, 9)), 1);
    assert_eq!(work(Rule::Mask(three, 7)), 3);
    assert_eq!(work(Rule::Multiple(three, 4096)), 3);
    assert_eq!(work(Rule::Multiple(three, 3)), 24, "divisions");
    assert_eq!(work(Rule::OneOf(three, vec![1, 2])), 3, "a bitmap");
    assert_eq!(work(Rule::OneOf(three, values(255))), 24, "a search");
    assert_eq!(work(Rule::OneOf(three, values(256))), 27);
    assert_eq!(
        work(Rule::Text(Field {
            elements: 12,
            ..field(0, U8)
        })),
        12
    );
    let count = Rule::Count {
        field: three,
        offset: 10,
        operand: U8,
    };
    assert_eq!(work(count), 3);
    let structures = Field {
        elements: 3,
        ..field(0, U8)
    };
    let count = |number: usize, clear| Rule::CountByCode {
        field: structures,
        number: [load(0, U8)]
            .into_iter()
            .chain(vec![on_constant(op::ADD, 1); number - 1])
            .collect(),
        at: 0,
        clear,
    };
    assert_eq!(work(count(1, 0)), 2);
    assert_eq!(work(count(4, 1)), 5 + 3);
    assert_eq!(work(count(1, 5)), 2 + 3, "a step for eight bytes");
    let each = |length, rules| Rule::Each {
        field: structures,
        length,
        rules,
    };
    assert_eq!(work(each(5, comparisons(1))), 3 + 3);
    assert_eq!(work(each(4, comparisons(9))), 3 + 3 * 9);
    assert_eq!(work(each(4, vec![Rule::Mask(structures, 7)])), 3 + 3 * 3);
    assert_eq!(work(Rule::Clear(three, 7)), 3);
    let code = vec![
        load(0, U8),
        on_constant(op::ADD, 1),
        on_constant(op::EQUAL, 2),
    ];
    assert_eq!(work(Rule::Require(code)), 4);
}

#[test]
fn the_parts_of_a_write_are_added() {
    let layout = |instructions, rules| Layout {
        when: vec![load(0, U8); instructions],
        shape: Shape {
            pf: bytes(0..8),
            ..opaque(0, 16).shape
        },
        rules: comparisons(rules),
    };
    let block = BlockSource {
        checksum: Some(Checksum {
            offset: 9,
            operand: U32,
            owner: owner::VF,
            covered: covered::BEFORE,
        }),
        shape: layout(0, 0).shape,
        rules: comparisons(2),
        layouts: vec![layout(1, 5), layout(1, 7), layout(0, 6)],
        last_rules: comparisons(1),
        ..opaque(0, 16)
    };
    let expected = Work {
        before: 3 + 2,
        choice: 2 * (2 + 2 + 1),
        layout: 7,
        after: 1,
    };
    assert_eq!(block.work().unwrap(), expected);
    assert_eq!(expected.total(), 23);
    assert!(table(vec![block.clone()]).encode().is_ok());
    // A leading checksum is of the bytes after it, as many as a write may have.
    let leading = |offset| BlockSource {
        checksum: Some(Checksum {
            offset,
            operand: U32,
            owner: owner::VF,
            covered: covered::REST,
        }),
        ..block.clone()
    };
    for (offset, of_checksum) in [(0, 3), (3, 3), (4, 2), (8, 1), (12, 0)] {
        let expected = of_checksum + 2;
        assert_eq!(
            leading(offset).work().unwrap().before,
            expected,
            "at {offset}"
        );
    }
}

#[test]
fn a_write_takes_4096_comparisons_at_most() {
    let of = |total: usize| {
        let mut code = vec![load(0, U8)];
        code.resize(255, on_constant(op::ADD, 0));
        // 1024 before the layout, 2 to choose it, 1000 for its rules, and 8 times 256.
        let mut last_rules = vec![Rule::Require(code); 8];
        last_rules.extend(comparisons(total - 1024 - 2 - 1000 - 8 * 256));
        let block = BlockSource {
            rules: comparisons(1024),
            layouts: vec![Layout {
                when: Vec::new(),
                shape: opaque(0, 16).shape,
                rules: comparisons(1000),
            }],
            last_rules,
            ..opaque(0, 16)
        };
        (block.work().unwrap().total(), table(vec![block]).encode())
    };
    let (work, encoded) = of(4096);
    assert_eq!((work, encoded.is_ok()), (MAX_WORK, true));
    let (work, encoded) = of(4097);
    assert_eq!(work, MAX_WORK + 1);
    match encoded {
        Err(EncodeError::Refused(error)) => assert_eq!(error.flaw, Flaw::Work),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_work_that_a_block_names_is_that_of_its_rules() {
    assert_eq!(
        block(0, |block| block.work = (block.work.get() + 1).into()),
        Some(Flaw::Work)
    );
    assert_eq!(
        block(0, |block| block.work = (block.work.get() - 1).into()),
        Some(Flaw::Work)
    );
    assert_eq!(block(1, |block| block.work = 1.into()), Some(Flaw::Work));
}

/// The rules of an element count as often as there are elements, and those after them once.
#[test]
fn only_the_rules_of_an_element_are_multiplied() {
    let each = |elements, rules| Rule::Each {
        field: Field {
            elements,
            ..field(0, U8)
        },
        length: 2,
        rules: comparisons(rules),
    };
    let block = BlockSource {
        rules: vec![
            Rule::Mask(field(0, U8), 1),
            each(3, 2),
            Rule::Mask(field(0, U8), 1),
            each(4, 1),
            each(1, 5),
            Rule::Mask(field(0, U8), 1),
        ],
        ..opaque(0, 16)
    };
    let expected = 1 + (3 + 3 * 2) + 1 + (4 + 4) + (1 + 5) + 1;
    assert_eq!(block.work().unwrap().before, expected);
    assert!(table(vec![block]).encode().is_ok());
    let of = |rules| BlockSource {
        rules: vec![each(8, rules)],
        ..opaque(0, 16)
    };
    assert_eq!(of(511).work().unwrap().total(), MAX_WORK);
    assert!(table(vec![of(511)]).encode().is_ok());
    match table(vec![of(512)]).encode() {
        Err(EncodeError::Refused(error)) => assert_eq!(error.flaw, Flaw::Work),
        other => panic!("{other:?}"),
    }
}
