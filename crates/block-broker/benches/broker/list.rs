//! Lists of entries with a tag and a length.

use std::hint::black_box;

use crate::devices::{NOW, device, image, table};
use crate::measure::{Case, measure};
use crate::print;

/// Entries of four kinds with two fields, each with a range, as many as fit into the bytes of the
/// structures in `structures`, and the same bytes without rules.
const EIGHT_ENTRIES: &str = r#"
    [device]
    name = "list"
    vendor-id = 1
    device-id = 1
    max-vfs = 4
    [group.values]
    [[group.values.field]]
    name = "a"
    type = "u16"
    valid = { max = 100 }
    [[group.values.field]]
    name = "b"
    type = "u16"
    valid = { max = 100 }
    [[block]]
    id = 0
    name = "list"
    vf-access = "read-write"
    length = 68
    [[block.list]]
    type = "u16"
    length = "u16"
    end = 0
    [[block.list.entry]]
    when = 1
    [[block.list.entry.field]]
    name = "one"
    use = "values"
    [[block.list.entry]]
    when = 2
    [[block.list.entry.field]]
    name = "two"
    use = "values"
    [[block.list.entry]]
    when = 3
    [[block.list.entry.field]]
    name = "three"
    use = "values"
    [[block.list.entry]]
    when = 4
    [[block.list.entry.field]]
    name = "four"
    use = "values"
    [[block]]
    id = 1
    name = "opaque"
    vf-access = "read-write"
    length = 68
"#;

/// The bytes of the list's block.
const LENGTH: u32 = 68;

/// A list of `count` entries, of each kind in turn.
fn entries(count: u8) -> Vec<u8> {
    let entries = (0..count).flat_map(|index| [1 + index % 4, 0, 8, 0, 100, 0, index, 0]);
    entries.collect()
}

pub(crate) fn list() {
    let broker = device(table(EIGHT_ENTRIES), 4);
    let lists = [0, 1, 4, 8].map(|count| (count, image(&entries(count))));
    let opaque = image(&entries(8));
    let mut cases = vec![Case::new("broker: write of 68 opaque bytes", || {
        let sent = black_box(&opaque);
        broker
            .write(black_box(1), black_box(1), LENGTH, sent, NOW)
            .without_waiters()
            .unwrap();
    })];
    for (count, sent) in &lists {
        let broker = &broker;
        cases.push(Case::new(
            format!("broker: {count} entries of 2 fields and the end"),
            move || {
                broker
                    .write(black_box(1), black_box(0), LENGTH, black_box(sent), NOW)
                    .without_waiters()
                    .unwrap();
            },
        ));
    }
    let times = measure(&mut cases);
    print("Lists of entries of 4 kinds", 0, &cases, &times);
}
