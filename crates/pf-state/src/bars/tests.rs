//! Slices that are a VF's own, and apertures that are large enough.

use proptest::prelude::*;

use super::*;

/// BAR 0: 16 KiB, 32 bits. BAR 2 and 3: 1 MiB, 64 bits, prefetchable. BAR 5: 4 KiB.
const PROBED: [u32; 6] = [0xFFFF_C000, 0, 0xFFF0_000C, 0xFFFF_FFFF, 0, 0xFFFF_F000];

const ADDRESSES: [u32; 6] = [0xF000_0000, 0, 0x0000_000C, 0x0000_0040, 0, 0xF800_0000];

/// Four of eight VFs are on.
const VFS: VfCount = VfCount {
    enabled: 4,
    total: 8,
};

fn bars() -> [Option<Bar>; 6] {
    decode(&PROBED, &ADDRESSES).expect("the values fit the registers")
}

fn ranges(listed: &[(Range, Range)]) -> Ranges {
    Ranges::collect(listed.iter().copied()).expect("a few")
}

fn apertures(listed: &[(Range, Range)]) -> Result<VfBarApertures, ApertureFailure> {
    let bars = bars();
    VfBarApertures::find(&bars, &bases(&ADDRESSES, &bars), &ranges(listed), VFS)
}

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
    assert_eq!(decode(&PROBED, &ADDRESSES), Ok(expected));
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
fn a_value_of_another_type_than_the_register_is_refused_with_both() {
    let wrong = |probed: [u32; 6], registers: [u32; 6], bar: u8| {
        let (probed_value, register) = (probed[usize::from(bar)], registers[usize::from(bar)]);
        assert_eq!(
            decode(&probed, &registers),
            Err(BarFailure::Type {
                bar,
                probed: probed_value,
                register
            }),
            "{probed:x?} for {registers:x?}"
        );
    };
    // The PF has I/O space where the VFs have none, or memory, whatever the bits after it look
    // like.
    for io in [0xFFFF_FF01, 0xFFFF_FFFD, 0xFFFF_FF05] {
        wrong([io, 0xFFFF_F000, 0, 0, 0, 0], [0; 6], 0);
        wrong([io, 0, 0, 0, 0, 0], [0xF000_0000, 0, 0, 0, 0, 0], 0);
        // A register of the VFs that claims to be I/O space.
        wrong([io, 0, 0, 0, 0, 0], [io & 0xF, 0, 0, 0, 0, 0], 0);
    }
    // 64 bits instead of 32, the other way round, and with another promise about reads.
    wrong(
        [0xFFFF_C004, u32::MAX, 0, 0, 0, 0],
        [0xF000_0000, 0, 0, 0, 0, 0],
        0,
    );
    wrong(
        [0xFFFF_C000, 0, 0, 0, 0, 0],
        [0xF000_0004, 0, 0, 0, 0, 0],
        0,
    );
    wrong(
        [0xFFFF_C008, 0, 0, 0, 0, 0],
        [0xF000_0000, 0, 0, 0, 0, 0],
        0,
    );
    // A register behind a wide one is judged by its own place.
    wrong(
        [0xFFFF_C004, u32::MAX, 0xFFFF_F000, 0, 0, 0],
        [0x0000_0004, 0, 0x0000_0008, 0, 0, 0],
        2,
    );
    // Types that are reserved.
    wrong(
        [0xFFFF_C002, 0, 0, 0, 0, 0],
        [0x0000_0002, 0, 0, 0, 0, 0],
        0,
    );
    wrong(
        [0xFFFF_C006, 0, 0, 0, 0, 0],
        [0x0000_0006, 0, 0, 0, 0, 0],
        0,
    );
    // A 64-bit register in the last place has no second half.
    wrong(
        [0, 0, 0, 0, 0, 0xFFFF_0004],
        [0, 0, 0, 0, 0, 0x0000_0004],
        5,
    );
}

#[test]
fn a_register_without_a_size_is_refused_and_an_absent_one_is_none() {
    assert_eq!(decode(&[0; 6], &[0; 6]), Ok([None; 6]));
    let unprobed = |probed: [u32; 6], register: u32| {
        let registers = [register, 0, 0, 0, 0, 0];
        let expected = BarFailure::Unprobed { bar: 0, register };
        assert_eq!(decode(&probed, &registers), Err(expected), "{probed:x?}");
    };
    unprobed([0; 6], 0xF000_0000);
    unprobed([0; 6], 0x0000_000C);
    unprobed([8, 0, 0, 0, 0, 0], 0xF000_0008);
    unprobed([0xC, 0, 0, 0, 0, 0], 0x0000_000C);
    // All of 64 bits, and a size that only the upper half holds.
    let wide = decode(&[0xC, 0xFFFF_FFFE, 0, 0, 0, 0], &[0xC, 2, 0, 0, 0, 0]).expect("a size");
    assert_eq!(wide[0], Some(bar(1 << 33, true, true)));
}

#[test]
fn a_window_comes_from_the_resource_list_where_it_is_listed_and_from_the_register_where_not() {
    // As long as the VFs that are on need, or as all that there can be.
    for length in [0x1_0000, 0x2_0000] {
        let listed = [(range(0xF000_0000, length), range(0x9_F000_0000, length))];
        let apertures = apertures(&listed).expect("fits");
        let first = apertures.resource(3, 0).expect("a VF's register");
        assert_eq!(
            Range::from_descriptor(&first),
            Some(range(0x9_F000_C000, 0x4000))
        );
        assert_eq!(first.flags, 0);
        let wide = apertures.resource(3, 2).expect("a VF's register");
        assert_eq!(
            Range::from_descriptor(&wide),
            Some(range(0x40_0030_0000, 0x10_0000))
        );
        assert_eq!(wide.flags, PREFETCHABLE);
    }
}

#[test]
fn a_window_without_room_for_every_vf_is_refused_with_its_numbers() {
    let (full, short) = (range(0xF000_0000, 0x1_0000), range(0xF000_0000, 0xFFFF));
    for listed in [(short, full), (full, short), (short, short)] {
        assert_eq!(
            apertures(&[listed]),
            Err(ApertureFailure::TooSmall {
                length: 0xFFFF,
                needed: 0x1_0000
            })
        );
    }
}

#[test]
fn a_window_of_another_length_than_the_vfs_have_shows_another_registers_size() {
    // The VFs have 16 KiB each. If an aperture is for all eight of them, the PF's 4 KiB do not fit
    // it, and neither do its 64 KiB.
    for length in [0x1_0001, 0x1_4000, 0x1_FFFF, 0x2_0001, 0x8_0000] {
        let listed = (range(0xF000_0000, length), range(0xF000_0000, length));
        let expected = ApertureFailure::Length {
            length,
            size: 0x4000,
        };
        assert_eq!(apertures(&[listed]), Err(expected), "{length:#x}");
        let half = (range(0xF000_0000, 0x2_0000), range(0xF000_0000, length));
        assert_eq!(apertures(&[half]), Err(expected), "translated: {length:#x}");
    }
}

#[test]
fn an_address_that_is_no_multiple_of_the_size_is_refused() {
    let bars = bars();
    for (register, address, base, size) in [
        (0, 0xF000_2000, 0xF000_2000, 0x4000),
        (2, 0x0008_000C, 0x40_0008_0000, 0x10_0000),
        (5, 0xF800_0800, 0xF800_0800, 0x1000),
    ] {
        let mut registers = ADDRESSES;
        registers[register] = address;
        assert_eq!(
            VfBarApertures::find(&bars, &bases(&registers, &bars), &Ranges::default(), VFS),
            Err(ApertureFailure::Misaligned { base, size })
        );
    }
}

#[test]
fn a_list_with_more_ranges_than_a_pf_can_have_is_refused_and_none_is_dropped() {
    let listed = |count: u64| (0..count).map(|n| (range(n << 20, 0x1000), range(n << 20, 0x1000)));
    assert_eq!(
        Ranges::collect(listed(14)),
        Err(TooManyRanges {
            found: 14,
            allowed: 13
        })
    );
    let all = Ranges::collect(listed(13)).expect("as many as can be");
    assert_eq!(all.beginning_at(12 << 20), listed(13).next_back());
}

#[test]
fn a_register_without_an_address_is_refused_by_its_number() {
    let bars = bars();
    let mut bases = bases(&ADDRESSES, &bars);
    bases[2] = None;
    assert_eq!(
        VfBarApertures::find(&bars, &bases, &Ranges::default(), VFS),
        Err(ApertureFailure::Unplaced { bar: 2 })
    );
}

#[test]
fn registers_that_do_not_exist_are_told_from_registers_that_are_not_used() {
    let apertures = apertures(&[]).expect("fits");
    for unused in [1, 3, 4] {
        assert_eq!(
            apertures.resource(0, unused),
            Err(status::NOT_SUPPORTED),
            "{unused}"
        );
    }
    for absent in [6, 7, u16::MAX] {
        assert_eq!(
            apertures.resource(0, absent),
            Err(status::INVALID_PARAMETER),
            "{absent}"
        );
    }
    assert_eq!(
        apertures.resource(4, 0),
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
        let aperture = range(start, size * u64::from(vfs));
        for vf in [a, b] {
            match aperture.slice(vf, size) {
                Some(slice) => {
                    prop_assert!(vf < vfs);
                    prop_assert!(slice.start >= aperture.start);
                    prop_assert!(slice.start + slice.length <= aperture.start + aperture.length);
                }
                None => prop_assert!(vf >= vfs),
            }
        }
        if let (Some(x), Some(y)) = (aperture.slice(a, size), aperture.slice(b, size)) && a < b {
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
