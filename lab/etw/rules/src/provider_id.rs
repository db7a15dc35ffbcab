//! The GUID of a provider.

use core::fmt;

use sha1_smol::Sha1;

/// The namespace that `EventSource` and `TraceLogging` put in front of a name.
const NAMESPACE: [u8; 16] = *b"\x48\x2C\x2D\xB2\xC3\x90\x47\xC8\x87\xF8\x1A\x15\xBF\xC1\x30\xFB";

/// The GUID of a provider, as its bytes lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderId(pub [u8; 16]);

impl ProviderId {
    /// The GUID that tools compute when they are given a name alone: the first 16 bytes of SHA-1 over
    /// the namespace and the name, upper-case and in big-endian UTF-16, with 5 for a version.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let mut hash = Sha1::from(NAMESPACE);
        for unit in name.to_uppercase().encode_utf16() {
            hash.update(&unit.to_be_bytes());
        }
        let digest = hash.digest().bytes();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[7] = bytes[7] & 0x0F | 0x50;
        Self(bytes)
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The first three parts are numbers of 32, 16 and 16 bits.
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        for (written, place) in ORDER.into_iter().enumerate() {
            let dash = if matches!(written, 4 | 6 | 8 | 10) {
                "-"
            } else {
                ""
            };
            write!(f, "{dash}{:02x}", self.0[place])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::ProviderId;

    #[test]
    fn a_name_gives_the_guid_that_the_documentation_of_the_tracelogging_crate_gives() {
        let id = ProviderId::of_name("MyCompany.MyComponent");
        assert_eq!(id.to_string(), "ce5fa4ea-ab00-5402-8b76-9f76ac858fb5");
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(ProviderId::of_name("a"), ProviderId::of_name("A"));
    }
}
