//! The registered interface that answers an `IRP_MN_QUERY_INTERFACE`.
//!
//! Rule (`fxpkgpnp.cpp`, `HandleQueryInterface`): the first registration with the requested GUID
//! decides. It answers when its size and version are not above the requested ones, and then copies
//! as many bytes as it has. Otherwise the packet goes down unchanged (`fxpkgfdo.cpp`,
//! `_PnpQueryInterface`), and the lower drivers decide about its status.

/// Size and version of a registered or a requested interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `INTERFACE.Size`, bytes.
    pub size: u16,
    /// `INTERFACE.Version`.
    pub version: u16,
}

/// Finds the registration that answers; `None` when the packet goes down unchanged.
///
/// A registration without an interface structure has the shape `None`, and answers any size.
pub fn find<'a, G: PartialEq + 'a>(
    registered: impl IntoIterator<Item = (&'a G, Option<Shape>)>,
    guid: &G,
    requested: Shape,
) -> Option<usize> {
    let (index, (_, own)) = registered
        .into_iter()
        .enumerate()
        .find(|(_, (own, _))| *own == guid)?;
    let fits = own.is_none_or(|own| own.size <= requested.size && own.version <= requested.version);
    fits.then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn shape(size: u16, version: u16) -> Shape {
        Shape { size, version }
    }

    fn ask(size: u16, version: u16) -> Option<usize> {
        find(
            [(&1_u32, Some(shape(64, 3))), (&2, Some(shape(120, 1)))],
            &2,
            shape(size, version),
        )
    }

    #[test]
    fn exact_size_and_version_answer() {
        assert_eq!(ask(120, 1), Some(1));
    }

    #[test]
    fn a_larger_or_newer_request_is_answered_with_what_is_there() {
        assert_eq!(ask(144, 2), Some(1));
    }

    #[test]
    fn a_smaller_or_older_request_goes_down_the_stack() {
        assert_eq!(ask(119, 1), None);
        assert_eq!(ask(120, 0), None);
    }

    #[test]
    fn an_unknown_guid_goes_down_the_stack() {
        let own = [(&1_u32, Some(shape(64, 3)))];
        assert_eq!(find(own, &9, shape(64, 3)), None);
    }

    #[test]
    fn the_first_registration_of_a_guid_decides() {
        let own = [(&1_u32, Some(shape(64, 3))), (&1, Some(shape(8, 1)))];
        assert_eq!(find(own, &1, shape(8, 1)), None);
    }

    #[test]
    fn a_registration_without_structure_answers_any_size() {
        assert_eq!(find([(&1_u32, None)], &1, shape(0, 0)), Some(0));
    }
}
