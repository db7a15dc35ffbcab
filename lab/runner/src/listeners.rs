//! Host software that follows the changes of every VF while a storm or contention runs: nothing
//! that it is due may be lost, nothing may go back, and no request may outlive its device.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow, ensure};
use pf_broker_abi::{
    CHANGE_DETACHED, CHANGE_JOURNALED, CHANGE_MESSAGE, CHANGE_POWER, CHANGE_PUBLISHED,
    CHANGE_REFUSED, CHANGE_RESET, CHANGE_WRITTEN, Change, ChangesCookie,
};
use pf_broker_client::{
    Access, Cancel, Changes, Device, Error, Handle, Limit, STATUS_CANCELLED, STATUSES_OF_ABSENCE,
};

use crate::session::Session;

/// The kinds of a VF, and those of a block.
const OF_A_VF: u16 = CHANGE_RESET | CHANGE_POWER | CHANGE_REFUSED | CHANGE_JOURNALED;
const OF_A_BLOCK: u16 = CHANGE_WRITTEN | CHANGE_MESSAGE | CHANGE_PUBLISHED;
/// What each listener waits for: the first one for everything, the last one for what does not come.
const KINDS: [u16; 3] = [
    OF_A_VF | OF_A_BLOCK,
    CHANGE_WRITTEN | CHANGE_RESET,
    CHANGE_DETACHED,
];

/// Threads that wait for changes, each through a handle of its own.
pub(crate) struct Listeners {
    cancel: Arc<Cancel>,
    threads: Vec<JoinHandle<Result<Listener>>>,
}

impl Listeners {
    /// Starts them. They begin with what has changed since the start of the device.
    pub(crate) fn start(session: &Session) -> Result<Self> {
        let cancel = Arc::new(Cancel::new()?);
        let start = |kinds| {
            let listener = Listener {
                device: Device::new(session.open_management(Access::Look)?)?,
                kinds,
                cookie: ChangesCookie::default(),
                revisions: BTreeMap::new(),
                replies: 0,
                removed: false,
            };
            let cancel = Arc::clone(&cancel);
            Ok(thread::spawn(move || listener.follow(&cancel)))
        };
        let threads = KINDS.into_iter().map(start).collect::<Result<_>>()?;
        Ok(Self { cancel, threads })
    }

    /// Ends them while nothing changes any more: each must have every change. Returns the number of
    /// replies that they got.
    pub(crate) fn end(self) -> Result<u64> {
        self.cancel.cancel();
        let mut replies = 0;
        for thread in self.threads {
            let mut listener = join(thread)?;
            ensure!(
                !listener.removed,
                "CHANGES ended with a device that is there"
            );
            listener.catch_up()?;
            listener.judge()?;
            replies += listener.replies;
        }
        Ok(replies)
    }

    /// Waits until the removal of the device has ended each of them.
    pub(crate) fn end_with_device(self) -> Result<()> {
        for thread in self.threads {
            ensure!(join(thread)?.removed, "CHANGES ended without a removal");
        }
        Ok(())
    }
}

fn join(thread: JoinHandle<Result<Listener>>) -> Result<Listener> {
    thread.join().map_err(|_| anyhow!("a listener panicked"))?
}

/// A VF's index, and the ID of its block; no block for the VF itself.
type Place = (u16, Option<u32>);

fn place(change: &Change) -> Place {
    let block = (change.kinds & OF_A_BLOCK != 0).then_some(change.block);
    (change.vf, block)
}

struct Listener {
    device: Device<Handle>,
    kinds: u16,
    cookie: ChangesCookie,
    /// The newest revision of each place.
    revisions: BTreeMap<Place, u64>,
    replies: u64,
    /// The device's removal has ended a request.
    removed: bool,
}

impl Listener {
    /// Waits for changes until that is cancelled or the device is removed.
    fn follow(mut self, cancel: &Cancel) -> Result<Self> {
        let limit = Limit {
            timeout: None,
            cancel: Some(cancel),
        };
        loop {
            let waited = self.device.changes_within(self.kinds, &self.cookie, limit);
            match waited {
                Ok(changes) => {
                    ensure!(!changes.entries.is_empty(), "CHANGES waits for nothing");
                    self.note(&changes)?;
                }
                Err(Error::Status(STATUS_CANCELLED)) => return Ok(self),
                Err(Error::Status(status)) if STATUSES_OF_ABSENCE.contains(&status) => {
                    self.removed = true;
                    return Ok(self);
                }
                Err(error) => return Err(error).context("CHANGES"),
            }
        }
    }

    /// Takes what has changed and was not waited for.
    fn catch_up(&mut self) -> Result<()> {
        loop {
            let changes = self.device.poll_changes(self.kinds, &self.cookie)?;
            self.note(&changes)?;
            if !changes.more {
                return Ok(());
            }
        }
    }

    fn note(&mut self, changes: &Changes) -> Result<()> {
        ensure!(!changes.restarted, "CHANGES reports a restart");
        self.cookie = changes.cookie;
        self.replies += 1;
        for change in &changes.entries {
            ensure!(
                change.kinds != 0 && change.kinds & !self.kinds == 0,
                "CHANGES reports kinds that were not requested: {change:x?}"
            );
            let known = self.revisions.entry(place(change)).or_default();
            ensure!(
                change.revision >= *known,
                "CHANGES goes back from revision {known}: {change:x?}"
            );
            *known = change.revision;
        }
        Ok(())
    }

    /// Compares with a listener that begins now. A listener for a part of the kinds may have an
    /// older revision, from before a change of another kind.
    fn judge(&self) -> Result<()> {
        let mut cookie = ChangesCookie::default();
        loop {
            let changes = self.device.poll_changes(self.kinds, &cookie)?;
            for change in &changes.entries {
                let known = self.revisions.get(&place(change));
                let is_right = known.is_some_and(|&known| {
                    known == change.revision || self.kinds != KINDS[0] && known < change.revision
                });
                ensure!(is_right, "a listener has {known:?} of {change:x?}");
            }
            cookie = changes.cookie;
            if !changes.more {
                return Ok(());
            }
        }
    }
}
