//! Which registered interface answers an `IRP_MN_QUERY_INTERFACE`.
//!
//! Rule (`fxpkgpnp.cpp`, `HandleQueryInterface`): the first registration with the requested GUID
//! decides. It answers when its size and version are not above the requested ones, and then copies
//! as many bytes as it has; otherwise the request fails with `STATUS_INVALID_BUFFER_SIZE`.

/// What a driver registered, or what a caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `INTERFACE.Size`, bytes.
    pub size: u16,
    /// `INTERFACE.Version`.
    pub version: u16,
}

/// How a query ends at this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// No registration has the GUID: the IRP goes down unchanged.
    NotMine,
    /// Too small or too old: `STATUS_INVALID_BUFFER_SIZE`, completed here.
    BadSize,
    /// The registration with this index answers.
    Answer(usize),
}

/// Finds the registration that answers. `None` as a shape is a registration without an interface
/// structure, which answers whatever size is asked for.
pub fn find<'a, G: PartialEq + 'a>(
    registered: impl IntoIterator<Item = (&'a G, Option<Shape>)>,
    guid: &G,
    requested: Shape,
) -> Match {
    let found = registered
        .into_iter()
        .enumerate()
        .find(|(_, (own, _))| *own == guid);
    match found {
        None => Match::NotMine,
        Some((index, (_, None))) => Match::Answer(index),
        Some((index, (_, Some(own))))
            if own.size <= requested.size && own.version <= requested.version =>
        {
            Match::Answer(index)
        }
        Some(_) => Match::BadSize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn shape(size: u16, version: u16) -> Shape {
        Shape { size, version }
    }

    fn ask(size: u16, version: u16) -> Match {
        find(
            [(&1_u32, Some(shape(64, 3))), (&2, Some(shape(120, 1)))],
            &2,
            Shape { size, version },
        )
    }

    #[test]
    fn exact_size_and_version_answer() {
        assert_eq!(ask(120, 1), Match::Answer(1));
    }

    #[test]
    fn a_larger_or_newer_request_is_answered_with_what_is_there() {
        assert_eq!(ask(144, 2), Match::Answer(1));
    }

    #[test]
    fn a_smaller_or_older_request_is_a_bad_size() {
        assert_eq!(ask(119, 1), Match::BadSize);
        assert_eq!(ask(120, 0), Match::BadSize);
    }

    #[test]
    fn an_unknown_guid_goes_down_the_stack() {
        let own = [(&1_u32, Some(shape(64, 3)))];
        assert_eq!(
            find(
                own,
                &9,
                Shape {
                    size: 64,
                    version: 3
                }
            ),
            Match::NotMine
        );
    }

    #[test]
    fn the_first_registration_of_a_guid_decides() {
        let own = [(&1_u32, Some(shape(64, 3))), (&1, Some(shape(8, 1)))];
        assert_eq!(
            find(
                own,
                &1,
                Shape {
                    size: 8,
                    version: 1
                }
            ),
            Match::BadSize
        );
    }

    #[test]
    fn a_registration_without_structure_answers_any_size() {
        assert_eq!(
            find(
                [(&1_u32, None)],
                &1,
                Shape {
                    size: 0,
                    version: 0
                }
            ),
            Match::Answer(0)
        );
    }
}
