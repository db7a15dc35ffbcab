//! Every reading of the documentation, and long walks in which nothing may be lost or doubled.

use std::{cell::RefCell, collections::VecDeque};

use proptest::prelude::*;

use super::*;

const VFS: u16 = 3;

fn asks_for(vf_index: u16) -> InvalidateBlock {
    InvalidateBlock {
        vf_index,
        padding: [0xAA; 6],
        block_mask: u64::MAX,
    }
}

#[test]
fn a_request_without_input_or_for_all_vfs_carries_any_vf() {
    assert_eq!(
        Filter::admit(Input::Filter, 0, None, 16, VFS),
        Ok(Filter::Any)
    );
    assert_eq!(
        Filter::admit(Input::Filter, 16, Some(asks_for(ALL_VFS)), 16, VFS),
        Ok(Filter::Any)
    );
}

#[test]
fn a_request_that_names_a_vf_carries_that_vf_alone() {
    for vf in 0..VFS {
        assert_eq!(
            Filter::admit(Input::Filter, 64, Some(asks_for(vf)), 4096, VFS),
            Ok(Filter::Vf(vf))
        );
    }
}

#[test]
fn an_ignored_input_is_any_vf_whatever_it_holds() {
    for vf in [0, VFS - 1, VFS, ALL_VFS - 1, ALL_VFS] {
        let filter = Filter::admit(Input::Ignored, 16, Some(asks_for(vf)), 16, VFS);
        assert_eq!(filter, Ok(Filter::Any), "VF {vf}");
    }
    for input_length in 0..16 {
        let filter = Filter::admit(Input::Ignored, input_length, None, 16, VFS);
        assert_eq!(filter, Ok(Filter::Any), "{input_length} bytes");
    }
    // The reply has to fit all the same.
    let filter = Filter::admit(Input::Ignored, 16, Some(asks_for(0)), 15, VFS);
    assert_eq!(filter, Err(status::BUFFER_TOO_SMALL));
}

#[test]
fn the_registry_knows_two_meanings_and_the_one_without_a_value() {
    assert_eq!(Input::from_registry(0), Some(Input::Ignored));
    assert_eq!(Input::from_registry(1), Some(Input::Filter));
    assert_eq!(Input::from_registry(1), Some(Input::default()));
    for value in [2, 0x100, 0x1_0000, u32::MAX] {
        assert_eq!(Input::from_registry(value), None, "{value:#x}");
    }
}

#[test]
fn a_request_that_cannot_carry_a_reply_is_refused_whatever_it_asks() {
    for output_length in 0..16 {
        for input in [
            None,
            Some(asks_for(0)),
            Some(asks_for(ALL_VFS)),
            Some(asks_for(VFS)),
        ] {
            let input_length = input.map_or(0, |_| 16);
            assert_eq!(
                Filter::admit(Input::Filter, input_length, input, output_length, VFS),
                Err(status::BUFFER_TOO_SMALL)
            );
        }
    }
}

#[test]
fn half_a_structure_and_a_vf_that_does_not_exist_are_refused_by_name() {
    for input_length in 1..16 {
        assert_eq!(
            Filter::admit(Input::Filter, input_length, None, 16, VFS),
            Err(status::INFO_LENGTH_MISMATCH)
        );
    }
    for vf in [VFS, VFS + 1, 0xFFFE] {
        assert_eq!(
            Filter::admit(Input::Filter, 16, Some(asks_for(vf)), 16, VFS),
            Err(status::INVALID_PARAMETER)
        );
    }
}

#[test]
fn a_reply_names_one_vf_and_leaks_nothing_in_its_padding() {
    let reply = reply(2, 5);
    assert_eq!(
        (reply.vf_index, reply.padding, reply.block_mask),
        (2, [0; 6], 5)
    );
}

#[test]
fn the_rotation_visits_every_vf_once_and_starts_after_the_last_one_served() {
    let mut rotation = Rotation::new();
    assert_eq!(rotation.order(VFS).collect::<Vec<_>>(), [0, 1, 2]);
    rotation.served(0);
    assert_eq!(rotation.order(VFS).collect::<Vec<_>>(), [1, 2, 0]);
    for last in [VFS - 1, VFS, u16::MAX] {
        rotation.served(last);
        assert_eq!(
            rotation.order(VFS).collect::<Vec<_>>(),
            [0, 1, 2],
            "after {last}"
        );
    }
    assert_eq!(rotation.order(0).count(), 0);
}

/// Latched bits, VFs that a reset holds back, and queues of requests: what the shell and the broker
/// hold. The requests are their filters.
#[derive(Default)]
struct Pf {
    latched: RefCell<[u64; VFS as usize]>,
    held: RefCell<[bool; VFS as usize]>,
    waiting: RefCell<VecDeque<Filter>>,
    rotation: RefCell<Rotation>,
    delivered: RefCell<Vec<(Filter, InvalidateBlock)>>,
}

impl Pf {
    fn take(&self, wanted: Filter) -> Option<Filter> {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.iter().position(|filter| *filter == wanted)?;
        waiting.remove(place)
    }
}

impl Delivery for Pf {
    type Request = Filter;

    fn num_vfs(&self) -> u16 {
        VFS
    }

    fn enqueue(&self, filter: Filter, request: Filter) {
        assert_eq!(filter, request);
        self.waiting.borrow_mut().push_back(request);
    }

    fn next_for_vf(&self, vf: u16) -> Option<Filter> {
        self.take(Filter::Vf(vf))
    }

    fn next_for_any(&self) -> Option<Filter> {
        self.take(Filter::Any)
    }

    fn hand_over(
        &self,
        vf: u16,
        carrier: impl FnOnce() -> Option<Filter>,
    ) -> Option<(Filter, u64)> {
        let vf = usize::from(vf);
        let mut latched = self.latched.borrow_mut();
        if latched[vf] == 0 || self.held.borrow()[vf] {
            return None;
        }
        let request = carrier()?;
        Some((request, std::mem::take(&mut latched[vf])))
    }

    fn with_rotation<R>(&self, function: impl FnOnce(&mut Rotation) -> R) -> R {
        function(&mut self.rotation.borrow_mut())
    }

    fn complete(&self, request: Filter, reply: InvalidateBlock) {
        assert!(self.latched.try_borrow_mut().is_ok(), "under the VF's lock");
        assert!(self.rotation.try_borrow_mut().is_ok(), "under a lock");
        self.delivered.borrow_mut().push((request, reply));
    }
}

fn carries(filter: Filter, vf: u16) -> bool {
    filter == Filter::Any || filter == Filter::Vf(vf)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Raise(u16, u64),
    RaiseAll(u64),
    Arrive(Filter),
    Cancel,
    BeginReset(u16),
    FinishReset(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..VFS, 1_u64..16).prop_map(|(vf, mask)| Step::Raise(vf, mask)),
        (1_u64..16).prop_map(Step::RaiseAll),
        Just(Step::Arrive(Filter::Any)),
        (0..VFS).prop_map(|vf| Step::Arrive(Filter::Vf(vf))),
        Just(Step::Cancel),
        (0..VFS).prop_map(Step::BeginReset),
        (0..VFS).prop_map(Step::FinishReset),
    ]
}

proptest! {
    #[test]
    fn no_bit_is_lost_doubled_or_given_to_another_vf(steps in prop::collection::vec(step(), 0..80)) {
        let pf = Pf::default();
        let mut owed = [0_u64; VFS as usize];
        for step in steps {
            let before = pf.delivered.borrow().len();
            match step {
                Step::Raise(vf, mask) => {
                    owed[usize::from(vf)] |= mask;
                    pf.latched.borrow_mut()[usize::from(vf)] |= mask;
                    try_deliver(&pf, vf);
                }
                Step::RaiseAll(mask) => {
                    for (owed, latched) in owed.iter_mut().zip(&mut *pf.latched.borrow_mut()) {
                        *owed |= mask;
                        *latched |= mask;
                    }
                    try_deliver_all(&pf);
                }
                Step::Arrive(filter) => on_invalidate_ioctl(&pf, filter, filter),
                Step::Cancel => drop(pf.waiting.borrow_mut().pop_front()),
                Step::BeginReset(vf) => {
                    pf.latched.borrow_mut()[usize::from(vf)] = 0;
                    owed[usize::from(vf)] = 0;
                    pf.held.borrow_mut()[usize::from(vf)] = true;
                }
                Step::FinishReset(vf) => {
                    pf.held.borrow_mut()[usize::from(vf)] = false;
                    try_deliver(&pf, vf);
                }
            }
            for (filter, reply) in &pf.delivered.borrow()[before..] {
                prop_assert!(carries(*filter, reply.vf_index));
                prop_assert_ne!(reply.block_mask, 0, "an empty signal");
                prop_assert_eq!(reply.block_mask, owed[usize::from(reply.vf_index)]);
                owed[usize::from(reply.vf_index)] = 0;
            }
            prop_assert_eq!(owed, *pf.latched.borrow());
            // Nothing waits that could be delivered.
            for vf in 0..VFS {
                let waits = pf.waiting.borrow().iter().any(|filter| carries(*filter, vf));
                let held = pf.held.borrow()[usize::from(vf)];
                prop_assert!(held || !(waits && owed[usize::from(vf)] != 0));
            }
        }
    }
}

#[test]
fn a_request_that_names_the_vf_goes_before_one_that_carries_any() {
    let pf = Pf::default();
    for filter in [Filter::Any, Filter::Vf(1)] {
        on_invalidate_ioctl(&pf, filter, filter);
    }
    pf.latched.borrow_mut()[1] = 2;
    try_deliver(&pf, 1);
    assert_eq!(*pf.delivered.borrow(), [(Filter::Vf(1), reply(1, 2))]);
    assert_eq!(*pf.waiting.borrow(), [Filter::Any]);
}

#[test]
fn requests_for_any_vf_are_shared_round_robin() {
    let pf = Pf::default();
    let mut order = Vec::new();
    for _ in 0..2 * VFS {
        // Each VF always has something: a storm.
        pf.latched.borrow_mut().fill(1);
        on_invalidate_ioctl(&pf, Filter::Any, Filter::Any);
        order.extend(
            pf.delivered
                .take()
                .into_iter()
                .map(|(_, reply)| reply.vf_index),
        );
    }
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
}
