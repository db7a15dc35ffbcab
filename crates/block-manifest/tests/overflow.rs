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

/// The rules of a block over two bytes, and what they mean in mathematics.
type Meant = (&'static [&'static str], fn(i32, i32) -> bool);

const MEANT: [Meant; 14] = [
    (&["a - b <= 5"], |a, b| a - b <= 5),
    (&["a - b > 5"], |a, b| a - b > 5),
    (&["a - b == 5"], |a, b| a - b == 5),
    (&["a - b != 5"], |a, b| a - b != 5),
    (&["!(a - b == 2)"], |a, b| a - b != 2),
    (&["a >= b && a - b < 9"], |a, b| a >= b && a - b < 9),
    (&["a - b < 9 || a < b"], |a, b| a - b < 9 || a < b),
    (&["a == 0 || a - 1 < b"], |a, b| a == 0 || a - 1 < b),
    (&["a >= b", "a - b < 9"], |a, b| a >= b && a - b < 9),
    (&["a <= b", "a - b < 9", "a - b != 1"], |a, b| {
        a <= b && a - b < 9
    }),
    (&["a + b - 255 < 10"], |a, b| a + b - 255 < 10),
    (&["(a - b) * 3 != 6", "b < 4"], |a, b| {
        (a - b) * 3 != 6 && b < 4
    }),
    (&["100 - a >= b"], |a, b| 100 - a >= b),
    (&["100 - a <= b", "a <= 100"], |a, b| {
        100 - a <= b && a <= 100
    }),
];

#[test]
fn a_rule_is_warned_of_if_its_arithmetic_refuses_what_it_means() {
    for (rules, meant) in MEANT {
        let text = format!(
            "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n[[block]]\nid = 0\nname = \"b\"\n\
             vf-access = \"write-only\"\nlength = 2\nrequire = {rules:?}\n\
             [[block.field]]\nname = \"a\"\ntype = \"u8\"\n[[block.field]]\nname = \"b\"\ntype = \"u8\"\n"
        );
        let manifest = Manifest::parse("meant.toml", &text).expect("a valid manifest");
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).expect("what compiles verifies");
        let block = table.block(0).expect("a block");
        let refuses = |a: u8, b: u8| {
            let outcome = block.admit(Writer::Vf, &[a, b], &[0; 128], History::EMPTY);
            let overflows = outcome.is_err_and(|violation| violation.rule == Rule::Overflow);
            overflows && meant(a.into(), b.into())
        };
        let pairs = (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b)));
        let expected = pairs.into_iter().any(|(a, b)| refuses(a, b));
        let warned = !manifest.warnings().is_empty();
        assert_eq!(warned, expected, "{rules:?}: {}", manifest.warnings());
    }
}
