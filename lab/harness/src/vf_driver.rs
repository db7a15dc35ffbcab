//! `--vf-driver FILE` and `--function-driver FILE`: whether an author's file is an image that the lab
//! can load.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _, Import, PeFile64};
use object::{FileKind, LittleEndian as LE, pe};

/// The framework's loader, and the import by which every KMDF driver binds to the framework.
const LOADER: (&str, &str) = ("WDFLDR.SYS", "WdfVersionBind");

/// Checks that the file of an option is a KMDF driver for the lab's kernel.
///
/// # Errors
/// A sentence that names the file and what is wrong with it.
pub(crate) fn check(option: &'static str, file: &Path) -> Result<()> {
    let image = fs_err::read(file).context(option)?;
    check_image(&image).with_context(|| format!("{option}: {}", file.display()))
}

/// The option for a VF driver.
pub(crate) const VF_DRIVER: &str = "--vf-driver";
/// The option for a function driver of the PF.
pub(crate) const FUNCTION_DRIVER: &str = "--function-driver";

fn check_image(bytes: &[u8]) -> Result<()> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Pe64) => {}
        Ok(FileKind::Pe32) => bail!("it is a 32-bit image, and the lab runs x86-64 images"),
        _ => bail!("it is no Windows image (PE)"),
    }
    let image = PeFile64::parse(bytes)?;
    let machine = image.nt_headers().file_header().machine.get(LE);
    ensure!(
        machine == pe::IMAGE_FILE_MACHINE_AMD64,
        "it is built for machine {:#06x}, and the lab runs x86-64 images ({:#06x})",
        machine.0,
        pe::IMAGE_FILE_MACHINE_AMD64.0
    );
    let subsystem = image.nt_headers().optional_header().subsystem();
    ensure!(
        subsystem == pe::IMAGE_SUBSYSTEM_NATIVE,
        "it is no kernel image: its subsystem is {} instead of {}",
        subsystem.0,
        pe::IMAGE_SUBSYSTEM_NATIVE.0
    );
    ensure!(
        imports(&image, LOADER)?,
        "it is no KMDF driver: it does not import {} from {}",
        LOADER.1,
        LOADER.0
    );
    Ok(())
}

/// Whether an image imports a function, named by its library and itself.
fn imports(image: &PeFile64<'_>, (library, function): (&str, &str)) -> Result<bool> {
    let Some(table) = image.import_table()? else {
        return Ok(false);
    };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let name = table.name(descriptor.name.get(LE))?;
        if !name.eq_ignore_ascii_case(library.as_bytes()) {
            continue;
        }
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        while let Some(thunk) = thunks.next::<pe::ImageNtHeaders64>()? {
            if let Import::Name(_, name) = table.import::<pe::ImageNtHeaders64>(thunk)?
                && name == function.as_bytes()
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lab_control::sample;

    use super::{VF_DRIVER, check};

    fn problem(file: &Path) -> String {
        format!("{:#}", check(VF_DRIVER, file).unwrap_err())
    }

    #[test]
    fn what_is_no_driver_is_named_with_its_fault() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.sys");
        assert!(problem(&file).contains("mine.sys"), "{}", problem(&file));
        fs_err::write(&file, "[Version]\n").unwrap();
        let said = problem(&file);
        assert!(said.contains("mine.sys: it is no Windows image"), "{said}");
        let program = std::env::current_exe().unwrap();
        assert!(problem(&program).contains("it is no Windows image"));
    }

    #[test]
    fn the_page_for_authors_names_the_interface_and_the_codes_of_the_sample() {
        let page = include_str!("../../../docs/vf-authors.md");
        let digits = format!("{:032X}", sample::INTERFACE_CLASS);
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
        let class = format!("`{{{}}}`", parts.join("-"));
        assert!(page.contains(&class), "{class}");
        for (code, input) in [
            (sample::IOCTL_READ, size_of::<sample::ReadRequest>()),
            (sample::IOCTL_WRITE, size_of::<sample::WriteRequest>()),
            (sample::IOCTL_TAKE_CHANGES, 0),
            (sample::IOCTL_WAIT_CHANGES, 0),
        ] {
            let row = page
                .lines()
                .find(|line| line.contains(&format!("| `{code:#010X}` |")));
            let row = row.unwrap_or_else(|| panic!("the page has no code {code:#010X}"));
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let bytes = match cells[3] {
                "block ID, way" => 8,
                "block ID, way, length, 128 bytes of data" => 12 + 128,
                _ => 0,
            };
            assert_eq!(bytes, input, "{row}");
        }
    }
}
