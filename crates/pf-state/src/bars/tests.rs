//! Slices that are a VF's own, and windows that are large enough.

use proptest::prelude::*;

use super::*;

/// BAR 0: 16 KiB, 32 bits. BAR 2 and 3: 1 MiB, 64 bits, prefetchable. BAR 5: 4 KiB.
const PROBED: [u32; 6] = [0xFFFF_C000, 0, 0xFFF0_000C, 0xFFFF_FFFF, 0, 0xFFFF_F000];

const ADDRESSES: [u32; 6] = [0xF000_0000, 0, 0x0000_000C, 0x0000_0040, 0, 0xF800_0000];

const fn bar(size: u64, prefetchable: bool, wide: bool) -> Bar {
    Bar {
        size,
        prefetchable,
        wide,
    }
}

fn range(start: u64, length: u64) -> Range {
    Range { start, length }
}

#[test]
fn probed_values_give_sizes_and_a_wide_register_takes_two() {
    let expected = [
        Some(bar(0x4000, false, false)),
        None,
        Some(bar(0x10_0000, true, true)),
        None,
        None,
        Some(bar(0x1000, false, false)),
    ];
    assert_eq!(decode(&PROBED), expected);
    let bases = bases(&ADDRESSES, &expected);
    assert_eq!(
        bases,
        [
            Some(0xF000_0000),
            None,
            Some(0x40_0000_0000),
            None,
            None,
            Some(0xF800_0000)
        ]
    );
}

#[test]
fn io_registers_absent_ones_and_a_wide_one_without_a_second_half_decode_to_no_more_than_they_are() {
    assert_eq!(decode(&[0xFFFF_FF01, 0, 0, 0, 0, 0]), [None; 6]);
    assert_eq!(decode(&[0; 6]), [None; 6]);
    // The last register claims to be wide: its high half reads as zero, so 32 bits remain.
    let mut last = [0; 6];
    last[5] = 0xFFFF_0004;
    assert_eq!(decode(&last)[5], Some(bar(0x1_0000, false, true)));
}

#[test]
fn a_window_comes_from_the_resource_list_where_it_is_listed_and_from_the_register_where_not() {
    let bars = decode(&PROBED);
    let listed = [(range(0xF000_0000, 0x1_0000), range(0x9_F000_0000, 0x1_0000))];
    let windows =
        Windows::find(&bars, &bases(&ADDRESSES, &bars), &listed.into_iter(), 4).expect("fits");
    let first = windows.resource(3, 0).expect("a VF's register");
    assert_eq!(
        Range::from_descriptor(&first),
        Some(range(0x9_F000_C000, 0x4000))
    );
    assert_eq!(first.flags, 0);
    let wide = windows.resource(3, 2).expect("a VF's register");
    assert_eq!(
        Range::from_descriptor(&wide),
        Some(range(0x40_0030_0000, 0x10_0000))
    );
    assert_eq!(wide.flags, PREFETCHABLE);
}

#[test]
fn a_window_without_room_for_every_vf_is_refused_with_its_numbers() {
    let bars = decode(&PROBED);
    let listed = [(range(0xF000_0000, 0xFFFF), range(0xF000_0000, 0xFFFF))];
    assert_eq!(
        Windows::find(&bars, &bases(&ADDRESSES, &bars), &listed.into_iter(), 4),
        Err(WindowFailure::TooSmall {
            length: 0xFFFF,
            needed: 0x1_0000
        })
    );
}

#[test]
fn a_register_without_an_address_is_refused_by_its_number() {
    let bars = decode(&PROBED);
    let mut bases = bases(&ADDRESSES, &bars);
    bases[2] = None;
    assert_eq!(
        Windows::find(&bars, &bases, &core::iter::empty(), 4),
        Err(WindowFailure::Unplaced { bar: 2 })
    );
}

#[test]
fn registers_that_do_not_exist_are_told_from_registers_that_are_not_used() {
    let bars = decode(&PROBED);
    let windows =
        Windows::find(&bars, &bases(&ADDRESSES, &bars), &core::iter::empty(), 4).expect("fits");
    for unused in [1, 3, 4] {
        assert_eq!(
            windows.resource(0, unused),
            Err(status::NOT_SUPPORTED),
            "{unused}"
        );
    }
    for absent in [6, 7, u16::MAX] {
        assert_eq!(
            windows.resource(0, absent),
            Err(status::INVALID_PARAMETER),
            "{absent}"
        );
    }
    assert_eq!(
        windows.resource(4, 0),
        Err(status::INVALID_PARAMETER),
        "a VF too many"
    );
}

#[test]
fn descriptors_of_other_resources_and_of_unscaled_large_memory_are_no_ranges() {
    let mut descriptor = MemoryDescriptor {
        resource_type: 2,
        ..Default::default()
    };
    assert_eq!(Range::from_descriptor(&descriptor), None, "an interrupt");
    descriptor.resource_type = bus::RESOURCE_TYPE_MEMORY_LARGE;
    assert_eq!(Range::from_descriptor(&descriptor), None);
}

proptest! {
    #[test]
    fn slices_lie_inside_and_never_overlap(
        start in 0_u64..1 << 40, power in 4_u32..34, a in 0_u16..4096, b in 0_u16..4096, vfs in 1_u16..=4096
    ) {
        let size = 1_u64 << power;
        let window = range(start, size * u64::from(vfs));
        for vf in [a, b] {
            match window.slice(vf, size) {
                Some(slice) => {
                    prop_assert!(vf < vfs);
                    prop_assert!(slice.start >= window.start);
                    prop_assert!(slice.start + slice.length <= window.start + window.length);
                }
                None => prop_assert!(vf >= vfs),
            }
        }
        if let (Some(x), Some(y)) = (window.slice(a, size), window.slice(b, size)) && a < b {
            prop_assert!(x.start + x.length <= y.start);
        }
    }

    #[test]
    fn a_range_survives_its_descriptor(start in any::<u64>(), length in any::<u32>(), scale in 0_usize..4) {
        let length = u64::from(length) << [0, 8, 16, 32][scale];
        let descriptor = range(start, length).to_descriptor(PREFETCHABLE).expect("a unit fits");
        prop_assert_eq!(Range::from_descriptor(&descriptor), Some(range(start, length)));
    }
}
