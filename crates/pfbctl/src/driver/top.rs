//! `pfbctl top`: a live view of the VFs of a device, the one with the most refusals first.

mod model;
mod screen;

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use pf_broker_client::{Control, Device, name_text};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyEventKind, KeyModifiers};

use super::connection::{Access, open};
use super::names::Names;
use super::reply::{BlockStats, Event, VfStats};
use super::watch::{JOURNAL_ENTRIES, is_gone};
use crate::cli;
use crate::failure::Failure;
use model::{Detail, Model, Snapshot};

/// `pfbctl top`: until the user ends it.
pub(crate) fn top(arguments: &cli::Top) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Look)?;
    if !io::stdout().is_terminal() {
        return Err(Failure::Argument {
            argument: "top",
            problem: "needs a terminal; `pfbctl stats` prints the counters once".to_owned(),
        });
    }
    let reopen = || match open(&arguments.selection, Access::Look) {
        Ok(device) => Ok(Some(device)),
        Err(failure) if failure.is_absence() => Ok(None),
        Err(failure) => Err(failure),
    };
    let mut terminal = ratatui::try_init()?;
    let ended = run(
        &mut terminal,
        device,
        reopen,
        Duration::from_secs(arguments.interval.into()),
    );
    ratatui::restore();
    ended
}

/// Shows the device until a key ends it. A device that goes is shown as absent until it is back.
fn run<C: Control>(
    terminal: &mut DefaultTerminal,
    device: Device<C>,
    reopen: impl Fn() -> Result<Option<Device<C>>, Failure>,
    interval: Duration,
) -> Result<(), Failure> {
    let mut model = Model::new(name_text(&device.query()?.name));
    let mut device = Some(device);
    loop {
        if device.is_none() {
            device = reopen()?;
        }
        if let Some(present) = device.take_if(|_| !model.is_paused()) {
            match snapshot(&present, model.selected()) {
                Ok(snapshot) => {
                    model.update(snapshot, Instant::now());
                    device = Some(present);
                }
                // An open handle keeps the device from being removed.
                Err(failure) if is_gone(&failure) => model.set_gone(),
                Err(failure) => return Err(failure),
            }
        }
        let next = Instant::now() + interval;
        loop {
            terminal.draw(|frame| screen::draw(frame, &model))?;
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() || !event::poll(left)? {
                break;
            }
            if let Input::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
            {
                let ends =
                    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
                if ends || !model.press(key.code) {
                    return Ok(());
                }
            }
        }
    }
}

/// The counters of all VFs, with the blocks and the journal of one.
fn snapshot<C: Control>(device: &Device<C>, selected: Option<u16>) -> Result<Snapshot, Failure> {
    let vfs = 0..device.query()?.num_vfs;
    let vfs = vfs.map(|vf| Ok(VfStats::new(vf, &device.stats(vf)?)));
    let vfs: Vec<VfStats> = vfs.collect::<Result<_, pf_broker_client::Error>>()?;
    let detail = selected.map(|vf| detail(device, vf)).transpose()?;
    Ok(Snapshot { vfs, detail })
}

fn detail<C: Control>(device: &Device<C>, vf: u16) -> Result<Detail, Failure> {
    let blocks = device.blocks()?;
    let names = Names::of_blocks(&blocks);
    let blocks = blocks
        .iter()
        .map(|block| Ok(BlockStats::new(block, &device.block_stats(vf, block.id)?)));
    let entries = device.journal(vf, 0, JOURNAL_ENTRIES)?;
    Ok(Detail {
        vf,
        blocks: blocks.collect::<Result<_, pf_broker_client::Error>>()?,
        events: entries
            .iter()
            .map(|entry| Event::new(entry, &names, None))
            .collect(),
    })
}

#[cfg(test)]
mod tests;
