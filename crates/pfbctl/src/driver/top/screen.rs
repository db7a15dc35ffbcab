//! Draws the view of `pfbctl top`.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row as TableRow, Table, TableState};

use super::super::report::{block_of, times};
use super::model::{Detail, Model, Row};
use crate::printable::printable;

/// Rows from which on the screen has room for a VF's blocks and journal.
const TALL: u16 = 18;
/// Columns from which on they are beside each other.
const WIDE: u16 = 110;
/// Columns below which the table leaves out what matters less.
const NARROW: u16 = 64;

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let area = frame.area();
    let is_tall = area.height >= TALL && model.detail.is_some();
    let below = if is_tall { area.height / 2 } else { 0 };
    let [title, table, detail, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(below),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(title_line(model), title);
    draw_table(frame, model, table);
    if let Some(shown) = model.detail.as_ref().filter(|_| is_tall) {
        draw_detail(frame, shown, detail);
    }
    let help = "↑↓ select  s order  f only refused  p pause  q quit";
    frame.render_widget(Line::from(help).dim(), keys);
}

fn title_line(model: &Model) -> Line<'static> {
    let mut title = format!(
        "{}  {} VFs by {}",
        printable(&model.device),
        model.vf_count(),
        model.order.name()
    );
    if model.only_refused {
        title.push_str(", only refused");
    }
    let state = match (model.is_gone, model.is_paused()) {
        (true, _) => "  the device has gone; waiting until it is back",
        (_, true) => "  paused",
        _ => "",
    };
    Line::from(vec![title.bold(), state.red()])
}

fn draw_table(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let is_narrow = area.width < NARROW;
    let rows = model.rows();
    let cells = rows.iter().map(|row| table_row(row, is_narrow));
    let mut headings = vec!["VF", "refused/s", "refused", "mostly", "writes/s"];
    let mut widths = vec![
        Constraint::Length(5),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Length(11),
        Constraint::Length(9),
    ];
    if !is_narrow {
        headings.extend(["reads/s", "floods", "state"]);
        widths.extend([
            Constraint::Length(9),
            Constraint::Length(7),
            Constraint::Min(4),
        ]);
    }
    let table = Table::new(cells, widths)
        .header(TableRow::new(headings).bold())
        .row_highlight_style(Style::new().reversed());
    let selected = rows.iter().position(|row| Some(row.vf) == model.selected());
    let mut state = TableState::new().with_selected(selected);
    frame.render_stateful_widget(table, area, &mut state);
}

fn table_row(row: &Row, is_narrow: bool) -> TableRow<'static> {
    let rate = |rate: f64| Cell::from(format!("{rate:.1}"));
    let mut cells = vec![
        Cell::from(row.vf.to_string()),
        rate(row.refused),
        Cell::from(row.refused_in_all.to_string()),
        Cell::from(row.mostly.clone()),
        rate(row.writes),
    ];
    if !is_narrow {
        cells.extend([
            rate(row.reads),
            Cell::from(row.floods.to_string()),
            Cell::from(row.state.clone()),
        ]);
    }
    let cells = TableRow::new(cells);
    if row.is_outlier { cells.red() } else { cells }
}

/// The blocks of the selected VF, and its last events below or beside them.
fn draw_detail(frame: &mut Frame<'_>, detail: &Detail, area: Rect) {
    let half = [Constraint::Fill(1), Constraint::Fill(1)];
    let [blocks, events] = if area.width >= WIDE {
        Layout::horizontal(half).areas(area)
    } else {
        Layout::vertical(half).areas(area)
    };
    let rows = detail.blocks.iter().map(|block| {
        TableRow::new([
            block.id.to_string(),
            printable(&block.name).into_owned(),
            block.writes.to_string(),
            block.refused.to_string(),
            block.waiting.to_string(),
            block.revision.to_string(),
        ])
    });
    let headings = ["ID", "block", "writes", "refused", "waiting", "revision"];
    let widths = [6, 18, 8, 8, 8, 8].map(Constraint::Length);
    let title = format!("VF {}: blocks", detail.vf);
    let table = Table::new(rows, widths)
        .header(TableRow::new(headings).bold())
        .block(Block::new().borders(Borders::TOP).title(title));
    frame.render_widget(table, blocks);

    // The last events, as many as there is room for below the title.
    let room = usize::from(events.height.saturating_sub(1));
    let hidden = detail.events.len().saturating_sub(room);
    let lines: Vec<Line<'_>> = detail
        .events
        .iter()
        .skip(hidden)
        .map(|event| {
            let name = block_of(event);
            let line = format!("{:<12} {name:<12}", event.operation);
            let times = times(event);
            match event.reason {
                Some(reason) => Line::from(format!("{line} refused: {reason}{times}")).red(),
                None => Line::from(format!("{line} {times}")),
            }
        })
        .collect();
    let title = format!("VF {}: journal", detail.vf);
    let journal = Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(title));
    frame.render_widget(journal, events);
}
