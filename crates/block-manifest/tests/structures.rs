//! Arrays of structures and counts: what is admitted and refused, and where.

use block_manifest::{Behind, Field, Manifest};
use block_table::{History, Image, Rule, Table, Violation, Write, Writer};

fn parse(blocks: &str) -> Result<Manifest, String> {
    let text =
        format!("[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n{blocks}");
    Manifest::parse("structures.toml", &text).map_err(|diagnostics| diagnostics.to_string())
}

fn manifest(blocks: &str) -> Manifest {
    parse(blocks).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// The outcome of a write of the VF to the first block.
fn outcome(blocks: &str, sent: &[u8], committed: &Image) -> Result<Image, Violation> {
    let bytes = manifest(blocks).compile();
    let table = Table::verify(&bytes).expect("what compiles verifies");
    let block = table.block(0).expect("there is one");
    block.admit(Writer::Vf, sent, committed, History::EMPTY)
}

fn refusal(blocks: &str, sent: &[u8]) -> Option<(Rule, u8)> {
    let refused = outcome(blocks, sent, &[0; 128]).err()?;
    Some((refused.rule, refused.offset))
}

/// Three structures of a number, a gap, bits and text, with more keys of the array.
fn three(keys: &str) -> String {
    format!(
        r#"
[[block]]
id = 0
name = "b"
vf-access = "read-write"
length = 25
[[block.field]]
name = "n"
type = "u8"
[[block.field]]
name = "list"
elements = 3
{keys}
[[block.field.field]]
name = "number"
type = "u16be"
valid = {{ max = 300 }}
[[block.field.field]]
name = "flags"
type = "u8"
offset = 4
bits = {{ mode = "2-4" }}
[[block.field.field]]
name = "text"
type = "ascii[3]"
"#
    )
}

/// A write of [`three`] with `count` and these bytes.
fn sent(count: u8, changes: &[(usize, u8)]) -> [u8; 25] {
    let mut bytes = [0; 25];
    bytes[0] = count;
    for (at, byte) in changes {
        bytes[*at] = *byte;
    }
    bytes
}

#[test]
fn each_structure_is_judged_at_its_place() {
    let blocks = three("");
    assert_eq!(refusal(&blocks, &sent(0, &[])), None);
    for start in [1, 9, 17] {
        let at = |offset: u8| u8::try_from(start).unwrap() + offset;
        let changed = |changes: &[(usize, u8)]| {
            let changes: Vec<_> = changes
                .iter()
                .map(|(at, byte)| (start + at, *byte))
                .collect();
            refusal(&blocks, &sent(0, &changes))
        };
        assert_eq!(changed(&[(0, 1), (1, 44)]), None, "300");
        assert_eq!(changed(&[(0, 1), (1, 45)]), Some((Rule::Value, at(0))));
        for gap in [2, 3] {
            let expected = Some((Rule::Reserved, at(u8::try_from(gap).unwrap())));
            assert_eq!(changed(&[(gap, 1)]), expected);
        }
        for bit in 0..8 {
            let expected = (!(2..5).contains(&bit)).then_some((Rule::Reserved, at(4)));
            assert_eq!(changed(&[(4, 1 << bit)]), expected, "bit {bit}");
        }
        assert_eq!(changed(&[(5, b'a'), (6, b'b'), (7, b'c')]), None);
        assert_eq!(changed(&[(5, b'a'), (7, b'c')]), Some((Rule::Text, at(7))));
    }
}

#[test]
fn a_count_selects_the_structures_that_are_judged() {
    for behind in ["", "behind = \"zero\"", "behind = \"any\""] {
        let blocks = three(&format!("count = \"n\"\n{behind}"));
        for count in 0..=4 {
            // A number that is too large in each structure.
            for (index, start) in [1, 9, 17].into_iter().enumerate() {
                let counted = u8::try_from(index).unwrap() < count;
                let expected = match (count, counted, behind) {
                    (4, ..) => Some((Rule::Count, 0)),
                    (_, true, _) => Some((Rule::Value, u8::try_from(start).unwrap())),
                    (_, false, "behind = \"any\"") => None,
                    (_, false, _) => Some((Rule::Count, 1)),
                };
                let bytes = sent(count, &[(start, 0xFF)]);
                assert_eq!(
                    refusal(&blocks, &bytes),
                    expected,
                    "{count}, {start}, {behind}"
                );
            }
        }
    }
}

#[test]
fn bits_and_expressions_count_and_overflow_refuses() {
    let bits = three("count = \"n.count\"").replacen(
        "type = \"u8\"",
        "type = \"u8\"\nbits = { count = \"3-5\" }",
        1,
    );
    let first = |count: u8| refusal(&bits, &sent(count << 3, &[(17, 1)]));
    assert_eq!(first(2), Some((Rule::Count, 1)));
    assert_eq!(first(3), None);
    assert_eq!(first(4), Some((Rule::Count, 0)));
    let computed =
        three("count = \"4 - n\"").replacen("type = \"u8\"", "type = \"u8\"\ndefault = 1", 1);
    let first = |n: u8| refusal(&computed, &sent(n, &[(17, 1)]));
    assert_eq!(first(0), Some((Rule::Count, 0)), "4 of 3");
    assert_eq!(first(1), None);
    assert_eq!(first(2), Some((Rule::Count, 1)), "the last is behind");
    assert_eq!(first(5), Some((Rule::Overflow, 0)));
}

#[test]
fn a_plain_array_counts_in_the_same_way() {
    let block = |keys: &str| {
        format!(
            "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 7\n[[block.field]]\nname = \"n\"\ntype = \"u8\"\n[[block.field]]\nname = \"list\"\ntype = \"u16be[3]\"\nvalid = {{ min = 3 }}\n{keys}"
        )
    };
    let any = block("count = \"n\"\nbehind = \"any\"");
    assert_eq!(refusal(&any, &[1, 0, 3, 0, 0, 9, 9]), None);
    assert_eq!(
        refusal(&any, &[2, 0, 3, 0, 0, 9, 9]),
        Some((Rule::Value, 3))
    );
    assert_eq!(
        refusal(&any, &[4, 0, 3, 0, 3, 9, 9]),
        Some((Rule::Count, 0))
    );
    let computed = block("count = \"n + 1\"\ndefault = [3, 0, 0]");
    assert_eq!(refusal(&computed, &[0, 0, 3, 0, 0, 0, 0]), None);
    assert_eq!(
        refusal(&computed, &[0, 0, 2, 0, 0, 0, 0]),
        Some((Rule::Value, 1))
    );
    assert_eq!(
        refusal(&computed, &[0, 0, 3, 0, 1, 0, 0]),
        Some((Rule::Count, 1))
    );
    assert_eq!(
        refusal(&computed, &[3, 0, 3, 0, 3, 0, 3]),
        Some((Rule::Count, 0))
    );
}

/// A rule of an element reads the element, the block before the array, and what any rule reads.
#[test]
fn a_rule_holds_for_each_counted_structure() {
    let keys = "count = \"n\"\nbehind = \"any\"";
    let block = |rule: &str| three(&format!("{keys}\nrequire = [\"{rule}\"]"));
    let second = |rule: &str, count: u8| refusal(&block(rule), &sent(count, &[(10, 9), (18, 20)]));
    assert_eq!(second("number <= n * 4 + 1", 2), None);
    assert_eq!(second("number <= n * 4", 2), Some((Rule::Require, 9)));
    assert_eq!(second("number + n != 23", 3), Some((Rule::Require, 17)));
    assert_eq!(second("number - 1 < 300", 3), Some((Rule::Overflow, 1)));
    assert_eq!(second("flags.mode == 0 && length == 25", 3), None);
    let refused = second("length == 24 || number < 9", 2);
    assert_eq!(refused, Some((Rule::Require, 9)));
    assert_eq!(second("writer == writer.pf", 1), Some((Rule::Require, 1)));
    let was = block("number > was.n");
    let mut committed = [0; 128];
    for (before, expected) in [(8, None), (9, Some(1))] {
        committed[0] = before;
        let bytes = sent(1, &[(2, 9)]);
        let refused = outcome(&was, &bytes, &committed).err();
        assert_eq!(refused.map(|refused| refused.offset), expected);
    }
}

#[test]
fn a_structure_has_arrays_with_counts_of_their_own() {
    let blocks = r#"
[[block]]
id = 0
name = "b"
vf-access = "read-write"
length = 16
[[block.field]]
name = "n"
type = "u8"
[[block.field]]
name = "list"
elements = 3
[[block.field.field]]
name = "used"
type = "u8"
[[block.field.field]]
name = "own"
type = "u8[2]"
count = "used"
valid = { max = 9 }
[[block.field.field]]
name = "common"
type = "u8[2]"
count = "n"
behind = "any"
valid = { max = 9 }
"#;
    let send = |n: u8, second: [u8; 5]| {
        let mut bytes = [0; 16];
        bytes[0] = n;
        bytes[6..11].copy_from_slice(&second);
        refusal(blocks, &bytes)
    };
    assert_eq!(send(0, [0; 5]), None);
    assert_eq!(send(0, [1, 9, 0, 77, 77]), None);
    assert_eq!(send(0, [1, 10, 0, 0, 0]), Some((Rule::Value, 7)));
    assert_eq!(send(0, [1, 9, 1, 0, 0]), Some((Rule::Count, 7)));
    assert_eq!(send(0, [3, 9, 1, 0, 0]), Some((Rule::Count, 6)));
    assert_eq!(send(1, [0, 0, 0, 9, 77]), None);
    assert_eq!(send(1, [0, 0, 0, 10, 77]), Some((Rule::Value, 9)));
    assert_eq!(send(2, [0, 0, 0, 9, 77]), Some((Rule::Value, 10)));
    // The count lies outside of the structures, so the array of the first one is named.
    assert_eq!(send(3, [0; 5]), Some((Rule::Count, 4)));
}

#[test]
fn a_default_is_that_of_each_counted_structure() {
    let blocks = |n: u8, keys: &str| {
        three(keys)
            .replacen("type = \"u8\"", &format!("type = \"u8\"\ndefault = {n}"), 1)
            .replacen("max = 300 }", "max = 300 }\ndefault = 258", 1)
    };
    let default = |n, keys| {
        let manifest = manifest(&blocks(n, keys));
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).unwrap();
        table.block(0).unwrap().default_image()[..25].to_vec()
    };
    let element = [1, 2, 0, 0, 0, 0, 0, 0];
    let elements = |count: usize| {
        let mut bytes = element.repeat(count);
        bytes.resize(24, 0);
        bytes
    };
    assert_eq!(default(0, "")[1..], elements(3));
    for (n, count) in [(0, 0), (1, 1), (3, 3)] {
        assert_eq!(default(n, "count = \"n\"")[1..], elements(count));
    }
    assert_eq!(
        default(1, "count = \"n + 1\"\nbehind = \"any\"")[1..],
        elements(2)
    );
    let error = parse(&blocks(4, "count = \"n\"")).unwrap_err();
    let expected =
        "the default of `n` counts more than there are: it is 4, and `list` has 3 elements";
    assert!(error.contains(expected), "{error}");
}

/// The structures of the host stay at a reset, those of the VF return to their defaults.
#[test]
fn a_reset_keeps_the_structures_of_the_host_alone() {
    let array = |name: &str, owner: &str| {
        format!(
            "[[block.field]]\nname = \"{name}\"\nelements = 2\n{owner}[[block.field.field]]\nname = \"a\"\ntype = \"u8\"\ndefault = 5\n"
        )
    };
    let blocks = format!(
        "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 6\n{}{}{}",
        array("vf", ""),
        array("pf", "owner = \"pf\"\n"),
        array("kept", "owner = \"pf\"\non-reset = \"keep\"\n"),
    );
    let bytes = manifest(&blocks).compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let write = |writer, sent: &[u8], committed: &Image| {
        block
            .admit(writer, sent, committed, History::EMPTY)
            .unwrap()
    };
    let written = write(Writer::Vf, &[1, 2, 3, 4, 5, 6], block.default_image());
    assert_eq!(written[..6], [1, 2, 5, 5, 5, 5]);
    let published = write(Writer::Pf, &[7, 7, 3, 4, 8, 9], &written);
    assert_eq!(published[..6], [1, 2, 3, 4, 8, 9]);
    assert_eq!(block.reset_image(&published)[..6], [5, 5, 5, 5, 8, 9]);
    assert_eq!(block.without_vf(&published)[..6], [5, 5, 3, 4, 8, 9]);
}

#[test]
fn rules_over_other_blocks_judge_the_structures_of_a_vf_alone() {
    let blocks = three("require = [\"number <= host.most\"]")
        .replacen("length = 25", "length = 25\nuses = [\"host\"]", 1)
        .replacen("elements = 3", "elements = 3\nowner = \"both\"", 1)
        + "[[block]]\nid = 1\nname = \"host\"\nvf-access = \"none\"\nlength = 2\n[[block.field]]\nname = \"most\"\ntype = \"u16\"\n";
    let bytes = manifest(&blocks).compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let mut most = [0; 128];
    most[0] = 8;
    for (writer, number, refused) in [
        (Writer::Vf, 8, None),
        (Writer::Vf, 9, Some(9)),
        (Writer::Pf, 9, None),
    ] {
        let zero = [0; 128];
        let mut image = [0; 128];
        image[10] = number;
        let mut write = Write::new(writer, 25, &zero, History::EMPTY);
        write.used[0] = &most;
        let outcome = block.admit_in_place(&write, &mut image);
        assert_eq!(outcome.err().map(|violation| violation.offset), refused);
    }
    assert!(block.judges_in_context());
}

#[test]
fn a_block_of_128_bytes_holds_128_structures_and_no_more() {
    let block = |elements: u32, ty: &str| {
        format!(
            "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 128\n[[block.field]]\nname = \"list\"\nelements = {elements}\nrequire = [\"a != 1\"]\n[[block.field.field]]\nname = \"a\"\ntype = \"u8\"\n[[block.field.field]]\nname = \"b\"\ntype = \"{ty}\"\noffset = 0\n"
        )
    };
    let one = |elements| block(elements, "u8").replace("\noffset = 0\n", "\noffset = 1\n");
    let mut bytes = [0; 128];
    bytes[126] = 1;
    assert_eq!(refusal(&one(64), &bytes), Some((Rule::Require, 126)));
    assert!(
        parse(&one(65))
            .unwrap_err()
            .contains("covers bytes 0 to 129")
    );
    let single = |elements| {
        one(elements)
            .split("[[block.field.field]]\nname = \"b\"")
            .next()
            .unwrap()
            .to_owned()
    };
    bytes[127] = 1;
    bytes[126] = 0;
    assert_eq!(refusal(&single(128), &bytes), Some((Rule::Require, 127)));
    let whole = block(1, "u8").replace("offset = 0", "offset = 127");
    assert_eq!(refusal(&whole, &bytes), None);
    bytes[1] = 7;
    assert_eq!(refusal(&whole, &bytes), Some((Rule::Reserved, 1)));
}

#[test]
fn the_rules_of_structures_are_bounded_like_all_others() {
    let block = |arrays: usize, rules: usize| {
        let list = |index: usize| {
            format!(
                "[[block.field]]\nname = \"l{index}\"\nelements = 1\nrequire = {:?}\n[[block.field.field]]\nname = \"a\"\ntype = \"u8\"\n",
                vec!["a + 1 < 200"; rules]
            )
        };
        let lists: String = (0..arrays).map(list).collect();
        format!(
            "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 128\n[[block.field]]\nname = \"n\"\ntype = \"u8\"\n{lists}"
        )
    };
    // Each rule takes three instructions and is one more rule of its list.
    assert!(parse(&block(3, 256)).is_ok(), "771 rules");
    let error = parse(&block(4, 256)).unwrap_err();
    assert!(
        error.contains("is judged by 1028 rules on fields, and may be by 1024"),
        "{error}"
    );
    assert!(error.contains("comparisons, and may take 4096"), "{error}");
    let error = parse(&block(1, 257)).unwrap_err();
    assert!(
        error.contains("`require` has 257 expressions, and may have 256"),
        "{error}"
    );
}

#[test]
fn the_parts_of_a_field_lie_where_the_table_judges_them() {
    let manifest = manifest(&three(
        "count = \"n\"\nbehind = \"any\"\nrequire = [\"number > n\"]",
    ));
    let list = &manifest.blocks()[0].fields[1];
    let parts = |field: &Field| {
        let parts = field.parts().into_iter();
        parts
            .map(|part| (part.name, part.offset))
            .collect::<Vec<_>>()
    };
    let all = parts(list);
    assert_eq!(all.len(), 9);
    assert_eq!(all[0], ("list[0].number".to_owned(), 1));
    assert_eq!(all[8], ("list[2].text".to_owned(), 22));
    assert_eq!(
        parts(&manifest.blocks()[0].fields[0]),
        [("n".to_owned(), 0)]
    );
    let count = list.count.as_ref().unwrap();
    assert_eq!((count.text.as_str(), count.behind), ("n", Behind::Any));
    let rules = list.element_rules(2);
    let mut read = Vec::new();
    rules[0].for_each_load(&mut |load, _| read.push(load.offset));
    assert_eq!(read, [17, 0]);
    assert!(list.element(0).iter().all(|part| part.structure.is_none()));
}

/// A block with a MAC address in it, and with one in each of two structures.
fn addresses(kind: &str) -> [String; 2] {
    let block = "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 14\n[[block.field]]\nname = \"n\"\ntype = \"u16\"\n";
    let field = format!("name = \"a\"\ntype = \"bytes[6]\"\nvalid = {{ mac = \"{kind}\" }}\n");
    [
        format!("{block}[[block.field]]\n{field}"),
        format!(
            "{block}[[block.field]]\nname = \"list\"\nelements = 2\ncount = \"n\"\n[[block.field.field]]\n{field}"
        ),
    ]
}

#[test]
fn a_mac_address_is_judged_in_a_block_and_in_a_structure() {
    let station = [0, 0x12, 0x34, 0x56, 0x78, 0x9A];
    let group = [0x33, 0x33, 0, 0, 0, 1];
    for (kind, admitted) in [
        ("unicast", [true, false, false]),
        ("multicast", [false, true, false]),
        ("nonzero", [true, true, false]),
    ] {
        for (address, admitted) in [station, group, [0; 6]].into_iter().zip(admitted) {
            let [alone, listed] = addresses(kind);
            let mut bytes = [0; 14];
            bytes[0] = 2;
            bytes[2..8].copy_from_slice(&address);
            let expected = (!admitted).then_some((Rule::Value, 2));
            assert_eq!(refusal(&alone, &bytes), expected, "{kind}");
            // The first one is right, the second one is tried.
            bytes[2..8].copy_from_slice(if kind == "multicast" {
                &group
            } else {
                &station
            });
            bytes[8..14].copy_from_slice(&address);
            let expected = (!admitted).then_some((Rule::Value, 8));
            assert_eq!(refusal(&listed, &bytes), expected, "{kind}");
        }
    }
}

#[test]
fn a_mac_rule_is_for_six_bytes_and_their_default() {
    for (keys, message) in [
        (
            "type = \"bytes[5]\"\nvalid = { mac = \"unicast\" }",
            "bytes[5] is no MAC address",
        ),
        (
            "type = \"u8[6]\"\nvalid = { mac = \"unicast\" }",
            "u8[6] is no MAC address",
        ),
        (
            "type = \"ascii[6]\"\nvalid = { mac = \"unicast\" }",
            "ascii[6] is no MAC address",
        ),
        (
            "type = \"bytes[6]\"\nvalid = { mac = \"unicast\", min = 1 }",
            "has no integers for `valid` to judge",
        ),
        (
            "type = \"bytes[6]\"\nvalid = { mac = \"broadcast\" }",
            "must be \"unicast\", \"multicast\" or \"nonzero\"",
        ),
        (
            "type = \"bytes[6]\"\nvalid = { mac = \"unicast\" }\ncount = \"n\"",
            "is a MAC address, and has no `count`",
        ),
        (
            "type = \"bytes[6]\"\nvalid = { mac = \"unicast\" }\ndefault = 1",
            "must be the MAC address of one station",
        ),
        (
            "type = \"u8\"\nbits = { b = { at = 0, mac = \"unicast\" } }",
            "unknown key `mac` in bits",
        ),
    ] {
        let text = format!(
            "[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 14\n[[block.field]]\nname = \"n\"\ntype = \"u8\"\n[[block.field]]\nname = \"a\"\n{keys}\n"
        );
        let error = parse(&text).expect_err(keys);
        assert!(error.contains(message), "{keys}: {error}");
    }
    let [alone, _] = addresses("multicast");
    let default = alone.replace(
        "valid = { mac = \"multicast\" }",
        "valid = { mac = \"multicast\" }\ndefault = 255",
    );
    assert_eq!(manifest(&default).blocks()[0].fields[1].default, [255; 6]);
}
