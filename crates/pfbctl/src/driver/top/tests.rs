use std::time::{Duration, Instant};

use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Color;
use zerocopy::FromZeros as _;

use super::super::names::Names;
use super::super::reply::{BlockStats, Event, VfStats};
use super::model::{Detail, Model, Snapshot};
use super::screen;

/// VFs with these writes and refusals; VF 2 is held back.
fn snapshot(counters: &[(u64, u64)]) -> Snapshot {
    let vfs = (0..).zip(counters).map(|(vf, &(writes, refused))| {
        let mut stats = abi::StatsReply::new_zeroed();
        stats.service = abi::Service::Open.code() * u8::from(vf != 2);
        stats.writes = writes;
        stats.refused[Refusal::Value.index()] = refused;
        VfStats::new(vf, &stats)
    });
    let mut block = abi::BlockInfo::new_zeroed();
    block.name[..12].copy_from_slice(b"mail\x1b[2Jbox!");
    let mut entry = abi::JournalEntry::new_zeroed();
    entry.operation = abi::Operation::Write.code();
    entry.status = Refusal::Value.status().cast_signed();
    entry.repeated = 41;
    let counters = abi::BlockStatsReply::new_zeroed();
    Snapshot {
        vfs: vfs.collect(),
        detail: Some(Detail {
            vf: 1,
            blocks: vec![BlockStats::new(&block, &counters)],
            events: vec![Event::new(&entry, &Names::NONE, None)],
        }),
    }
}

/// Two snapshots, two seconds apart.
fn model() -> Model {
    let mut model = Model::new("Contoso".to_owned());
    let start = Instant::now();
    model.update(snapshot(&[(0, 500), (0, 100), (0, 0), (10, 0)]), start);
    let later = start + Duration::from_secs(2);
    model.update(snapshot(&[(0, 500), (0, 160), (0, 0), (30, 0)]), later);
    model
}

/// The screen's lines, and the colours of the cells at the start of each.
fn screen(model: &Model, width: u16, height: u16) -> (Vec<String>, Vec<Color>) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| screen::draw(frame, model))
        .expect("drawn");
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(width.into());
    rows.map(|row| {
        let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        (text.trim_end().to_owned(), row[0].fg)
    })
    .unzip()
}

/// The first words of the rows of the table.
fn order(model: &Model) -> Vec<u16> {
    model.rows().iter().map(|row| row.vf).collect()
}

#[test]
fn the_vf_that_is_refused_now_comes_first_and_outliers_are_red() {
    let model = model();
    assert_eq!(order(&model), [1, 0, 2, 3], "then the one with more in all");
    let (lines, colors) = screen(&model, 80, 24);
    assert!(
        lines[0].starts_with("Contoso  4 VFs by refusals"),
        "{lines:?}"
    );
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        words(&lines[2]),
        ["1", "30.0", "160", "value", "0.0", "0.0", "0", "D0"]
    );
    assert_eq!(words(&lines[5])[..2], ["3", "0.0"]);
    assert!(lines[4].ends_with("D0, held back"), "{}", lines[4]);
    assert_eq!(
        [2, 3, 4, 5].map(|row| colors[row]),
        [Color::Red, Color::Reset, Color::Red, Color::Reset]
    );
    let text = lines.join("\n");
    for words in ["VF 1: blocks", "VF 1: journal", "refused: value  ×42"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(text.contains(r"mail\u{1b}[2J"), "{text}");
}

#[test]
fn keys_sort_filter_select_pause_and_quit() {
    let mut model = model();
    assert_eq!(model.selected(), Some(1), "the first row");
    assert!(model.press(KeyCode::Down));
    assert_eq!(model.selected(), Some(0));
    model.press(KeyCode::Char('s'));
    assert_eq!(order(&model), [3, 0, 1, 2], "by writes");
    assert_eq!(model.selected(), Some(0), "the selection stays with its VF");
    model.press(KeyCode::Char('s'));
    assert_eq!(order(&model), [0, 1, 2, 3], "by index");
    model.press(KeyCode::Up);
    assert_eq!(model.selected(), Some(0), "the end of the list");
    model.press(KeyCode::Char('f'));
    assert_eq!(order(&model), [0, 1], "only refused");
    for _ in 0..5 {
        model.press(KeyCode::Down);
    }
    assert_eq!(model.selected(), Some(1));
    model.press(KeyCode::Char('p'));
    assert!(model.is_paused() && screen(&model, 80, 24).0[0].ends_with("paused"));
    assert!(!model.press(KeyCode::Char('q')));
}

#[test]
fn every_size_of_terminal_shows_who_is_refused() {
    let model = model();
    for (width, height) in [(1, 1), (20, 4), (40, 10), (64, 18), (120, 40), (300, 100)] {
        let (lines, _) = screen(&model, width, height);
        assert_eq!(lines.len(), usize::from(height));
        if width >= 40 {
            assert!(
                lines[2].contains("30.0") && lines[2].contains("value"),
                "{lines:?}"
            );
        }
    }
    let beside = screen(&model, 120, 40).0;
    let title = beside.iter().find(|line| line.contains("blocks"));
    assert!(
        title.is_some_and(|line| line.contains("VF 1: journal")),
        "{beside:?}"
    );
}

#[test]
fn a_device_that_starts_anew_has_no_negative_rates_and_its_absence_is_shown() {
    let mut model = model();
    model.set_gone();
    let gone = screen(&model, 80, 24).0;
    assert!(gone[0].contains("the device has gone"), "{}", gone[0]);
    let now = Instant::now();
    model.update(snapshot(&[(0, 3), (0, 0)]), now);
    model.update(snapshot(&[(0, 1), (0, 0)]), now + Duration::from_secs(1));
    assert!(!model.is_gone);
    assert!(model.rows().iter().all(|row| row.refused == 0.0));
}
