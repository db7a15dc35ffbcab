//! Listeners that send any cookie, never call again, or call again at once, and guests that change
//! something all the time.

use pf_broker_abi::{CHANGES_MORE, CHANGES_RESTARTED};

use super::*;

/// The cookie of a reader that has everything so far.
fn up_to_date(device: &Device<'_>) -> ChangesCookie {
    let (_, end) = list(device, Kinds::ALL, &ChangesCookie::default(), usize::MAX);
    end.cookie
}

#[test]
fn cookie_of_an_earlier_start() {
    with_device(CONTOSO, 2, |device| {
        device.vf_write(1, 2, &[1]).unwrap();
        let current = up_to_date(device);
        let beyond = ChangesCookie {
            upto: current.since,
            vf: 9,
            entry: 99,
            ..current
        };
        for cookie in [current, beyond] {
            let other = ChangesCookie {
                start: [current.start[0], current.start[1] + 1],
                ..cookie
            };
            let (changes, end) = list(device, Kinds::WRITTEN, &other, usize::MAX);
            assert_eq!(end.flags, CHANGES_RESTARTED);
            assert_eq!((changes[0].vf, changes[0].block), (1, 2));
            let (changes, end) = list(device, Kinds::WRITTEN, &end.cookie, usize::MAX);
            assert_eq!((changes, end.flags), (vec![], 0));
        }
    });
}

#[test]
fn cookie_from_the_future() {
    with_device(CONTOSO, 1, |device| {
        device.vf_write(0, 2, &[1]).unwrap();
        for ahead in [1, 2, 1 << 40] {
            for (since, upto) in [(ahead, 0), (0, ahead), (ahead, ahead)] {
                let current = up_to_date(device);
                let cookie = ChangesCookie {
                    since: current.since + since,
                    upto: if upto == 0 { 0 } else { current.since + upto },
                    ..current
                };
                let (changes, end) = list(device, Kinds::WRITTEN, &cookie, usize::MAX);
                assert_eq!(end.flags, CHANGES_RESTARTED, "{cookie:?}");
                assert_eq!(changes.len(), 1);
            }
        }
    });
}

#[test]
fn malformed_cookie() {
    with_device(CONTOSO, 2, |device| {
        let current = up_to_date(device);
        let listing = ChangesCookie {
            upto: current.since,
            ..current
        };
        let no_change = |change: &_| panic!("{change:?} is listed");
        for (vf, entry, since) in [
            (2, 0, 0),
            (u16::MAX, 0, 0),
            (0, 7, 0),
            (1, u32::MAX, 0),
            (0, 0, current.since + 1),
        ] {
            // The cookie stays in the past.
            up_to_date(device);
            let cookie = ChangesCookie {
                vf,
                entry,
                since,
                ..listing
            };
            let refused = device.changes(Kinds::ALL, &cookie, no_change);
            assert!(refused.is_err(), "{cookie:?}");
        }
        for (vf, entry) in [(1, 0), (0, 1)] {
            let cookie = ChangesCookie {
                vf,
                entry,
                ..current
            };
            assert!(device.changes(Kinds::ALL, &cookie, no_change).is_err());
        }
        let last = ChangesCookie {
            vf: 1,
            entry: 6,
            ..listing
        };
        assert!(device.changes(Kinds::ALL, &last, no_change).is_ok());
    });
}

/// A cookie of zeros but for one field is not that of the start.
#[test]
fn zeros_with_something_else() {
    with_device(CONTOSO, 1, |device| {
        let zero = ChangesCookie::default();
        for cookie in [
            ChangesCookie { since: 1, ..zero },
            ChangesCookie { upto: 1, ..zero },
            ChangesCookie { vf: 1, ..zero },
            ChangesCookie { entry: 1, ..zero },
        ] {
            let (changes, end) = list(device, Kinds::ALL, &cookie, usize::MAX);
            assert_eq!((changes, end.flags), (vec![], CHANGES_RESTARTED));
        }
    });
}

/// A reader that lists one entry at a time comes to the end, while a VF writes all the time.
#[test]
fn changes_without_end() {
    with_device(CONTOSO, 3, |device| {
        let mut seen = vec![];
        let mut cookie = ChangesCookie::default();
        for vf in 0..3 {
            device.vf_write(vf, 2, &[1]).unwrap();
            device.vf_write(vf, 3, &[1, 1]).unwrap();
        }
        loop {
            device.vf_write(0, 2, &[2]).unwrap();
            device.vf_write(0, 70, &[2, 2]).unwrap();
            let kinds = Kinds::WRITTEN.union(Kinds::MESSAGE);
            let (changes, end) = list(device, kinds, &cookie, 1);
            seen.extend(changes.iter().map(|change| (change.vf, change.block)));
            cookie = end.cookie;
            if end.flags & CHANGES_MORE == 0 {
                break;
            }
        }
        assert_eq!(
            seen,
            [(0, 2), (0, 3), (0, 70), (1, 2), (1, 3), (2, 2), (2, 3)]
        );
        let (changes, _) = list(device, Kinds::WRITTEN, &cookie, usize::MAX);
        assert_eq!(changes.len(), 1, "VF 0 has written since");
    });
}

/// A reader that never calls again costs nothing that another reader could notice.
#[test]
fn reader_that_stays_away() {
    with_device(CONTOSO, 1, |device| {
        let left = up_to_date(device);
        let mut cookie = left;
        for byte in 0..100 {
            device.vf_write(0, 2, &[byte]).unwrap();
            let (changes, end) = list(device, Kinds::WRITTEN, &cookie, usize::MAX);
            assert_eq!(changes[0].revision, u64::from(byte) + 1);
            cookie = end.cookie;
        }
        let (changes, _) = list(device, Kinds::WRITTEN, &left, usize::MAX);
        assert_eq!((changes.len(), changes[0].revision), (1, 100));
    });
}
