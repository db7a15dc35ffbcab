//! A manifest that uses every key once behaves as its comments say.

use block_manifest::{Manifest, Owner};
use block_table::{
    Access, Companion, History, Image, Kind, OnReset, Reset, Rule, ShortRead, Table, Violation,
    WhenFull, Writer,
};

const TEXT: &str = include_str!("manifests/every-key.toml");

fn manifest() -> Manifest {
    let manifest = Manifest::parse("every-key.toml", TEXT)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert!(manifest.warnings().is_empty(), "{}", manifest.warnings());
    manifest
}

/// Compiles the manifest with `from` replaced by `to`, which must be there.
fn changed(from: &str, to: &str) -> Result<Manifest, String> {
    assert!(TEXT.contains(from), "{from}");
    Manifest::parse("every-key.toml", &TEXT.replacen(from, to, 1))
        .map_err(|diagnostics| diagnostics.to_string())
}

/// A command as the VF sends it.
#[derive(Clone)]
struct Command([u8; 64]);

impl Command {
    fn new(opcode: u16) -> Self {
        Self([0; 64]).with(0, &opcode.to_le_bytes())
    }

    fn with(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn map(address: u64, size: u32) -> Self {
        Self::new(1)
            .with(12, &address.to_le_bytes())
            .with(20, &size.to_le_bytes())
    }

    /// With the right checksum.
    fn sealed(self) -> Self {
        let crc = crc32(&self.0[..60]);
        self.with(60, &crc.to_le_bytes())
    }
}

/// CRC-32/ISO-HDLC bit by bit, as the specification defines it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

/// The result of a command, the first after a reset.
fn sent(command: Command) -> Result<Image, Rule> {
    after(command, &[0; 128], History::EMPTY)
}

fn after(command: Command, committed: &Image, history: History) -> Result<Image, Rule> {
    let bytes = manifest().compile();
    let table = Table::verify(&bytes).expect("what compiles verifies");
    let block = table
        .block(table.find(0).expect("block 0 is there"))
        .expect("and has an index");
    let command = command.sealed();
    block
        .check_sent(Writer::Vf, &command.0)
        .and_then(|()| block.admit(Writer::Vf, &command.0, committed, history))
        .map_err(|violation| violation.rule)
}

#[test]
fn the_device_and_its_limits_are_those_of_the_manifest() {
    let bytes = manifest().compile();
    let table = Table::verify(&bytes).unwrap();
    let device = table.device();
    assert_eq!(
        (
            device.name,
            device.vendor_id,
            device.device_ids().collect(),
            device.max_vfs
        ),
        ("Contoso CX-100", 0x1414, vec![0xB001, 0xB101], 64)
    );
    let limits = table.limits().unwrap();
    assert_eq!((limits.writes_per_second, limits.burst), (2000, 64));
    assert_eq!(table.reset(), Reset::Acknowledged { timeout: 2500 });
}

#[test]
fn a_reset_waits_for_an_acknowledgement_only_if_the_manifest_says_so() {
    let timeout = TEXT
        .lines()
        .find(|line| line.starts_with("reset-timeout"))
        .unwrap();
    let reset = TEXT
        .lines()
        .find(|line| line.starts_with("reset ="))
        .unwrap();
    let compiled = |text: &str| {
        let bytes = Manifest::parse("every-key.toml", text).unwrap().compile();
        Table::verify(&bytes).unwrap().reset()
    };
    let by_default = TEXT.replace(timeout, "");
    assert_eq!(compiled(&by_default), Reset::Acknowledged { timeout: 5000 });
    let neither = by_default.replace(reset, "");
    assert_eq!(compiled(&neither), Reset::Immediate);
    let immediate = by_default.replace(reset, "reset = \"immediate\"");
    assert_eq!(compiled(&immediate), Reset::Immediate);
}

#[test]
fn limits_are_optional() {
    let without = changed("[limits]                             # for each VF; optional\nwrites-per-second = 2000\nburst = 64\n", "").unwrap();
    assert!(
        Table::verify(&without.compile())
            .unwrap()
            .limits()
            .is_none()
    );
}

#[test]
fn the_command_block_has_the_properties_that_it_names() {
    let bytes = manifest().compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    assert_eq!(
        (block.id(), block.name(), block.kind(), block.vf_access()),
        (0, "command", Kind::Register, Access::ReadWrite)
    );
    assert_eq!(
        (
            block.min_length(),
            block.max_length(),
            block.notify(),
            block.depth()
        ),
        (64, 64, false, 0)
    );
    assert_eq!(
        (block.short_read(), block.on_reset()),
        (ShortRead::Refuse, OnReset::Default)
    );
    assert!(block.invalidatable());
}

#[test]
fn the_doorbell_is_the_companions_and_the_others_are_not() {
    let bytes = manifest().compile();
    let table = Table::verify(&bytes).unwrap();
    let companions: Vec<(u32, Companion)> = table
        .blocks()
        .map(|block| (block.id(), block.companion()))
        .collect();
    assert_eq!(
        companions,
        [
            (0, Companion::None),
            (70, Companion::None),
            (8, Companion::ReadWrite),
            (9, Companion::None),
            (10, Companion::None),
            (11, Companion::None),
            (12, Companion::None),
            (13, Companion::None),
            (14, Companion::None),
            (20, Companion::None),
            (15, Companion::None)
        ]
    );
    for (word, companion) in [("write", Companion::Write), ("read", Companion::Read)] {
        let bytes = changed(
            "companion = \"read-write\"",
            &format!("companion = \"{word}\""),
        )
        .unwrap()
        .compile();
        let table = Table::verify(&bytes).unwrap();
        let doorbell = table.block(table.find(8).unwrap()).unwrap();
        assert_eq!(doorbell.companion(), companion);
    }
}

/// The outcome of a write of 8 bytes to the block `id`.
fn small(id: u32, writer: Writer, bytes: u64, committed: u64, history: History) -> Option<Rule> {
    let compiled = manifest().compile();
    let table = Table::verify(&compiled).unwrap();
    let block = table.block(table.find(id).unwrap()).unwrap();
    let mut before = [0; 128];
    before[..8].copy_from_slice(&committed.to_le_bytes());
    let outcome = block.admit(writer, &bytes.to_le_bytes(), &before, history);
    outcome.err().map(|violation| violation.rule)
}

#[test]
fn the_doorbell_rings_as_often_as_the_host_grants_and_never_less_often() {
    let vf = |ring, was| small(8, Writer::Vf, ring, was, History::EMPTY);
    assert_eq!(vf(8, 0), None);
    assert_eq!(vf(9, 0), Some(Rule::Require), "more than the host grants");
    assert_eq!(vf(5, 5), None);
    assert_eq!(vf(4, 5), Some(Rule::Require), "less than before");
    let pf = |done: u64| small(8, Writer::Pf, done << 32, 0x100, History::EMPTY);
    assert_eq!(pf(0x100), None, "a publish is not judged by the grant");
    assert_eq!(pf(0x101), Some(Rule::Require));
    let compiled = manifest().compile();
    let table = Table::verify(&compiled).unwrap();
    let grant = table.block(table.find(9).unwrap()).unwrap();
    assert_eq!(grant.vf_access(), Access::None);
    assert!(!grant.vf_access().readable() && !grant.vf_access().writable());
}

#[test]
fn a_reset_keeps_what_the_host_has_done_and_no_ring() {
    let compiled = manifest().compile();
    let table = Table::verify(&compiled).unwrap();
    let doorbell = table.block(table.find(8).unwrap()).unwrap();
    let mut committed = [0; 128];
    committed[..8].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let mut wanted = committed;
    wanted[..4].fill(0);
    assert_eq!(doorbell.reset_image(&committed), wanted);
    // The field says it itself, or the block says it for the field.
    let field = |text: &str| changed("on-reset = \"keep\"", text).unwrap().compile();
    let default = field("");
    let table = Table::verify(&default).unwrap();
    let doorbell = table.block(table.find(8).unwrap()).unwrap();
    assert_eq!(doorbell.reset_image(&committed), [0; 128]);
}

#[test]
fn a_lane_has_a_number_a_phase_and_a_header() {
    let lane = |number: u64, phase: u64, header: u64| number | phase << 16 | header << 32;
    let first = |bytes| small(10, Writer::Vf, bytes, 0, History::EMPTY);
    for (number, expected) in [
        (0, Some(Rule::Value)),
        (1, None),
        (0xFFFE, None),
        (0xFFFF, Some(Rule::Value)),
    ] {
        assert_eq!(first(lane(number, 0, 0)), expected, "number {number}");
    }
    for (header, expected) in [
        (4, None),
        (5, Some(Rule::Value)),
        (0x40, Some(Rule::Reserved)),
    ] {
        assert_eq!(first(lane(1, 0, header)), expected, "header {header}");
    }
    let written = History::EMPTY.after(Writer::Vf);
    for (phase, expected) in [
        (0xFFFF, Some(Rule::Sequence)),
        (0, None),
        (1, Some(Rule::Sequence)),
    ] {
        let sent = lane(1, phase, 0);
        let before = lane(1, 0xFFFF, 0);
        assert_eq!(
            small(10, Writer::Vf, sent, before, written),
            expected,
            "phase {phase}"
        );
    }
}

#[test]
fn the_telemetry_stream_keeps_32_messages_and_refuses_more() {
    let bytes = manifest().compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(table.find(70).unwrap()).unwrap();
    assert_eq!(
        (block.kind(), block.vf_access(), block.max_length()),
        (Kind::Stream, Access::WriteOnly, 128)
    );
    assert_eq!((block.depth(), block.when_full()), (32, WhenFull::Refuse));
    assert!(!block.invalidatable(), "its ID is above 63");
    // Without any field it is opaque: any bytes.
    assert!(
        block
            .admit(Writer::Vf, &[0xA5; 128], &[0; 128], History::EMPTY)
            .is_ok()
    );
}

#[test]
fn an_opcode_is_one_of_its_enumeration() {
    for (opcode, good) in [(0, true), (1, true), (2, true), (3, false), (0xFFFF, false)] {
        let command = if opcode == 1 {
            Command::map(0, 1)
        } else {
            Command::new(opcode)
        };
        assert_eq!(
            sent(command).err(),
            (!good).then_some(Rule::Value),
            "opcode {opcode}"
        );
    }
}

#[test]
fn bits_without_a_name_are_reserved() {
    for bit in 0..16 {
        let outcome = sent(Command::new(0).with(2, &(1u16 << bit).to_le_bytes()));
        assert_eq!(
            outcome.err(),
            (bit > 3).then_some(Rule::Reserved),
            "bit {bit}"
        );
    }
}

#[test]
fn a_serial_sequence_moves_on_and_wraps_and_may_begin_anywhere() {
    let with = |sequence: u32| Command::new(0).with(4, &sequence.to_le_bytes());
    let first = sent(with(u32::MAX)).unwrap();
    let history = History::EMPTY.after(Writer::Vf);
    assert!(after(with(0), &first, history).is_ok());
    assert_eq!(after(with(u32::MAX), &first, history), Err(Rule::Sequence));
    assert_eq!(
        after(with(u32::MAX - 1), &first, history),
        Err(Rule::Sequence)
    );
    assert!(
        after(with(7), &first, History::EMPTY).is_ok(),
        "any first value after a reset"
    );
}

#[test]
fn a_block_requirement_holds_in_every_layout() {
    for (entries, good) in [(0u32, true), (4, true), (5, false), (u32::MAX, false)] {
        let tag = Command::new(2).with(8, &entries.to_le_bytes());
        assert_eq!(
            sent(tag).err(),
            (!good).then_some(Rule::Require),
            "{entries} entries"
        );
    }
}

#[test]
fn a_layout_requirement_refuses_what_is_too_large_and_what_overflows() {
    assert!(sent(Command::map(0xFFFF_F000, 4096)).is_ok());
    assert_eq!(sent(Command::map(0xFFFF_F000, 4097)), Err(Rule::Require));
    assert_eq!(
        sent(Command::map(u64::MAX << 12, 4096)),
        Err(Rule::Overflow)
    );
}

#[test]
fn valid_rules_of_a_layout_hold_when_it_is_chosen() {
    assert_eq!(sent(Command::map(4095, 1)), Err(Rule::Value));
    assert_eq!(sent(Command::map(4096, 0)), Err(Rule::Value));
    // In the tag layout the same bytes are a label, and the rule "multiple of 4096" does not apply.
    assert!(sent(Command::new(2).with(12, b"label")).is_ok());
}

#[test]
fn elements_after_the_count_are_zero() {
    let pages = |entries: u32, pages: &[u8]| {
        Command::map(0, 1)
            .with(8, &entries.to_le_bytes())
            .with(24, pages)
    };
    assert!(sent(pages(2, &[1, 0, 2, 0])).is_ok());
    assert_eq!(sent(pages(1, &[1, 0, 2, 0])), Err(Rule::Count));
    assert!(sent(pages(4, &[1; 8])).is_ok());
    assert_eq!(sent(pages(5, &[1; 8])), Err(Rule::Count));
}

#[test]
fn a_label_is_zero_padded_ascii() {
    assert!(sent(Command::new(2).with(12, b"sixteen letters!")).is_ok());
    assert_eq!(
        sent(Command::new(2).with(12, b"caf\xC3\xA9")),
        Err(Rule::Text)
    );
    assert_eq!(sent(Command::new(2).with(12, b"a\0b")), Err(Rule::Text));
}

#[test]
fn bytes_that_no_field_of_the_chosen_layout_covers_are_reserved() {
    for at in 12..60 {
        let outcome = |opcode| sent(Command::new(opcode).with(at, b"x")).err();
        assert_eq!(
            outcome(0),
            Some(Rule::Reserved),
            "`else` covers nothing at byte {at}"
        );
        let in_label = at < 28;
        let wanted = match at {
            12 => None,
            _ if in_label => Some(Rule::Text),
            _ => Some(Rule::Reserved),
        };
        assert_eq!(
            outcome(2),
            wanted,
            "the label ends before byte 28; byte {at}"
        );
    }
}

#[test]
fn else_takes_what_no_layout_matches_and_without_it_no_match_refuses() {
    assert!(sent(Command::new(0)).is_ok());
    let without = changed("[[block.layout]]\nwhen = \"else\"\n", "").unwrap();
    let bytes = without.compile();
    let table = Table::verify(&bytes).unwrap();
    let outcome =
        table
            .block(0)
            .unwrap()
            .admit(Writer::Vf, &Command::new(0).0, &[0; 128], History::EMPTY);
    assert_eq!(
        outcome,
        Err(Violation {
            rule: Rule::Layout,
            offset: 0
        })
    );
}

#[test]
fn the_checksum_is_over_all_bytes_before_it_as_sent() {
    let bytes = manifest().compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let good = Command::new(2).with(12, b"label").sealed();
    assert_eq!(block.check_sent(Writer::Vf, &good.0), Ok(()));
    for byte in 0..64 {
        let mut bad = good.clone();
        bad.0[byte] ^= 0x40;
        assert_eq!(
            block
                .check_sent(Writer::Vf, &bad.0)
                .map_err(|violation| violation.rule),
            Err(Rule::Checksum),
            "byte {byte}"
        );
    }
}

#[test]
fn a_write_leaves_pf_owned_bytes_and_a_publish_vf_owned_ones() {
    let mixed = changed(
        "name = \"entries\"\ntype = \"u32\"",
        "name = \"entries\"\ntype = \"u32\"\nowner = \"pf\"",
    )
    .unwrap();
    let bytes = mixed.compile();
    let table = Table::verify(&bytes).unwrap();
    let block = table.block(0).unwrap();
    let entries = |entries: u8| Command::new(2).with(8, &[entries]).with(12, b"label");
    let written = block
        .admit(Writer::Vf, &entries(4).0, &[0; 128], History::EMPTY)
        .unwrap();
    assert_eq!(
        written[..64],
        entries(0).0,
        "a write sets everything but `entries`"
    );
    let other = Command::new(0).with(8, &[3]).with(12, b"other");
    let published = block
        .admit(
            Writer::Pf,
            &other.0,
            &written,
            History::EMPTY.after(Writer::Vf),
        )
        .unwrap();
    assert_eq!(
        published[..64],
        entries(3).0,
        "a publish sets `entries` alone"
    );
}

#[test]
fn owners_default_to_the_pf_in_a_read_only_block_and_to_the_vf_otherwise() {
    assert!(
        manifest().blocks()[0].fields[1..]
            .iter()
            .all(|field| field.owner == Owner::Vf)
    );
    let text = "[device]\nname='d'\nvendor-id=1\ndevice-id=1\nmax-vfs=1\n[[block]]\nid=0\nname='b'\nvf-access='read-only'\nlength=1\n[[block.field]]\nname='f'\ntype='u8'\n";
    let manifest = Manifest::parse("owner.toml", text).unwrap();
    assert_eq!(manifest.blocks()[0].fields[0].owner, Owner::Pf);
}

#[test]
fn a_notifying_block_needs_a_bit_in_the_invalidation() {
    assert!(changed("notify = false", "notify = true").is_ok());
    assert!(
        changed("id = 0\n", "id = 64\n").is_ok(),
        "without notify any ID will do"
    );
    let text = TEXT
        .replacen("notify = false", "notify = true", 1)
        .replacen("id = 0\n", "id = 64\n", 1);
    assert!(Manifest::parse("every-key.toml", &text).is_err());
}

#[test]
fn an_opaque_block_belongs_to_the_pf_when_read_only_and_to_both_otherwise() {
    for (access, owner) in [
        ("read-only", Owner::Pf),
        ("write-only", Owner::Both),
        ("read-write", Owner::Both),
    ] {
        let text = format!(
            "[device]\nname='d'\nvendor-id=1\ndevice-id=1\nmax-vfs=1\n[[block]]\nid=0\nname='b'\nvf-access='{access}'\nlength=4\n"
        );
        let manifest = Manifest::parse("opaque.toml", &text).unwrap();
        assert_eq!(manifest.blocks()[0].opaque_owner(), owner, "{access}");
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).unwrap();
        let block = table.block(0).unwrap();
        assert!(block.written_whole_by(Writer::Pf), "{access}");
        assert_eq!(
            block.written_whole_by(Writer::Vf),
            owner.has_vf(),
            "{access}"
        );
    }
}
