//! A simple model of the broker: maps and vectors, and the rules of `contoso.toml` by hand.

mod companion;

pub(crate) use companion::Begun;

use std::collections::{BTreeMap, VecDeque};

use block_broker::{Entry, Event, JOURNAL_LENGTH, Kinds, ResetBy, Ticks};
use pf_broker_abi::{Change, Operation, PowerState, Refusal, Service};

/// A block of `contoso.toml`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the keys of the manifest"
)]
pub(crate) struct Block {
    pub(crate) id: u32,
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) depth: usize,
    pub(crate) drop_oldest: bool,
    pub(crate) vf_reads: bool,
    pub(crate) vf_writes: bool,
    pub(crate) notify: bool,
    pub(crate) prefix: bool,
    /// Which bytes a VF's write leaves as they are.
    pub(crate) pf_only: std::ops::Range<usize>,
    /// Which bytes a publish leaves as they are.
    pub(crate) vf_only: Vec<(usize, usize)>,
    /// Whether bytes that only host software writes survive a reset.
    pub(crate) keep: bool,
    /// Whether the companion handles writes and reads.
    pub(crate) hands_over: [bool; 2],
}

impl Block {
    pub(crate) fn is_stream(&self) -> bool {
        self.depth > 0
    }

    fn check_readable(&self, length: usize) -> Outcome<()> {
        if length == 0 || length > 128 || length < self.max && !self.prefix {
            return Err(Refusal::Length);
        }
        Ok(())
    }
}

/// The blocks of `contoso.toml`, transcribed by hand.
pub(crate) fn blocks() -> Vec<Block> {
    let plain = |id, min, max| Block {
        id,
        min,
        max,
        depth: 0,
        drop_oldest: false,
        vf_reads: true,
        vf_writes: true,
        notify: false,
        prefix: false,
        pf_only: 0..0,
        vf_only: vec![],
        keep: false,
        hands_over: [false; 2],
    };
    vec![
        Block {
            notify: true,
            pf_only: 0..2,
            vf_only: vec![(2, 6), (8, 12)],
            ..plain(0, 16, 16)
        },
        Block {
            vf_writes: false,
            prefix: true,
            pf_only: 0..8,
            keep: true,
            ..plain(1, 8, 8)
        },
        Block {
            vf_reads: false,
            ..plain(2, 1, 4)
        },
        Block {
            vf_reads: false,
            depth: 3,
            ..plain(3, 2, 6)
        },
        Block {
            vf_reads: false,
            depth: 2,
            drop_oldest: true,
            ..plain(70, 2, 2)
        },
        Block {
            pf_only: 0..4,
            vf_only: vec![(4, 128)],
            keep: true,
            ..plain(63, 128, 128)
        },
    ]
}

fn default_value(block: &Block) -> Vec<u8> {
    let mut value = vec![0; block.max];
    match block.id {
        0 => value[0] = 5,
        63 => value[0] = 7,
        _ => {}
    }
    value
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServiceState {
    Open,
    Held,
    /// For an acknowledgement.
    Waits {
        deadline: u64,
    },
    Removed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Vf,
    Host,
}

/// Counters of a block, and how often it was committed or reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockCounts {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) publishes: u64,
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
    pub(crate) revision: u64,
}

/// One change.
struct Noted {
    number: u64,
    kinds: Kinds,
    /// The block, for a change of a block.
    block: Option<u32>,
    /// The number of the last event of the VF.
    event: u64,
}

/// How many changes of each VF a reader has received.
#[derive(Clone)]
pub(crate) struct Seen(Vec<u64>);

pub(crate) struct Vf {
    service: ServiceState,
    /// A reset by the host has begun since the VF was served.
    changes_tenant: bool,
    pub(crate) power: PowerState,
    pub(crate) pending: u64,
    pub(crate) registers: BTreeMap<u32, Vec<u8>>,
    pub(crate) streams: BTreeMap<u32, VecDeque<Vec<u8>>>,
    /// The message that a stream accepted last, while a sequence remembers it.
    newest: BTreeMap<u32, Vec<u8>>,
    /// Blocks that the VF has written since its reset.
    written: Vec<u32>,
    /// Every change that no reset has superseded.
    changes: Vec<Noted>,
    /// How many changes there were.
    noted: u64,
    pub(crate) resets: u64,
    pub(crate) floods: u64,
    pub(crate) withdrawn: u64,
    pub(crate) counts: BTreeMap<u32, BlockCounts>,
    pub(crate) refused: BTreeMap<Refusal, u64>,
    journal: Vec<Entry>,
    pub(crate) events: u64,
    /// Tokens, in ten-millionths of a write.
    tokens: u128,
    filled: u64,
    flooding: bool,
}

pub(crate) struct Model {
    pub(crate) blocks: Vec<Block>,
    pub(crate) vfs: Vec<Vf>,
    pub(crate) host_refusals: BTreeMap<Refusal, u64>,
    rate: u128,
    burst: u128,
    /// Ticks for which a VF waits for an acknowledgement, if it does.
    timeout: Option<u64>,
}

type Outcome<T> = Result<T, Refusal>;

impl Vf {
    fn new(blocks: &[Block], burst: u128) -> Self {
        let mut vf = Self {
            service: ServiceState::Open,
            changes_tenant: false,
            power: PowerState::D0,
            pending: 0,
            registers: BTreeMap::new(),
            streams: BTreeMap::new(),
            newest: BTreeMap::new(),
            written: vec![],
            changes: vec![],
            noted: 0,
            resets: 0,
            floods: 0,
            withdrawn: 0,
            counts: BTreeMap::new(),
            refused: BTreeMap::new(),
            journal: vec![],
            events: 0,
            tokens: burst * 10_000_000,
            filled: 0,
            flooding: false,
        };
        for block in blocks {
            vf.counts.insert(block.id, BlockCounts::default());
            if block.is_stream() {
                vf.streams.insert(block.id, VecDeque::new());
            } else {
                vf.registers.insert(block.id, default_value(block));
            }
        }
        vf
    }

    pub(crate) fn service(&self) -> Service {
        match self.service {
            ServiceState::Open => Service::Open,
            ServiceState::Waits { .. } => Service::Unacknowledged,
            ServiceState::Held | ServiceState::Removed => Service::Held,
        }
    }

    fn pass(&self, side: Side) -> Outcome<()> {
        match self.service {
            ServiceState::Open => Ok(()),
            ServiceState::Waits { .. } if side == Side::Host => Ok(()),
            ServiceState::Waits { .. } | ServiceState::Held => Err(Refusal::State),
            ServiceState::Removed => Err(Refusal::Removed),
        }
    }

    fn serve(&mut self, event: Event, at: u64) {
        self.service = ServiceState::Open;
        self.changes_tenant = false;
        self.note(event, at);
    }

    /// When the time for an acknowledgement is up, if the VF waits for one.
    fn deadline(&self) -> Option<u64> {
        match self.service {
            ServiceState::Waits { deadline } => Some(deadline),
            _ => None,
        }
    }

    fn change(&mut self, kinds: Kinds, block: Option<u32>) {
        self.noted += 1;
        self.changes.push(Noted {
            number: self.noted,
            kinds,
            block,
            event: self.events,
        });
    }

    fn note(&mut self, event: Event, at: u64) {
        self.events += 1;
        self.change(Kinds::JOURNALED, None);
        if event.refusal.is_some() {
            self.change(Kinds::REFUSED, None);
        }
        let number = self.events;
        if let Some(last) = self.journal.last_mut().filter(|last| last.event == event) {
            last.number = number;
            last.repeated += 1;
            return;
        }
        self.journal.push(Entry {
            number,
            at: Ticks(at),
            repeated: 0,
            event,
        });
    }

    /// The block after a write, if that breaks no rule.
    fn validate_write(&self, block: &Block, sent: &[u8]) -> Outcome<Vec<u8>> {
        if !(block.min..=block.max).contains(&sent.len()) {
            return Err(Refusal::Length);
        }
        if !checksum_holds(block, sent) {
            return Err(Refusal::Checksum);
        }
        let first = !self.written.contains(&block.id);
        let before = if block.is_stream() {
            self.newest.get(&block.id)
        } else {
            self.registers.get(&block.id)
        };
        let blank = vec![0; block.max];
        admit(block, Side::Vf, sent, before.unwrap_or(&blank), first)
    }

    /// Commits the value of a write of so many bytes.
    fn commit_write(
        &mut self,
        block: &Block,
        (value, length): (Vec<u8>, usize),
        event: Event,
        at: u64,
    ) -> Outcome<()> {
        let kind = if block.is_stream() {
            self.check_room(block)?;
            let queue = self.streams.get_mut(&block.id).unwrap();
            if queue.len() == block.depth {
                queue.pop_front();
                self.counts.get_mut(&block.id).unwrap().dropped += 1;
            }
            queue.push_back(value[..length].to_vec());
            self.newest.insert(block.id, value);
            Kinds::MESSAGE
        } else {
            self.registers.insert(block.id, value);
            Kinds::WRITTEN
        };
        self.written.push(block.id);
        let counts = self.counts.get_mut(&block.id).unwrap();
        counts.writes += 1;
        counts.revision += 1;
        self.change(kind, Some(block.id));
        self.note(event, at);
        Ok(())
    }

    fn check_room(&self, block: &Block) -> Outcome<()> {
        let queue = self.streams.get(&block.id);
        let is_full = queue.is_some_and(|queue| queue.len() == block.depth);
        if is_full && !block.drop_oldest {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// The first bytes of a register.
    fn value(&self, block: &Block, length: usize) -> Vec<u8> {
        let mut value = self.registers[&block.id].clone();
        value.resize(length, 0);
        value
    }

    pub(crate) fn last_events(&self) -> &[Entry] {
        &self.journal[self.journal.len().saturating_sub(JOURNAL_LENGTH)..]
    }

    pub(crate) fn lost_events(&self) -> u64 {
        let lost = self.journal.len().saturating_sub(JOURNAL_LENGTH);
        self.journal[..lost]
            .iter()
            .map(|entry| u64::from(entry.repeated) + 1)
            .sum()
    }

    fn refuse(&mut self, event: Event, at: u64) -> Refusal {
        let refusal = event.refusal.unwrap();
        self.note(event, at);
        if of_host(event.operation) {
            return refusal;
        }
        *self.refused.entry(refusal).or_default() += 1;
        if let Some(counts) = self
            .counts
            .get_mut(&event.block)
            .filter(|_| names_a_block(event.operation))
        {
            counts.refused += 1;
        }
        refusal
    }

    /// Takes a token; only the first refusal of a flood is journaled.
    fn within_limit(&mut self, event: Event, at: u64, rate: u128, burst: u128) -> Outcome<()> {
        let full = burst * 10_000_000;
        self.tokens = full.min(self.tokens + u128::from(at.saturating_sub(self.filled)) * rate);
        self.filled = self.filled.max(at);
        self.flooding &= self.tokens < full;
        if self.tokens >= 10_000_000 {
            self.tokens -= 10_000_000;
            return Ok(());
        }
        if self.flooding {
            *self.refused.entry(Refusal::Limit).or_default() += 1;
            self.counts.get_mut(&event.block).unwrap().refused += 1;
        } else {
            self.flooding = true;
            self.floods += 1;
            self.refuse(
                Event {
                    refusal: Some(Refusal::Limit),
                    ..event
                },
                at,
            );
        }
        Err(Refusal::Limit)
    }
}

/// Whether the block of a VF's event is that of the operation, rather than a zero.
fn names_a_block(operation: Operation) -> bool {
    matches!(operation, Operation::Read | Operation::Write)
}

/// Whether a refusal is not counted at a VF.
fn of_host(operation: Operation) -> bool {
    use Operation::{Read, TakeInvalidation, Write};
    !matches!(operation, Read | Write | TakeInvalidation)
}

fn event(operation: Operation, block: u32, length: usize) -> Event {
    Event {
        operation,
        block,
        length: u32::try_from(length).unwrap(),
        refusal: None,
        companion_status: 0,
        fault: None,
    }
}

/// The block after a write, if that breaks no rule.
fn admit(block: &Block, side: Side, sent: &[u8], before: &[u8], first: bool) -> Outcome<Vec<u8>> {
    let mut value = sent.to_vec();
    value.resize(block.max, 0);
    let kept = match side {
        Side::Vf => vec![(block.pf_only.start, block.pf_only.end)],
        Side::Host => block.vf_only.clone(),
    };
    for (start, end) in kept {
        value[start..end].copy_from_slice(&before[start..end]);
    }
    let u16_at = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let u32_at =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    match block.id {
        0 => {
            let sequence_stands =
                first || side == Side::Host || u32_at(&value, 8) > u32_at(before, 8);
            let rules = [
                (u16_at(&value, 4) <= 3, Refusal::Value),
                (
                    value[6..8]
                        .iter()
                        .chain(&value[12..16])
                        .all(|byte| *byte == 0),
                    Refusal::Reserved,
                ),
                (u16_at(&value, 2) <= u16_at(&value, 0), Refusal::Require),
                (sequence_stands, Refusal::Sequence),
            ];
            rules
                .into_iter()
                .find(|(holds, _)| !holds)
                .map_or(Ok(()), |(_, refusal)| Err(refusal))?;
        }
        3 if value[0] > 100 => return Err(Refusal::Value),
        3 if !first && value[1] < before[1] => return Err(Refusal::Sequence),
        _ => {}
    }
    Ok(value)
}

/// The checksum field of block 63, which a VF owns.
fn checksum_holds(block: &Block, sent: &[u8]) -> bool {
    block.id != 63 || sent[124..128] == crc32(&sent[..124]).to_le_bytes()
}

/// CRC-32/ISO-HDLC, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

impl Model {
    /// `handed_over` has the blocks whose writes the companion handles, and those whose reads it
    /// handles.
    pub(crate) fn new(
        vfs: usize,
        (rate, burst): (u128, u128),
        timeout: Option<u64>,
        handed_over: [&[u32]; 2],
    ) -> Self {
        let mut blocks = blocks();
        for block in &mut blocks {
            block.hands_over = handed_over.map(|blocks| blocks.contains(&block.id));
        }
        let vfs = (0..vfs).map(|_| Vf::new(&blocks, burst)).collect();
        Self {
            blocks,
            vfs,
            host_refusals: BTreeMap::new(),
            rate,
            burst,
            timeout,
        }
    }

    fn find(&self, event: Event) -> Outcome<&Block> {
        let block = self
            .blocks
            .iter()
            .find(|block| block.id == event.block)
            .ok_or(Refusal::Block)?;
        match event.operation {
            Operation::Read if !block.vf_reads => Err(Refusal::Access),
            Operation::Write if !block.vf_writes => Err(Refusal::Access),
            Operation::HostRead | Operation::Publish if block.is_stream() => Err(Refusal::Kind),
            Operation::Drain if !block.is_stream() => Err(Refusal::Kind),
            _ => Ok(block),
        }
    }

    /// Runs one operation on one VF and counts its refusal.
    fn on_vf<T>(
        &mut self,
        vf: u16,
        event: Event,
        at: u64,
        operation: impl FnOnce(&mut Vf, Outcome<&Block>) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut vfs = std::mem::take(&mut self.vfs);
        let outcome = match vfs.get_mut(usize::from(vf)) {
            None => Err(Refusal::Vf),
            Some(vf) => operation(vf, self.find(event)).map_err(|refusal| {
                if refusal == Refusal::Limit {
                    refusal
                } else {
                    vf.refuse(
                        Event {
                            refusal: Some(refusal),
                            companion_status: if refusal == Refusal::Declined {
                                event.companion_status
                            } else {
                                0
                            },
                            ..event
                        },
                        at,
                    )
                }
            }),
        };
        if let Err(refusal) = &outcome
            && (of_host(event.operation) || *refusal == Refusal::Vf)
        {
            *self.host_refusals.entry(*refusal).or_default() += 1;
        }
        self.vfs = vfs;
        outcome
    }

    /// A reader that has received nothing.
    pub(crate) fn new_reader(&self) -> Seen {
        Seen(vec![0; self.vfs.len()])
    }

    /// The changes of these kinds that a reader has not received.
    pub(crate) fn changes(&self, seen: &mut Seen, kinds: Kinds) -> Vec<Change> {
        let mut changes = vec![];
        for ((index, vf), seen) in (0_u16..).zip(&self.vfs).zip(&mut seen.0) {
            let places =
                std::iter::once(None).chain(self.blocks.iter().map(|block| Some(block.id)));
            for place in places {
                let new = vf.changes.iter().filter(|noted| {
                    noted.block == place && noted.number > *seen && noted.kinds.intersects(kinds)
                });
                let (bits, event) = new.fold((0, 0), |(bits, event), noted| {
                    (bits | noted.kinds.bits(), noted.event.max(event))
                });
                if bits != 0 {
                    changes.push(Change {
                        vf: index,
                        kinds: bits,
                        block: place.unwrap_or(0),
                        revision: place.map_or(event, |block| vf.counts[&block].revision),
                    });
                }
            }
            *seen = vf.noted;
        }
        changes
    }

    pub(crate) fn read(
        &mut self,
        side: Side,
        vf: u16,
        block: u32,
        length: usize,
        at: u64,
    ) -> Outcome<Vec<u8>> {
        let operation = if side == Side::Vf {
            Operation::Read
        } else {
            Operation::HostRead
        };
        self.on_vf(vf, event(operation, block, length), at, |vf, block| {
            let block = block?;
            vf.pass(side)?;
            if side == Side::Vf && block.hands_over[1] {
                return Err(Refusal::Companion);
            }
            block.check_readable(length)?;
            if side == Side::Vf {
                vf.counts.get_mut(&block.id).unwrap().reads += 1;
            }
            Ok(vf.value(block, length))
        })
    }

    /// The revision of a block; 0 where there is none.
    pub(crate) fn revision(&self, vf: u16, block: u32) -> u64 {
        let vf = self.vfs.get(usize::from(vf));
        vf.and_then(|vf| vf.counts.get(&block))
            .map_or(0, |counts| counts.revision)
    }

    pub(crate) fn write(&mut self, vf: u16, block: u32, sent: &[u8], at: u64) -> Outcome<()> {
        let (rate, burst) = (self.rate, self.burst);
        let event = event(Operation::Write, block, sent.len());
        self.on_vf(vf, event, at, |vf, block| {
            let block = block?;
            vf.pass(Side::Vf)?;
            vf.within_limit(event, at, rate, burst)?;
            if block.hands_over[0] {
                return Err(Refusal::Companion);
            }
            let value = vf.validate_write(block, sent)?;
            vf.commit_write(block, (value, sent.len()), event, at)
        })
    }

    /// The new image of the block, and whether the publish withdraws the VF's bytes.
    fn validate_publish(vf: &Vf, block: &Block, sent: &[u8]) -> Outcome<(Vec<u8>, bool)> {
        let before = &vf.registers[&block.id];
        if let Ok(value) = admit(block, Side::Host, sent, before, true) {
            return Ok((value, false));
        }
        let mut without_vf = default_value(block);
        without_vf[block.pf_only.clone()].copy_from_slice(&before[block.pf_only.clone()]);
        admit(block, Side::Host, sent, &without_vf, true).map(|value| (value, true))
    }

    fn commit_publish(
        vf: &mut Vf,
        block: &Block,
        (value, withdraws): (Vec<u8>, bool),
        event: Event,
        at: u64,
    ) -> bool {
        Self::commit_pf(vf, block, (value, withdraws), event, at);
        let notified = block.notify || withdraws && block.vf_reads && block.id < 64;
        if notified {
            vf.pending |= 1 << block.id;
        }
        notified
    }

    /// Commits the PF's bytes, without an invalidation.
    fn commit_pf(
        vf: &mut Vf,
        block: &Block,
        (value, withdraws): (Vec<u8>, bool),
        event: Event,
        at: u64,
    ) {
        vf.registers.insert(block.id, value);
        let counts = vf.counts.get_mut(&block.id).unwrap();
        counts.publishes += 1;
        counts.revision += 1;
        vf.change(Kinds::PUBLISHED, Some(block.id));
        if withdraws {
            vf.written.retain(|written| *written != block.id);
            vf.withdrawn += 1;
            let operation = Operation::Withdraw;
            vf.note(Event { operation, ..event }, at);
        }
        vf.note(event, at);
    }

    pub(crate) fn publish(
        &mut self,
        vf: u16,
        block: u32,
        sent: &[u8],
        expected: Option<u64>,
        at: u64,
    ) -> Outcome<bool> {
        let event = event(Operation::Publish, block, sent.len());
        self.on_vf(vf, event, at, |vf, block| {
            let block = block?;
            vf.pass(Side::Host)?;
            if !(block.min..=block.max).contains(&sent.len()) {
                return Err(Refusal::Length);
            }
            if expected.is_some_and(|expected| expected != vf.counts[&block.id].revision) {
                return Err(Refusal::Changed);
            }
            let validated = Self::validate_publish(vf, block, sent)?;
            Ok(Self::commit_publish(vf, block, validated, event, at))
        })
    }

    pub(crate) fn publish_all(&mut self, block: u32, sent: &[u8], at: u64) -> Outcome<bool> {
        let event = event(Operation::Publish, block, sent.len());
        let outcome = self.publish_to_each(event, sent, at);
        if let Err(refusal) = &outcome {
            *self.host_refusals.entry(*refusal).or_default() += 1;
        }
        outcome
    }

    fn publish_to_each(&mut self, event: Event, sent: &[u8], at: u64) -> Outcome<bool> {
        self.find(event)?;
        let mut blocks = self.blocks.iter();
        let block = blocks.find(|found| found.id == event.block).unwrap();
        if self
            .vfs
            .iter()
            .any(|vf| vf.service == ServiceState::Removed)
        {
            return Err(Refusal::Removed);
        }
        if !(block.min..=block.max).contains(&sent.len()) {
            return Err(Refusal::Length);
        }
        admit(block, Side::Host, sent, &default_value(block), true)?;
        let mut notified = false;
        for vf in &mut self.vfs {
            let validated =
                Self::validate_publish(vf, block, sent).expect("it holds on the defaults");
            notified |= Self::commit_publish(vf, block, validated, event, at);
        }
        Ok(notified)
    }

    fn invalidatable(&self, mask: u64) -> bool {
        (0..64).all(|bit| mask >> bit & 1 == 0 || self.blocks.iter().any(|block| block.id == bit))
    }

    pub(crate) fn invalidate(&mut self, vf: u16, mask: u64, at: u64) -> Outcome<()> {
        let invalidatable = self.invalidatable(mask);
        let event = event(Operation::Invalidate, 0, 0);
        self.on_vf(vf, event, at, |vf, _| {
            if !invalidatable {
                return Err(Refusal::Invalidate);
            }
            vf.pass(Side::Host)?;
            vf.pending |= mask;
            vf.note(event, at);
            Ok(())
        })
    }

    pub(crate) fn invalidate_all(&mut self, mask: u64, at: u64) -> Outcome<()> {
        if !self.invalidatable(mask) {
            *self.host_refusals.entry(Refusal::Invalidate).or_default() += 1;
            return Err(Refusal::Invalidate);
        }
        for vf in self
            .vfs
            .iter_mut()
            .filter(|vf| vf.service != ServiceState::Removed)
        {
            vf.pending |= mask;
            vf.note(event(Operation::Invalidate, 0, 0), at);
        }
        Ok(())
    }

    pub(crate) fn invalidate_notifying(&mut self, at: u64) {
        let notifying = self.blocks.iter().filter(|block| block.notify);
        let mask = notifying.fold(0, |mask, block| mask | 1_u64 << block.id);
        for vf in self
            .vfs
            .iter_mut()
            .filter(|vf| vf.service != ServiceState::Removed)
        {
            vf.pending |= mask;
            vf.note(event(Operation::Invalidate, 0, 0), at);
        }
    }

    pub(crate) fn take_invalidation(&mut self, vf: u16, at: u64) -> Outcome<u64> {
        self.on_vf(vf, event(Operation::TakeInvalidation, 0, 0), at, |vf, _| {
            vf.pass(Side::Vf)?;
            Ok(std::mem::take(&mut vf.pending))
        })
    }

    pub(crate) fn drain(&mut self, vf: u16, block: u32, at: u64) -> Outcome<Option<Vec<u8>>> {
        self.on_vf(vf, event(Operation::Drain, block, 0), at, |vf, block| {
            let block = block?;
            vf.pass(Side::Host)?;
            Ok(vf.streams.get_mut(&block.id).unwrap().pop_front())
        })
    }

    pub(crate) fn begin_reset(&mut self, vf: u16, by: ResetBy, at: u64) -> Outcome<()> {
        let defaults: Vec<_> = self
            .blocks
            .iter()
            .map(|block| {
                (
                    block.id,
                    default_value(block),
                    if block.keep {
                        block.pf_only.clone()
                    } else {
                        0..0
                    },
                )
            })
            .collect();
        let burst = self.burst;
        let event = event(Operation::BeginReset, 0, 0);
        self.on_vf(vf, event, at, |vf, _| {
            if vf.service == ServiceState::Removed {
                return Err(Refusal::Removed);
            }
            for (block, default, kept) in defaults {
                if let Some(value) = vf.registers.get_mut(&block) {
                    let before = std::mem::replace(value, default);
                    value[kept.clone()].copy_from_slice(&before[kept]);
                }
            }
            for counts in vf.counts.values_mut() {
                counts.revision += 1;
            }
            vf.streams.values_mut().for_each(VecDeque::clear);
            vf.changes
                .retain(|noted| noted.block.is_none() && noted.kinds != Kinds::POWER);
            vf.newest.clear();
            vf.written.clear();
            vf.power = PowerState::D0;
            vf.pending = 0;
            vf.tokens = burst * 10_000_000;
            vf.filled = 0;
            vf.flooding = false;
            vf.service = ServiceState::Held;
            vf.changes_tenant |= by == ResetBy::Host;
            vf.resets += 1;
            vf.note(event, at);
            Ok(())
        })
    }

    pub(crate) fn finish_reset(&mut self, vf: u16, at: u64) -> Outcome<Option<Ticks>> {
        let event = event(Operation::Reset, 0, 0);
        let timeout = self.timeout;
        self.on_vf(vf, event, at, |vf, _| {
            match (vf.service, timeout.filter(|_| vf.changes_tenant)) {
                (ServiceState::Removed, _) => return Err(Refusal::Removed),
                (ServiceState::Open | ServiceState::Waits { .. }, _) => {
                    return Ok(vf.deadline().map(Ticks));
                }
                (ServiceState::Held, None) => vf.serve(event, at),
                (ServiceState::Held, Some(timeout)) => {
                    let deadline = at + timeout;
                    vf.service = ServiceState::Waits { deadline };
                    vf.note(event, at);
                }
            }
            vf.change(Kinds::RESET, None);
            Ok(vf.deadline().map(Ticks))
        })
    }

    /// The number of a VF's last reset; 0 where there is none.
    pub(crate) fn resets(&self, vf: u16) -> u64 {
        self.vfs.get(usize::from(vf)).map_or(0, |vf| vf.resets)
    }

    pub(crate) fn acknowledge(&mut self, vf: u16, resets: u64, at: u64) -> Outcome<bool> {
        let event = event(Operation::Acknowledge, 0, 0);
        self.on_vf(vf, event, at, |vf, _| {
            vf.pass(Side::Host)?;
            if vf.deadline().is_none() {
                return Err(Refusal::State);
            }
            if resets != vf.resets {
                return Err(Refusal::Changed);
            }
            vf.serve(event, at);
            Ok(vf.pending != 0)
        })
    }

    /// The VFs that are served again, with whether invalidations are pending, and the next
    /// deadline.
    pub(crate) fn expire(&mut self, at: u64) -> (Vec<(u16, bool)>, Option<Ticks>) {
        let event = event(Operation::Expire, 0, 0);
        let mut served = vec![];
        for (index, vf) in (0..).zip(&mut self.vfs) {
            if vf.deadline().is_some_and(|deadline| deadline <= at) {
                vf.serve(event, at);
                served.push((index, vf.pending != 0));
            }
        }
        let next = self.vfs.iter().filter_map(Vf::deadline).min();
        (served, next.map(Ticks))
    }

    pub(crate) fn fail_reset(&mut self, vf: u16, at: u64) -> Outcome<()> {
        let event = event(Operation::FailReset, 0, 0);
        self.on_vf(vf, event, at, |vf, _| {
            vf.note(event, at);
            Ok(())
        })
    }

    pub(crate) fn set_power(&mut self, vf: u16, state: PowerState, at: u64) -> Outcome<()> {
        let event = event(Operation::SetPower, 0, state as usize);
        self.on_vf(vf, event, at, |vf, _| {
            if vf.service == ServiceState::Removed {
                return Err(Refusal::Removed);
            }
            vf.power = state;
            vf.note(event, at);
            vf.change(Kinds::POWER, None);
            Ok(())
        })
    }

    pub(crate) fn remove(&mut self, at: u64) {
        for vf in &mut self.vfs {
            if vf.service != ServiceState::Removed {
                vf.service = ServiceState::Removed;
                vf.note(event(Operation::Remove, 0, 0), at);
            }
        }
    }
}
