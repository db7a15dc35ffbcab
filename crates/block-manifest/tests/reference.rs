//! docs/manifest.md and the parser agree.

mod tables;

use block_manifest::Manifest;
use block_manifest::keys::{SECTIONS, Section};
use block_table::Table;
use tables::rules;

const REFERENCE: &str = include_str!("../../../docs/manifest.md");
const DEVICE: &str = "[device]\nname = \"Example\"\nvendor-id = 1\ndevice-id = 2\nmax-vfs = 4\n";
const BLOCK: &str = "[[block]]\nid = 99\nname = \"other\"\nvf-access = \"read-only\"\nlength = 4\n";

/// The heading of a section in the reference.
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

/// The TOML examples, each completed to a whole manifest.
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
        format!("IDs from 0 to {}", block_table::INVALIDATABLE_BLOCKS - 1),
        format!("`one-of` has at most {} values", block_table::MAX_VALUES),
        format!("up to {}, with different tags", block_table::MAX_ENTRIES),
        "at most 256 expressions".to_owned(),
        // tests/work.rs checks the limits that only the compiler has.
        "at most 1024 names, numbers and symbols".to_owned(),
    ];
    // The page wraps its lines.
    let words: Vec<&str> = REFERENCE.split_whitespace().collect();
    let text = words.join(" ");
    for limit in limits {
        assert!(text.contains(&limit), "{limit}");
    }
}

/// The lines of `table`, without one that sets `key`.
fn without(table: &str, key: &str) -> String {
    let others = table
        .lines()
        .filter(|line| !line.starts_with(&format!("{key} =")));
    others.flat_map(|line| [line, "\n"]).collect()
}

/// A field that the field `f` counts.
const COUNTED: &str = "[[block.field]]\nname = \"counted\"\ntype = \"u8[2]\"\ncount = \"f\"\n";

/// A manifest in which `key` of `section` is `value`, with the other keys that it needs.
fn with_key(section: &Section, key: &str, value: &str) -> String {
    let line = format!("{key} = {value}\n");
    let field = "[[block.field]]\nname = \"f\"\ntype = \"u8\"\n";
    let long = BLOCK.replace("length = 4", "length = 128");
    match section.header {
        "[device]" => {
            let more = match key {
                "reset-timeout" => "reset = \"acknowledged\"\n",
                _ => "",
            };
            format!("{}{more}{line}{BLOCK}", without(DEVICE, key))
        }
        "[limits]" => {
            let limits = "writes-per-second = 1\nburst = 1\n";
            format!("{DEVICE}[limits]\n{}{line}{BLOCK}", without(limits, key))
        }
        "[[block]]" => {
            let block = match key {
                "depth" | "when-full" => {
                    BLOCK.replace("read-only", "write-only") + "kind = \"stream\"\n"
                }
                "min-length" => BLOCK.replace("length = 4", "max-length = 128"),
                "max-length" => BLOCK.replace("length = 4", "min-length = 1"),
                _ => without(BLOCK, key),
            };
            format!("{DEVICE}{block}{line}")
        }
        "[[block.field]]" if key == "elements" => {
            let inner = "[[block.field.field]]\nname = \"g\"\ntype = \"u8\"\n";
            format!("{DEVICE}{long}{}{line}{inner}", without(field, "type"))
        }
        "[[block.field]]" if key == "behind" => {
            format!("{DEVICE}{long}{field}{COUNTED}{line}")
        }
        "[[block.field]]" => format!("{DEVICE}{long}{}{line}", without(field, key)),
        "[[block.field.field]]" => {
            let inner = "[[block.field.field]]\nname = \"g\"\ntype = \"u8\"\n";
            let inner = match key {
                "behind" => COUNTED.replace("block.field", "block.field.field"),
                _ => without(inner, key),
            };
            let array = "[[block.field]]\nname = \"array\"\nelements = 1\n";
            let array = if key == "behind" {
                format!("{field}{array}")
            } else {
                array.to_owned()
            };
            format!("{DEVICE}{long}{array}{inner}{line}")
        }
        "[[group.NAME.field]]" => {
            let member = "[[group.g.field]]\nname = \"f\"\ntype = \"u8\"\n";
            let member = match key {
                "behind" => format!(
                    "{member}{}",
                    COUNTED.replace("block.field", "group.g.field")
                ),
                _ => without(member, key),
            };
            let used = "[[block.field]]\nname = \"u\"\nelements = 1\nuse = \"g\"\n";
            format!("{DEVICE}{member}{line}{long}{used}")
        }
        "[[block.list]]" => {
            let list = "[[block.list]]\ntype = \"u8\"\nlength = \"u8\"\n";
            let end = match key {
                "behind" => "end = 0\n",
                _ => "",
            };
            let entry = "[[block.list.entry]]\nwhen = 1\n";
            format!("{DEVICE}{long}{}{end}{line}{entry}", without(list, key))
        }
        "[[block.list.entry]]" => {
            let list = "[[block.list]]\ntype = \"u8\"\nlength = \"u8\"\n";
            let entry = "[[block.list.entry]]\nwhen = 1\n";
            format!("{DEVICE}{long}{list}{}{line}", without(entry, key))
        }
        "[[block.layout]]" => {
            format!("{DEVICE}{long}{field}[[block.layout]]\nwhen = \"f == 1\"\n{line}")
        }
        "check" => format!(
            "{DEVICE}{long}[[block.field]]\nname = \"f\"\ntype = \"u32\"\noffset = 4\ncheck = {{ {} }}\n",
            line.trim_end()
        ),
        "valid" => format!(
            "{DEVICE}{long}[[block.field]]\nname = \"f\"\ntype = \"bytes[6]\"\nvalid = {{ {} }}\n",
            line.trim_end()
        ),
        other => panic!("no manifest for {other}"),
    }
}

/// A row of the reference's tables.
#[derive(Debug)]
struct Row {
    section: &'static Section,
    key: &'static str,
    values: &'static str,
    default: &'static str,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for section in SECTIONS {
        let lines = under(&heading(section)).lines();
        for line in lines.filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [key, values, default] = cells[..] else {
                panic!("{line}");
            };
            let key = key.trim_matches('`');
            rows.push(Row {
                section,
                key,
                values,
                default,
            });
        }
    }
    rows
}

/// `0x…` or decimal.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn compiles(text: &str) -> Result<(), String> {
    Manifest::parse("bounds.toml", text)
        .map(drop)
        .map_err(|diagnostics| diagnostics.to_string())
}

#[test]
fn a_key_takes_the_range_of_the_reference_and_no_more() {
    let mut ranges = 0;
    for row in rows() {
        let one = row
            .values
            .split_once(", or an array")
            .map_or(row.values, |(one, _)| one);
        let ends = one.split_once(" to ");
        let Some((min, max)) = ends.and_then(|(min, max)| number(min).zip(number(max))) else {
            continue;
        };
        ranges += 1;
        let key = row.key;
        let with = |value: u64| compiles(&with_key(row.section, key, &value.to_string()));
        for inside in [min, max] {
            assert_eq!(with(inside), Ok(()), "{key} = {inside}");
        }
        let outside = min.checked_sub(1).into_iter().chain([max + 1]);
        for outside in outside {
            let error = with(outside).expect_err(key);
            let said = format!("`{key}` is {outside}, and must be from {min} to {max}");
            assert!(error.contains(&said), "{error}");
        }
    }
    assert_eq!(ranges, 16);
}

#[test]
fn a_key_takes_the_words_of_the_reference_and_no_others() {
    let mut keys = 0;
    for row in rows().iter().filter(|row| row.values.starts_with('`')) {
        keys += 1;
        let (words, _) = row
            .values
            .split_once(", or a table")
            .unwrap_or((row.values, ""));
        let words = words.split(", ").map(|word| (word.trim_matches('`'), true));
        for (word, is_known) in words.chain([("other", false)]) {
            let text = with_key(row.section, row.key, &format!("\"{word}\""));
            let outcome = compiles(&text).err().unwrap_or_default();
            let refused = outcome.contains(&format!("`{}` is \"{word}\", and must be", row.key));
            assert_eq!(refused, !is_known, "{} = {word}: {outcome}", row.key);
        }
    }
    assert_eq!(keys, 21);
}

#[test]
fn a_name_is_as_long_as_the_reference_says_and_no_longer() {
    let mut names = 0;
    for row in rows().iter().filter(|row| row.key == "name") {
        names += 1;
        let length = row.values.split_once(" of 1 to ").expect(row.values).1;
        let most = length
            .strip_suffix(" bytes")
            .and_then(number)
            .expect(length);
        let with = |length: u64| {
            let name = "n".repeat(usize::try_from(length).expect("a short name"));
            compiles(&with_key(row.section, row.key, &format!("\"{name}\"")))
        };
        let header = row.section.header;
        assert_eq!((with(1), with(most)), (Ok(()), Ok(())), "{header}");
        assert!(with(0).is_err() && with(most + 1).is_err(), "{header}");
    }
    assert_eq!(names, 8);
}

#[test]
fn what_is_left_out_has_the_default_of_the_reference() {
    let table = |text: &str| {
        let manifest = Manifest::parse("defaults.toml", text);
        manifest
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
            .compile()
    };
    let mut defaults = 0;
    for row in rows()
        .iter()
        .filter(|row| row.section.header == "[[block]]")
    {
        let word = row.default.trim_matches('`');
        let value = if number(word).is_some() || row.values == "boolean" {
            word.to_owned()
        } else if row.values.contains(row.default) {
            format!("\"{word}\"")
        } else {
            // The default is a phrase.
            continue;
        };
        defaults += 1;
        let with = with_key(row.section, row.key, &value);
        let left_out = with.replace(&format!("{} = {value}\n", row.key), "");
        assert_ne!(with, left_out);
        assert!(
            rules(&table(&with)) == rules(&table(&left_out)),
            "{} is {value} when it is left out",
            row.key
        );
    }
    assert_eq!(defaults, 6);
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
