//! Properties of manifests and tables, on random ones.

#[path = "properties/model.rs"]
mod model;
#[path = "properties/text.rs"]
mod text;

use std::sync::LazyLock;

use block_manifest::Manifest;
use block_table::{History, Image, Rule, Table, Write, Writer, encode, format};
use proptest::prelude::*;

const MANIFESTS: [&str; 6] = [
    include_str!("../../../blocks/accelerator.toml"),
    include_str!("../../../blocks/hello.toml"),
    include_str!("manifests/every-key.toml"),
    include_str!("../../../tests/manifests/structures.toml"),
    include_str!("../../../tests/manifests/signed.toml"),
    include_str!("../../../tests/manifests/lists.toml"),
];

fn writers() -> impl Strategy<Value = Writer> {
    prop_oneof![Just(Writer::Vf), Just(Writer::Pf)]
}

fn images() -> impl Strategy<Value = Image> {
    // Mostly zeros, as blocks are; otherwise a random image is refused for its reserved bytes and
    // nothing else is tried.
    let byte = prop_oneof![6 => Just(0u8), 1 => any::<u8>(), 2 => 0..8u8];
    prop::collection::vec(byte, 128).prop_map(|bytes| bytes.try_into().expect("128 bytes"))
}

fn histories() -> impl Strategy<Value = History> {
    prop_oneof![
        Just(History::EMPTY),
        Just(History::EMPTY.after(Writer::Vf)),
        Just(History::EMPTY.after(Writer::Pf)),
        Just(History::EMPTY.after(Writer::Vf).after(Writer::Pf)),
    ]
}

/// Calls every function of a table; none may panic.
fn exercise(table: &Table<'_>, sent: &Image, committed: &Image, history: History) {
    let _ = (table.device(), table.limits(), format!("{table:?}"));
    for id in [0, 1, 2, 63, 64, 70, u32::MAX] {
        assert!(
            table
                .find(id)
                .is_none_or(|index| table.block(index).is_some_and(|block| block.id() == id))
        );
    }
    for block in table.blocks() {
        let _ = (
            block.name(),
            block.kind(),
            block.vf_access(),
            block.depth(),
            block.when_full(),
            block.notify(),
        );
        let _ = (
            block.reset_image(committed),
            block.layout_of(committed),
            format!("{block:?}"),
        );
        for writer in [Writer::Vf, Writer::Pf] {
            for length in [0, 1, block.min_length(), block.max_length(), 128] {
                let sent = &sent[..length];
                let _ = block.check_sent(writer, sent);
                if let Ok(image) = block.admit(writer, sent, committed, history) {
                    assert!(image[block.max_length()..].iter().all(|byte| *byte == 0));
                    // What is committed holds the rules of its own layout, except those on the
                    // write itself.
                    let again =
                        block.admit(writer, &image[..block.max_length()], &image, History::EMPTY);
                    assert!(
                        again == Ok(image) || block.judges_in_context(),
                        "{block:?}: {again:?}"
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused_or_safe(mut bytes in prop::collection::vec(any::<u8>(), 0..400), sent in images()) {
        let _ = Table::verify(&bytes);
        // The same with the checksums corrected.
        if let Some(start) = bytes.get_mut(..12) {
            start[..8].copy_from_slice(&format::MAGIC);
            start[8..].copy_from_slice(&u32::from(format::VERSION).to_le_bytes());
            encode::seal(&mut bytes);
        }
        if let Ok(table) = Table::verify(&bytes) {
            exercise(&table, &sent, &[0; 128], History::EMPTY);
        }
    }

    #[test]
    fn every_corrupted_table_is_refused_or_safe(
        original in prop::sample::select(&TABLES[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
        sent in images(),
        committed in images(),
        history in histories(),
    ) {
        let mut bytes = original.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(original.len()));
        }
        if bytes != original {
            prop_assert!(Table::verify(&bytes).is_err(), "the CRC finds up to three changed bytes here, and verification the rest");
        }
        encode::seal(&mut bytes);
        if let Ok(table) = Table::verify(&bytes) {
            exercise(&table, &sent, &committed, history);
        }
    }

    #[test]
    fn arbitrary_text_is_a_manifest_or_gives_diagnostics(text in "\\PC{0,200}") {
        if let Err(diagnostics) = Manifest::parse("random.toml", &text) {
            prop_assert!(diagnostics.error_count() > 0);
            prop_assert!(!diagnostics.render(true, None).is_empty());
        }
    }

    #[test]
    fn mutilated_manifests_are_manifests_or_give_diagnostics(
        manifest in prop::sample::select(&MANIFESTS[..]),
        at in any::<prop::sample::Index>(),
        length in 0..40usize,
        insert in prop::sample::select(&["", "[", "\"", "= 0", "\n[[block]]\n", "0xFFFF_FFFF_FFFF_FFFF", "- 1", "é"][..]),
    ) {
        let start = manifest.floor_char_boundary(at.index(manifest.len()));
        let end = manifest.ceil_char_boundary((start + length).min(manifest.len()));
        let text = format!("{}{insert}{}", &manifest[..start], &manifest[end..]);
        match Manifest::parse("mutilated.toml", &text) {
            Ok(manifest) => prop_assert!(Table::verify(&manifest.compile()).is_ok()),
            Err(diagnostics) => prop_assert!(!diagnostics.to_string().is_empty()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// The table judges as a plain reading of the model does, on manifests with every kind of rule.
    #[test]
    fn the_table_judges_as_the_model_says(
        text in text::manifests(),
        writes in prop::collection::vec((writers(), images(), any::<u64>()), 1..12),
    ) {
        let Ok(manifest) = Manifest::parse("random.toml", &text) else {
            // Random rules contradicted each other; enough manifests remain, as the test below
            // shows.
            return Ok(());
        };
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).expect("every compiled manifest verifies");
        for (block, plain) in table.blocks().zip(manifest.blocks()) {
            let (mut committed, mut history) = (*block.default_image(), History::EMPTY);
            let mut wrote = model::Wrote::default();
            prop_assert_eq!(committed, model::default_image(plain));
            for (writer, random, seed) in &writes {
                let longer = usize::from(plain.max_length - plain.min_length) + 1;
                let length = usize::from(plain.max_length) - usize::try_from(*seed).unwrap_or(0) % longer;
                let mut image = model::plausible(plain, random, length, *seed);
                let state = manifest.blocks().last().expect("the block of host state");
                let mut used = model::plausible(state, random, 3, *seed);
                used[state.max_length.into()..].fill(0);
                if seed % 3 > 0 {
                    model::seal(plain, &mut image[..length]);
                }
                let sealed = model::is_sealed(plain, *writer, &image[..length]);
                let checked = block.check_sent(*writer, &image[..length]).is_ok();
                prop_assert_eq!(checked, sealed, "{}\n{:?} {:?}", text, writer, &image[..length]);
                let facts = model::Facts { writer: *writer, length, committed: &committed, wrote, used: &used };
                let expected = model::judge(plain, &image[..length], facts);
                image[length..].fill(0);
                let write = Write { used: [&used; 4], ..Write::new(*writer, length, &committed, history) };
                let outcome = block.admit_in_place(&write, &mut image).map(|()| image).map_err(|violation| violation.rule);
                prop_assert_eq!(outcome, expected, "{}\n{:?} {} {:?}", text, writer, length, image);
                if let Ok(image) = outcome {
                    committed = image;
                    history = history.after(*writer);
                    wrote.add(*writer);
                    prop_assert_eq!(block.reset_image(&committed), model::reset(plain, &committed), "{}", text);
                }
            }
        }
    }
}

/// The tables of [`MANIFESTS`].
static TABLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let compile = |text: &&str| {
        Manifest::parse("manifest.toml", text)
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
            .compile()
    };
    MANIFESTS.iter().map(compile).collect()
});

#[test]
fn most_random_manifests_compile_and_many_writes_are_admitted() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut compiled, mut admitted, mut with_entries) = (0, 0, 0);
    let mut refused = std::collections::HashSet::new();
    for seed in 0..240u64 {
        let text = text::manifests().new_tree(&mut runner).unwrap().current();
        let Ok(manifest) = Manifest::parse("random.toml", &text) else {
            continue;
        };
        compiled += 1;
        for block in manifest.blocks() {
            let random = images().new_tree(&mut runner).unwrap().current();
            for writer in [Writer::Vf, Writer::Pf] {
                let length = block.max_length.into();
                let sent = model::plausible(block, &random, length, seed);
                let facts = model::Facts {
                    writer,
                    length: block.max_length.into(),
                    committed: &model::default_image(block),
                    wrote: model::Wrote::default(),
                    used: &[9; 128],
                };
                match model::judge(block, &sent[..block.max_length.into()], facts) {
                    Ok(image) => {
                        admitted += 1;
                        with_entries += usize::from(model::has_entries(block, &image, writer));
                    }
                    Err(rule) => {
                        refused.insert(rule);
                    }
                }
            }
        }
    }
    assert!(compiled > 120, "{compiled} of 240 compile");
    assert!(admitted > 50, "{admitted} writes are admitted");
    assert!(with_entries > 10, "{with_entries} have entries");
    assert!(refused.len() >= 6, "{refused:?} are met");
    let faults = refused.iter().filter(|rule| matches!(rule, Rule::List(_)));
    assert!(faults.count() >= 5, "{refused:?} are met");
}
