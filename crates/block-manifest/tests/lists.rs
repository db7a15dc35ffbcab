//! Lists of entries with a tag and a length: what is admitted and refused, and where.

use block_manifest::{Field, Manifest};
use block_table::{History, Image, ListFault, Rule, Table, Violation, Writer};

const TEXT: &str = include_str!("../../../tests/manifests/lists.toml");

fn manifest(text: &str) -> Manifest {
    Manifest::parse("lists.toml", text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// The manifest with `from` replaced by `to`, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from), "{from}");
    TEXT.replacen(from, to, 1)
}

/// The outcome of a write to the block at `index`, over `committed`.
fn admit(
    text: &str,
    index: usize,
    writer: Writer,
    sent: &[u8],
    committed: Option<&Image>,
) -> Result<Image, Violation> {
    let bytes = manifest(text).compile();
    let table = Table::verify(&bytes).expect("what compiles verifies");
    let block = table.block(index).expect("there is one");
    let committed = committed.unwrap_or(block.default_image());
    block.admit(writer, sent, committed, History::EMPTY)
}

fn refusal(index: usize, sent: &[u8]) -> Option<(Rule, u8)> {
    let refused = admit(TEXT, index, Writer::Vf, sent, None).err()?;
    Some((refused.rule, refused.offset))
}

/// A request with these entries, and zeros after them.
fn request(entries: &[&[u8]]) -> Vec<u8> {
    let mut sent = vec![1, 0, 0, 0];
    sent.extend(entries.concat());
    sent.resize(48, 0);
    sent
}

const QUEUES: [u8; 9] = [1, 0, 9, 0, 3, 0, 5, 0, 0x51];
const STATION: [u8; 10] = [2, 0, 10, 0, 2, 0, 0, 0, 0, 1];
const LABEL: [u8; 10] = [3, 0, 10, 0, b'a', 0, 0, 0, 7, 7];

#[test]
fn a_list_ends_with_its_end_tag() {
    assert_eq!(refusal(0, &request(&[])), None);
    let all: [&[u8]; 4] = [&QUEUES, &STATION, &LABEL, &STATION];
    assert_eq!(refusal(0, &request(&all[..3])), None);
    assert_eq!(refusal(0, &request(&all)), None);
    let list = |fault, at| Some((Rule::List(fault), at));
    let behind = request(&[&STATION, &[0, 0], &[0, 1]]);
    assert_eq!(refusal(0, &behind), list(ListFault::AfterEnd, 17));
    let unknown = request(&[&STATION, &[4, 0, 4, 0]]);
    assert_eq!(refusal(0, &unknown), list(ListFault::Unknown, 14));
    let optional = request(&[&[4, 0x80, 5, 0, 99], &STATION]);
    assert_eq!(refusal(0, &optional), None);
    let twice = request(&[&QUEUES, &QUEUES]);
    assert_eq!(refusal(0, &twice), list(ListFault::Repeated, 13));
    let full: Vec<&[u8]> = vec![&STATION; 4];
    let full = [full.concat(), vec![4, 0x80, 4, 0]].concat();
    let unended = request(&[&full]);
    assert_eq!(unended.len(), 48);
    assert_eq!(refusal(0, &unended), list(ListFault::Unended, 48));
}

#[test]
fn the_fields_of_an_entry_are_judged_at_its_place() {
    let with = |at: usize, byte: u8| {
        let mut entry = QUEUES;
        entry[at] = byte;
        refusal(0, &request(&[&STATION, &entry]))
    };
    assert_eq!(with(6, 5), None);
    assert_eq!(with(6, 6), Some((Rule::Require, 14)), "9 of 8");
    assert_eq!(with(4, 0), Some((Rule::Require, 14)));
    assert_eq!(with(7, 1), Some((Rule::Reserved, 21)), "a gap");
    assert_eq!(with(8, 2), Some((Rule::Reserved, 22)), "a bit");
    assert_eq!(with(8, 0x60), Some((Rule::Value, 22)));
    let multicast = request(&[&[2, 0, 10, 0, 3, 0, 0, 0, 0, 1]]);
    assert_eq!(refusal(0, &multicast), Some((Rule::Value, 8)));
    // Bytes after the fields.
    let longer = request(&[&[2, 0, 11, 0, 2, 0, 0, 0, 0, 1, 0]]);
    assert_eq!(refusal(0, &longer), None);
    let longer = request(&[&[2, 0, 11, 0, 2, 0, 0, 0, 0, 1, 9]]);
    assert_eq!(refusal(0, &longer), Some((Rule::Reserved, 14)));
}

#[test]
fn a_publish_leaves_the_list_of_the_vf_as_it_is() {
    let sent = request(&[&QUEUES]);
    let committed = admit(TEXT, 0, Writer::Vf, &sent, None).expect("it is valid");
    // The host grants less than the entry has, and sends other bytes where the list is.
    let mut publish = vec![0xEE; 48];
    publish[2..4].copy_from_slice(&[1, 0]);
    let image = admit(TEXT, 0, Writer::Pf, &publish, Some(&committed)).expect("it is not judged");
    assert_eq!(image[4..48], sent[4..]);
    assert_eq!(image[2..4], [1, 0]);
    let again = admit(TEXT, 0, Writer::Vf, &sent, Some(&image));
    assert_eq!(again.unwrap_err().rule, Rule::Require);
}

#[test]
fn entries_end_with_the_message_and_their_lengths_count_values() {
    let list = |fault, at| Some((Rule::List(fault), at));
    assert_eq!(refusal(1, &[9]), None);
    assert_eq!(refusal(1, &[9, 1, 2, 5, 220, 2, 1, 9]), None);
    assert_eq!(
        refusal(1, &[9, 1, 2, 5, 220, 2, 1, 10]),
        Some((Rule::Require, 5))
    );
    assert_eq!(refusal(1, &[9, 1, 2, 0, 67]), Some((Rule::Value, 3)));
    assert_eq!(refusal(1, &[9, 1, 1, 5]), list(ListFault::Short, 2));
    assert_eq!(refusal(1, &[9, 1, 2, 5]), list(ListFault::Cut, 2));
    assert_eq!(refusal(1, &[9, 1]), list(ListFault::Cut, 1));
    assert_eq!(
        refusal(1, &[9, 0, 0, 0, 0]),
        None,
        "entries without a value"
    );
    assert_eq!(refusal(1, &[9, 0x20, 1, 7]), None);
    assert_eq!(refusal(1, &[9, 0x60, 1, 7]), list(ListFault::Unknown, 1));
    // An array in an entry.
    assert_eq!(refusal(1, &[9, 3, 5, 1, 32, 0, 0, 0]), None);
    assert_eq!(
        refusal(1, &[9, 3, 5, 1, 33, 0, 0, 0]),
        Some((Rule::Value, 4))
    );
    assert_eq!(
        refusal(1, &[9, 3, 5, 1, 32, 0, 1, 0]),
        Some((Rule::Count, 4))
    );
    assert_eq!(
        refusal(1, &[9, 3, 5, 3, 32, 0, 0, 0]),
        Some((Rule::Count, 3))
    );
}

#[test]
fn an_end_that_is_an_entry_has_a_length() {
    let publish = |entries: &[u8]| {
        let mut sent = entries.to_vec();
        sent.resize(24, 0xEE);
        let refused = admit(TEXT, 2, Writer::Pf, &sent, None).err()?;
        Some((refused.rule, refused.offset))
    };
    assert_eq!(publish(&[0xFF, 0xFF, 0, 4]), None);
    assert_eq!(
        publish(&[1, 1, 0, 8, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0, 4]),
        None
    );
    let short = Some((Rule::List(ListFault::Short), 2));
    assert_eq!(publish(&[0xFF, 0xFF, 0, 3]), short);
    assert_eq!(publish(&[0xFF, 0xFF, 0, 5]), Some((Rule::Reserved, 4)));
    let value = publish(&[1, 1, 0, 8, 0, 0, 1, 0, 0xFF, 0xFF, 0, 4]);
    assert_eq!(value, Some((Rule::Value, 4)));
}

#[test]
fn by_default_and_after_a_reset_a_list_is_empty() {
    let bytes = manifest(TEXT).compile();
    let table = Table::verify(&bytes).unwrap();
    let offer = table.block(2).unwrap();
    assert_eq!(offer.default_image()[..5], [0xFF, 0xFF, 0, 4, 0]);
    // The block keeps what the host has set.
    assert_eq!(offer.reset_image(&[7; 128])[..24], [7; 24]);
    let request = table.block(0).unwrap();
    assert_eq!(request.reset_image(&[7; 128])[..6], [0, 0, 8, 0, 0, 0]);
    let text = changed("on-reset = \"keep\"", "");
    let bytes = manifest(&text).compile();
    let offer = Table::verify(&bytes).unwrap();
    let offer = offer.block(2).unwrap();
    assert_eq!(offer.reset_image(&[7; 128]), *offer.default_image());
    // The end tag alone, where it is no entry of its own.
    let text = changed(
        "[[block.list.entry]]\nwhen = \"capability.end\"\nname = \"last\"\n",
        "",
    );
    let bytes = manifest(&text).compile();
    let offer = Table::verify(&bytes).unwrap();
    let image = offer.block(2).unwrap().default_image();
    assert_eq!(image[..5], [0xFF, 0xFF, 0, 0, 0]);
}

#[test]
fn a_layout_has_a_list_of_its_own() {
    let empty = [1, 3, 0, 0, 255, 0];
    for writer in [Writer::Vf, Writer::Pf] {
        let of = |sent: &[u8]| {
            let refused = admit(TEXT, 3, writer, sent, None).err()?;
            Some((refused.rule, refused.offset))
        };
        assert_eq!(of(&empty), None);
        assert_eq!(of(&[1, 3, 0, 0, 7, 3, 2, 7, 3, 0, 255]), None);
        assert_eq!(of(&[1, 3, 0, 0, 7, 3, 3, 255]), Some((Rule::Require, 4)));
        assert_eq!(of(&[1, 3, 0, 1, 255]), Some((Rule::Reserved, 3)));
        let unended = of(&[1, 3, 0, 0, 7, 3, 2]);
        assert_eq!(unended, Some((Rule::List(ListFault::Unended), 7)));
        let nothing = of(&[1, 3, 0, 0]);
        assert_eq!(nothing, Some((Rule::List(ListFault::Unended), 4)));
        // The other layout has a field there.
        if writer == Writer::Vf {
            assert_eq!(of(&[2, 0, 0, 0, 9, 9, 9, 9]), None);
        }
    }
}

#[test]
fn the_entries_are_found_and_written_as_they_are_judged() {
    let manifest = manifest(TEXT);
    let [requests, options, offer, control] = manifest.blocks() else {
        panic!("four blocks");
    };
    let list = requests.list.as_ref().expect("a list");
    let sent = request(&[&QUEUES, &[4, 0x80, 5, 0, 99], &LABEL]);
    let (found, end) = list.find_entries(&sent);
    let found: Vec<_> = found
        .iter()
        .map(|found| {
            let name = found.entry.map(|entry| &*entry.name);
            (found.start, found.length, found.tag, name)
        })
        .collect();
    assert_eq!(
        found,
        [
            (4, 9, 1, Some("queues")),
            (13, 5, 0x8004, None),
            (18, 10, 3, Some("label"))
        ]
    );
    assert_eq!(end, 28);
    // One that does not end within the bytes is no entry.
    let (found, end) = list.find_entries(&request(&[&STATION, &[2, 0, 200, 0]]));
    assert_eq!((found.len(), end), (1, 14));
    let queues = &list.entries[0];
    let fields = queues.structure.fields_at("parts[1]", 14);
    let places: Vec<(&str, u8)> = fields
        .iter()
        .map(|field: &Field| (&*field.name, field.offset))
        .collect();
    assert_eq!(
        places,
        [
            ("parts[1].receive", 18),
            ("parts[1].send", 20),
            ("parts[1].flags", 22)
        ]
    );
    assert_eq!(list.header(1, 9), [1, 0, 9, 0]);
    let names = |list: &block_manifest::List| {
        let entries = list.entries.iter();
        entries.map(|entry| entry.name.clone()).collect::<Vec<_>>()
    };
    let open = options.list.as_ref().expect("a list");
    assert_eq!(open.name, "entries");
    assert_eq!(open.header(1, 4), [1, 2], "the value alone");
    assert_eq!(open.end_bytes(), []);
    assert_eq!(names(open), ["mtu", "rate", "pages"]);
    assert_eq!(offer.list.as_ref().unwrap().end_bytes(), [0xFF, 0xFF, 0, 4]);
    let batch = control.layouts[0].list.as_ref().unwrap();
    assert_eq!(
        (batch.end_bytes(), names(batch)),
        (vec![255], vec!["entry_7".to_owned()])
    );
}

/// A list is bounded like everything that a write takes.
#[test]
fn as_much_as_one_write_may_take_compiles_and_no_more() {
    let text = |rules: usize| {
        let require = vec!["a + b * a + b != 3 || a == b"; rules];
        format!(
            "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 128\n[[block.list]]\ntype = \"u8\"\nlength = \"u8\"\nend = 0\n[[block.list.entry]]\nwhen = 1\nrequire = {require:?}\n[[block.list.entry.field]]\nname = \"a\"\ntype = \"u8\"\n[[block.list.entry.field]]\nname = \"b\"\ntype = \"u8\"\n"
        )
    };
    let outcome = |rules| Manifest::parse("work.toml", &text(rules)).map(drop);
    let most = (1..40)
        .take_while(|rules| outcome(*rules).is_ok())
        .last()
        .expect("one rule is not too much");
    assert!(most >= 10, "{most}");
    let error = outcome(most + 1).unwrap_err().to_string();
    assert!(error.contains("and may take 4096"), "{error}");
}
