//! Random manifests as text: all kinds of fields and rules, most of which can hold.

#![expect(
    clippy::format_push_string,
    reason = "a test may be plain rather than fast"
)]

use proptest::prelude::*;

/// A block that only host software can access, and that the rules of others read.
const STATE: &str = "
[[block]]
id = 1000
name = \"state\"
vf-access = \"none\"
length = 3
[[block.field]]
name = \"level\"
type = \"u8\"
default = 9
[[block.field]]
name = \"flags\"
type = \"u16be\"
bits = { ready = 0, mode = \"4-6\" }
";

/// A manifest of one to three blocks, and one of host state.
pub(crate) fn manifests() -> impl Strategy<Value = String> {
    let resets = prop_oneof![
        Just(String::new()),
        Just("reset = \"acknowledged\"\n".to_owned()),
        (1..=60_000_u16)
            .prop_map(|timeout| format!("reset = \"acknowledged\"\nreset-timeout = {timeout}\n")),
    ];
    (resets, prop::collection::vec(block(), 1..4)).prop_map(|(reset, blocks)| {
        let mut text = format!("[device]\nname = \"random\"\nvendor-id = 1\ndevice-id = 2\nmax-vfs = 3\n{reset}[enum.color]\nred = 0\ngreen = 3\nblue = 200\n[enum.shade]\ndark = -100\nlight = 20\n");
        for (id, block) in blocks.into_iter().enumerate() {
            text += &format!("[[block]]\nid = {}\nname = \"block_{id}\"\n{block}", id * 37);
        }
        text += STATE;
        text
    })
}

fn block() -> impl Strategy<Value = String> {
    let kinds = prop_oneof![
        3 => Just("vf-access = \"read-write\"\n"),
        1 => Just("vf-access = \"read-write\"\ncompanion = \"write\"\n"),
        1 => Just("vf-access = \"read-write\"\non-reset = \"keep\"\n"),
        1 => Just("vf-access = \"read-only\"\n"),
        1 => Just("vf-access = \"read-only\"\non-reset = \"keep\"\n"),
        1 => Just("vf-access = \"write-only\"\nkind = \"stream\"\n"),
    ];
    let requirement = prop::sample::select(vec![
        "selector + 1 > 0",
        "selector <= 5 || bits.high == 2",
        "!(selector == 3 && bits.low == 1)",
        "selector * 3 - bits.high * 2 < 1000",
        "total - selector >= 0 || total == 0",
        "(total | 0x10) & 0xFF != 0x11",
        "length >= 90 || selector == 0",
        "selector < length",
        "writer == writer.pf || selector < 120",
        "was.selector <= selector + 3",
        "was.bits.high != 2 || bits.high <= was.bits.high",
        "was.total - selector < 900 || writer == writer.vf",
        "delta >= -5 || selector > 7",
        "delta + selector >= total - 40 && total < 0x1_0000",
        "delta * selector <= 300 || !(delta != -1)",
        "delta == wide || (wide | 7) < delta - selector",
        "was.delta <= delta || wide == 0",
        "wide * wide >= delta",
        "selector > -3 && -100 <= wide",
    ]);
    let requirements = prop::collection::vec(requirement, 0..3);
    let requirements_of_vf = prop::collection::vec(over_state(), 0..2);
    let fields = prop::collection::vec(field(), 0..4);
    let layouts = prop::option::of(prop::collection::vec(
        prop::collection::vec(field(), 0..3),
        3,
    ));
    // The last one overflows on the defaults.
    let conditions = prop::sample::select(vec![
        ["selector == 3", "selector < 3 && bits.high != 1", "else"],
        ["selector - 1 == 2", "bits.high == 0", "else"],
        ["delta == -1 && selector == 3", "delta < 0", "else"],
    ]);
    let lists = prop::option::weighted(0.5, list());
    let parts = (
        (kinds, lists),
        (requirements, requirements_of_vf, any::<bool>()),
        fields,
        layouts,
        conditions,
        (any::<bool>(), checksums()),
    );
    parts.prop_map(|((kind, list), require, fields, layouts, conditions, (opaque, sum))| {
        let (mut require, of_vf, short) = require;
        let lengths = if short {
            "min-length = 80\nmax-length = 128\n"
        } else {
            "length = 128\n"
        };
        let mut text = format!("{kind}{lengths}");
        if opaque && fields.is_empty() && list.is_none() {
            return text;
        }
        if !kind.contains("read-only") && !of_vf.is_empty() {
            text += "uses = [\"state\"]\n";
            require.extend(of_vf);
        }
        text += &format!("require = {require:?}\n");
        text += "[[block.field]]\nname = \"selector\"\ntype = \"u8\"\n";
        text += "[[block.field]]\nname = \"bits\"\ntype = \"u16be\"\nbits = { low = 0, high = { at = \"3-5\", max = 6, none-of = [4] }, top = 15 }\n";
        text += "[[block.field]]\nname = \"total\"\ntype = \"u32\"\n";
        text += sum;
        text += "[[block.field]]\nname = \"delta\"\ntype = \"i8\"\n[[block.field]]\nname = \"wide\"\ntype = \"i64be\"\n";
        for (index, field) in fields.iter().enumerate() {
            let field = owned(field, kind).replace("INNER", "block.field.field");
            text += &format!("[[block.field]]\nname = \"field_{index}\"\n{field}");
        }
        for (index, fields) in layouts.iter().flatten().enumerate() {
            let when = conditions[index % 3];
            text += &format!("[[block.layout]]\nwhen = \"{when}\"\n");
            for (inner, field) in fields.iter().enumerate() {
                let field = owned(field, kind).replace("INNER", "block.layout.field.field");
                text += &format!("[[block.layout.field]]\nname = \"inner_{index}_{inner}\"\n{field}");
            }
            if let Some(list) = list.as_ref().filter(|_| index != 1) {
                text += &owned(list, kind).replace("LIST", "block.layout.list");
            }
        }
        if let Some(list) = list.filter(|_| layouts.is_none()) {
            text += &owned(&list, kind).replace("LIST", "block.list");
        }
        text
    })
}

/// A field that is the checksum of other bytes, or none.
fn checksums() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "",
        "[[block.field]]\nname = \"sum\"\ntype = \"u32\"\ncheck = \"crc32\"\n",
        "[[block.field]]\nname = \"sum\"\ntype = \"u32be\"\ncheck = { crc32 = \"before\" }\n",
        "[[block.field]]\nname = \"sum\"\ntype = \"u32\"\ncheck = { crc32 = \"rest\" }\n",
        "[[block.field]]\nname = \"sum\"\ntype = \"u32be\"\ncheck = { crc32 = \"rest\" }\n",
    ])
}

/// Rules over the block of host state that every manifest has.
fn over_state() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "selector <= state.level",
        "state.flags.mode != 5 || was.selector + state.level == length",
        "state.level - selector < 250 && writer != writer.pf",
    ])
}

/// Removes the owner and what only its fields have, if the block does not allow one.
fn owned(field: &str, kind: &str) -> String {
    let free = kind.contains("read-write");
    let lines = field
        .lines()
        .filter(|line| free || !line.starts_with("owner") && !line.starts_with("on-reset"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn field() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec!["u8", "u16", "u32", "u64", "u16be", "u32be", "u64be"]);
    let valid = prop::sample::select(vec![
        "",
        "valid = { min = 1 }\n",
        "valid = { max = 7 }\n",
        "valid = { min = 2, max = 200, multiple-of = 2 }\n",
        "valid = { equals = 3 }\n",
        "valid = { equals = \"color.green\" }\n",
        "valid = { one-of = \"color\" }\n",
        "valid = { one-of = [0, 100, 255] }\n",
        "valid = { none-of = [1, 2, 5] }\n",
        "valid = { none-of = [1, 100, 255], max = 101 }\n",
        "valid = { none-of = \"color\", mask = 0x07 }\ndefault = 1\n",
        "valid = { mask = 0x0F }\n",
        "valid = { multiple-of = 3 }\n",
        "default = 6\n",
    ]);
    let owner = prop::sample::select(vec![
        "",
        "",
        "owner = \"pf\"\n",
        "owner = \"pf\"\non-reset = \"keep\"\n",
        "owner = \"pf\"\non-reset = \"default\"\n",
        "owner = \"both\"\n",
        "owner = \"vf\"\n",
    ]);
    let signed = prop::sample::select(vec!["i8", "i16", "i32", "i64", "i16be", "i32be", "i64be"]);
    let signed_valid = prop::sample::select(vec![
        "",
        "valid = { min = -3 }\n",
        "valid = { max = -2 }\ndefault = -2\n",
        "valid = { min = -100, max = 100 }\ndefault = -7\n",
        "valid = { min = 2 }\ndefault = 2\n",
        "valid = { equals = -128 }\ndefault = -128\n",
        "valid = { one-of = [-5, 0, 5, 127] }\n",
        "valid = { one-of = \"shade\" }\ndefault = \"shade.dark\"\n",
        "valid = { none-of = [-1, 1] }\n",
        "valid = { none-of = \"shade\", max = 60 }\n",
    ]);
    let numbers = prop_oneof![
        3 => (scalar.clone(), valid),
        2 => (signed.clone(), signed_valid),
    ];
    let array = (numbers.clone(), 1..4u8, count()).prop_map(|((ty, valid), elements, count)| {
        format!("type = \"{ty}[{elements}]\"\n{valid}{count}")
    });
    let sequence = (
        prop_oneof![scalar, signed],
        prop::sample::select(vec!["strict", "non-decreasing", "serial", "next"]),
    )
        .prop_map(|(ty, kind)| format!("type = \"{ty}\"\nsequence = \"{kind}\"\n"));
    let plain = prop::sample::select(vec![
        "type = \"ascii[5]\"\n",
        "type = \"bytes[3]\"\n",
        "type = \"bytes[3]\"\ncount = \"selector\"\n",
        "type = \"bytes[6]\"\nvalid = { mac = \"unicast\" }\n",
        "type = \"bytes[6]\"\nvalid = { mac = \"multicast\" }\ndefault = 1\n",
        "type = \"bytes[6]\"\nvalid = { mac = \"nonzero\" }\n",
    ]);
    let body = prop_oneof![
        4 => numbers.prop_map(|(ty, valid)| format!("type = \"{ty}\"\n{valid}")),
        2 => array,
        2 => structures(),
        1 => sequence,
        3 => plain.prop_map(str::to_owned),
    ];
    (body, owner).prop_map(|(body, owner)| owner.to_owned() + &body)
}

/// How many elements count, and what follows them.
fn count() -> impl Strategy<Value = String> {
    let count = prop::sample::select(vec![
        "",
        "",
        "count = \"selector\"\n",
        "count = \"bits.high\"\n",
        "count = \"selector + 1\"\n",
        "count = \"3 - selector\"\n",
        "count = \"delta\"\n",
        "count = \"delta + 3\"\n",
        "count = \"bits.low * 2 | selector & 1\"\n",
    ]);
    (count, any::<bool>()).prop_map(|(count, any)| {
        let behind = if any && !count.is_empty() {
            "behind = \"any\"\n"
        } else {
            ""
        };
        format!("{count}{behind}")
    })
}

/// Arrays of structures: with values, with gaps and reserved bits, and with arrays and text.
fn structures() -> impl Strategy<Value = String> {
    let plain = "[[INNER]]\nname = \"a\"\ntype = \"u8\"\n[[INNER]]\nname = \"b\"\ntype = \"u16\"\nvalid = { max = 900 }\n";
    let gaps = "[[INNER]]\nname = \"a\"\ntype = \"u8\"\noffset = 1\n[[INNER]]\nname = \"b\"\ntype = \"u16be\"\noffset = 4\nbits = { x = 0, y = { at = \"4-7\", max = 9 } }\ndefault = 1\n";
    let arrays = "[[INNER]]\nname = \"a\"\ntype = \"u8\"\n[[INNER]]\nname = \"list\"\ntype = \"u16[2]\"\ncount = \"a\"\nvalid = { none-of = [5] }\n[[INNER]]\nname = \"more\"\ntype = \"u8[2]\"\ncount = \"bits.low\"\nbehind = \"any\"\n[[INNER]]\nname = \"b\"\ntype = \"u8\"\n[[INNER]]\nname = \"text\"\ntype = \"ascii[2]\"\n";
    let require = prop::sample::select(vec![
        "",
        "require = [\"a <= b\"]\n",
        "require = [\"a + selector < 300\", \"b != 3\"]\n",
        "require = [\"b - a < 800\"]\n",
        "require = [\"a - b >= delta || a > 3\"]\n",
        "require = [\"a == 0 || bits.high != 2 && length > 60\"]\n",
        "require = [\"writer == writer.pf || was.selector <= a + 9\"]\n",
    ]);
    let inner = prop::sample::select(vec![plain, gaps, arrays]);
    (1..4u8, count(), require, inner).prop_map(|(elements, count, require, inner)| {
        format!("elements = {elements}\n{count}{require}{inner}")
    })
}

/// Lists: with and without an end tag, of tags and lengths of any type, with several entries.
fn list() -> impl Strategy<Value = String> {
    let types = prop::sample::select(vec!["u8", "u16", "u16be", "u32", "u32be"]);
    let end = prop::sample::select(vec![
        "",
        "end = 0\n",
        "end = 0\nbehind = \"any\"\n",
        "end = \"color.blue\"\n",
        "end = 1\n",
    ]);
    let unknown = prop::sample::select(vec![
        "",
        "unknown = \"skip\"\n",
        "unknown = \"skip\"\nexcept = 4\n",
        "except = 0x90\n",
    ]);
    let counts = prop::sample::select(vec!["", "length-counts = \"value\"\n"]);
    let owner = prop::sample::select(vec!["", "", "owner = \"pf\"\n", "owner = \"both\"\n"]);
    let entries = prop::collection::vec(entry(), 1..4);
    let list = (types.clone(), types, counts, end, unknown, owner);
    (list, entries).prop_map(|((tag, length, counts, end, unknown, owner), entries)| {
        let mut text = format!(
            "[[LIST]]\ntype = \"{tag}\"\nlength = \"{length}\"\n{owner}{counts}{end}{unknown}"
        );
        for (tag, entry) in ["1", "\"color.green\"", "0x42"].iter().zip(entries) {
            text += &format!("[[LIST.entry]]\nwhen = {tag}\n{entry}");
        }
        text
    })
}

/// An entry: with values, with a gap and reserved bits, with an array, or without fields.
fn entry() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "",
        "once = true\n",
        "behind = \"any\"\n",
        "once = true\nrequire = [\"a <= b\"]\n",
        "require = [\"a + selector < 300\", \"b != 3\"]\n",
        "require = [\"writer == writer.pf || was.selector <= a + 9\", \"b - a < 800\"]\n",
    ]);
    let plain = "[[LIST.entry.field]]\nname = \"a\"\ntype = \"u8\"\n[[LIST.entry.field]]\nname = \"b\"\ntype = \"u16\"\nvalid = { max = 900 }\n";
    let gaps = "[[LIST.entry.field]]\nname = \"a\"\ntype = \"u8\"\noffset = 9\n[[LIST.entry.field]]\nname = \"b\"\ntype = \"u16be\"\noffset = 12\nbits = { x = 0, y = { at = \"4-7\", max = 9 } }\ndefault = 1\n";
    let arrays = "[[LIST.entry.field]]\nname = \"a\"\ntype = \"u8\"\n[[LIST.entry.field]]\nname = \"list\"\ntype = \"u16[2]\"\ncount = \"a\"\nvalid = { none-of = [5] }\n[[LIST.entry.field]]\nname = \"more\"\ntype = \"u8[2]\"\ncount = \"bits.low\"\nbehind = \"any\"\n[[LIST.entry.field]]\nname = \"b\"\ntype = \"u8\"\n";
    let with_rules = (keys, prop::sample::select(vec![plain, gaps, arrays]));
    prop_oneof![
        4 => with_rules.prop_map(|(keys, fields)| format!("{keys}{fields}")),
        1 => Just("once = true\n".to_owned()),
    ]
}
