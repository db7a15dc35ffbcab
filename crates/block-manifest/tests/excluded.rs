//! `none-of` and `sequence = "next"`: what they admit and refuse.

use block_manifest::Manifest;
use block_table::{History, Rule, Table, Writer};

/// The results of writes of one byte or of a 16-bit number to a block of two bytes whose field is
/// `field`. Each is committed if it is admitted.
fn results(field: &str, writes: &[u16]) -> Vec<Result<(), Rule>> {
    let text = format!(
        "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n[enum.port]\nnone = 0\nbroadcast = 0xFFFF\n\
         [[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 2\n[[block.field]]\nname = \"f\"\n{field}\n"
    );
    let manifest =
        Manifest::parse("excluded.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    let bytes = manifest.compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let (mut committed, mut history) = (*block.default_image(), History::EMPTY);
    let mut write = |value: &u16| {
        let admitted = block.admit(Writer::Vf, &value.to_le_bytes(), &committed, history);
        admitted
            .map(|image| {
                committed = image;
                history = history.after(Writer::Vf);
            })
            .map_err(|violation| violation.rule)
    };
    writes.iter().map(&mut write).collect()
}

const REFUSED: Result<(), Rule> = Err(Rule::Value);
const STILL: Result<(), Rule> = Err(Rule::Sequence);

#[test]
fn values_that_are_excluded_are_refused_and_all_others_are_not() {
    let near = "type = \"u16\"\nvalid = { none-of = [3, 5] }";
    assert_eq!(
        results(near, &[0, 2, 3, 4, 5, 6, 67, 69, 0xFFFF]),
        [
            Ok(()),
            Ok(()),
            REFUSED,
            Ok(()),
            REFUSED,
            Ok(()),
            Ok(()),
            Ok(()),
            Ok(())
        ]
    );
    let far = "type = \"u16\"\nvalid = { none-of = \"port\" }";
    assert_eq!(
        results(far, &[0, 1, 0xFFFE, 0xFFFF]),
        [REFUSED, Ok(()), Ok(()), REFUSED]
    );
    let array = "type = \"u8[2]\"\nvalid = { none-of = [9], max = 10 }";
    assert_eq!(
        results(array, &[0x0809, 0x0908, 0x0A08, 0x0B08]),
        [REFUSED, REFUSED, Ok(()), REFUSED]
    );
}

#[test]
fn the_next_value_is_one_more_and_any_other_is_refused() {
    let next = "type = \"u16be\"\nsequence = \"next\"";
    let value = |number: u16| number.swap_bytes();
    let outcomes = results(next, &[0xFFFE, 0xFFFF, 0, 0, 2, 1, 2].map(value));
    assert_eq!(
        outcomes,
        [Ok(()), Ok(()), Ok(()), STILL, STILL, Ok(()), Ok(())]
    );
}

#[test]
fn exclusions_that_leave_no_value_or_exclude_none_are_refused() {
    let refused = |valid: &str| {
        let text = format!(
            "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n\
             [[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 2\n\
             [[block.field]]\nname = \"f\"\ntype = \"u16\"\nvalid = {valid}\n"
        );
        let diagnostics = Manifest::parse("excluded.toml", &text).expect_err(valid);
        let messages: Vec<String> = diagnostics
            .iter()
            .map(|diagnostic| diagnostic.message.clone())
            .collect();
        messages
    };
    let never = "no u16 meets this `valid`: the rule can never hold";
    assert_eq!(refused("{ none-of = [4, 5], one-of = [5, 4] }"), [never]);
    assert_eq!(refused("{ none-of = [0xFFFF], min = 0xFFFF }"), [never]);
    assert_eq!(refused("{ none-of = [] }"), ["`none-of` has no values"]);
    assert_eq!(
        refused("{ none-of = 4 }"),
        ["`none-of` is 4, and should be an array or an enumeration"]
    );
    let many: Vec<u32> = (0..4097).collect();
    assert_eq!(
        refused(&format!("{{ none-of = {many:?} }}")),
        ["`none-of` has 4097 values, and may have 4096"]
    );
}
