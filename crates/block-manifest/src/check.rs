//! The second step: checks the values against each other and builds the parts of a
//! [`Manifest`](crate::Manifest).

mod block;
mod condition;
mod context;
mod count;
mod elements;
mod field;
mod fields;
mod groups;
mod layout;
mod list;
mod names;
mod overflow;
mod place;
mod properties;
mod structure;
mod uses;
mod valid;

use std::mem;

use block_table::{Limits, MAX_BLOCKS, Reset};

use crate::diagnostic::Sink;
use crate::expression::analysis::Budget;
use crate::keys::{self, ServedAgain};
use crate::model::{Block, Device, Enum, Member};
use crate::syntax::{self, Written};
pub(crate) use elements::by_default;

use block::Begun;
use context::{Context, Writes};

/// The parts of a manifest, as far as they are valid.
pub(crate) struct Parts {
    pub(crate) device: Option<Device>,
    pub(crate) limits: Option<Limits>,
    pub(crate) constants: Vec<Member>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) blocks: Vec<Block>,
}

/// Checks `file`, the manifest `text`.
pub(crate) fn check(mut file: syntax::File, text: &str, sink: &Sink) -> Parts {
    expand_groups(&mut file, text, sink);
    let file = &file;
    let constants = constants(file, sink);
    let enums = enums(file, sink);
    let names = block_names(&file.blocks);
    let budgets = [Budget::new(), Budget::new()];
    let context = context(file, (text, sink), &names, &budgets);
    names::unique(
        file.blocks.iter().filter_map(|block| block.name.as_ref()),
        "block",
        sink,
    );
    unique_ids(file, sink);
    if file.blocks.len() > MAX_BLOCKS {
        let message = format!(
            "the manifest has {} blocks, and may have {MAX_BLOCKS}",
            file.blocks.len()
        );
        sink.error(message, &file.blocks[MAX_BLOCKS].header, "one too many");
    }
    let begun: Vec<Begun<'_>> = file
        .blocks
        .iter()
        .map(|block| block::begin(block, context))
        .collect();
    let finished = begun.iter().filter_map(|block| {
        let used = uses::check(block, &begun, context);
        let (budget, overflow_budget) = (&Budget::new(), &Budget::new());
        block::finish(
            block,
            &used,
            Context {
                budget,
                overflow_budget,
                ..context
            },
        )
    });
    let blocks = finished.collect();
    Parts {
        device: device(file, sink),
        limits: limits(file),
        constants,
        enums,
        blocks,
    }
}

fn block_names(blocks: &[syntax::Block]) -> Vec<String> {
    let names = blocks.iter().filter_map(|block| block.name.as_ref());
    names.map(|name| name.value.clone()).collect()
}

/// Checks the groups of `file`, and replaces the fields that use them.
fn expand_groups(file: &mut syntax::File, text: &str, sink: &Sink) {
    let mut blocks = mem::take(&mut file.blocks);
    let names = block_names(&blocks);
    let budgets = [Budget::new(), Budget::new()];
    let context = context(file, (text, sink), &names, &budgets);
    names::unique(file.groups.iter().map(|group| &group.name), "group", sink);
    groups::expand(&file.groups, file.knows_groups, &mut blocks, context);
    file.blocks = blocks;
}

/// What the checks of `file`, the manifest `text`, share. `blocks` are the names of its blocks.
fn context<'c>(
    file: &'c syntax::File,
    (text, sink): (&'c str, &'c Sink),
    blocks: &'c [String],
    [budget, overflow_budget]: &'c [Budget; 2],
) -> Context<'c> {
    Context {
        text,
        sink,
        constants: &file.constants,
        knows_constants: file.knows_constants,
        enums: &file.enums,
        knows_enums: file.knows_enums,
        blocks,
        budget,
        overflow_budget,
        writes: Writes::default(),
    }
}

fn device(file: &syntax::File, sink: &Sink) -> Option<Device> {
    let device = file.device.as_ref()?;
    let reset = reset(device, sink);
    Some(Device {
        name: device.name.as_ref()?.value.clone(),
        vendor_id: device.vendor_id.as_ref()?.value,
        device_ids: device
            .device_ids
            .as_ref()?
            .iter()
            .map(|id| id.value)
            .collect(),
        max_vfs: device.max_vfs.as_ref()?.value,
        reset,
    })
}

/// When a VF is served again after a reset. Reports a time limit without a use.
fn reset(device: &syntax::Device, sink: &Sink) -> Reset {
    let timeout = device.reset_timeout.as_ref();
    match (&device.reset, timeout) {
        (Written::Value(reset), _) if reset.value == ServedAgain::ByAcknowledgement => {
            return Reset::Acknowledged {
                timeout: timeout.map_or(keys::RESET_TIMEOUT, |timeout| timeout.value),
            };
        }
        (Written::Absent | Written::Value(_), Some(timeout)) => sink.error(
            "`reset-timeout` needs `reset = \"acknowledged\"`",
            &timeout.span,
            "no acknowledgement is waited for",
        ),
        _ => {}
    }
    Reset::Immediate
}

fn limits(file: &syntax::File) -> Option<Limits> {
    let limits = file.limits.as_ref()?;
    let (rate, burst) = (limits.writes_per_second.as_ref()?, limits.burst.as_ref()?);
    Some(Limits {
        writes_per_second: rate.value,
        burst: burst.value,
    })
}

fn constants(file: &syntax::File, sink: &Sink) -> Vec<Member> {
    let names = file.constants.iter().map(|constant| &constant.name);
    names::unique(names, "constant", sink);
    let readable = file.constants.iter().filter_map(|constant| {
        Some(Member {
            name: constant.name.value.clone(),
            value: constant.value?,
        })
    });
    readable.collect()
}

fn enums(file: &syntax::File, sink: &Sink) -> Vec<Enum> {
    names::unique(
        file.enums.iter().map(|known| &known.name),
        "enumeration",
        sink,
    );
    let checked = file.enums.iter().map(|written| {
        let names = written.members.iter().map(|(name, _)| name);
        names::unique(names, "named value", sink);
        let members = written.members.iter().filter_map(|(name, value)| {
            Some(Member {
                name: name.value.clone(),
                value: (*value)?,
            })
        });
        Enum {
            name: written.name.value.clone(),
            members: members.collect(),
        }
    });
    checked.collect()
}

fn unique_ids(file: &syntax::File, sink: &Sink) {
    for (index, block) in file.blocks.iter().enumerate() {
        let Some(id) = &block.id else { continue };
        let before = file.blocks[..index]
            .iter()
            .filter_map(|other| other.id.as_ref())
            .find(|other| other.value == id.value);
        if let Some(other) = before {
            let message = format!("block ID {} is used twice", id.value);
            let diagnostic = crate::diagnostic::Diagnostic::error(message, &id.span, "used again");
            sink.report(diagnostic.related(&other.span, "first used here"));
        }
    }
}
