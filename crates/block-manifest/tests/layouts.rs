//! A block has as many layouts as the table format allows, and each of them is chosen.

#![expect(
    clippy::format_push_string,
    reason = "a test may be plain rather than fast"
)]

use block_manifest::Manifest;
use block_table::{MAX_LAYOUTS, Table};

/// A block whose field `opcode` of type `ty` selects one of the layouts with these conditions. The
/// layout at place `n` allows the values up to `n`.
fn with_layouts(ty: &str, conditions: &[String]) -> Result<Manifest, String> {
    let mut text = format!(
        "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n\
         [[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 4\n\
         [[block.field]]\nname = \"opcode\"\ntype = \"{ty}\"\n"
    );
    for (place, condition) in conditions.iter().enumerate() {
        text += &format!(
            "[[block.layout]]\nwhen = \"{condition}\"\n[[block.layout.field]]\n\
             name = \"v{place}\"\ntype = \"u16\"\noffset = 2\nvalid = {{ max = {place} }}\n"
        );
    }
    Manifest::parse("layouts.toml", &text).map_err(|wrong| wrong.to_string())
}

fn equalities(count: usize) -> Vec<String> {
    (0..count)
        .map(|value| format!("opcode == {value}"))
        .collect()
}

#[test]
fn each_of_256_layouts_is_chosen_for_its_value() {
    for ty in ["u8", "u16be"] {
        let manifest = with_layouts(ty, &equalities(MAX_LAYOUTS)).expect("as many as may be");
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).expect("what compiles verifies");
        let block = table.block(0).expect("a block");
        for opcode in 0..256_usize {
            let mut image = [0; 128];
            let place = usize::from(ty == "u16be");
            image[place] = u8::try_from(opcode).expect("a byte");
            assert_eq!(block.layout_of(&image), Some(opcode), "{ty}");
        }
        let mut none = [0; 128];
        none[..2].fill(1);
        let chosen = if ty == "u8" { Some(1) } else { None };
        assert_eq!(block.layout_of(&none), chosen, "{ty}");
    }
}

#[test]
fn a_block_has_256_layouts_at_most() {
    let wrong = with_layouts("u16", &equalities(257)).expect_err("one too many");
    assert!(
        wrong.contains("the block has 257 layouts, and may have 256"),
        "{wrong}"
    );
    assert_eq!(wrong.matches("error:").count(), 1, "{wrong}");
}

#[test]
fn the_last_of_256_layouts_can_still_be_known_to_be_never_chosen() {
    for (ty, repeated) in [("u8", 3), ("u16", 254)] {
        let mut conditions = equalities(MAX_LAYOUTS);
        conditions[255] = format!("opcode == {repeated}");
        let wrong = with_layouts(ty, &conditions).expect_err("never chosen");
        assert!(
            wrong.contains("the layouts before it take every value that it would"),
            "{wrong}"
        );
        assert_eq!(wrong.matches("error:").count(), 1, "{wrong}");
    }
}

#[test]
fn conditions_of_many_layouts_are_bounded_in_their_work() {
    // Two instructions and the step to the next layout, twice: 6 comparisons for each.
    let conditions = |count: usize, terms: usize| -> Vec<String> {
        let sum = vec!["opcode"; terms].join(" * ");
        let condition = |value| format!("{sum} == {value} || opcode == {value}");
        (0..count).map(condition).collect()
    };
    assert!(with_layouts("u8", &conditions(256, 2)).is_ok());
    let wrong = with_layouts("u8", &conditions(256, 8)).expect_err("too much work");
    assert!(wrong.contains("comparisons, and may take 4096"), "{wrong}");
    assert!(
        wrong.contains("to choose the layout, before the write and after it"),
        "{wrong}"
    );
}
