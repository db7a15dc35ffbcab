//! An alarm that is set while its timer runs: a deadline is visited, or the timer is started for it.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread::spawn;
use pf_state::alarm::Alarm;

/// The deadlines of two VFs, and whether the timer is started.
struct Deadlines {
    alarm: Alarm,
    vfs: [Mutex<Option<u64>>; 2],
    is_started: AtomicBool,
}

impl Deadlines {
    fn set(&self, deadline: u64) {
        if self.alarm.set(deadline, 0).is_some() {
            self.is_started.store(true, Ordering::SeqCst);
        }
    }

    /// A VF begins to wait.
    fn wait(&self, vf: usize, deadline: u64) {
        *self.vfs[vf].lock().unwrap() = Some(deadline);
        self.set(deadline);
    }

    /// The timer's callback at a time before every deadline but the first.
    fn run(&self) {
        self.is_started.store(false, Ordering::SeqCst);
        self.alarm.ring();
        let next = self.vfs.iter().filter_map(|vf| {
            let mut deadline = vf.lock().unwrap();
            if *deadline == Some(1) {
                *deadline = None;
            }
            *deadline
        });
        if let Some(next) = next.min() {
            self.set(next);
        }
    }
}

#[test]
fn a_deadline_against_the_timer() {
    loom::model(|| {
        let deadlines = Arc::new(Deadlines {
            alarm: Alarm::new(),
            vfs: [Mutex::new(None), Mutex::new(None)],
            is_started: AtomicBool::new(false),
        });
        deadlines.wait(1, 1);
        let timer = {
            let deadlines = Arc::clone(&deadlines);
            spawn(move || deadlines.run())
        };
        deadlines.wait(0, 2);
        timer.join().unwrap();
        assert!(deadlines.is_started.load(Ordering::SeqCst));
        assert_eq!(*deadlines.vfs[1].lock().unwrap(), None);
    });
}
