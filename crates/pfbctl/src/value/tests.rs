use block_manifest::{Integer, Manifest};
use block_table::MAX_BLOCK_LENGTH;

use super::{integer, layout_of, put, text};

const MANIFEST: &str = r#"
[device]
name = "Values"
vendor-id = 1
device-id = 2
max-vfs = 1
[enum.color]
red = 1
green = 2
[[block]]
id = 0
name = "all"
vf-access = "read-write"
length = 64
[[block.field]]
name = "color"
type = "u8"
default = 1
valid = { one-of = "color" }
[[block.field]]
name = "flags"
type = "u8"
bits = { urgent = 0, priority = "1-3" }
[[block.field]]
name = "big"
type = "u16be"
[[block.field]]
name = "list"
type = "u16[8]"
[[block.field]]
name = "raw"
type = "bytes[4]"
[[block.field]]
name = "label"
type = "ascii[8]"
[[block.field]]
name = "address"
type = "u64"
[[block.layout]]
when = "color == 1"
[[block.layout.field]]
name = "one"
type = "u32"
[[block.layout]]
when = "color == 2 && big > 300"
[[block.layout.field]]
name = "two"
type = "u32"
"#;

fn manifest() -> Manifest {
    Manifest::parse("values.toml", MANIFEST).expect("the manifest holds")
}

#[test]
fn integers_are_read_and_put_in_their_byte_order() {
    for big_endian in [false, true] {
        for width_log in 0..4 {
            let ty = Integer {
                width_log,
                big_endian,
                signed: false,
            };
            let mut image = [0xEE; MAX_BLOCK_LENGTH];
            put(&mut image, 5, ty, 0x0102_0304_0506_0708);
            assert_eq!(
                integer(&image, 5, ty),
                0x0102_0304_0506_0708 & ty.max(),
                "{ty}"
            );
            assert_eq!(
                (image[4], image[5 + usize::from(ty.width())]),
                (0xEE, 0xEE),
                "{ty}"
            );
            assert_eq!(image[5] == 8, !big_endian || width_log == 0, "{ty}");
        }
    }
}

#[test]
fn values_are_formatted_for_readers() {
    let manifest = manifest();
    let block = &manifest.blocks()[0];
    let mut image = [0; MAX_BLOCK_LENGTH];
    let value = |name: &str, image: &_| {
        let field = block
            .fields
            .iter()
            .find(|field| field.name == name)
            .expect("a field");
        text(&manifest, field, image)
    };
    assert_eq!(value("color", &image), "0");
    image[0] = 2;
    assert_eq!(value("color", &image), "green");
    image[0] = 9;
    assert_eq!(
        value("color", &image),
        "9",
        "a value without a name is its number"
    );

    assert_eq!(value("flags", &image), "0");
    image[1] = 0b0000_1011;
    assert_eq!(value("flags", &image), "urgent|priority=5");
    image[1] = 0b1000_0001;
    assert_eq!(
        value("flags", &image),
        "0x81",
        "undefined bits are not hidden"
    );

    image[2..4].copy_from_slice(&[1, 0]);
    assert_eq!(value("big", &image), "256");

    assert_eq!(value("list", &image), "zeros");
    image[4] = 7;
    image[8] = 9;
    assert_eq!(value("list", &image), "[7 0 9 0…]");
    image[4..20].fill(1);
    assert_eq!(
        value("list", &image),
        "[257 257 257 257 257 257 and 2 more]"
    );

    assert_eq!(value("raw", &image), "zeros");
    image[20] = 0xAB;
    assert_eq!(value("raw", &image), "ab00…");

    image[24..27].copy_from_slice(b"a\"b");
    assert_eq!(value("label", &image), r#""a\"b""#);

    image[32..40].copy_from_slice(&999_999_u64.to_le_bytes());
    assert_eq!(value("address", &image), "999999");
    image[32..40].copy_from_slice(&0x12000_u64.to_le_bytes());
    assert_eq!(
        value("address", &image),
        "0x12000",
        "pages are told in hexadecimal"
    );
}

#[test]
fn the_layout_is_the_one_that_the_block_table_chooses() {
    let manifest = manifest();
    let bytes = manifest.compile();
    let table = block_table::Table::verify(&bytes).expect("a table");
    let compiled = table.block(0).expect("the block");
    let block = &manifest.blocks()[0];
    let mut image = [0; MAX_BLOCK_LENGTH];
    let mut seen = Vec::new();
    for color in 0..4 {
        for big in [0, 300, 301, u16::MAX] {
            image[0] = color;
            image[2..4].copy_from_slice(&big.to_be_bytes());
            let layout = layout_of(block, &image);
            assert_eq!(
                layout,
                compiled.layout_of(&image),
                "color {color}, big {big}"
            );
            seen.push(layout);
        }
    }
    assert!(
        [None, Some(0), Some(1)]
            .iter()
            .all(|layout| seen.contains(layout))
    );
}
