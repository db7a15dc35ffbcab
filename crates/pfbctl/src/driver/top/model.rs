//! What `pfbctl top` shows: rates between two snapshots, in an order, with one VF selected.

use std::time::Instant;

use ratatui::crossterm::event::KeyCode;

use super::super::reply::{BlockStats, Event, VfStats};

/// A device at one time.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) vfs: Vec<VfStats>,
    /// Of the selected VF.
    pub(super) detail: Option<Detail>,
}

/// The blocks and the journal of a VF.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) vf: u16,
    pub(super) blocks: Vec<BlockStats>,
    pub(super) events: Vec<Event>,
}

/// A VF with its rates.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) vf: u16,
    pub(super) state: String,
    /// Events a second since the snapshot before.
    pub(super) reads: f64,
    pub(super) writes: f64,
    pub(super) refused: f64,
    /// Since the device started.
    pub(super) refused_in_all: u64,
    pub(super) mostly: String,
    pub(super) floods: u64,
    /// It is held back, or was refused since the snapshot before.
    pub(super) is_outlier: bool,
}

/// The order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Most refusals a second first, then most in all.
    Refusals,
    /// Most writes a second first.
    Writes,
    /// By index.
    Index,
}

impl Order {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Refusals => "refusals",
            Self::Writes => "writes",
            Self::Index => "index",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Refusals => Self::Writes,
            Self::Writes => Self::Index,
            Self::Index => Self::Refusals,
        }
    }
}

/// The state of the view.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) device: String,
    pub(super) order: Order,
    /// Show VFs with refusals only.
    pub(super) only_refused: bool,
    pub(super) is_gone: bool,
    pub(super) detail: Option<Detail>,
    paused: bool,
    selected: Option<u16>,
    /// The last snapshot and its time.
    last: Option<(Vec<VfStats>, Instant)>,
    all: Vec<Row>,
}

impl Model {
    pub(super) fn new(device: String) -> Self {
        Self {
            device,
            order: Order::Refusals,
            only_refused: false,
            is_gone: false,
            detail: None,
            paused: false,
            selected: None,
            last: None,
            all: Vec::new(),
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The VF whose blocks and journal are shown: the first row until the user selects one.
    pub(super) fn selected(&self) -> Option<u16> {
        let rows = self.rows();
        let is_shown = |vf: &u16| rows.iter().any(|row| row.vf == *vf);
        self.selected
            .filter(is_shown)
            .or_else(|| rows.first().map(|row| row.vf))
    }

    /// The number of VFs, shown or not.
    pub(super) fn vf_count(&self) -> usize {
        self.all.len()
    }

    /// The device has gone.
    pub(super) fn set_gone(&mut self) {
        self.is_gone = true;
        self.last = None;
    }

    /// Takes a snapshot. Counters that fell belong to another start of the device.
    pub(super) fn update(&mut self, snapshot: Snapshot, now: Instant) {
        let before = self.last.take();
        let seconds = before.as_ref().map_or(0.0, |(_, then)| {
            now.saturating_duration_since(*then).as_secs_f64()
        });
        let old = before.map(|(vfs, _)| vfs).unwrap_or_default();
        let rows = snapshot.vfs.iter().map(|vf| {
            let then = old.iter().find(|then| then.vf == vf.vf);
            row(vf, then, seconds)
        });
        self.all = rows.collect();
        self.detail = snapshot.detail;
        self.last = Some((snapshot.vfs, now));
        self.is_gone = false;
    }

    /// The rows to show, in order.
    pub(super) fn rows(&self) -> Vec<&Row> {
        let shown = self.all.iter();
        let mut rows: Vec<&Row> = shown
            .filter(|row| !self.only_refused || row.refused_in_all > 0)
            .collect();
        match self.order {
            Order::Refusals => rows.sort_by(|one, other| {
                other
                    .refused
                    .total_cmp(&one.refused)
                    .then(other.refused_in_all.cmp(&one.refused_in_all))
            }),
            Order::Writes => rows.sort_by(|one, other| other.writes.total_cmp(&one.writes)),
            Order::Index => {}
        }
        rows
    }

    /// Follows a key; false if it ends the view.
    pub(super) fn press(&mut self, key: KeyCode) -> bool {
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Char('f') => self.only_refused = !self.only_refused,
            KeyCode::Down => self.select(1),
            KeyCode::Up => self.select(-1),
            _ => {}
        }
        true
    }

    /// Selects a row below or above the selected one.
    fn select(&mut self, by: isize) {
        let selected = self.selected();
        let rows = self.rows();
        let at = rows.iter().position(|row| Some(row.vf) == selected);
        let next = at.unwrap_or(0).saturating_add_signed(by);
        let row = rows.get(next).or(rows.last());
        self.selected = row.map(|row| row.vf);
    }
}

fn row(vf: &VfStats, then: Option<&VfStats>, seconds: f64) -> Row {
    let rate = |counter: fn(&VfStats) -> u64| {
        let new = then.map_or(0, |then| counter(vf).saturating_sub(counter(then)));
        if seconds > 0.0 {
            // Rates need no more digits than f64 has.
            #[expect(clippy::cast_precision_loss)]
            let new = new as f64;
            new / seconds
        } else {
            0.0
        }
    };
    let refused = rate(|vf| vf.refused);
    let held = if vf.served { "" } else { ", held back" };
    Row {
        vf: vf.vf,
        state: format!("{}{held}", vf.power),
        reads: rate(|vf| vf.reads),
        writes: rate(|vf| vf.writes),
        refused,
        refused_in_all: vf.refused,
        mostly: vf.mostly().to_owned(),
        floods: vf.floods,
        is_outlier: refused > 0.0 || !vf.served,
    }
}
