//! Measures what listeners cost a guest's write, and what an agent costs that serves many VFs.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use block_broker::{Kinds, Queue, Waiters, Watch};
use pf_broker_abi::ChangesCookie;

use crate::devices::{Device, NOW, device, registers, table};
use crate::measure::median;

/// The shell: requests that come back as soon as they are completed, and a work item, which runs on
/// a thread of its own.
struct Shell<'d> {
    device: &'d Device,
    watch: Watch,
    queues: [Mutex<VecDeque<ChangesCookie>>; 2],
    /// The work item is queued.
    is_due: AtomicBool,
    is_over: AtomicBool,
}

impl Shell<'_> {
    fn queue_of(&self, queue: Queue) -> &Mutex<VecDeque<ChangesCookie>> {
        let [first, second] = &self.queues;
        match queue {
            Queue::First => first,
            Queue::Second => second,
        }
    }

    fn write(&self, vf: u16) {
        let mut changed = Kinds::NONE;
        self.device
            .write(vf, 0, 128, black_box(&[9; 128]), NOW)
            .follow_up(|follow_up| changed = follow_up.changed)
            .unwrap();
        if self.watch.mark_due(changed) {
            self.is_due.store(true, Ordering::Release);
        }
    }

    fn run_work_item(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            if self.is_due.swap(false, Ordering::Acquire) {
                if self.watch.serve(self.device, &self) {
                    self.is_due.store(true, Ordering::Release);
                }
            } else {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    }
}

impl Waiters for &Shell<'_> {
    type Request = ChangesCookie;

    fn waiting(&self, queue: Queue) -> usize {
        self.queue_of(queue).lock().unwrap().len()
    }

    fn next(&self, queue: Queue) -> Option<ChangesCookie> {
        self.queue_of(queue).lock().unwrap().pop_front()
    }

    /// The sender of a completed request calls again with the new cookie.
    fn answer(&self, request: ChangesCookie) -> Option<(ChangesCookie, Kinds, ChangesCookie)> {
        let end = self
            .device
            .changes(Kinds::WRITTEN, &request, |change| {
                black_box(change);
                true
            })
            .unwrap();
        Some((end.cookie, Kinds::WRITTEN, end.cookie))
    }

    fn queue(&self, request: ChangesCookie, queue: Queue) {
        self.queue_of(queue).lock().unwrap().push_back(request);
    }
}

/// The time of a write in nanoseconds, while so many listeners wait.
fn write_time(device: &Device, vfs: u16, listeners: usize) -> f64 {
    const BATCH: u32 = 2_000;
    let shell = Shell {
        device,
        watch: Watch::new(),
        queues: Default::default(),
        is_due: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
    };
    for _ in 0..listeners {
        let _ = shell
            .watch
            .arrive(device, &&shell, ChangesCookie::default());
    }
    std::thread::scope(|scope| {
        scope.spawn(|| shell.run_work_item());
        let begin = Instant::now();
        for number in 0..BATCH {
            shell.write(u16::try_from(number % u32::from(vfs)).unwrap());
        }
        let time = begin.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH);
        shell.is_over.store(true, Ordering::Relaxed);
        time
    })
}

/// A guest's write with 0, 1 and 16 listeners.
pub(crate) fn listeners() {
    const LISTENERS: [usize; 3] = [0, 1, 16];
    println!(
        "\nA write with listeners (aim: <= 1.1 x without), ns\n{:<40}{:>8}{:>8}{:>8}{:>9}{:>9}",
        "", "0", "1", "16", "1 / 0", "16 / 0"
    );
    for vfs in [1_u16, 64, 4096] {
        let device = device(table(&registers(usize::from(vfs), [0])), usize::from(vfs));
        let mut times = [vec![], vec![], vec![]];
        for _ in 0..101 {
            for (times, listeners) in times.iter_mut().zip(LISTENERS) {
                times.push(write_time(&device, vfs, listeners));
            }
        }
        let [none, one, many] = times.map(|mut times| median(&mut times));
        println!(
            "{:<40}{none:>8.1}{one:>8.1}{many:>8.1}{:>9.2}{:>9.2}",
            format!("{vfs} VFs"),
            one / none,
            many / none
        );
    }
}

/// An agent that reads each block that changed, of 4096 VFs that change 100 times per second each.
pub(crate) fn agent() {
    const VFS: u16 = 4096;
    const PER_SECOND: u32 = 100;
    const ROUND: Duration = Duration::from_millis(10);
    let device = device(table(&registers(usize::from(VFS), [0])), usize::from(VFS));
    let mut cookie = ChangesCookie::default();
    let mut busy = vec![];
    let mut served = 0_u32;
    for _ in 0..101 {
        for vf in 0..VFS {
            device
                .write(vf, 0, 128, black_box(&[9; 128]), NOW)
                .without_waiters()
                .unwrap();
        }
        let begin = Instant::now();
        let mut reply = [0; 128];
        let end = device.changes(Kinds::WRITTEN, &cookie, |change| {
            device
                .host_read(change.vf, change.block, 128, black_box(&mut reply), NOW)
                .without_waiters()
                .unwrap();
            served += 1;
            true
        });
        cookie = end.unwrap().cookie;
        busy.push(begin.elapsed().as_secs_f64());
    }
    let busy = median(&mut busy);
    println!(
        "\nAn agent for {VFS} VFs, {PER_SECOND} changes per second each\n\
         {:<40}{:>12.0}\n{:<40}{:>12.1}\n{:<40}{:>12.0}",
        "changes per second that it serves",
        f64::from(VFS) * f64::from(PER_SECOND),
        "of one processor, in per cent",
        busy / ROUND.as_secs_f64() * 100.0,
        "changes per second at full load",
        f64::from(served) / 101.0 / busy,
    );
}
