//! The names of a package that must be unique on a host: service, binary and catalog.

use crate::cli;
use crate::failure::Failure;

/// The maximum length of a service's name. Windows allows 256 (`CreateService`); with a file
/// extension the name has to fit the 255 of a file's name.
const MAX_SERVICE: usize = 251;
/// The maximum length of a file's name in Windows' file systems.
const MAX_FILE: usize = 255;

/// File names that Windows reserves for devices, with or without extension ("Naming Files, Paths,
/// and Namespaces"); COM and LPT stand for those with a digit appended.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
const RESERVED_WITH_DIGIT: [&str; 2] = ["com", "lpt"];

/// Service, binary and catalog of a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// The driver's service.
    pub(super) service: String,
    /// The driver's file.
    pub(super) binary: String,
    /// The catalog's file.
    pub(super) catalog: String,
}

impl Names {
    /// The names from the command line. The others come from the PF's PCI IDs: PCI-SIG assigns the
    /// vendor ID to one vendor, so the defaults of two vendors differ.
    pub(super) fn choose(
        given: &cli::InfNames,
        vendor_id: u16,
        device_id: u16,
    ) -> Result<Self, Failure> {
        let service = match &given.service {
            Some(service) => service.clone(),
            None => format!("pf_broker_{vendor_id:04x}_{device_id:04x}"),
        };
        plain("--service", &service, MAX_SERVICE)?;
        Ok(Self {
            binary: file("--binary", given.binary.as_deref(), &service, ".sys")?,
            catalog: file("--catalog", given.catalog.as_deref(), &service, ".cat")?,
            service,
        })
    }
}

/// The given file name, or that of the service.
fn file(
    argument: &'static str,
    given: Option<&str>,
    service: &str,
    extension: &str,
) -> Result<String, Failure> {
    let name = given.map_or_else(|| format!("{service}{extension}"), str::to_owned);
    plain(argument, &name, MAX_FILE)?;
    let stem = name
        .len()
        .checked_sub(extension.len())
        .and_then(|end| name.split_at_checked(end))
        .filter(|(stem, end)| !stem.is_empty() && end.eq_ignore_ascii_case(extension));
    if stem.is_none() {
        return Err(Failure::Argument {
            argument,
            problem: format!("{name} is not a name that ends with {extension}"),
        });
    }
    Ok(name)
}

/// Checks that a name needs no quotation in an INF and is valid in the registry and in a file
/// system.
fn plain(argument: &'static str, name: &str, most: usize) -> Result<(), Failure> {
    let wrong = |problem: String| Err(Failure::Argument { argument, problem });
    if !(1..=most).contains(&name.len()) {
        return wrong(format!(
            "the name has {} bytes, and may have 1 to {most}",
            name.len()
        ));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if let Some(foreign) = name.chars().find(|&c| !is_allowed(c)) {
        return wrong(format!(
            "{name:?} has {foreign:?}; a name has letters and digits of ASCII, `_`, `-` and `.`"
        ));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.ends_with('.') {
        return wrong(format!(
            "{name} must begin with a letter or a digit, and not end with a period"
        ));
    }
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_reserved = RESERVED.contains(&stem.as_str())
        || RESERVED_WITH_DIGIT.iter().any(|device| {
            stem.strip_prefix(device)
                .is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
        });
    if is_reserved {
        return wrong(format!("Windows reserves the name {name} for a device"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::cli::InfNames;

    fn given(service: Option<&str>, binary: Option<&str>, catalog: Option<&str>) -> InfNames {
        InfNames {
            service: service.map(str::to_owned),
            binary: binary.map(str::to_owned),
            catalog: catalog.map(str::to_owned),
        }
    }

    fn chosen(names: &InfNames) -> Result<Names, String> {
        Names::choose(names, 0x0ABC, 0xD).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_pci_ids_and_of_the_service() {
        let names = |service: &str| Names {
            service: service.to_owned(),
            binary: format!("{service}.sys"),
            catalog: format!("{service}.cat"),
        };
        assert_eq!(
            chosen(&given(None, None, None)),
            Ok(names("pf_broker_0abc_000d"))
        );
        assert_eq!(
            chosen(&given(Some("Contoso"), None, None)),
            Ok(names("Contoso"))
        );
        assert_eq!(
            chosen(&given(Some("Contoso"), Some("cx.SYS"), Some("cx100.cat"))),
            Ok(Names {
                service: "Contoso".to_owned(),
                binary: "cx.SYS".to_owned(),
                catalog: "cx100.cat".to_owned(),
            })
        );
    }

    #[test]
    fn a_name_that_windows_or_an_inf_does_not_take_is_refused_with_the_reason() {
        for (service, words) in [
            ("", "has 0 bytes, and may have 1 to 251"),
            (&"x".repeat(252), "has 252 bytes, and may have 1 to 251"),
            ("Contoso PF", "has ' '"),
            ("a,b", "has ','"),
            ("a%b", "has '%'"),
            (r"a\b", r"has '\\'"),
            ("a\nb", r"has '\n'"),
            ("Zürich", "has 'ü'"),
            ("_pf", "must begin with a letter or a digit"),
            ("pf.", "not end with a period"),
            ("NUL", "reserves the name NUL"),
            ("com1.pf", "reserves the name com1.pf"),
        ] {
            let problem = chosen(&given(Some(service), None, None)).expect_err(service);
            assert!(
                problem.starts_with("--service: ") && problem.contains(words),
                "{service:?}: {problem}"
            );
        }
        let longest = "x".repeat(251);
        assert!(chosen(&given(Some(&longest), None, None)).is_ok());
        assert!(chosen(&given(Some("community"), None, None)).is_ok());
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        for (binary, catalog, words) in [
            (
                Some("pf.dll"),
                None,
                "--binary: pf.dll is not a name that ends with .sys",
            ),
            (
                Some("sys"),
                None,
                "--binary: sys is not a name that ends with .sys",
            ),
            (
                None,
                Some("pf.sys"),
                "--catalog: pf.sys is not a name that ends with .cat",
            ),
        ] {
            let problem = chosen(&given(None, binary, catalog)).expect_err(words);
            assert_eq!(problem, words);
        }
    }
}
