extern crate std;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::vec::Vec;

use super::{Lie, Register};
use crate::image::{Content, Mark, fill, recognise};

const LENGTH: usize = 128;

fn mark(writer: u8, number: u32) -> Mark {
    Mark { writer, number }
}

fn judged(register: &Register, content: Content) -> Result<(), Lie> {
    register.judge(&register.before_read(), content)
}

#[test]
fn what_was_written_before_a_reset_may_not_be_read_after_it() {
    let register = Register::default();
    register.wrote(mark(0, 5));
    let reset = register.before_reset();
    // While the reset is under way everything may be seen still.
    let seen = Content::Of(mark(0, 5));
    assert_eq!(judged(&register, seen), Ok(()));
    register.after_reset(reset, true);
    assert_eq!(judged(&register, seen), Err(Lie::OutlivedReset(mark(0, 5))));
    // A write that had not ended when the reset began may have been carried out after it.
    assert_eq!(judged(&register, Content::Of(mark(0, 6))), Ok(()));
}

#[test]
fn a_reset_that_was_refused_changes_nothing() {
    let register = Register::default();
    register.wrote(mark(0, 5));
    let reset = register.before_reset();
    register.after_reset(reset, false);
    assert_eq!(judged(&register, Content::Of(mark(0, 5))), Ok(()));
    assert_eq!(judged(&register, Content::Blank), Err(Lie::Lost));
}

#[test]
fn a_write_may_not_be_undone() {
    let register = Register::default();
    register.wrote(mark(1, 8));
    assert_eq!(
        judged(&register, Content::Of(mark(1, 7))),
        Err(Lie::Stale(mark(1, 7)))
    );
    assert_eq!(judged(&register, Content::Of(mark(0, 1))), Ok(()));
    assert_eq!(judged(&register, Content::Blank), Err(Lie::Lost));
}

#[test]
fn a_blank_block_is_true_until_somebody_has_surely_written_after_the_reset() {
    let register = Register::default();
    assert_eq!(judged(&register, Content::Blank), Ok(()));
    register.wrote(mark(0, 3));
    let reset = register.before_reset();
    register.after_reset(reset, true);
    // This one may have been carried out before the reset; numbers need not be consecutive.
    register.wrote(mark(0, 7));
    assert_eq!(judged(&register, Content::Blank), Ok(()));
    register.wrote(mark(0, 8));
    assert_eq!(judged(&register, Content::Blank), Err(Lie::Lost));
    let before = register.before_read();
    let reset = register.before_reset();
    assert_eq!(register.judge(&before, Content::Blank), Ok(()));
    register.after_reset(reset, true);
}

#[test]
fn a_refused_write_may_not_be_seen() {
    let register = Register::default();
    register.refused(mark(0, 2));
    assert_eq!(
        judged(&register, Content::Of(mark(0, 2))),
        Err(Lie::Refused(mark(0, 2)))
    );
    assert_eq!(
        judged(&register, Content::Of(mark(9, 2))),
        Err(Lie::Refused(mark(9, 2)))
    );
}

#[test]
fn messages_of_a_writer_come_in_order_and_once() {
    let register = Register::default();
    let before = register.before_read();
    let mut last = [0; crate::WRITERS];
    for number in [1, 2, 9] {
        let message = Content::Of(mark(1, number));
        assert_eq!(before.judge_message(&mut last, message), Ok(()));
    }
    for number in [9, 3] {
        assert_eq!(
            before.judge_message(&mut last, Content::Of(mark(1, number))),
            Err(Lie::OutOfOrder(mark(1, number)))
        );
    }
    assert_eq!(
        before.judge_message(&mut last, Content::Blank),
        Err(Lie::Mixed)
    );
}

#[test]
fn a_block_behind_a_lock_is_never_called_a_liar() {
    let register = Register::default();
    let block = Mutex::new([0_u8; LENGTH]);
    let (calm, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    let lies = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for writer in 0..2 {
            let (register, block, calm) = (&register, &block, &calm);
            scope.spawn(move || {
                let mut number = 0;
                while !calm.load(Ordering::SeqCst) {
                    number += 1;
                    let mut image = [0; LENGTH];
                    fill(&mut image, mark(writer, number));
                    *block.lock().unwrap() = image;
                    register.wrote(mark(writer, number));
                }
            });
        }
        scope.spawn(|| {
            while !calm.load(Ordering::SeqCst) {
                let reset = register.before_reset();
                block.lock().unwrap().fill(0);
                register.after_reset(reset, true);
                thread::yield_now();
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while reads.fetch_add(1, Ordering::SeqCst) < 20_000 {
                    let before = register.before_read();
                    let image = *block.lock().unwrap();
                    if let Err(lie) = register.judge(&before, recognise(&image)) {
                        lies.lock().unwrap().push(lie);
                    }
                }
                calm.store(true, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(lies.into_inner().unwrap(), []);
}
