//! Rules over the length, the writer, the value before a write, and other blocks.

use block_manifest::{Manifest, Style};
use block_table::{History, Image, Rule, Table, Write, Writer};

fn manifest(blocks: &str) -> Result<Manifest, String> {
    let text =
        format!("[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n{blocks}");
    Manifest::parse("context.toml", &text).map_err(|diagnostics| diagnostics.to_string())
}

/// The rule that the first block of `blocks` refuses `sent` for.
fn refusal(blocks: &str, writer: Writer, sent: &[u8], committed: &Image) -> Option<Rule> {
    let bytes = manifest(blocks)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .compile();
    let table = Table::verify(&bytes).expect("what compiles verifies");
    let block = table.block(0).expect("there is one");
    let outcome = block.admit(writer, sent, committed, History::EMPTY);
    outcome.err().map(|violation| violation.rule)
}

/// A block with three fields and these rules.
fn block(require: &str) -> String {
    format!(
        r#"
[[block]]
id = 0
name = "b"
vf-access = "read-write"
min-length = 1
max-length = 8
require = [{require}]
[[block.field]]
name = "n"
type = "u8"
[[block.field]]
name = "flags"
type = "u16be"
bits = {{ mode = "5-12" }}
"#
    )
}

#[test]
fn every_length_is_known_on_both_sides_of_a_limit() {
    let blocks = block("\"length == 1 + n\"");
    for length in 1..=8u8 {
        for n in 0..=8u8 {
            let mut sent = [0; 8];
            sent[0] = n;
            let expected = (n + 1 != length).then_some(Rule::Require);
            let sent = &sent[..length.into()];
            assert_eq!(
                refusal(&blocks, Writer::Vf, sent, &[0; 128]),
                expected,
                "{length} bytes, {n}"
            );
        }
    }
}

#[test]
fn bits_of_the_value_before_are_those_of_the_field() {
    let blocks = block("\"flags.mode == was.flags.mode + 1\"");
    let image = |mode: u16| (mode << 5).to_be_bytes();
    for (was, now, expected) in [
        (0, 1, None),
        (254, 255, None),
        (7, 7, Some(Rule::Require)),
        (7, 9, Some(Rule::Require)),
    ] {
        let mut committed = [0; 128];
        committed[1..3].copy_from_slice(&image(was));
        let [high, low] = image(now);
        assert_eq!(
            refusal(&blocks, Writer::Vf, &[0, high, low], &committed),
            expected,
            "{was} then {now}"
        );
    }
}

#[test]
fn before_the_first_write_was_is_the_default() {
    let blocks = block("\"was.n == 5\"").replacen("type = \"u8\"", "type = \"u8\"\ndefault = 5", 1);
    let bytes = manifest(&blocks).unwrap().compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let first = block.admit(Writer::Vf, &[9], block.default_image(), History::EMPTY);
    let first = first.expect("the default is 5");
    let second = block.admit(Writer::Vf, &[9], &first, History::EMPTY.after(Writer::Vf));
    assert_eq!(second.unwrap_err().rule, Rule::Require);
}

/// A manifest that had such names before keeps its meaning.
#[test]
fn fields_enumerations_and_constants_precede_the_built_in_names() {
    let field = block("\"length == 3\"").replace("\"n\"", "\"length\"");
    assert_eq!(refusal(&field, Writer::Vf, &[3], &[0; 128]), None);
    assert_eq!(
        refusal(&field, Writer::Vf, &[4, 0, 0], &[0; 128]),
        Some(Rule::Require)
    );
    let constant = format!("[const]\nlength = 3\n{}", block("\"n == length\""));
    assert_eq!(refusal(&constant, Writer::Vf, &[3], &[0; 128]), None);
    let enumeration = format!(
        "[enum.writer]\nvf = 7\n[enum.was]\nn = 9\n{}",
        block("\"n == writer.vf || n == was.n\"")
    );
    for (n, expected) in [(7, None), (9, None), (1, Some(Rule::Require))] {
        assert_eq!(refusal(&enumeration, Writer::Vf, &[n], &[0; 128]), expected);
    }
    let bits = block("\"was.mode == 1\"").replace("\"flags\"", "\"was\"");
    assert_eq!(refusal(&bits, Writer::Vf, &[0, 0, 0x20], &[0; 128]), None);
}

/// A block that uses the first `used` of five others.
fn using(used: u8) -> String {
    let names: Vec<String> = (1..=used).map(|id| format!("\"host_{id}\"")).collect();
    let rule = format!("\"n <= host_{used}.limit.high\"");
    let mut text = block(&rule).replace(
        "require",
        &format!("uses = [{}]\nrequire", names.join(", ")),
    );
    for id in 1..=5u8 {
        let access = if id % 2 == 0 { "none" } else { "read-only" };
        let other = format!(
            r#"
[[block]]
id = {id}
name = "host_{id}"
vf-access = "{access}"
length = 40
[[block.field]]
name = "limit"
type = "u32be"
offset = 36
bits = {{ high = "24-31" }}
default = 0x{id:02}00_0000
"#
        );
        text += &other;
    }
    text
}

#[test]
fn a_block_uses_four_others_and_no_fifth() {
    for used in 1..=4u8 {
        for (n, expected) in [(used, None), (used + 1, Some(Rule::Require))] {
            assert_eq!(
                refusal(&using(used), Writer::Vf, &[n], &[0; 128]),
                expected,
                "{used} used blocks"
            );
            assert_eq!(
                refusal(&using(used), Writer::Pf, &[n], &[0; 128]),
                None,
                "a publish is not judged by other blocks"
            );
        }
    }
    let diagnostics = manifest(&using(5)).unwrap_err();
    assert!(
        diagnostics.contains("the block uses 5 others, and may use 4"),
        "{diagnostics}"
    );
}

#[test]
fn rules_see_the_value_that_a_used_block_has_now() {
    let bytes = manifest(&using(2)).unwrap().compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    assert_eq!(block.uses().collect::<Vec<_>>(), [1, 2]);
    let (zero, mut limit) = ([0; 128], [0; 128]);
    limit[36] = 200;
    let mut write = Write::new(Writer::Vf, 1, &zero, History::EMPTY);
    let mut image = [0; 128];
    image[0] = 200;
    write.used[1] = &limit;
    assert_eq!(block.admit_in_place(&write, &mut image), Ok(()));
    write.used = [&limit, &zero, &limit, &limit];
    let refused = block.admit_in_place(&write, &mut image).unwrap_err();
    assert_eq!(refused.rule, Rule::Require);
}

#[test]
fn a_used_block_may_follow_and_is_unchanged_by_its_use() {
    let manifest = manifest(&using(3)).unwrap();
    let first = &manifest.blocks()[0];
    assert_eq!(first.uses, ["host_1", "host_2", "host_3"]);
    assert!(manifest.blocks()[1].uses.is_empty());
    assert!(manifest.warnings().is_empty(), "{}", manifest.warnings());
    let reference = manifest.reference_markdown(&Style::default());
    assert!(
        reference.contains("its rules read the host's state in `host_1`, `host_2`, `host_3`"),
        "{reference}"
    );
    assert!(
        reference.contains("that the VF cannot access"),
        "{reference}"
    );
}

/// The warning about defaults that refuse every publish tries the lengths that a publish may have,
/// and takes no side on rules that compare a publish with the one before it.
#[test]
fn defaults_that_some_publish_meets_are_no_warning() {
    let both = |rule: &str| {
        let blocks = block(rule).replace("type = \"u8\"", "type = \"u8\"\nowner = \"pf\"");
        manifest(&blocks).unwrap().warnings().warning_count()
    };
    assert_eq!(both("\"length == 1 + n\""), 0);
    assert_eq!(both("\"length == 7\""), 0);
    assert_eq!(both("\"n == was.n + 1\""), 0);
    assert_eq!(both("\"n == 1\""), 1);
    assert_eq!(both("\"length == 2 + n && n > 0\""), 1);
}
