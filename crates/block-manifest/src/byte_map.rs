//! Draws a block's bytes as text: 16 bytes in a row, each field a box with its name, its
//! type and its owner.

use std::iter;
use std::ops::Range;

use crate::model::{Block, Field, Layout, List};

/// Bytes in a row.
const ROW: usize = 16;
/// Columns for each byte, including the line at its left.
const BYTE: usize = 4;
/// The margin of rows without an offset.
const MARGIN: &str = "     ";

impl Block {
    /// The picture of the block's bytes in one of its layouts, line by line.
    #[must_use]
    pub fn byte_map(&self, layout: Option<&Layout>) -> Vec<String> {
        let length = self.max_length.into();
        if self.is_opaque() {
            return draw(&opaque(length, self.opaque_owner().as_str()));
        }
        let others = layout.into_iter().flat_map(|layout| &layout.fields);
        let mut fields: Vec<&Field> = self.fields.iter().chain(others).collect();
        fields.sort_by_key(|field| field.offset);
        draw(&areas(&fields, self.list_in(layout), length))
    }
}

/// An area of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Area {
    /// The first byte.
    start: usize,
    /// The first byte after it.
    end: usize,
    /// Its title.
    title: String,
    /// Its subtitle.
    subtitle: String,
}

/// The areas of a block of `length` bytes: its fields, its list, and the bytes that nothing covers.
fn areas(fields: &[&Field], list: Option<&List>, length: usize) -> Vec<Area> {
    let mut areas = Vec::new();
    let mut at = 0;
    for field in fields {
        gap(&mut areas, at, usize::from(field.offset));
        let (start, end) = (usize::from(field.offset), field.end());
        let subtitle = format!("{} {}", field.ty, field.owner.as_str());
        areas.push(Area {
            start,
            end,
            title: field.name.clone(),
            subtitle,
        });
        at = end;
    }
    let Some(list) = list else {
        gap(&mut areas, at, length);
        return areas;
    };
    gap(&mut areas, at, list.offset.into());
    areas.push(Area {
        start: list.offset.into(),
        end: length,
        title: list.name.clone(),
        subtitle: format!("list {}", list.owner.as_str()),
    });
    areas
}

/// The area of an opaque block.
fn opaque(length: usize, owner: &str) -> Vec<Area> {
    vec![Area {
        start: 0,
        end: length,
        title: "any bytes".to_owned(),
        subtitle: owner.to_owned(),
    }]
}

fn gap(areas: &mut Vec<Area>, start: usize, end: usize) {
    if start < end {
        areas.push(Area {
            start,
            end,
            title: "reserved".to_owned(),
            subtitle: "zero".to_owned(),
        });
    }
}

/// One row of boxes.
struct Row {
    /// Its width in bytes.
    width: usize,
    /// The bytes that have a line at their left; both ends have one too.
    lines_at: Vec<usize>,
    /// Its text.
    text: Vec<String>,
}

impl Row {
    const NONE: Self = Self {
        width: 0,
        lines_at: Vec::new(),
        text: Vec::new(),
    };

    /// Whether there is a line left of `byte`, or at the right end.
    fn has_line_at(&self, byte: usize) -> bool {
        self.width > 0 && (byte == 0 || byte == self.width || self.lines_at.contains(&byte))
    }
}

/// The lines of the picture. Rows within one area are drawn once and counted.
fn draw(areas: &[Area]) -> Vec<String> {
    let rows = rows(areas);
    let mut lines = vec![header()];
    let mut above = &Row::NONE;
    for row in &rows {
        lines.push(rule(above, row));
        lines.extend(row.text.iter().cloned());
        above = row;
    }
    lines.push(rule(above, &Row::NONE));
    lines
}

/// The rows of the picture.
fn rows(areas: &[Area]) -> Vec<Row> {
    let length = areas.last().map_or(0, |area| area.end);
    let mut rows = Vec::new();
    let mut start = 0;
    while start < length {
        rows.push(boxes(areas, start..length.min(start + ROW)));
        start += ROW;
        let alike = whole_rows(areas, start, length);
        // A single repeated row is drawn: a note would not be shorter.
        if alike > 1 {
            let end = start + alike * ROW;
            let text = format!("{start:02x} to {:02x} likewise", end - 1);
            let text = vec![format!(
                "{:>4} │{text:^width$}│",
                "⋮",
                width = ROW * BYTE - 1
            )];
            rows.push(Row {
                width: ROW,
                lines_at: Vec::new(),
                text,
            });
            start = end;
        }
    }
    rows
}

/// The offsets of the bytes in a row.
fn header() -> String {
    let digits: Vec<String> = (0..ROW).map(|byte| format!("{byte:^BYTE$x}")).collect();
    format!("{MARGIN} {}", digits.concat().trim_end())
}

/// The number of whole rows from `start` on that lie in the same area as the row before them.
fn whole_rows(areas: &[Area], start: usize, length: usize) -> usize {
    let inside = |row: usize| {
        let (before, end) = (start + row * ROW - ROW, start + row * ROW + ROW);
        end <= length
            && areas
                .iter()
                .any(|area| area.start <= before && area.end >= end)
    };
    (0..length / ROW).take_while(|&row| inside(row)).count()
}

/// The line between two rows.
fn rule(above: &Row, below: &Row) -> String {
    let width = above.width.max(below.width);
    let mut line = MARGIN.to_owned();
    for byte in 0..=width {
        let joint = (above.has_line_at(byte), below.has_line_at(byte));
        line.push(match (joint, byte) {
            ((true, true), 0) => '├',
            ((true, false), 0) => '└',
            ((false, _), 0) => '┌',
            ((true, true), _) if byte == width => '┤',
            ((true, false), _) if byte == width => '┘',
            ((false, _), _) if byte == width => '┐',
            ((true, true), _) => '┼',
            ((true, false), _) => '┴',
            ((false, true), _) => '┬',
            ((false, false), _) => '─',
        });
        if byte < width {
            line.extend(iter::repeat_n('─', BYTE - 1));
        }
    }
    line
}

/// The row of these bytes: titles, and subtitles below.
fn boxes(areas: &[Area], bytes: Range<usize>) -> Row {
    let mut titles = Vec::new();
    let mut subtitles = Vec::new();
    let mut lines_at = Vec::new();
    for area in areas
        .iter()
        .filter(|area| area.start < bytes.end && area.end > bytes.start)
    {
        let (start, end) = (area.start.max(bytes.start), area.end.min(bytes.end));
        let room = (end - start) * BYTE - 1;
        let (title, subtitle) = if area.start < bytes.start {
            ("…", "")
        } else {
            (&*area.title, &*area.subtitle)
        };
        titles.push(format!("{:<room$}", shortened(title, room)));
        subtitles.push(format!("{:<room$}", shortened(subtitle, room)));
        lines_at.push(start - bytes.start);
    }
    let text = vec![
        format!("  {:02x} │{}│", bytes.start, titles.join("│")),
        format!("{MARGIN}│{}│", subtitles.join("│")),
    ];
    Row {
        width: bytes.len(),
        lines_at,
        text,
    }
}

/// The text, cut to this many columns; the table of fields has it in full.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars()
        .take(room.saturating_sub(1))
        .chain(iter::once('…'))
        .collect()
}

#[cfg(test)]
mod tests;
