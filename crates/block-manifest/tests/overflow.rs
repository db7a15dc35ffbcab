//! Arithmetic that overflows has one meaning: neither true nor false, in the compiler and in a write.

use block_manifest::Manifest;
use block_table::{History, Rule, Table, Writer};

/// With the defaults the condition of the first layout overflows, so the second is never tried.
const TEXT: &str = r#"
[device]
name = "d"
vendor-id = 1
device-id = 1
max-vfs = 1

[[block]]
id = 0
name = "b"
vf-access = "read-write"
length = 4

[[block.field]]
name = "kind"
type = "u8"

[[block.layout]]
name = "first"
when = "kind - 1 == 5"

[[block.layout]]
name = "otherwise"
when = "else"
[[block.layout.field]]
name = "value"
type = "u8"
default = 7
"#;

#[test]
fn defaults_on_which_a_condition_overflows_choose_no_layout() {
    let manifest = Manifest::parse("overflow.toml", TEXT).unwrap();
    let bytes = manifest.compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    assert_eq!(block.layout_of(block.default_image()), None);
    assert_eq!(block.default_image()[..4], [0; 4], "of no layout");
    let refused = block
        .admit(Writer::Vf, &[0; 4], block.default_image(), History::EMPTY)
        .unwrap_err();
    assert_eq!(refused.rule, Rule::Overflow);
    let written = block
        .admit(
            Writer::Vf,
            &[3, 9, 0, 0],
            block.default_image(),
            History::EMPTY,
        )
        .unwrap();
    assert_eq!(block.layout_of(&written), Some(1));
}

#[test]
fn defaults_on_which_no_condition_overflows_choose_their_layout() {
    let text = TEXT.replace("kind - 1 == 5", "kind + 1 == 5");
    let bytes = Manifest::parse("overflow.toml", &text).unwrap().compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    assert_eq!(block.layout_of(block.default_image()), Some(1));
    assert_eq!(block.default_image()[..4], [0, 7, 0, 0]);
}
