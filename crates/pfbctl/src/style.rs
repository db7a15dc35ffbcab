//! How reports look: colours, which `anstream` takes away where there is no terminal, and tables.

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

/// Headings, and what a line is about.
pub(crate) const HEADING: Style = Style::new().bold();
/// What went well, and the VF's side.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What was refused.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// The host's side.
pub(crate) const HOST: Style = AnsiColor::Cyan.on_default();
/// What may be passed over.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// Columns of a report where nobody says how many there are: a pipe, a file, a test.
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

/// How many columns a report may use.
pub(crate) fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stdout())
        .map_or(COLUMNS, |(width, _)| usize::from(width.0))
}

/// A number of things, such as `1 block` and `2 blocks`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Most names that [`listed`] lists.
const LISTED: usize = 16;

/// Names behind each other, the first ones of many.
pub(crate) fn listed(names: &[String]) -> String {
    match names.split_at_checked(LISTED) {
        _ if names.is_empty() => "none".to_owned(),
        Some((first, rest)) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ => names.join(", "),
    }
}
