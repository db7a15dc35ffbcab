//! Versions of the framework: the functions that each has, and the drivers that each binds.
//!
//! Rules (`fxldr.h`, `fxlibrarycommon.cpp`, `wdffuncenum.h`; the public page "Building a WDF driver
//! for multiple versions of Windows"):
//! - a driver names the version it was built for and how many functions that version has; a
//!   framework of that version or a newer one has them all;
//! - since 1.25 a driver may also name the least version that it runs on. A framework between the
//!   two binds it, and reports that it is older and how many functions it has;
//! - a driver that names no least version needs the one it was built for.
//!
//! The answer of a framework older than 1.25 to the longer bind information is not published; here
//! it refuses it.

/// The first version that accepts a least version.
const FIRST_WITH_MINIMUM: u32 = 25;

/// Minor versions of KMDF 1 and the number of their functions, `WdfFunctionTableNumEntries`.
const RELEASES: [(u32, u32); 10] = [
    (15, 444),
    (17, 444),
    (19, 446),
    (21, 448),
    (23, 451),
    (25, 453),
    (27, 453),
    (29, 454),
    (31, 458),
    (33, 458),
];

/// A version of KMDF 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framework {
    /// The minor version.
    pub minor: u32,
    /// How many functions it has.
    pub functions: u32,
}

impl Framework {
    /// The newest version.
    pub const NEWEST: Self = Self {
        minor: 33,
        functions: 458,
    };

    /// The version with this minor number; none that was not released, or is older than 1.15, whose
    /// table was handed out in another way.
    #[must_use]
    pub fn released(minor: u32) -> Option<Self> {
        RELEASES
            .iter()
            .find(|(released, _)| *released == minor)
            .map(|&(minor, functions)| Self { minor, functions })
    }
}

/// Bind information of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The major version it was built for.
    pub major: u32,
    /// The minor version it was built for.
    pub minor: u32,
    /// How many functions that version has.
    pub functions: u32,
    /// The least minor version it runs on; none in bind information of version 1.
    pub minimum: Option<u32>,
}

/// The result of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The driver was built for a newer version.
    pub client_is_newer: bool,
    /// How many functions it may call.
    pub functions: u32,
}

/// Why a driver is not bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Refusal {
    /// It is built for another major version.
    #[strum(to_string = "another major version")]
    Major,
    /// It needs a newer framework.
    #[strum(to_string = "a newer framework is needed")]
    TooOld,
    /// Its bind information is of a newer kind.
    #[strum(to_string = "bind information of a newer kind")]
    Unknown,
    /// Its count of functions is not that of the version it names.
    #[strum(to_string = "a count of functions that its version does not have")]
    Functions,
}

impl Framework {
    /// Binds a driver.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn bind(self, client: Client) -> Result<Bound, Refusal> {
        if client.major != 1 {
            return Err(Refusal::Major);
        }
        if client.minimum.is_some() && self.minor < FIRST_WITH_MINIMUM {
            return Err(Refusal::Unknown);
        }
        if client.minimum.unwrap_or(client.minor) > self.minor {
            return Err(Refusal::TooOld);
        }
        if let Some(release) = Self::released(client.minor)
            && release.functions != client.functions
        {
            return Err(Refusal::Functions);
        }
        let client_is_newer = client.minor > self.minor;
        if !client_is_newer && client.functions > self.functions {
            return Err(Refusal::Functions);
        }
        Ok(Bound {
            client_is_newer,
            functions: client.functions.min(self.functions),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn client(minor: u32, functions: u32, minimum: Option<u32>) -> Client {
        Client {
            major: 1,
            minor,
            functions,
            minimum,
        }
    }

    fn version(minor: u32) -> Framework {
        Framework::released(minor).unwrap()
    }

    #[test]
    fn the_newest_version_is_a_released_one_and_counts_never_fall() {
        assert_eq!(version(33), Framework::NEWEST);
        assert!(RELEASES.is_sorted());
        assert!(RELEASES.is_sorted_by_key(|&(_, functions)| functions));
        assert_eq!(Framework::released(24), None);
    }

    #[test]
    fn a_driver_runs_on_its_own_version_and_newer_ones() {
        for minimum in [None, Some(33)] {
            let built = client(33, 458, minimum);
            let bound = Bound {
                client_is_newer: false,
                functions: 458,
            };
            assert_eq!(version(33).bind(built), Ok(bound));
            assert_eq!(version(31).bind(built), Err(Refusal::TooOld));
        }
        let old = Bound {
            client_is_newer: false,
            functions: 444,
        };
        assert_eq!(version(33).bind(client(15, 444, None)), Ok(old));
    }

    #[test]
    fn a_driver_that_names_a_least_version_runs_on_each_from_there_on() {
        let built = client(33, 458, Some(25));
        for (minor, functions) in [(25, 453), (27, 453), (29, 454), (31, 458), (33, 458)] {
            let bound = Bound {
                client_is_newer: minor < 33,
                functions,
            };
            assert_eq!(version(minor).bind(built), Ok(bound));
        }
        assert_eq!(version(23).bind(built), Err(Refusal::Unknown));
        let newer = client(33, 458, Some(27));
        assert_eq!(version(25).bind(newer), Err(Refusal::TooOld));
    }

    #[test]
    fn what_a_driver_says_of_itself_must_fit() {
        let framework = Framework::NEWEST;
        let other = Client {
            major: 2,
            ..client(33, 458, None)
        };
        assert_eq!(framework.bind(other), Err(Refusal::Major));
        for wrong in [
            client(33, 457, None),
            client(25, 458, None),
            client(33, 459, Some(25)),
            client(20, 459, None),
        ] {
            assert_eq!(framework.bind(wrong), Err(Refusal::Functions));
        }
    }
}
