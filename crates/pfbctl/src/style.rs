//! Styles and tables of reports; `anstream` removes colours without a terminal.

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};

/// Headings, and the subject of a line.
pub(crate) const HEADING: Style = Style::new().bold();
/// Success, and VFs.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Refusals and errors.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// Host software.
pub(crate) const HOST: Style = AnsiColor::Cyan.on_default();
/// Secondary text.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The width of a report without a terminal: a pipe, a file, a test.
const COLUMNS: usize = 100;

/// A table with these column headings, as wide as the terminal at most.
pub(crate) fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(columns()).unwrap_or(u16::MAX))
        .set_header(headings);
    table
}

/// Leaves two spaces between the columns of a table, and wraps the text of those from `text` on
/// alone.
pub(crate) fn dense(table: &mut Table, text: usize) {
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((1, 0));
        if index < text {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
}

/// How many columns a report may use.
pub(crate) fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stdout())
        .map_or(COLUMNS, |(width, _)| usize::from(width.0))
}

/// A number with its noun, such as `1 block` and `2 blocks`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The most names that [`listed`] prints.
const LISTED: usize = 16;

/// Names in one line, the first ones of many.
pub(crate) fn listed(names: &[String]) -> String {
    match names.split_at_checked(LISTED) {
        _ if names.is_empty() => "none".to_owned(),
        Some((first, rest)) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ => names.join(", "),
    }
}
