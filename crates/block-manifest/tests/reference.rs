//! docs/manifest.md and the parser say the same.

use block_manifest::Manifest;
use block_manifest::keys::{SECTIONS, Section};
use block_table::Table;

const REFERENCE: &str = include_str!("../../../docs/manifest.md");
const DEVICE: &str = "[device]\nname = \"Example\"\nvendor-id = 1\ndevice-id = 2\nmax-vfs = 4\n";
const BLOCK: &str = "[[block]]\nid = 99\nname = \"other\"\nvf-access = \"read-only\"\nlength = 4\n";

/// The heading under which a section's keys stand.
fn heading(section: &Section) -> String {
    let title = match section.header {
        "the manifest" => "The manifest",
        other => other,
    };
    format!("\n## {title}\n")
}

/// The text under a heading, up to the next one.
fn under(heading: &str) -> &'static str {
    let (_, text) = REFERENCE
        .split_once(heading)
        .unwrap_or_else(|| panic!("no heading {heading}"));
    text.split("\n## ").next().unwrap_or(text)
}

#[test]
fn the_reference_lists_exactly_the_keys_that_the_parser_knows() {
    for section in SECTIONS {
        let rows = under(&heading(section))
            .lines()
            .filter(|line| line.starts_with("| `"));
        let listed: Vec<&str> = rows.collect();
        let known: Vec<String> = section
            .keys
            .iter()
            .map(|key| format!("| `{}` | {} | {} |", key.name, key.values, key.default))
            .collect();
        assert_eq!(listed, known, "{}", section.header);
    }
    let sections = SECTIONS.iter().map(|section| heading(section));
    let tables = REFERENCE.matches("| key | values | default |").count();
    assert_eq!(
        sections.count(),
        tables,
        "every table of keys belongs to a section of the parser"
    );
}

/// The TOML examples, each made into a whole manifest by what it leaves out.
fn examples() -> Vec<String> {
    let blocks = REFERENCE
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default());
    let complete = |example: &str| {
        let device = if example.contains("[device]") {
            ""
        } else {
            DEVICE
        };
        let block = if example.contains("[[block]]") {
            ""
        } else {
            BLOCK
        };
        format!("{device}{example}{block}")
    };
    blocks.map(complete).collect()
}

#[test]
fn every_example_of_the_reference_compiles_without_warnings() {
    let examples = examples();
    assert!(examples.len() >= 8);
    for text in examples {
        let manifest = Manifest::parse("docs/manifest.md", &text)
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        assert!(manifest.warnings().is_empty(), "{}", manifest.warnings());
        assert!(Table::verify(&manifest.compile()).is_ok());
    }
}

#[test]
fn every_key_of_the_parser_is_in_an_example_or_in_the_accelerator() {
    let accelerator = include_str!("../../../blocks/accelerator.toml");
    let everything = examples().concat() + accelerator;
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        let used = [
            format!("\n{} =", key.name),
            format!(" {} =", key.name),
            format!(".{}]", key.name),
            format!("[{}", key.name),
        ];
        assert!(
            used.iter().any(|used| everything.contains(used.as_str())),
            "{}",
            key.name
        );
    }
}

#[test]
fn the_limits_of_the_reference_are_those_of_the_table() {
    let limits = [
        format!("1 to {} blocks", block_table::MAX_BLOCKS),
        format!("up to {} alternative layouts", block_table::MAX_LAYOUTS),
        format!("at most {} instructions", block_table::MAX_INSTRUCTIONS),
        format!("a stack of {} at most", block_table::MAX_STACK),
        format!("IDs from\n  0 to {}", block_table::INVALIDATABLE_BLOCKS - 1),
        format!("| 1 to {} | 32 |", block_table::MAX_DEPTH),
        format!("`one-of` has at most {} values", block_table::MAX_VALUES),
        "at most 256 expressions".to_owned(),
        // What the compiler alone knows is held by tests/work.rs.
        "at most 1024 names, numbers and symbols".to_owned(),
    ];
    for limit in limits {
        assert!(REFERENCE.contains(&limit), "{limit}");
    }
}

/// A manifest of one block with `lines` in it.
fn with_block(lines: &str) -> Result<Manifest, String> {
    let text = format!(
        "{DEVICE}[[block]]\nid = 0\nname = \"block\"\nvf-access = \"read-write\"\nlength = 128\n{lines}"
    );
    Manifest::parse("limits.toml", &text).map_err(|diagnostics| diagnostics.to_string())
}

#[test]
fn as_much_as_the_reference_allows_compiles_and_no_more() {
    let requires = |count: usize| {
        format!(
            "require = {:?}\n[[block.field]]\nname = \"f\"\ntype = \"u8\"\n",
            vec!["f < 9"; count]
        )
    };
    assert!(with_block(&requires(256)).is_ok());
    assert!(
        with_block(&requires(257))
            .unwrap_err()
            .contains("`require` has 257 expressions, and may have 256")
    );
    let values = |count: usize| {
        let values: Vec<usize> = (0..count).map(|value| value * 100).collect();
        format!(
            "[[block.field]]\nname = \"f\"\ntype = \"u32\"\nvalid = {{ one-of = {values:?} }}\n"
        )
    };
    assert!(with_block(&values(4096)).is_ok());
    assert!(
        with_block(&values(4097))
            .unwrap_err()
            .contains("`one-of` has 4097 values, and may have 4096")
    );
    // The most rules that one list can get: every byte a counted array with every kind of rule.
    let field = |index: usize| {
        format!(
            "[[block.field]]\nname = \"f{index}\"\ntype = \"u8[1]\"\ncount = \"n\"\nvalid = {{ min = 1, mask = 0x7F, multiple-of = 1, one-of = [1, 2] }}\n"
        )
    };
    let fields: String = (0..127).map(field).collect();
    assert!(
        with_block(&format!(
            "[[block.field]]\nname = \"n\"\ntype = \"u8\"\n{fields}"
        ))
        .is_ok()
    );
    let blocks = |count: u32| {
        let block = |index: u32| {
            let id = index.wrapping_mul(0x9E37_79B1);
            format!(
                "[[block]]\nid = {id}\nname = \"b{index}\"\nvf-access = \"read-only\"\nlength = 4\n"
            )
        };
        format!("{DEVICE}{}", (0..count).map(block).collect::<String>())
    };
    assert!(Manifest::parse("blocks.toml", &blocks(1024)).is_ok());
    assert!(
        Manifest::parse("blocks.toml", &blocks(1025))
            .unwrap_err()
            .to_string()
            .contains("has 1025 blocks, and may have 1024")
    );
    assert!(
        Manifest::parse("none.toml", &format!("block = []\n{DEVICE}"))
            .unwrap_err()
            .to_string()
            .contains("has no blocks")
    );
}
