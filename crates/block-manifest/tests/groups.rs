//! A group stands for its fields: what uses groups compiles to the table of the same fields written
//! out.

#![expect(
    clippy::format_push_string,
    reason = "a test may be plain rather than fast"
)]

use block_manifest::Manifest;
use block_table::format::Header;
use proptest::prelude::*;

const DEVICE: &str = "[device]\nname = \"X\"\nvendor-id = 1\ndevice-id = 2\nmax-vfs = 1\n";
const BLOCK: &str = "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 128\n";

/// The sections of the table of a manifest, without the manifest in it.
fn table(text: &str) -> Vec<u8> {
    let text = format!("{DEVICE}{text}");
    let manifest =
        Manifest::parse("group.toml", &text).unwrap_or_else(|wrong| panic!("{text}\n{wrong}"));
    let bytes = manifest.compile();
    let table = block_table::Table::verify(&bytes).expect("what compiles verifies");
    let sections = size_of::<Header>()..bytes.len() - table.manifest().len();
    assert!(sections.len() > 128, "{text}");
    bytes[sections].to_vec()
}

fn same(with_groups: &str, written_out: &str) {
    assert_eq!(
        table(with_groups),
        table(written_out),
        "{with_groups}\n{written_out}"
    );
}

const PAIR: &str = "[[group.pair.field]]\nname = \"n\"\ntype = \"u8\"\n\
    [[group.pair.field]]\nname = \"list\"\ntype = \"u16[2]\"\noffset = 4\ncount = \"n + n\"\n\
    [[group.pair.field]]\nname = \"flags\"\ntype = \"u8\"\noffset = 2\nbits = { up = 7 }\n";

#[test]
fn a_group_lies_where_its_field_does_and_ends_with_its_last_byte() {
    same(
        &format!(
            "{PAIR}{BLOCK}require = [\"p_flags.up == 1 || a == p_n\"]\n\
             [[block.field]]\nname = \"a\"\ntype = \"u8\"\n\
             [[block.field]]\nname = \"p\"\nuse = \"pair\"\nowner = \"pf\"\n\
             [[block.field]]\nname = \"z\"\ntype = \"u8\"\n\
             [[block.field]]\nname = \"q\"\nuse = \"pair\"\noffset = 20\n\
             [[block.field]]\nname = \"y\"\ntype = \"u8\"\n"
        ),
        &format!(
            "{BLOCK}require = [\"p_flags.up == 1 || a == p_n\"]\n\
             [[block.field]]\nname = \"a\"\ntype = \"u8\"\n\
             [[block.field]]\nname = \"p_n\"\ntype = \"u8\"\nowner = \"pf\"\n\
             [[block.field]]\nname = \"p_list\"\ntype = \"u16[2]\"\noffset = 5\ncount = \"p_n + p_n\"\nowner = \"pf\"\n\
             [[block.field]]\nname = \"p_flags\"\ntype = \"u8\"\noffset = 3\nbits = {{ up = 7 }}\nowner = \"pf\"\n\
             [[block.field]]\nname = \"z\"\ntype = \"u8\"\noffset = 9\n\
             [[block.field]]\nname = \"q_n\"\ntype = \"u8\"\noffset = 20\n\
             [[block.field]]\nname = \"q_list\"\ntype = \"u16[2]\"\noffset = 24\ncount = \"q_n + q_n\"\n\
             [[block.field]]\nname = \"q_flags\"\ntype = \"u8\"\noffset = 22\nbits = {{ up = 7 }}\n\
             [[block.field]]\nname = \"y\"\ntype = \"u8\"\noffset = 28\n"
        ),
    );
}

#[test]
fn groups_within_groups_layouts_and_structures_are_the_same_fields() {
    same(
        &format!(
            "[[group.outer.field]]\nname = \"head\"\ntype = \"u8\"\n\
             [[group.outer.field]]\nname = \"in\"\nuse = \"pair\"\noffset = 2\n{PAIR}{BLOCK}\
             [[block.field]]\nname = \"kind\"\ntype = \"u8\"\n\
             [[block.layout]]\nwhen = \"kind == 1\"\n\
             [[block.layout.field]]\nname = \"o\"\nuse = \"outer\"\n\
             [[block.layout]]\nwhen = \"kind == 2\"\n\
             [[block.layout.field]]\nname = \"o\"\nelements = 2\nuse = \"outer\"\nrequire = [\"in_n <= head\"]\n\
             [[block.layout]]\nwhen = \"else\"\n\
             [[block.layout.field]]\nname = \"o\"\nelements = 2\n\
             [[block.layout.field.field]]\nname = \"f\"\ntype = \"u8\"\n\
             [[block.layout.field.field]]\nname = \"p\"\nuse = \"pair\"\noffset = 3\n"
        ),
        &format!(
            "{BLOCK}[[block.field]]\nname = \"kind\"\ntype = \"u8\"\n\
             [[block.layout]]\nwhen = \"kind == 1\"\n\
             [[block.layout.field]]\nname = \"o_head\"\ntype = \"u8\"\n\
             [[block.layout.field]]\nname = \"o_in_n\"\ntype = \"u8\"\noffset = 3\n\
             [[block.layout.field]]\nname = \"o_in_list\"\ntype = \"u16[2]\"\noffset = 7\ncount = \"o_in_n + o_in_n\"\n\
             [[block.layout.field]]\nname = \"o_in_flags\"\ntype = \"u8\"\noffset = 5\nbits = {{ up = 7 }}\n\
             [[block.layout]]\nwhen = \"kind == 2\"\n\
             [[block.layout.field]]\nname = \"o\"\nelements = 2\nrequire = [\"in_n <= head\"]\n\
             [[block.layout.field.field]]\nname = \"head\"\ntype = \"u8\"\n\
             [[block.layout.field.field]]\nname = \"in_n\"\ntype = \"u8\"\noffset = 2\n\
             [[block.layout.field.field]]\nname = \"in_list\"\ntype = \"u16[2]\"\noffset = 6\ncount = \"in_n + in_n\"\n\
             [[block.layout.field.field]]\nname = \"in_flags\"\ntype = \"u8\"\noffset = 4\nbits = {{ up = 7 }}\n\
             [[block.layout]]\nwhen = \"else\"\n\
             [[block.layout.field]]\nname = \"o\"\nelements = 2\n\
             [[block.layout.field.field]]\nname = \"f\"\ntype = \"u8\"\n\
             [[block.layout.field.field]]\nname = \"p_n\"\ntype = \"u8\"\noffset = 3\n\
             [[block.layout.field.field]]\nname = \"p_list\"\ntype = \"u16[2]\"\noffset = 7\ncount = \"p_n + p_n\"\n\
             [[block.layout.field.field]]\nname = \"p_flags\"\ntype = \"u8\"\noffset = 5\nbits = {{ up = 7 }}\n"
        ),
    );
}

/// Groups within each other to a depth, of which each has one field of its own.
fn nested(depth: usize) -> Result<Manifest, String> {
    let mut text = format!("{DEVICE}[[group.g1.field]]\nname = \"f\"\ntype = \"u8\"\n");
    for level in 2..=depth {
        let inner = level - 1;
        text += &format!("[[group.g{level}.field]]\nname = \"f\"\ntype = \"u8\"\n");
        text += &format!("[[group.g{level}.field]]\nname = \"g\"\nuse = \"g{inner}\"\n");
    }
    text += &format!("{BLOCK}[[block.field]]\nname = \"x\"\nuse = \"g{depth}\"\n");
    Manifest::parse("nested.toml", &text).map_err(|wrong| wrong.to_string())
}

#[test]
fn groups_are_within_each_other_8_deep_at_most() {
    let manifest = nested(8).expect("as deep as may be");
    let names: Vec<_> = manifest.blocks()[0].fields.iter().collect();
    assert_eq!(names.len(), 8);
    assert_eq!(names[7].name, "x_g_g_g_g_g_g_g_f");
    assert_eq!(names[7].offset, 7);
    let wrong = nested(9).expect_err("too deep");
    assert!(wrong.contains("9 deep, and may be 8"), "{wrong}");
    assert_eq!(wrong.matches("error:").count(), 1, "{wrong}");
}

#[test]
fn a_name_with_that_of_its_user_has_63_bytes_at_most() {
    let of_length = |length: usize| {
        let text = format!(
            "{DEVICE}[[group.g.field]]\nname = \"f\"\ntype = \"u8\"\n{BLOCK}\
             [[block.field]]\nname = \"{}\"\nuse = \"g\"\n",
            "x".repeat(length)
        );
        Manifest::parse("long.toml", &text).map_err(|wrong| wrong.to_string())
    };
    assert!(of_length(61).is_ok());
    let wrong = of_length(62).expect_err("too long");
    assert!(wrong.contains("has 64 bytes, and may have 63"), "{wrong}");
}

/// The body of a field, and the names of other fields in it as `{0}`, which is before all of them.
fn body() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "type = \"u8\"\n",
        "type = \"u16be\"\nvalid = { max = 900 }\ndefault = 7\n",
        "type = \"u32\"\nbits = { low = \"0-3\", high = 31 }\n",
        "type = \"bytes[3]\"\ncount = \"{0}\"\n",
        "type = \"u16[2]\"\ncount = \"{0} + 1\"\nbehind = \"any\"\n",
        "type = \"ascii[4]\"\n",
        "type = \"bytes[6]\"\nvalid = { mac = \"nonzero\" }\n",
    ])
}

/// A list of fields with their distances from the end of those before, the first of which counts.
fn fields() -> impl Strategy<Value = Vec<(&'static str, usize)>> {
    prop::collection::vec((body(), 0..3usize), 0..4)
}

/// The fields as tables of `path`, named `prefix` and a number, and their length.
fn tables(path: &str, prefix: &str, start: usize, fields: &[(&str, usize)]) -> (String, usize) {
    let counter = format!("[[{path}]]\nname = \"{prefix}n\"\ntype = \"u8\"\noffset = {start}\n");
    let mut text = counter;
    let mut next = start + 1;
    for (index, (body, gap)) in fields.iter().enumerate() {
        let offset = next + gap;
        let body = body.replace("{0}", &format!("{prefix}n"));
        text += &format!("[[{path}]]\nname = \"{prefix}f{index}\"\noffset = {offset}\n{body}");
        let ty = body.split('"').nth(1).expect("a type");
        next = offset
            + match ty {
                "u8" => 1,
                "u16be" => 2,
                "bytes[3]" => 3,
                "bytes[6]" => 6,
                _ => 4,
            };
    }
    (text, next)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn uses_of_random_groups_are_the_same_fields(
        of_group in fields(),
        gaps in prop::collection::vec(prop::option::of(0..4usize), 1..4),
        owners in prop::sample::select(vec!["", "owner = \"pf\"\n", "owner = \"both\"\n"]),
    ) {
        let (mut with_group, length) = tables("group.g.field", "", 0, &of_group);
        let mut written_out = BLOCK.to_owned();
        with_group += BLOCK;
        let mut next = 0;
        for (index, gap) in gaps.iter().enumerate() {
            let start = next + gap.unwrap_or(0);
            let offset = gap.map_or(String::new(), |_| format!("offset = {start}\n"));
            with_group += &format!("[[block.field]]\nname = \"u{index}\"\nuse = \"g\"\n{offset}{owners}");
            let (text, end) = tables("block.field", &format!("u{index}_"), start, &of_group);
            written_out += &text.replace("type = ", &format!("{owners}type = "));
            next = end;
            prop_assert_eq!(end, start + length);
        }
        same(&with_group, &written_out);
    }
}
