//! Prints a story: one line for each event, with time, actor, action and result.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;

use block_manifest::{Block, Manifest};
use block_table::{Image, Kind, MAX_BLOCK_LENGTH, Writer};
use block_trace::Status;

use crate::draft::owned_by;
use crate::entries;
use crate::failure::Failure;
use crate::style::{self, BAD, FAINT, GOOD, HEADING, HOST};
use crate::value;

/// The actor of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    /// Host software.
    Host,
    /// A VF.
    Vf(u16),
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (style, name) = match self {
            Self::Host => (HOST, "host".to_owned()),
            Self::Vf(vf) => (GOOD, format!("VF {vf}")),
        };
        write!(formatter, "{style}{name:<6}{style:#}")
    }
}

/// Writes the lines of a story.
pub(super) struct Narrator<'o> {
    out: &'o mut dyn Write,
    milliseconds: u64,
    /// The refusals whose sentence is printed already.
    explained: BTreeSet<u32>,
}

/// Columns of time, actor and action, in front of the result.
const INDENT: usize = 41;

impl<'o> Narrator<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self {
            out,
            milliseconds: 0,
            explained: BTreeSet::new(),
        }
    }

    pub(super) fn set_time(&mut self, milliseconds: u64) {
        self.milliseconds = milliseconds;
    }

    /// The output.
    pub(super) fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    /// The story's first line.
    pub(super) fn title(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{HEADING}{text}{HEADING:#}")?)
    }

    /// A scene begins.
    pub(super) fn scene(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.out, "\n{HEADING}{text}{HEADING:#}")?)
    }

    /// Prints a remark about the story.
    pub(super) fn remark(&mut self, text: &str) -> Result<(), Failure> {
        for line in textwrap::wrap(text, style::columns()) {
            writeln!(self.out, "{FAINT}{line}{FAINT:#}")?;
        }
        Ok(())
    }

    /// Prints an event.
    pub(super) fn line(&mut self, actor: Actor, action: &str, result: &str) -> Result<(), Failure> {
        let room = style::columns().saturating_sub(INDENT).max(20);
        let mut lines = textwrap::wrap(result, room).into_iter();
        let first = lines.next().unwrap_or_default();
        let seconds = format!(
            "{}.{}",
            self.milliseconds / 1000,
            self.milliseconds % 1000 / 100
        );
        writeln!(
            self.out,
            "{FAINT}{seconds:>5} s{FAINT:#}  {actor} {action:<24} {first}"
        )?;
        for line in lines {
            writeln!(self.out, "{:INDENT$}{line}", "")?;
        }
        Ok(())
    }

    /// Prints a refusal.
    pub(super) fn refused(
        &mut self,
        actor: Actor,
        action: &str,
        status: Status,
    ) -> Result<(), Failure> {
        let text = self.refusal(status);
        self.line(actor, action, &text)
    }

    /// A refusal: its reason and status, and its sentence at its first occurrence.
    pub(super) fn refusal(&mut self, status: Status) -> String {
        let Some(refusal) = status.refusal() else {
            return format!("{BAD}{status}{BAD:#}");
        };
        let text = format!("{BAD}refused{BAD:#}: {} ({status})", refusal.reason());
        if self.explained.insert(status.ntstatus()) {
            format!("{text} {}", refusal.sentence())
        } else {
            text
        }
    }
}

/// The text for bytes that are all zero.
const ZEROS: &str = "nothing but zeros";

/// The fields of a block that are not zero, or that `writer` may set.
pub(super) fn contents(
    manifest: &Manifest,
    block: &Block,
    image: &Image,
    writer: Option<Writer>,
) -> String {
    let length = usize::from(block.max_length);
    if block.is_opaque() {
        let text = String::from_utf8_lossy(&image[..length]);
        return match text.trim_end_matches('\0') {
            "" => ZEROS.to_owned(),
            text => format!("{text:?}"),
        };
    }
    let layout = value::layout_of(block, image);
    let fields = value::fields(block, layout)
        .into_iter()
        .filter(|field| writer.is_none_or(|writer| owned_by(writer, field.owner)));
    // A message is printed whole; of a register, the fields that are not zero.
    let list = value::list(block, layout).filter(|list| {
        writer.is_none_or(|writer| owned_by(writer, list.owner))
            && !entries::placed(list, &image[..length]).is_empty()
    });
    let list = list.map(|list| {
        let text = entries::text(manifest, list, image, &image[..length]);
        format!("{} {text}", list.name)
    });
    let fields = fields.filter(|field| {
        block.kind == Kind::Stream && field.ty.elements() == 1
            || image[usize::from(field.offset)..field.end()]
                .iter()
                .any(|&byte| byte != 0)
    });
    let parts: Vec<String> = fields
        .map(|field| format!("{} {}", field.name, value::text(manifest, field, image)))
        .chain(list)
        .collect();
    if parts.is_empty() {
        ZEROS.to_owned()
    } else {
        parts.join(", ")
    }
}

/// The same for bytes that may be shorter than the block.
pub(super) fn contents_of(
    manifest: &Manifest,
    block: &Block,
    bytes: &[u8],
    writer: Option<Writer>,
) -> String {
    let mut image = [0; MAX_BLOCK_LENGTH];
    let length = bytes.len().min(MAX_BLOCK_LENGTH);
    image[..length].copy_from_slice(&bytes[..length]);
    contents(manifest, block, &image, writer)
}
