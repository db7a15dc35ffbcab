use alloc::vec;

use proptest::prelude::*;

use super::*;

fn queue(dispatch: Dispatch, power_managed: bool) -> Queue<u32> {
    let mut queue = Queue::new(dispatch, power_managed);
    for request in 1..=3 {
        queue.arrive(request).unwrap();
    }
    queue
}

#[test]
fn a_sequential_queue_presents_the_next_after_completion() {
    let mut queue = queue(Dispatch::Sequential, false);
    assert_eq!(queue.present(), Some(1));
    assert_eq!(queue.present(), None);
    assert!(queue.forget(1));
    assert_eq!(queue.present(), Some(2));
}

#[test]
fn a_parallel_queue_presents_up_to_its_limit() {
    let mut queue = queue(Dispatch::Parallel(2), false);
    assert_eq!(
        (queue.present(), queue.present(), queue.present()),
        (Some(1), Some(2), None)
    );
}

#[test]
fn a_manual_queue_presents_nothing_and_hands_out_in_order() {
    let mut queue = queue(Dispatch::Manual, false);
    assert_eq!(queue.present(), None);
    assert_eq!((queue.retrieve(), queue.retrieve()), (Some(1), Some(2)));
    assert_eq!(queue.owned(), [1, 2]);
}

#[test]
fn a_power_managed_queue_waits_for_power() {
    let mut queue = queue(Dispatch::Sequential, true);
    assert_eq!((queue.present(), queue.retrieve()), (None, None));
    queue.set_power(true);
    assert_eq!(queue.present(), Some(1));
    queue.set_power(false);
    queue.forget(1);
    assert_eq!(queue.present(), None);
    assert!(queue.is_accepting());
}

#[test]
fn power_does_not_touch_a_queue_that_is_not_power_managed() {
    let mut queue = queue(Dispatch::Sequential, false);
    queue.set_power(false);
    assert_eq!(queue.present(), Some(1));
}

#[test]
fn a_cancelled_request_is_never_presented() {
    let mut queue = queue(Dispatch::Sequential, false);
    assert!(queue.cancel(1));
    assert!(!queue.cancel(1));
    assert_eq!(queue.present(), Some(2));
    assert!(!queue.cancel(2), "the driver owns it");
}

#[test]
fn a_shut_down_cancels_what_waits_and_leaves_what_the_driver_owns() {
    let mut queue = queue(Dispatch::Sequential, false);
    queue.present();
    assert_eq!(queue.shut_down(), [2, 3]);
    assert_eq!(queue.owned(), [1]);
    assert!(!queue.is_accepting());
    assert_eq!(queue.arrive(4), Err(NotAccepting));
}

proptest! {
    /// No request is lost or doubled: each one is presented, handed out, cancelled or still
    /// waiting.
    #[test]
    fn every_request_is_somewhere_exactly_once(
        kind in 0..3_u8,
        steps in prop::collection::vec(0..8_u8, 0..200),
    ) {
        let dispatch = [Dispatch::Sequential, Dispatch::Parallel(3), Dispatch::Manual][usize::from(kind)];
        let mut queue = Queue::new(dispatch, true);
        let mut accepted = vec![];
        let mut left = vec![];
        let mut next = 0_u32;
        for step in steps {
            match step {
                0 | 1 => {
                    if queue.arrive(next).is_ok() {
                        accepted.push(next);
                    }
                    next += 1;
                }
                2 => drop(queue.present()),
                3 if dispatch == Dispatch::Manual => drop(queue.retrieve()),
                4 => {
                    if let Some(&request) = queue.owned().first() {
                        prop_assert!(queue.forget(request));
                        left.push(request);
                    }
                }
                5 if next.is_multiple_of(16) => left.extend(queue.shut_down()),
                6 => queue.set_power(next.is_multiple_of(2)),
                _ => {
                    let oldest = queue.waiting_requests().next();
                    if let Some(request) = oldest {
                        prop_assert!(queue.cancel(request));
                        left.push(request);
                    }
                }
            }
            if dispatch == Dispatch::Sequential {
                prop_assert!(queue.owned().len() <= 1);
            }
        }
        let mut everywhere: Vec<u32> = left.iter().copied()
            .chain(queue.owned().iter().copied())
            .chain(queue.waiting_requests())
            .collect();
        everywhere.sort_unstable();
        prop_assert_eq!(everywhere, accepted);
    }
}
