extern crate std;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::vec::Vec;

use super::{BlockHistory, Violation};
use crate::image::{Content, WriteId, fill, identify};

const LENGTH: usize = 128;

fn id(writer: u8, number: u32) -> WriteId {
    WriteId { writer, number }
}

fn check(history: &BlockHistory, content: Content) -> Result<(), Violation> {
    history.check_read(&history.before_read(), content)
}

#[test]
fn what_was_written_before_a_reset_may_not_be_read_after_it() {
    let history = BlockHistory::default();
    history.record_write(id(0, 5));
    let reset = history.before_reset();
    // While the reset is under way everything may be seen still.
    let seen = Content::Whole(id(0, 5));
    assert_eq!(check(&history, seen), Ok(()));
    history.after_reset(reset, true);
    assert_eq!(
        check(&history, seen),
        Err(Violation::OutlivedReset(id(0, 5)))
    );
    // A write that had not ended when the reset began may have been carried out after it.
    assert_eq!(check(&history, Content::Whole(id(0, 6))), Ok(()));
}

#[test]
fn a_reset_that_was_refused_changes_nothing() {
    let history = BlockHistory::default();
    history.record_write(id(0, 5));
    let reset = history.before_reset();
    history.after_reset(reset, false);
    assert_eq!(check(&history, Content::Whole(id(0, 5))), Ok(()));
    assert_eq!(check(&history, Content::Blank), Err(Violation::Lost));
}

#[test]
fn a_write_may_not_be_undone() {
    let history = BlockHistory::default();
    history.record_write(id(1, 8));
    assert_eq!(
        check(&history, Content::Whole(id(1, 7))),
        Err(Violation::Stale(id(1, 7)))
    );
    assert_eq!(check(&history, Content::Whole(id(0, 1))), Ok(()));
    assert_eq!(check(&history, Content::Blank), Err(Violation::Lost));
}

#[test]
fn a_blank_block_is_true_until_somebody_has_surely_written_after_the_reset() {
    let history = BlockHistory::default();
    assert_eq!(check(&history, Content::Blank), Ok(()));
    history.record_write(id(0, 3));
    let reset = history.before_reset();
    history.after_reset(reset, true);
    // This one may have been carried out before the reset; numbers need not be consecutive.
    history.record_write(id(0, 7));
    assert_eq!(check(&history, Content::Blank), Ok(()));
    history.record_write(id(0, 8));
    assert_eq!(check(&history, Content::Blank), Err(Violation::Lost));
    let before = history.before_read();
    let reset = history.before_reset();
    assert_eq!(history.check_read(&before, Content::Blank), Ok(()));
    history.after_reset(reset, true);
}

#[test]
fn a_refused_write_may_not_be_seen() {
    let history = BlockHistory::default();
    history.record_refusal(id(0, 2));
    assert_eq!(
        check(&history, Content::Whole(id(0, 2))),
        Err(Violation::Refused(id(0, 2)))
    );
    assert_eq!(
        check(&history, Content::Whole(id(9, 2))),
        Err(Violation::Refused(id(9, 2)))
    );
}

#[test]
fn messages_of_a_writer_come_in_order_and_once() {
    let history = BlockHistory::default();
    let before = history.before_read();
    let mut last = [0; crate::WRITERS];
    for number in [1, 2, 9] {
        let message = Content::Whole(id(1, number));
        assert_eq!(before.check_message(&mut last, message), Ok(()));
    }
    for number in [9, 3] {
        assert_eq!(
            before.check_message(&mut last, Content::Whole(id(1, number))),
            Err(Violation::OutOfOrder(id(1, number)))
        );
    }
    assert_eq!(
        before.check_message(&mut last, Content::Blank),
        Err(Violation::Mixed)
    );
}

#[test]
fn a_block_behind_a_lock_is_never_called_a_liar() {
    let history = BlockHistory::default();
    let block = Mutex::new([0_u8; LENGTH]);
    let (calm, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    let lies = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for writer in 0..2 {
            let (history, block, calm) = (&history, &block, &calm);
            scope.spawn(move || {
                let mut number = 0;
                while !calm.load(Ordering::SeqCst) {
                    number += 1;
                    let mut image = [0; LENGTH];
                    fill(&mut image, id(writer, number));
                    *block.lock().unwrap() = image;
                    history.record_write(id(writer, number));
                }
            });
        }
        scope.spawn(|| {
            while !calm.load(Ordering::SeqCst) {
                let reset = history.before_reset();
                block.lock().unwrap().fill(0);
                history.after_reset(reset, true);
                thread::yield_now();
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while reads.fetch_add(1, Ordering::SeqCst) < 20_000 {
                    let before = history.before_read();
                    let image = *block.lock().unwrap();
                    if let Err(lie) = history.check_read(&before, identify(&image)) {
                        lies.lock().unwrap().push(lie);
                    }
                }
                calm.store(true, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(lies.into_inner().unwrap(), []);
}
