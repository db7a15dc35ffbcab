//! Manifests that are refused: one mistake gives one error.

use block_manifest::Manifest;

const DEVICE: &str = "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n";
const BLOCK: &str = "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 16\n";

/// A `[[block.field]]` of `ty`, with more keys.
fn field(name: &str, ty: &str, more: &str) -> String {
    format!("[[block.field]]\nname = \"{name}\"\ntype = \"{ty}\"\n{more}\n")
}

/// A `[[block.layout.field]]` of `ty`, with more keys.
fn inner(name: &str, ty: &str, more: &str) -> String {
    field(name, ty, more).replace("[[block.field]]", "[[block.layout.field]]")
}

fn layout(when: &str, more: &str) -> String {
    format!("[[block.layout]]\nwhen = \"{when}\"\n{more}\n")
}

fn parse(text: &str) -> Result<Manifest, Vec<String>> {
    Manifest::parse("refused.toml", text).map_err(|diagnostics| {
        let all = diagnostics.iter();
        all.map(|diagnostic| format!("{} ({})", diagnostic.message, diagnostic.label))
            .collect()
    })
}

/// The diagnostics of a manifest of one block with these lines after its length.
fn errors(lines: &str) -> Vec<String> {
    parse(&format!("{DEVICE}{BLOCK}{lines}"))
        .err()
        .unwrap_or_default()
}

/// Expects one error with these words.
#[track_caller]
fn one(errors: &[String], words: &str) {
    assert!(
        errors.len() == 1 && errors[0].contains(words),
        "expected one error with `{words}`: {errors:#?}"
    );
}

#[test]
fn the_time_limit_of_an_acknowledgement_is_in_range_and_has_a_use() {
    let said = |lines: &str| {
        let text = format!("{DEVICE}{lines}{BLOCK}{}", field("a", "u8", ""));
        parse(&text).err().unwrap_or_default()
    };
    let acknowledged = "reset = \"acknowledged\"\n";
    for timeout in ["1", "60000"] {
        let lines = format!("{acknowledged}reset-timeout = {timeout}\n");
        assert_eq!(said(&lines), Vec::<String>::new());
    }
    for timeout in ["0", "60001", "65536", "-1"] {
        let lines = format!("{acknowledged}reset-timeout = {timeout}\n");
        one(&said(&lines), "must be from 1 to 60000");
    }
    let unused = "`reset-timeout` needs `reset = \"acknowledged\"`";
    one(&said("reset-timeout = 5\n"), unused);
    one(&said("reset-timeout = 5\nreset = \"immediate\"\n"), unused);
    one(
        &said("reset-timeout = 5\nreset = \"acknowledge\"\n"),
        "must be \"immediate\" or \"acknowledged\"",
    );
}

#[test]
fn device_ids_are_one_integer_or_different_ones_in_an_array() {
    let said = |ids: &str| {
        let device = DEVICE.replace("device-id = 1", &format!("device-id = {ids}"));
        match parse(&format!("{device}{BLOCK}{}", field("a", "u8", ""))) {
            Ok(manifest) => Ok(manifest.device().device_ids.clone()),
            Err(errors) => Err(errors),
        }
    };
    let refused = |ids: &str, words: &[&str]| assert_eq!(said(ids).expect_err(ids), words);
    assert_eq!(said("0xB001"), Ok(vec![0xB001]));
    assert_eq!(said("[0xB002, 0xB001]"), Ok(vec![0xB002, 0xB001]));
    let sixteen = format!("{:?}", (0..16).collect::<Vec<_>>());
    assert_eq!(said(&sixteen), Ok((0..16).collect()));
    let seventeen = format!("{:?}", (0..17).collect::<Vec<_>>());
    refused(
        &seventeen,
        &["`device-id` has 17 elements, and must have 1 to 16 (not 1 to 16 elements)"],
    );
    refused(
        "[]",
        &["`device-id` has 0 elements, and must have 1 to 16 (not 1 to 16 elements)"],
    );
    refused(
        "[1, 0x1, 1]",
        &[
            "`device-id` has 0x1 twice (here again)",
            "`device-id` has 1 twice (here again)",
        ],
    );
    refused(
        "[1, 0x1_0000, -1]",
        &[
            "`device-id` is 0x10000, and must be from 0 to 65535 (not from 0 to 65535)",
            "`device-id` is -1, and must be from 0 to 65535 (not from 0 to 65535)",
        ],
    );
    refused(
        "[1, \"2\"]",
        &["`device-id` is a string, and should be an integer (expected an integer)"],
    );
    refused(
        "\"1\"",
        &[
            "`device-id` is a string, and should be an integer or an array of integers \
             (expected an integer or an array of integers)",
        ],
    );
}

#[test]
fn a_bad_type_hides_neither_its_field_nor_those_after_it() {
    let fields =
        field("a", "u23", "") + &field("bb", "u8", "") + &field("c", "u8[4]", "count = \"a\"");
    let require = "require = [\"a <= 4\", \"bb == 1\"]\n";
    one(&errors(&format!("{require}{fields}")), "unknown type `u23`");
    let wrong =
        field("a", "u23", "") + &field("bb", "u8", "default = 256\nvalid = { min = 2, max = 1 }");
    assert_eq!(
        errors(&wrong),
        [
            "unknown type `u23` (no such type)",
            "256 does not fit into u8 (u8 holds 0 to 255)",
            "no u8 meets this `valid`: the rule can never hold (together they are met by no value)",
        ],
        "a field whose place is not known is looked at"
    );
}

#[test]
fn a_field_that_leaves_the_block_hides_neither_itself_nor_those_after_it() {
    let fields = field("a", "u64[3]", "") + &field("bb", "u8", "") + &field("c", "u8", "");
    let require = "require = [\"bb == 1\"]\n";
    one(
        &errors(&format!("{require}{fields}")),
        "field `a` covers bytes 0 to 23",
    );
}

#[test]
fn an_offset_that_cannot_be_read_moves_nothing() {
    for offset in ["offset = 200", "offset = \"4\"", "ofset = 4"] {
        let fields =
            field("a", "u8", "") + &field("b", "u64", offset) + &field("c", "u64", "offset = 8");
        assert_eq!(errors(&fields).len(), 1, "{offset}: {:?}", errors(&fields));
        let behind = field("a", "u8", "") + &layout("a == 1", "") + &field("z", "u8", offset);
        assert_eq!(errors(&behind).len(), 1, "{offset}: {:?}", errors(&behind));
    }
}

#[test]
fn a_length_that_cannot_be_read_is_not_missing() {
    for lengths in [
        "min-length = 0\nmax-length = 8",
        "min-length = 4\nmax-length = 129",
        "length = 0",
        "length = 1.5",
        "lenght = 4",
        "length = 129\nmin-length = 3",
    ] {
        let text = format!("{DEVICE}{BLOCK}").replace("length = 16", lengths);
        let errors = parse(&text).err().unwrap_or_default();
        assert_eq!(errors.len(), 1, "{lengths}: {errors:?}");
    }
    one(
        &parse(&format!("{DEVICE}{BLOCK}").replace("length = 16", "max-length = 8")).unwrap_err(),
        "need each other",
    );
}

#[test]
fn a_kind_that_cannot_be_read_says_nothing_about_other_keys() {
    one(
        &errors("kind = \"streem\"\ndepth = 4\n"),
        "`kind` is \"streem\"",
    );
}

#[test]
fn bits_that_cannot_be_read_have_their_name_all_the_same() {
    let form = "bits `a` are neither a bit number nor a range";
    for (bits, words) in [
        ("a = \"3-1\"", "the range of bits `a` begins above its end"),
        (
            "a = 64",
            "bits `a` end at bit 64, and the widest integer has",
        ),
        (
            "a = \"0-256\"",
            "bits `a` end at bit 256, and the widest integer has",
        ),
        ("a = 1.5", form),
        ("a = \"+1\"", form),
        ("a = \" 2 - 3 \"", form),
        ("a = \"1 \"", form),
    ] {
        let lines = format!(
            "require = [\"f.a == 1\"]\n{}",
            field(
                "f",
                "u8",
                &format!("default = 9\nbits = {{ {bits}, b = 0 }}")
            )
        );
        one(&errors(&lines), words);
    }
    let lines = format!("require = [\"f.a == 1\"]\n{}", field("f", "u8", "bits = 3"));
    one(&errors(&lines), "`bits` is an integer");
}

#[test]
fn a_value_of_an_enumeration_that_cannot_be_read_has_its_name_all_the_same() {
    let uses =
        field("x", "u8", "valid = { one-of = \"e\" }\ndefault = \"e.a\"") + &layout("x == e.a", "");
    for enums in [
        "[enum.e]\na = -9223372036854775809\nb = 2\n",
        "[enum.e]\na = -9223372036854775809\n",
        "[enum.e]\n",
        "[enum]\ne = 3\n",
        "[enun.e]\na = 1\n",
    ] {
        let errors = parse(&format!("{DEVICE}{enums}{BLOCK}{uses}"))
            .err()
            .unwrap_or_default();
        assert_eq!(errors.len(), 1, "{enums}: {errors:?}");
    }
}

#[test]
fn a_lone_unknown_name_is_one_error() {
    for rule in [
        "nosuch",
        "!nosuch",
        "nosuch && a == 1",
        "nosuch - 1 == 0",
        "(nosuch)",
        "nosuch.part",
        "nosuch + 1 == a",
    ] {
        let lines = format!("require = [\"{rule}\"]\n{}", field("a", "u8", ""));
        one(&errors(&lines), "nosuch");
    }
}

#[test]
fn what_cannot_be_seen_is_not_called_unknown() {
    for fields in [
        "[block.field]\nname = \"a\"\ntype = \"u8\"\n",
        "[[block.feild]]\nname = \"a\"\ntype = \"u8\"\n",
        "[[block.field]]\nname = 5\ntype = \"u8\"\n",
        "[[block.field]]\ntype = \"u8\"\n",
    ] {
        let errors = errors(&format!("require = [\"a == 1\"]\n{fields}"));
        assert_eq!(errors.len(), 1, "{fields}: {errors:?}");
    }
    one(
        &errors(&format!(
            "require = [\"a- == 1\"]\n{}",
            field("a", "u8", "")
        )),
        "unexpected `==`",
    );
    one(
        &errors(&(field("9a", "u8", "") + &field("c", "u8[2]", "count = \"9a\""))),
        "cannot be the name",
    );
}

#[test]
fn a_table_that_is_there_twice_is_one_error() {
    one(
        &parse(&format!("{DEVICE}{DEVICE}{BLOCK}")).unwrap_err(),
        "duplicate key",
    );
    let text = format!(
        "{DEVICE}{}{BLOCK}length = 8\n",
        DEVICE.replace("name", "nam")
    );
    let errors = parse(&text).unwrap_err();
    assert_eq!(
        errors.len(),
        2,
        "the key of another table is repeated, too: {errors:?}"
    );
}

#[test]
fn a_field_that_may_not_be_named_is_not_called_unknown() {
    let t = field("t", "u8", "");
    let first = layout("t == 1", "") + &inner("p", "u8", "");
    let sentence = "field `p` cannot be used here";
    for lines in [
        format!("require = [\"p == 1\"]\n{t}{first}"),
        format!("require = [\"p.x == 1\"]\n{t}{first}"),
        format!("{t}{first}{}", layout("t == 2", "require = [\"p == 1\"]")),
        format!(
            "{t}{first}{}",
            layout("t == 2", "") + &inner("a", "u8[4]", "count = \"p\"")
        ),
        format!("{t}{}{first}", field("a", "u8[4]", "count = \"p\"")),
        format!("{t}{first}{}", layout("p == 2", "")),
        format!(
            "{t}{}{}",
            layout("p == 1", ""),
            field("p", "u8", "offset = 9")
        ),
    ] {
        one(&errors(&lines), sentence);
    }
}

#[test]
fn a_counter_that_is_always_above_its_array_is_refused() {
    let array = field("a", "u8[4]", "count = \"n\"");
    for (valid, refused) in [
        ("{ min = 5 }", true),
        ("{ one-of = [9, 6] }", true),
        ("{ min = 3, multiple-of = 5 }", true),
        ("{ min = 4 }", false),
        ("{ one-of = [9, 2] }", false),
    ] {
        let counter = field("n", "u8", &format!("valid = {valid}"));
        let errors = errors(&(counter + &array));
        assert_eq!(
            errors
                .iter()
                .any(|error| error.starts_with("the count of `a` can never hold")),
            refused,
            "{valid}: {errors:?}"
        );
    }
}

#[test]
fn defaults_that_break_a_count_of_their_side_are_refused() {
    let array = |more: &str| field("a", "u16[4]", &format!("count = \"n\"\n{more}"));
    let counter = |more: &str| field("n", "u8", more);
    one(
        &errors(&(counter("default = 5") + &array(""))),
        "it is 5, and `a` has 4 elements (5 by default)",
    );
    one(
        &errors(&(counter("") + &array("default = [1, 2, 0, 0]"))),
        "it sets element 1, and `n` counts 0",
    );
    one(
        &errors(&(counter("default = 1") + &array("default = 7"))),
        "it sets element 3, and `n` counts 1",
    );
    assert_eq!(
        errors(&(counter("default = 2") + &array("default = [1, 2, 0, 0]"))),
        [""; 0]
    );
    assert_eq!(errors(&(counter("default = 4") + &array(""))), [""; 0]);
    // A read-only block belongs to the PF only: no other writer can correct its defaults.
    let read_only = format!("{DEVICE}{BLOCK}{}{}", counter("default = 5"), array(""))
        .replace("read-write", "read-only");
    one(
        &parse(&read_only).unwrap_err(),
        "counts more than there are",
    );
}

#[test]
fn defaults_of_a_layout_are_judged_with_the_counter_that_it_has() {
    let t = field("t", "u8", "") + &field("n", "u8", "");
    let counted = inner("a", "u8[4]", "count = \"n\"\ndefault = [1, 0, 0, 0]");
    one(
        &errors(&format!("{t}{}{counted}", layout("t == 0", ""))),
        "it sets element 0, and `n` counts 0",
    );
    // In this layout `n` is what the VF has written, and not its default.
    assert_eq!(
        errors(&format!("{t}{}{counted}", layout("t == 1", ""))),
        [""; 0]
    );
    let own = inner("m", "u8", "default = 9") + &inner("a", "u8[4]", "count = \"m\"");
    one(
        &errors(&format!("{t}{}{own}", layout("t == 1", ""))),
        "it is 9, and `a` has 4 elements",
    );
}

#[test]
fn defaults_that_break_a_count_across_both_sides_are_a_warning() {
    let text = format!(
        "{DEVICE}{BLOCK}{}{}",
        field("n", "u8", "owner = \"vf\""),
        field(
            "a",
            "u8[4]",
            "owner = \"pf\"\ncount = \"n\"\ndefault = [1, 0, 0, 0]"
        )
    );
    let manifest = parse(&text).unwrap();
    assert_eq!(
        manifest.warnings().warning_count(),
        1,
        "{}",
        manifest.warnings()
    );
}

#[test]
fn a_sequence_with_one_value_is_refused() {
    for valid in [
        "{ equals = 3 }",
        "{ one-of = [3] }",
        "{ one-of = [3, 3] }",
        "{ min = 3, max = 3 }",
        "{ mask = 0 }",
        "{ min = 1, multiple-of = 200 }",
        "{ min = 255 }",
    ] {
        for kind in ["strict", "non-decreasing", "serial"] {
            let lines = field(
                "s",
                "u8",
                &format!("sequence = \"{kind}\"\nvalid = {valid}"),
            );
            one(&errors(&lines), "has one valid value only");
        }
    }
    assert_eq!(
        errors(&field(
            "s",
            "u8",
            "sequence = \"strict\"\nvalid = { min = 254 }"
        )),
        [""; 0]
    );
}

#[test]
fn a_layout_that_the_blocks_require_excludes_is_refused() {
    let block = |rule: &str| {
        format!(
            "require = [\"{rule}\"]\n{}",
            field("t", "u8", "valid = { max = 3 }")
        )
    };
    let layouts =
        layout("t == 3", "require = [\"p == 1\"]") + &inner("p", "u8", "") + &layout("else", "");
    one(
        &errors(&(block("t != 3") + &layouts)),
        "`require` refuses every value",
    );
    one(
        &errors(&(block("t == 3") + &layouts)),
        "the layout for `else` can never be chosen",
    );
    assert_eq!(errors(&(block("t != 2") + &layouts)), [""; 0]);
    one(
        &errors(&(block("t == 9") + &layouts)),
        "the rule `t == 9` can never hold",
    );
}

#[test]
fn rules_beside_check_are_refused() {
    for rule in [
        "bits = { x = 0 }",
        "valid = { equals = 5 }",
        "valid = { min = 1, max = 9 }",
        "sequence = \"strict\"",
    ] {
        let lines =
            field("n", "u8", "") + &field("c", "u32", &format!("check = \"crc32\"\n{rule}"));
        one(
            &errors(&lines),
            "its value is the CRC-32 of the bytes before it",
        );
    }
}

#[test]
fn no_two_layouts_have_one_name_in_generated_code() {
    let enums = "[enum.e]\na = 1\nB = 2\n";
    let layouts = |layouts: &[(&str, &str)]| {
        let one = |(name, when): &(&str, &str)| {
            let name = if name.is_empty() {
                String::new()
            } else {
                format!("name = \"{name}\"")
            };
            layout(when, &name)
        };
        let text = format!(
            "{DEVICE}{enums}{BLOCK}{}{}",
            field("t", "u8", ""),
            layouts.iter().map(one).collect::<String>()
        );
        let manifest = parse(&text).unwrap();
        let names: Vec<String> = manifest.blocks()[0]
            .layouts
            .iter()
            .map(|layout| layout.name.clone())
            .collect();
        names
    };
    assert_eq!(
        layouts(&[("", "t == e.a"), ("", "t == e.B"), ("", "else")]),
        ["a", "B", "otherwise"]
    );
    assert_eq!(
        layouts(&[("", "t == e.a"), ("a", "t == 2")]),
        ["layout_0", "a"]
    );
    assert_eq!(
        layouts(&[("b", "t == 3"), ("", "t == e.B")]),
        ["b", "layout_1"]
    );
    assert_eq!(
        layouts(&[
            ("", "t == 3"),
            ("LAYOUT_1", "t == 4"),
            ("", "t == e.a"),
            ("", "t == 1 + e.a")
        ]),
        ["layout_0", "LAYOUT_1", "a", "layout_3"]
    );
    assert_eq!(
        layouts(&[
            ("otherwise", "t == 3"),
            ("layout_2", "t == 4"),
            ("", "t == 5")
        ]),
        ["otherwise", "layout_2", "layout_3"]
    );
}

#[test]
fn an_error_shows_what_was_written() {
    let lines = format!("require = [\"a == '1'\"]\n{}", field("a", "u8", ""));
    one(&errors(&lines), "`'` is not part of an expression");
    one(
        &errors(&field("a", "u8\\n\\\"", "")),
        "unknown type `u8\\n\"`",
    );
    one(
        &errors(&field("a", "u8[2]", "default = [1]")),
        "has 1 element, and u8[2] has 2 (expected 2 elements, or one integer for all)",
    );
    one(
        &errors(&field("a", "u8[1]", "default = [1, 2]")),
        "has 2 elements, and u8[1] has 1 (expected 1 element,",
    );
}

#[test]
fn a_type_is_spelt_in_one_way() {
    for ty in [
        "u16[+4]", " u8", "u8 ", "u8 [2]", "u8[ 2 ]", "u8[2] ", "u8[0x2]", "u8[1_0]", "U8",
    ] {
        assert_eq!(errors(&field("a", ty, "")).len(), 1, "`{ty}`");
    }
}

#[test]
fn what_looks_like_a_header_in_a_text_is_text() {
    let doc = "doc = \"\"\"\n[block.field]\n[[block.field]]\n\"\"\"\n";
    assert_eq!(errors(&(doc.to_owned() + &field("a", "u8", ""))), [""; 0]);
    let text = format!("{DEVICE}[[block]]\n{doc}").replace("[[block]]\n", "");
    assert!(
        parse(&text)
            .unwrap_err()
            .iter()
            .all(|error| !error.contains("stands before"))
    );
}
