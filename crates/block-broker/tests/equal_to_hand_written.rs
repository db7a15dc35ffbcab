//! The broker with `blocks/accelerator.toml` and a validator written by hand give the same result
//! for every write of the block `command`, so the manifest expresses the hand-written rules, and
//! the benchmark compares equal work.

mod hand_written;
mod shell;

use std::sync::LazyLock;

use hand_written::{Command, LENGTH, sealed};
use pf_broker_abi::Refusal;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use shell::{Calls, compile, with_table};

/// The table of `blocks/accelerator.toml`, with a limit that no test reaches.
static ACCELERATOR: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let manifest = include_str!("../../../blocks/accelerator.toml");
    compile(&manifest.replace("burst = 64", "burst = 1000000"))
});

/// A command whose fields lie around the edges of what is allowed, and a few dirty bytes.
fn command() -> impl Strategy<Value = [u8; LENGTH]> {
    let number = prop_oneof![
        prop::sample::select(vec![
            0_u64, 1, 4095, 4096, 8192, 0xF_FFFF, 0x10_0000, 0x10_0001, 0x100_0000, 0x100_1000
        ]),
        prop::sample::select(vec![
            0xFFFF_F000_u64,
            0xFFFF_FFFF,
            0x1_0000_0000,
            1 << 63,
            u64::MAX - 4095,
            u64::MAX
        ]),
        0..0x20_0000_u64,
    ];
    let dirt = vec((0..LENGTH, any::<u8>()), 0..=2);
    let dirt = prop_oneof![3 => Just(vec![]), 1 => dirt];
    let label = prop_oneof![vec(0x20..=0x7E_u8, 0..=16), vec(any::<u8>(), 0..=16)];
    let sequence = prop_oneof![0..4_u32, any::<u32>()];
    let head = (
        0..6_u16,
        prop_oneof![4 => 0..16_u16, 1 => any::<u16>()],
        sequence,
        prop_oneof![3 => Just(0), 2 => 0..10_u32, 1 => any::<u32>()],
    );
    (head, vec(number, 5), label, vec(any::<u16>(), 8), dirt).prop_map(
        |(head, numbers, label, pages, dirt)| {
            let (opcode, flags, sequence, entries) = head;
            let mut bytes = [0; LENGTH];
            bytes[0..2].copy_from_slice(&opcode.to_le_bytes());
            bytes[2..4].copy_from_slice(&flags.to_le_bytes());
            bytes[4..8].copy_from_slice(&sequence.to_le_bytes());
            bytes[8..12].copy_from_slice(&entries.to_le_bytes());
            let low = |number: u64| (number & 0xFFFF_FFFF).to_le_bytes();
            match opcode {
                1 => {
                    bytes[16..24].copy_from_slice(&numbers[0].to_le_bytes());
                    bytes[24..28].copy_from_slice(&low(numbers[1])[..4]);
                    for (index, page) in pages
                        .iter()
                        .enumerate()
                        .take(usize::try_from(entries).unwrap().min(8))
                    {
                        bytes[28 + 2 * index..30 + 2 * index].copy_from_slice(&page.to_le_bytes());
                    }
                }
                2 => bytes[16..24].copy_from_slice(&numbers[0].to_le_bytes()),
                3 => {
                    bytes[16..24].copy_from_slice(&numbers[0].to_le_bytes());
                    bytes[24..32].copy_from_slice(&numbers[1].to_le_bytes());
                    bytes[32..36].copy_from_slice(&low(numbers[2])[..4]);
                    bytes[36..40].copy_from_slice(&low(numbers[3])[..4]);
                    bytes[40..48].copy_from_slice(&numbers[4].to_le_bytes());
                }
                4 => bytes[16..16 + label.len()].copy_from_slice(&label),
                _ => {}
            }
            for (at, byte) in dirt {
                bytes[at] = byte;
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_broker_and_the_hand_written_validator_agree_on_every_write(
        commands in vec((command(), 0..20_u8), 1..12),
    ) {
        with_table(&ACCELERATOR, 1, |device| {
            let mut by_hand = Command::new();
            for (command, luck) in commands {
                let mut sent = sealed(command);
                sent[61] ^= u8::from(luck == 0);
                let expected = by_hand.write(&sent);
                prop_assert_eq!(device.vf_write(0, 1, &sent), expected);
                prop_assert_eq!(device.host_sees(0, 1, 64).unwrap(), by_hand.value());
            }
            Ok(())
        })?;
    }
}

/// The property above would hold for two validators that refuse everything: each opcode has a
/// command that both accept, and each rule one that both refuse.
#[test]
fn every_layout_and_every_rule_is_reached() {
    let mut seen = std::collections::BTreeMap::<Option<Refusal>, usize>::new();
    let mut accepted = std::collections::BTreeSet::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..20_000 {
        let command = command().new_tree(&mut runner).unwrap().current();
        let outcome = Command::new().write(&sealed(command));
        if outcome.is_ok() {
            accepted.insert(command[0]);
        }
        *seen.entry(outcome.err()).or_default() += 1;
    }
    assert_eq!(accepted.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    for refusal in [
        Refusal::Value,
        Refusal::Layout,
        Refusal::Reserved,
        Refusal::Text,
        Refusal::Count,
        Refusal::Require,
        Refusal::Overflow,
    ] {
        assert!(seen.contains_key(&Some(refusal)), "{refusal:?} in {seen:?}");
    }
}
