//! Every reading of the documentation, and long walks in which nothing may be lost or doubled.

use std::collections::VecDeque;

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
fn the_rotation_visits_every_vf_once_and_begins_behind_the_last_one_served() {
    let mut rotation = Rotation::new();
    assert_eq!(rotation.order(VFS).collect::<Vec<_>>(), [0, 1, 2]);
    rotation.served(0);
    assert_eq!(rotation.order(VFS).collect::<Vec<_>>(), [1, 2, 0]);
    for last in [VFS - 1, VFS, u16::MAX] {
        rotation.served(last);
        assert_eq!(
            rotation.order(VFS).collect::<Vec<_>>(),
            [0, 1, 2],
            "behind {last}"
        );
    }
    assert_eq!(rotation.order(0).count(), 0);
}

/// The shell's part in miniature: latched bits, VFs that a reset holds back, a queue of requests, and
/// the module's order of work.
#[derive(Default)]
struct Desk {
    latched: [u64; VFS as usize],
    held: [bool; VFS as usize],
    waiting: VecDeque<Filter>,
    rotation: Rotation,
    delivered: Vec<(Filter, InvalidateBlock)>,
}

impl Desk {
    fn look(&mut self, vf: u16) {
        if self.latched[usize::from(vf)] == 0 || self.held[usize::from(vf)] {
            return;
        }
        // A request that names the VF goes before one that could carry another's bits as well.
        let named = self
            .waiting
            .iter()
            .position(|filter| *filter == Filter::Vf(vf));
        let any = || {
            self.waiting
                .iter()
                .position(|filter| *filter == Filter::Any)
        };
        if let Some(place) = named.or_else(any) {
            let filter = self.waiting.remove(place).expect("just found");
            let mask = core::mem::take(&mut self.latched[usize::from(vf)]);
            self.delivered.push((filter, reply(vf, mask)));
            self.rotation.served(vf);
        }
    }

    fn raise(&mut self, vf: u16, mask: u64) {
        self.latched[usize::from(vf)] |= mask;
        self.look(vf);
    }

    fn arrive(&mut self, filter: Filter) {
        self.waiting.push_back(filter);
        match filter {
            Filter::Any => self.rotation.order(VFS).for_each(|vf| self.look(vf)),
            Filter::Vf(vf) => self.look(vf),
        }
    }

    fn serve_again(&mut self, vf: u16) {
        self.held[usize::from(vf)] = false;
        self.look(vf);
    }
}

fn carries(filter: Filter, vf: u16) -> bool {
    filter == Filter::Any || filter == Filter::Vf(vf)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Raise(u16, u64),
    Arrive(Filter),
    Cancel,
    BeginReset(u16),
    FinishReset(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..VFS, 1_u64..16).prop_map(|(vf, mask)| Step::Raise(vf, mask)),
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
        let mut desk = Desk::default();
        let mut owed = [0_u64; VFS as usize];
        for step in steps {
            let before = desk.delivered.len();
            match step {
                Step::Raise(vf, mask) => {
                    owed[usize::from(vf)] |= mask;
                    desk.raise(vf, mask);
                }
                Step::Arrive(filter) => desk.arrive(filter),
                Step::Cancel => drop(desk.waiting.pop_front()),
                Step::BeginReset(vf) => {
                    desk.latched[usize::from(vf)] = 0;
                    owed[usize::from(vf)] = 0;
                    desk.held[usize::from(vf)] = true;
                }
                Step::FinishReset(vf) => desk.serve_again(vf),
            }
            for (filter, reply) in &desk.delivered[before..] {
                prop_assert!(carries(*filter, reply.vf_index));
                prop_assert_ne!(reply.block_mask, 0, "an empty signal");
                prop_assert_eq!(reply.block_mask, owed[usize::from(reply.vf_index)]);
                owed[usize::from(reply.vf_index)] = 0;
            }
            prop_assert_eq!(owed, desk.latched);
            // Nothing waits that could be delivered.
            for vf in 0..VFS {
                let waits = desk.waiting.iter().any(|filter| carries(*filter, vf));
                let held = desk.held[usize::from(vf)];
                prop_assert!(held || !(waits && desk.latched[usize::from(vf)] != 0));
            }
        }
    }
}
