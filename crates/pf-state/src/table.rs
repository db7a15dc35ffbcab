//! Which block table a PF uses, and whether it is for this PF.

use block_table::Table;

use crate::{config::Identity, failure::StartFailure};

/// Where a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The registry value `BlockTable`.
    Registry,
    /// The driver's image.
    Image,
}

/// Chooses the table: the registry's if there is one, whatever is wrong with it, and else the one in the
/// driver's image. `pf` holds the IDs in the PF's configuration space.
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
    let table = Table::verify(bytes).map_err(StartFailure::Table)?;
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
        // The registry's table is not passed over: not one that is broken, not one for other devices.
        for registry in [&[][..], &image[1..], &table("0xB002")] {
            let found = chosen(Some(registry), &image, pf(0x1414, 0xB001));
            assert!(matches!(
                found,
                Err(StartFailure::Table(_) | StartFailure::TableForAnotherDevice { .. })
            ));
        }
    }
}
