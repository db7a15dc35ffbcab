//! Which block table a PF uses, and whether it is for this PF.

use block_table::{Flaw, Table, TableError, format::VERSION};

use crate::{config::Identity, failure::StartFailure};

/// Where a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The registry value `BlockTable`.
    Registry,
    /// The driver's image.
    Image,
}

/// Chooses the table: the registry's if there is one, whatever is wrong with it, and else the one
/// in the driver's image. `pf` holds the IDs in the PF's configuration space.
///
/// # Errors
/// A table that does not verify, or one for other IDs than the PF's.
pub fn choose<'t>(
    registry: Option<&'t [u8]>,
    image: &'t [u8],
    pf: Identity,
) -> Result<(Table<'t>, Origin), StartFailure> {
    let (bytes, origin) =
        registry.map_or((image, Origin::Image), |bytes| (bytes, Origin::Registry));
    let table = Table::verify(bytes).map_err(|error| refused(bytes, error))?;
    let device = table.device();
    if device.is(pf.vendor_id, pf.device_id) {
        return Ok((table, origin));
    }
    let named = Identity {
        vendor_id: device.vendor_id,
        device_id: device.device_ids().next().unwrap_or_default(),
    };
    Err(match origin {
        Origin::Registry => StartFailure::TableForAnotherDevice { pf, table: named },
        Origin::Image => StartFailure::NoTable { pf, image: named },
    })
}

/// The cause for a table that does not verify.
fn refused(bytes: &[u8], error: TableError) -> StartFailure {
    match (error.flaw, Table::format_version(bytes)) {
        (Flaw::Version, Some(found)) => StartFailure::TableVersion {
            found,
            supported: VERSION,
        },
        _ => StartFailure::Table(error),
    }
}

#[cfg(test)]
mod tests {
    use block_manifest::Manifest;

    use super::*;

    /// A table for these device IDs of vendor 1414h.
    fn table(device_ids: &str) -> Vec<u8> {
        let text = format!(
            "[device]\nname = \"d\"\nvendor-id = 0x1414\ndevice-id = {device_ids}\nmax-vfs = 4\n\
             [[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-write\"\nlength = 16\n"
        );
        Manifest::parse("table.toml", &text)
            .expect("a manifest")
            .compile()
    }

    const fn pf(vendor_id: u16, device_id: u16) -> Identity {
        Identity {
            vendor_id,
            device_id,
        }
    }

    /// Where the table comes from, for a PF.
    fn chosen(registry: Option<&[u8]>, image: &[u8], pf: Identity) -> Result<Origin, StartFailure> {
        choose(registry, image, pf).map(|(_, origin)| origin)
    }

    #[test]
    fn a_table_serves_each_of_its_devices_and_no_other() {
        let (family, image) = (table("[0xB001, 0xB002]"), table("0xB001"));
        for device_id in [0xB001, 0xB002] {
            let found = chosen(Some(&family), &image, pf(0x1414, device_id));
            assert_eq!(found, Ok(Origin::Registry), "{device_id:#x}");
        }
        for other in [pf(0x1414, 0xB003), pf(0x1415, 0xB001), pf(0x1414, 0)] {
            assert_eq!(
                chosen(Some(&family), &image, other),
                Err(StartFailure::TableForAnotherDevice {
                    pf: other,
                    table: pf(0x1414, 0xB001)
                })
            );
        }
    }

    #[test]
    fn the_table_in_the_image_serves_its_devices_and_only_without_one_in_the_registry() {
        let image = table("0xB001");
        assert_eq!(chosen(None, &image, pf(0x1414, 0xB001)), Ok(Origin::Image));
        let other = pf(0x15B3, 0x101E);
        assert_eq!(
            chosen(None, &image, other),
            Err(StartFailure::NoTable {
                pf: other,
                image: pf(0x1414, 0xB001)
            })
        );
        // The registry's table is not passed over: not one that is broken, not one for other
        // devices.
        for registry in [&[][..], &image[1..], &table("0xB002")] {
            let found = chosen(Some(registry), &image, pf(0x1414, 0xB001));
            assert!(matches!(
                found,
                Err(StartFailure::Table(_) | StartFailure::TableForAnotherDevice { .. })
            ));
        }
    }

    /// A table is compiled anew for a driver that reads another version; nothing of it is used.
    #[test]
    fn a_table_of_an_older_or_newer_format_is_refused_with_both_versions() {
        let pf = pf(0x1414, 0xB001);
        for found in [0, VERSION - 1, VERSION + 1, u16::MAX] {
            let mut bytes = table("0xB001");
            bytes[8..10].copy_from_slice(&found.to_le_bytes());
            let refused = chosen(Some(&bytes), &table("0xB001"), pf).expect_err("another version");
            let supported = VERSION;
            assert_eq!(refused, StartFailure::TableVersion { found, supported });
            assert_eq!(refused.values(), (found.into(), supported.into()));
            assert_ne!(refused.status(), StartFailure::Table(damaged()).status());
        }
        // What is no table has no version.
        let mut bytes = table("0xB001");
        bytes[0] ^= 1;
        bytes[8] ^= 1;
        let refused = chosen(Some(&bytes), &table("0xB001"), pf);
        assert!(matches!(refused, Err(StartFailure::Table(_))));
    }

    fn damaged() -> TableError {
        Table::verify(&[]).expect_err("no table")
    }
}
