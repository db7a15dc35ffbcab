//! Arrays of structures, message lengths, and rules that read the host's state.

use std::hint::black_box;

use block_table::Image;

use crate::devices::{Device, NOW, device, image, table};
use crate::measure::{Case, measure};
use crate::print;

/// Eight structures of four fields, each with a range, and the same bytes without them.
pub(crate) const EIGHT_OF_FOUR: &str = r#"
    [device]
    name = "structures"
    vendor-id = 1
    device-id = 1
    max-vfs = 4
    [[block]]
    id = 0
    name = "structures"
    vf-access = "read-write"
    length = 66
    [[block.field]]
    name = "count"
    type = "u16"
    [[block.field]]
    name = "elements"
    elements = 8
    count = "count"
    [[block.field.field]]
    name = "a"
    type = "u16"
    valid = { max = 100 }
    [[block.field.field]]
    name = "b"
    type = "u16"
    valid = { max = 100 }
    [[block.field.field]]
    name = "c"
    type = "u16"
    valid = { max = 100 }
    [[block.field.field]]
    name = "d"
    type = "u16"
    valid = { max = 100 }
    [[block]]
    id = 1
    name = "opaque"
    vf-access = "read-write"
    length = 66
"#;

const VIRTCHNL: &str = include_str!("../../../../blocks/virtchnl.toml");
/// The block `request` of `blocks/virtchnl.toml`.
const REQUEST: u32 = 1;

/// A request to add `count` addresses to interface 0.
fn addresses(count: u8) -> Vec<u8> {
    let mut bytes = vec![10, 0, 0, 0, 0, 0, count, 0];
    for index in 0..count {
        bytes.extend([2, 0, 0, 0, 0, index, 1, 0]);
    }
    bytes
}

/// Eight structures with valid values.
fn eight_of_four() -> Image {
    let mut full = [1, 0].repeat(33);
    full[0] = 8;
    image(&full)
}

/// A write of them to a device of [`EIGHT_OF_FOUR`].
pub(crate) fn eight_structures(device: &Device) -> Case<'_> {
    let full = eight_of_four();
    Case::new("broker: 8 structures of 4 fields", move || {
        let sent = black_box(&full);
        let written = device.write(black_box(1), black_box(0), 66, sent, NOW);
        written.without_waiters().unwrap();
    })
}

pub(crate) fn structures() {
    let eight = device(table(EIGHT_OF_FOUR), 4);
    let virtchnl = device(table(VIRTCHNL), 4);
    let full = eight_of_four();
    let statistics = image(&[15, 0, 0, 0, 0, 0, 0, 0]);
    let messages = [1, 8, 15].map(|count| (count, addresses(count)));
    let mut cases = vec![
        Case::new("broker: write of 66 opaque bytes", || {
            let sent = black_box(&full);
            eight
                .write(black_box(1), black_box(1), 66, sent, NOW)
                .without_waiters()
                .unwrap();
        }),
        eight_structures(&eight),
        Case::new("broker: a length and the host's state", || {
            let sent = black_box(&statistics);
            let written = virtchnl.write(black_box(1), REQUEST, 8, sent, NOW);
            written.without_waiters().unwrap();
        }),
    ];
    for (count, message) in &messages {
        let (length, sent, virtchnl) = (message.len(), image(message), &virtchnl);
        let length = u32::try_from(length).expect("at most 128 bytes");
        cases.push(Case::new(
            format!("broker: the same, and {count} of 3 fields"),
            move || {
                let written = virtchnl.write(black_box(1), REQUEST, length, black_box(&sent), NOW);
                written.without_waiters().unwrap();
            },
        ));
    }
    let times = measure(&mut cases);
    let title = "Arrays of structures (aim: 8 of 4 fields <= 150 ns)";
    print(title, 0, &cases, &times);
}
