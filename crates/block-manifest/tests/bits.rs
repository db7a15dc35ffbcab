//! Rules on named bits: what they admit and refuse.

use block_manifest::Manifest;
use block_table::{History, Rule, Table, Violation, Writer};

/// A manifest with one field of `ty` at offset 2, whose `bits` have rules.
fn text(ty: &str, bits: &str) -> String {
    format!(
        "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n[enum.module]\nrx = 1\ntx = 2\n\
         [[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 10\n[[block.field]]\nname = \"f\"\n\
         offset = 2\ntype = \"{ty}\"\nbits = {bits}\n"
    )
}

/// The result of a write of `field`, the bytes of the field.
fn write(text: &str, field: &[u8]) -> Result<(), Violation> {
    let manifest = Manifest::parse("bits.toml", text).unwrap_or_else(|error| panic!("{error}"));
    let bytes = manifest.compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let mut sent = [0; 10];
    sent[2..2 + field.len()].copy_from_slice(field);
    block
        .admit(Writer::Vf, &sent, block.default_image(), History::EMPTY)
        .map(drop)
}

const REFUSED: Result<(), Violation> = Err(Violation {
    rule: Rule::Value,
    offset: 2,
});

#[test]
fn bits_are_judged_by_their_own_rules_in_either_byte_order() {
    let bits = "{ len = { at = \"0-5\", max = 48 }, module = { at = \"11-15\", one-of = \"module\" }, \
                last = { at = \"20-31\", none-of = [7], multiple-of = 7 }, flag = 6 }";
    for (ty, bytes) in [
        ("u32", u32::to_le_bytes as fn(u32) -> [u8; 4]),
        ("u32be", u32::to_be_bytes),
    ] {
        let text = text(ty, bits);
        let value = |len: u32, module: u32, last: u32| {
            write(&text, &bytes(len | module << 11 | last << 20 | 1 << 6))
        };
        assert_eq!(value(0, 1, 0), Ok(()), "{ty}");
        assert_eq!(value(48, 2, 14), Ok(()));
        assert_eq!(value(49, 2, 14), REFUSED, "{ty}");
        assert_eq!(value(63, 2, 14), REFUSED);
        assert_eq!(value(48, 0, 14), REFUSED);
        assert_eq!(value(48, 3, 14), REFUSED);
        assert_eq!(value(48, 17, 14), REFUSED);
        assert_eq!(value(48, 2, 7), REFUSED, "excluded");
        assert_eq!(value(48, 2, 13), REFUSED, "not a multiple");
        assert_eq!(value(48, 2, 0xFFA), REFUSED, "584 times 7 and 2");
        assert_eq!(value(48, 2, 0xFF8), Ok(()), "584 times 7");
    }
}

#[test]
fn all_bits_of_the_widest_integer_may_have_one_rule() {
    let text = text(
        "u64be",
        "{ all = { at = \"0-63\", min = 0xFFFF_FFFF_FFFF_FFFE } }",
    );
    assert_eq!(write(&text, &[0xFF; 8]), Ok(()));
    assert_eq!(write(&text, &[0; 8]), REFUSED);
}

#[test]
fn a_default_holds_the_rules_of_its_bits() {
    let with = |default: u32| {
        let text = text("u8", "{ low = { at = \"0-3\", max = 9 }, high = \"4-7\" }");
        Manifest::parse("bits.toml", &format!("{text}default = {default}\n")).map(drop)
    };
    assert!(with(0xF9).is_ok());
    let refused = with(0xFA).unwrap_err().to_string();
    assert!(refused.contains("`f.low` must be at most 9"), "{refused}");
}
