//! `[const]`: a named integer means the same as the integer itself.

mod tables;

use block_manifest::{Manifest, Member, Style};
use tables::rules;

const NAMED: &str = r#"
[device]
name = "d"
vendor-id = "vendor"
device-id = ["vendor", 2]
max-vfs = "eight"

[limits]
writes-per-second = "vendor"
burst = "eight"

[const]
vendor = 0x1414
eight = 8
low-bit = 3

[enum.size]
small = 1
large = "eight"

[[block]]
id = "eight"
name = "b"
kind = "stream"
vf-access = "write-only"
min-length = "eight"
max-length = 40
depth = "eight"
require = ["a < eight", "c == size.large || a + eight > 1"]

[[block.field]]
name = "a"
type = "u8"
bits = { low = "low-bit", high = "4-7" }

[[block.field]]
name = "b"
type = "u16[eight]"
offset = "eight"
valid = { max = "vendor", none-of = ["eight", 9], multiple-of = "low-bit" }
default = 6

[[block.field]]
name = "c"
type = "u8"
valid = { one-of = "size" }
default = "eight"

[[block.field]]
name = "d"
type = "ascii[8]"
default = "eight"
"#;

fn parse(text: &str) -> Manifest {
    Manifest::parse("constants.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

/// [`NAMED`] with every constant replaced by its value.
fn plain() -> String {
    let text = NAMED
        .replace("[const]\nvendor = 0x1414\neight = 8\nlow-bit = 3\n", "")
        .replace("\"vendor\"", "0x1414")
        .replace("\"low-bit\"", "3")
        .replace("[eight]", "[8]")
        .replace("a < eight", "a < 8")
        .replace("a + eight", "a + 8");
    let (before, ascii) = text.split_once("ascii[8]").expect("the last field");
    format!("{}ascii[8]{ascii}", before.replace("\"eight\"", "8"))
}

#[test]
fn a_constant_means_its_value_wherever_an_integer_stands() {
    let (named, plain) = (parse(NAMED), parse(&plain()));
    let (with, without) = (named.compile(), plain.compile());
    assert_eq!(rules(&with), rules(&without));
    let constants: Vec<(&str, i128)> = named
        .constants()
        .iter()
        .map(|Member { name, value }| (name.as_str(), *value))
        .collect();
    assert_eq!(
        constants,
        [("vendor", 0x1414), ("eight", 8), ("low-bit", 3)]
    );
    assert!(plain.constants().is_empty());
}

#[test]
fn constants_are_generated_for_every_language() {
    let manifest = parse(NAMED);
    let header = manifest.header_c(&Style::default());
    assert!(header.contains("#define D_LOW_BIT 0x3u"), "{header}");
    let module = manifest.header_rust(&Style::default());
    assert!(
        module.contains("/// `low-bit`\n#[allow(dead_code)]\npub const LOW_BIT: u64 = 0x3;"),
        "{module}"
    );
    assert!(
        manifest
            .reference_markdown(&Style::default())
            .contains("## Constants\n\n| name | value |\n|---|---:|\n| `vendor` | 5140 |")
    );
    let clash = NAMED.replace("vendor = 0x1414", "vendor = 0x1414\nvendor-id = 1");
    let module = parse(&clash).header_rust(&Style::default());
    assert!(
        module.contains("pub const VENDOR_ID_: u64 = 0x1;"),
        "{module}"
    );
}
