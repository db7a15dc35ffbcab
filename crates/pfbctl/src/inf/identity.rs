//! What a package is for: hardware IDs with subsystems, and the `ExtensionId` of an upper filter's.

use crate::failure::Failure;

/// A subsystem of a PCI device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subsystem {
    /// Subsystem Vendor ID.
    vendor: u16,
    /// Subsystem ID.
    id: u16,
}

impl Subsystem {
    /// Reads `VENDOR:ID`, each of four hexadecimal digits.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let number = |digits: &str| {
            let is_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex
                .then(|| u16::from_str_radix(digits, 16).ok())
                .flatten()
        };
        text.split_once(':')
            .and_then(|(vendor, id)| {
                Some(Self {
                    vendor: number(vendor)?,
                    id: number(id)?,
                })
            })
            .ok_or_else(|| Failure::Argument {
                argument: "--subsystem",
                problem: format!(
                    "{text:?} is not a subsystem vendor ID and a subsystem ID, such as 15b3:0008"
                ),
            })
    }
}

/// The hardware IDs of a package ("Identifiers for PCI Devices"): every device ID, each with every
/// subsystem if there are any.
pub(super) fn hardware_ids(vendor: u16, devices: &[u16], subsystems: &[Subsystem]) -> Vec<String> {
    let device_ids = devices
        .iter()
        .map(|device| format!(r"PCI\VEN_{vendor:04X}&DEV_{device:04X}"));
    if subsystems.is_empty() {
        return device_ids.collect();
    }
    device_ids
        .flat_map(|device| {
            subsystems.iter().map(move |subsystem| {
                let Subsystem { vendor, id } = subsystem;
                format!("{device}&SUBSYS_{id:04X}{vendor:04X}")
            })
        })
        .collect()
}

/// The `ExtensionId`: the given GUID, or one that the PCI IDs make, so that it stays the same in all
/// versions of a package. It has the form of an RFC 9562 UUID of version 8.
pub(super) fn extension_id(
    given: Option<&str>,
    vendor: u16,
    device: u16,
    subsystem: Option<Subsystem>,
) -> Result<String, Failure> {
    if let Some(text) = given {
        return guid(text).ok_or_else(|| Failure::Argument {
            argument: "--extension-id",
            problem: format!(
                "{text:?} is not a GUID, such as 6b29fc40-ca47-1067-b31d-00dd010662da"
            ),
        });
    }
    let Subsystem {
        vendor: subsystem_vendor,
        id: subsystem_id,
    } = subsystem.unwrap_or(Subsystem { vendor: 0, id: 0 });
    Ok(format!(
        "{{{vendor:04X}{device:04X}-6C9E-8F31-8A52-7D3C{subsystem_vendor:04X}{subsystem_id:04X}}}"
    ))
}

/// A GUID in braces, of a text with or without.
fn guid(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix('{')
        .map_or(Some(text), |rest| rest.strip_suffix('}'))?;
    let parts: Vec<&str> = bare.split('-').collect();
    let is_guid = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_guid.then(|| format!("{{{}}}", bare.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::{Subsystem, extension_id, hardware_ids};

    const BOARD: Subsystem = Subsystem {
        vendor: 0x15B3,
        id: 8,
    };

    #[test]
    fn every_device_appears_with_every_subsystem() {
        let plain = [r"PCI\VEN_0ABC&DEV_000D", r"PCI\VEN_0ABC&DEV_000E"];
        assert_eq!(hardware_ids(0x0ABC, &[0xD, 0xE], &[]), plain);
        let other = Subsystem { id: 9, ..BOARD };
        assert_eq!(
            hardware_ids(0x0ABC, &[0xD, 0xE], &[BOARD, other]),
            [
                r"PCI\VEN_0ABC&DEV_000D&SUBSYS_000815B3",
                r"PCI\VEN_0ABC&DEV_000D&SUBSYS_000915B3",
                r"PCI\VEN_0ABC&DEV_000E&SUBSYS_000815B3",
                r"PCI\VEN_0ABC&DEV_000E&SUBSYS_000915B3",
            ]
        );
    }

    #[test]
    fn a_subsystem_has_a_vendor_and_an_id() {
        assert_eq!(Subsystem::parse("15B3:0008").ok(), Some(BOARD));
        for wrong in [
            "",
            "15b3",
            "15b3:8",
            "15b3:00008",
            "15b3:+008",
            "x5b3:0008",
            "1:2:3",
        ] {
            let problem = Subsystem::parse(wrong).expect_err(wrong).to_string();
            assert!(problem.starts_with("--subsystem: "), "{problem}");
        }
    }

    #[test]
    fn the_extension_id_belongs_to_the_device_and_its_subsystem() {
        let of = |device, subsystem| extension_id(None, 0x0ABC, device, subsystem).ok();
        let expected = "{0ABC000D-6C9E-8F31-8A52-7D3C00000000}";
        assert_eq!(of(0xD, None).as_deref(), Some(expected));
        assert_ne!(of(0xE, None), of(0xD, None));
        assert_ne!(of(0xD, Some(BOARD)), of(0xD, None));
    }

    #[test]
    fn a_given_extension_id_is_a_guid() {
        fn given(text: &str) -> Result<String, String> {
            extension_id(Some(text), 0, 0, None).map_err(|error| error.to_string())
        }
        let guid = "6b29fc40-ca47-1067-b31d-00dd010662da";
        let written = Ok(format!("{{{}}}", guid.to_ascii_uppercase()));
        assert_eq!(given(guid), written);
        assert_eq!(given(&format!("{{{guid}}}")), written);
        for wrong in [
            "",
            "x",
            &guid[1..],
            &format!("{{{guid}"),
            &guid.replace('6', "g"),
        ] {
            let problem = given(wrong).expect_err(wrong);
            assert!(problem.starts_with("--extension-id: "), "{problem}");
        }
    }
}
