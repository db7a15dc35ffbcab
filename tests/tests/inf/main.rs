//! Reads back the output of `pfbctl inf` and compares it with the rules of `InfVerif` (Windows
//! driver documentation: "INF validation errors and warnings", "DCH design principles", "Driver
//! package isolation"). `InfVerif` itself runs on Windows only and was not run here.

mod reader;

use std::collections::BTreeSet;
use std::fs;

use block_table::Table;
use end_to_end::{pfbctl, pfbctl_bytes};
use reader::Inf;

fn written(manifest: &str) -> String {
    written_with(manifest, &[])
}

fn written_with(manifest: &str, options: &[&str]) -> String {
    let arguments = [
        "inf",
        manifest,
        "--provider",
        "Contoso",
        "--driver-ver",
        "02/28/2026,1.2.3.4",
    ];
    let run = pfbctl(&[&arguments, options].concat(), "");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout
}

/// The options of each kind of package: of the function driver, and of an upper filter.
const KINDS: [&[&str]; 2] = [&[], UPPER_FILTER];
const UPPER_FILTER: &[&str] = &["--upper-filter"];

/// Every manifest's package of each kind.
fn all_kinds() -> impl Iterator<Item = (&'static str, &'static [&'static str], Inf)> {
    MANIFESTS.into_iter().flat_map(|manifest| {
        KINDS.map(|kind| (manifest, kind, Inf::parse(&written_with(manifest, kind))))
    })
}

const MANIFESTS: [&str; 3] = [
    "blocks/hello.toml",
    "blocks/accelerator.toml",
    "blocks/mlx5-hv-vhca.toml",
];

/// The one model: its models section, its install section and its hardware ID.
fn model(inf: &Inf) -> (String, String, String) {
    let manufacturers = inf.section("Manufacturer");
    assert_eq!(manufacturers.len(), 1);
    let [base, decoration] = &manufacturers[0].values[..] else {
        panic!("one target system")
    };
    let section = format!("{base}.{decoration}");
    let models = inf.section(&section);
    assert_eq!(models.len(), 1);
    let [install, id] = &models[0].values[..] else {
        panic!("one hardware ID")
    };
    (section, install.clone(), id.clone())
}

#[test]
fn the_version_section_says_all_that_a_driver_package_must() {
    for manifest in MANIFESTS {
        let inf = Inf::parse(&written(manifest));
        assert_eq!(inf.value("Version", "Signature"), "$WINDOWS NT$");
        assert_eq!(inf.value("Version", "PnpLockdown"), "1");
        assert_eq!(inf.value("Version", "Class"), "System");
        assert_eq!(
            inf.value("Version", "ClassGuid"),
            "{4D36E97D-E325-11CE-BFC1-08002BE10318}",
            "that of the class System"
        );
        let service = inf.value("Version", "CatalogFile");
        let service = service.strip_suffix(".cat").expect("a catalog");
        assert!(service.starts_with("pf_broker_1"), "{service}");
        assert_eq!(
            inf.values("Version", "DriverVer"),
            ["02/28/2026", "1.2.3.4"]
        );
        assert_eq!(inf.text(&inf.value("Version", "Provider")), "Contoso");
    }
}

#[test]
fn every_string_token_is_defined_and_every_string_used() {
    for (_, _, inf) in all_kinds() {
        let mut used = BTreeSet::new();
        for (section, entries) in inf.0.iter().filter(|(section, _)| *section != "strings") {
            for entry in entries {
                for text in entry.key.iter().chain(&entry.values) {
                    let tokens = text.split('%').skip(1).step_by(2);
                    for token in tokens.filter(|token| token.parse::<u32>().is_err()) {
                        inf.values("Strings", token);
                        used.insert(token.to_lowercase());
                    }
                    assert_eq!(text.matches('%').count() % 2, 0, "[{section}] {text}");
                }
            }
        }
        let defined: BTreeSet<String> = inf
            .section("Strings")
            .iter()
            .filter_map(|entry| entry.key.as_ref())
            .map(|key| key.to_lowercase())
            .collect();
        assert_eq!(defined, used);
    }
}

#[test]
fn every_section_is_referred_to_and_there() {
    for (_, kind, inf) in all_kinds() {
        let (models, install, _) = model(&inf);
        let mut referred: BTreeSet<String> = [
            "version",
            "destinationdirs",
            "sourcedisksnames",
            "sourcedisksfiles",
            "manufacturer",
            "strings",
        ]
        .map(str::to_owned)
        .into();
        let mut refer = |section: &str| {
            inf.section(section);
            referred.insert(section.to_lowercase());
        };
        refer(&models);
        for part in [".NT", ".NT.HW", ".NT.Services", ".NT.Wdf"] {
            refer(&format!("{install}{part}"));
        }
        refer(&inf.value(&format!("{install}.NT"), "CopyFiles"));
        refer(&inf.value(&format!("{install}.NT.HW"), "AddReg"));
        let service = inf.values(&format!("{install}.NT.Services"), "AddService");
        refer(&service[2]);
        refer(&service[3]);
        refer(&inf.value(&service[3], "AddReg"));
        refer(&inf.values(&format!("{install}.NT.Wdf"), "KmdfService")[1]);
        if kind == UPPER_FILTER {
            let filters = format!("{install}.NT.Filters");
            refer(&filters);
            refer(&inf.values(&filters, "AddFilter")[2]);
        }
        let present: BTreeSet<String> = inf.0.keys().cloned().collect();
        assert_eq!(present, referred);
    }
}

#[test]
fn the_package_keeps_to_the_driver_store_and_to_its_own_keys() {
    for kind in KINDS {
        keeps_to_the_driver_store(kind);
    }
}

fn keeps_to_the_driver_store(kind: &[&str]) {
    let inf = Inf::parse(&written_with("blocks/accelerator.toml", kind));
    let (models, install, _) = model(&inf);
    // The driver store as a destination (DIRID 13) exists since build 16299.
    let (_, build) = models.rsplit_once('.').expect("a build");
    assert!(
        models.to_lowercase().contains(".ntamd64.10.0..."),
        "{models}"
    );
    assert!(
        build.parse::<u32>().is_ok_and(|build| build >= 16299),
        "{models}"
    );
    for destination in inf.section("DestinationDirs") {
        assert_eq!(destination.values, ["13"]);
    }
    let files = inf.value(&format!("{install}.NT"), "CopyFiles");
    for file in inf.section(&files) {
        let disk = inf.value("SourceDisksFiles", &file.values[0]);
        inf.values("SourceDisksNames", &disk);
    }
    let services = format!("{install}.NT.Services");
    let service = inf.values(&services, "AddService");
    assert_eq!(service[0], "pf_broker_1414_b001");
    let is_function_driver = service[1] == "0x00000002";
    assert_eq!(
        is_function_driver,
        kind != UPPER_FILTER,
        "SPSVCINST_ASSOCSERVICE is the function driver's: {}",
        service[1]
    );
    assert_eq!(
        inf.value(&service[2], "ServiceBinary"),
        r"%13%\pf_broker_1414_b001.sys"
    );
    assert_eq!(
        inf.value(&service[2], "ServiceType"),
        "1",
        "a kernel driver"
    );
    assert_eq!(
        inf.value(&service[2], "StartType"),
        "3",
        "started by Plug and Play"
    );
    let registry = inf.value(&format!("{install}.NT.HW"), "AddReg");
    let of_event_log = inf.value(&service[3], "AddReg");
    for entry in inf
        .section(&registry)
        .iter()
        .chain(inf.section(&of_event_log))
    {
        assert_eq!(
            entry.values[0], "HKR",
            "a package writes below its own key alone"
        );
    }
    let values: Vec<_> = inf
        .section(&of_event_log)
        .iter()
        .map(|entry| entry.values[2..].join(","))
        .collect();
    assert_eq!(
        values,
        [
            // REG_EXPAND_SZ
            r"EventMessageFile,0x00020000,%13%\pf_broker_1414_b001.sys",
            // EVENTLOG_ERROR_TYPE, EVENTLOG_WARNING_TYPE and EVENTLOG_INFORMATION_TYPE
            "TypesSupported,0x00010001,7",
        ]
    );
    for directive in [
        "CoInstallers",
        "LogConfig",
        "DelFiles",
        "RenFiles",
        "RegisterDlls",
        "BitReg",
    ] {
        let named = inf
            .0
            .values()
            .flatten()
            .filter_map(|entry| entry.key.as_ref());
        let named: Vec<_> = named
            .filter(|key| key.eq_ignore_ascii_case(directive))
            .collect();
        assert!(
            named.is_empty(),
            "{directive} is no directive of such a package"
        );
    }
    assert_eq!(
        inf.values(&format!("{install}.NT.Wdf"), "KmdfService")[0],
        service[0]
    );
}

#[test]
fn the_device_may_have_vfs_and_only_system_and_administrators_open_it() {
    for manifest in MANIFESTS {
        let inf = Inf::parse(&written(manifest));
        let (_, install, _) = model(&inf);
        let hardware = format!("{install}.NT.HW");
        assert_eq!(inf.value(&hardware, "Include"), "pci.inf");
        assert_eq!(inf.value(&hardware, "Needs"), "PciSriovSupported.HW");
        let registry = inf.value(&hardware, "AddReg");
        let security: Vec<_> = inf
            .section(&registry)
            .iter()
            .filter(|entry| entry.values[2] == "Security")
            .collect();
        assert_eq!(security.len(), 1);
        assert_eq!(
            security[0].values.last().expect("a value"),
            "D:P(A;;GA;;;SY)(A;;GA;;;BA)"
        );
    }
}

#[test]
fn ids_number_of_vfs_and_block_table_are_the_manifests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (manifest, _, inf) in all_kinds() {
        let (_, install, id) = model(&inf);
        let registry = inf.value(&format!("{install}.NT.HW"), "AddReg");
        let value = |name: &str| -> Vec<String> {
            let entry = inf
                .section(&registry)
                .iter()
                .find(|entry| entry.values[2] == name);
            entry.unwrap_or_else(|| panic!("{name} is missing")).values[3..].to_vec()
        };
        let [number_type, number] = &value("NumVFs")[..] else {
            panic!("a DWORD")
        };
        assert_eq!(
            number_type, "0x00010003",
            "FLG_ADDREG_TYPE_DWORD and FLG_ADDREG_NOCLOBBER: an update keeps what was set"
        );
        let bytes = value("BlockTable");
        assert_eq!(bytes[0], "0x00000001", "REG_BINARY");
        let bytes: Vec<u8> = bytes[1..]
            .iter()
            .map(|digits| u8::from_str_radix(digits, 16).expect("a byte"))
            .collect();

        let compiled = folder.path().join("table");
        let path = compiled.to_str().expect("a path in UTF-8");
        assert_eq!(pfbctl(&["compile", manifest, "-o", path], "").code, 0);
        assert_eq!(
            bytes,
            fs::read(&compiled).expect("the table"),
            "the same table as compiled"
        );
        let table = Table::verify(&bytes).expect("the driver will load it");
        let device = table.device();
        assert_eq!(number.parse(), Ok(device.max_vfs));
        let ids = format!(
            r"PCI\VEN_{:04X}&DEV_{:04X}",
            device.vendor_id,
            device.device_ids().next().expect("one at least")
        );
        assert_eq!(id, ids);
    }
}

/// What `InfVerif` and the pages "Using an Extension INF File", "INF `AddFilter` Directive" and
/// "Device Filter Driver Ordering" require of the INF of a filter.
#[test]
fn the_upper_filters_package_is_an_extension_of_the_function_drivers() {
    for manifest in MANIFESTS {
        let text = written_with(manifest, UPPER_FILTER);
        let inf = Inf::parse(&text);
        let (models, install, _) = model(&inf);
        assert_eq!(inf.value("Version", "Class"), "Extension");
        assert_eq!(
            inf.value("Version", "ClassGuid").to_lowercase(),
            "{e2f84ce7-8efa-411c-aa69-97454ca4cb57}"
        );
        let id = inf.value("Version", "ExtensionId");
        assert_eq!(id.len(), 38, "a GUID in braces: {id}");
        let (_, build) = models.rsplit_once('.').expect("a build");
        assert!(
            build.parse::<u32>().is_ok_and(|build| build >= 18362),
            "AddFilter exists since Windows 10 1903: {models}"
        );
        let service = inf.values(&format!("{install}.NT.Services"), "AddService");
        let filter = inf.values(&format!("{install}.NT.Filters"), "AddFilter");
        assert_eq!(
            (&filter[0], filter[1].as_str()),
            (&service[0], ""),
            "the service, and no flags"
        );
        let section = inf.section(&filter[2]);
        assert_eq!(section.len(), 1, "FilterPosition or FilterLevel, not both");
        assert_eq!(inf.value(&filter[2], "FilterPosition"), "Upper");
        let hardware = inf.section(&format!("{install}.NT.HW"));
        assert_eq!(
            hardware.len(),
            1,
            "the function driver's INF opts in to SR-IOV"
        );
        assert!(
            !text.contains("Security"),
            "a security descriptor would replace the function driver's for the whole stack"
        );
        assert!(
            !text.contains("UpperFilters"),
            "AddFilter alone, error 1329"
        );
    }
}

#[test]
fn the_extension_id_stays_over_versions_and_differs_between_devices() {
    let id = |manifest: &str, options: &[&str]| {
        let options = [UPPER_FILTER, options].concat();
        Inf::parse(&written_with(manifest, &options)).value("Version", "ExtensionId")
    };
    let [hello, accelerator, _] = MANIFESTS;
    assert_eq!(id(hello, &[]), id(hello, &["--num-vfs", "1"]));
    assert_ne!(id(hello, &[]), id(accelerator, &[]));
    assert_ne!(id(hello, &[]), id(hello, &["--subsystem", "1414:0001"]));
    let given = "{6B29FC40-CA47-1067-B31D-00DD010662DA}";
    assert_eq!(id(hello, &["--extension-id", given]), given);
}

#[test]
fn interrupts_and_subsystems_are_options_of_both_kinds() {
    for kind in KINDS {
        let options = ["--msi", "--msi-limit", "16", "--subsystem", "15b3:0a08"];
        let text = written_with("blocks/hello.toml", &[kind, &options].concat());
        let inf = Inf::parse(&text);
        let (_, install, id) = model(&inf);
        assert_eq!(id, r"PCI\VEN_1414&DEV_B000&SUBSYS_0A0815B3");
        let registry = inf.value(&format!("{install}.NT.HW"), "AddReg");
        let value = |name: &str| {
            let entry = inf
                .section(&registry)
                .iter()
                .find(|entry| entry.values[2] == name);
            let entry = entry.unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(
                entry.values[1],
                r"Interrupt Management\MessageSignaledInterruptProperties"
            );
            entry.values[3..].to_vec()
        };
        assert_eq!(value("MSISupported"), ["0x00010001", "1"]);
        assert_eq!(value("MessageNumberLimit"), ["0x00010001", "16"]);
    }
}

/// Every name of a package that is global on the host, in lower case, because Windows ignores case.
fn names_on_the_host(inf: &Inf) -> BTreeSet<String> {
    let (_, install, _) = model(inf);
    let service = &inf.values(&format!("{install}.NT.Services"), "AddService");
    let framework = &inf.values(&format!("{install}.NT.Wdf"), "KmdfService")[0];
    assert_eq!(&service[0], framework);
    let files = inf.value(&format!("{install}.NT"), "CopyFiles");
    let sources = inf
        .section("SourceDisksFiles")
        .iter()
        .filter_map(|entry| entry.key.clone());
    let copied = inf
        .section(&files)
        .iter()
        .map(|entry| entry.values[0].clone());
    let of_event_log = inf.value(&service[3], "AddReg");
    let [messages, _] = inf.section(&of_event_log) else {
        panic!("[{of_event_log}] has two values")
    };
    let mut names: Vec<String> = sources.chain(copied).collect();
    names.extend([
        service[0].clone(),
        inf.text(&inf.value(&service[2], "DisplayName")),
        inf.value(&service[2], "ServiceBinary"),
        inf.value("Version", "CatalogFile"),
        messages.values[4].clone(),
    ]);
    names.iter().map(|name| name.to_lowercase()).collect()
}

#[test]
fn the_packages_of_two_vendors_share_no_name_on_a_host() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = fs::read_to_string(end_to_end::repository().join("blocks/accelerator.toml"))
        .expect("the manifest");
    let of_vendor = |vendor: &str| {
        let path = folder.path().join(format!("{vendor}.toml"));
        let changed = text.replace("vendor-id = 0x1414", &format!("vendor-id = {vendor}"));
        fs::write(&path, changed).expect("written");
        names_on_the_host(&Inf::parse(&written(path.to_str().expect("a path"))))
    };
    let (one, other) = (of_vendor("0x1414"), of_vendor("0x15B3"));
    assert_eq!(
        one.len(),
        5,
        "service, display name, two paths, catalog: {one:?}"
    );
    assert_eq!(other.len(), 5, "{other:?}");
    assert!(
        one.is_disjoint(&other),
        "{:?}",
        one.intersection(&other).collect::<Vec<_>>()
    );
    assert_eq!(one, of_vendor("0x1414"), "the same each time");
}

#[test]
fn the_names_and_the_class_are_those_of_the_command_line() {
    let run = pfbctl(
        &[
            "inf",
            "blocks/accelerator.toml",
            "--service",
            "CxPf",
            "--binary",
            "cx100.sys",
            "--catalog",
            "cx-package.cat",
            "--class",
            "ComputeAccelerator",
        ],
        "",
    );
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let inf = Inf::parse(&run.stdout);
    assert_eq!(
        names_on_the_host(&inf),
        [
            "cxpf",
            "contoso cx-100 (cxpf)",
            "cx100.sys",
            r"%13%\cx100.sys",
            "cx-package.cat"
        ]
        .map(str::to_owned)
        .into()
    );
    assert_eq!(inf.value("Version", "Class"), "ComputeAccelerator");
    assert_eq!(
        inf.value("Version", "ClassGuid"),
        "{F01A9D53-3FF6-48D2-9F97-C8A7004BE10C}",
        "of \"System-Defined Device Setup Classes Available to Vendors\""
    );
    assert_eq!(
        inf.text(&inf.value("Version", "Provider")),
        "PCI vendor 1414",
        "who assigns it says who provides it, when nobody else does"
    );
}

/// The `DriverVer` of an INF that is written with this `SOURCE_DATE_EPOCH`.
fn version_at(seconds: &str) -> Vec<String> {
    let environment = [("SOURCE_DATE_EPOCH", seconds)];
    let run = pfbctl_bytes(&["inf", "blocks/hello.toml"], "", &environment);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let text = String::from_utf8(run.stdout).expect("ASCII");
    Inf::parse(&text).values("Version", "DriverVer")
}

#[test]
fn the_version_is_that_of_the_time_and_a_later_one_is_newer() {
    let tool = env!("CARGO_PKG_VERSION");
    assert_eq!(
        version_at("1772323199"),
        ["02/28/2026".to_owned(), format!("{tool}.1439")]
    );
    assert_eq!(
        version_at("1772323260"),
        ["03/01/2026".to_owned(), format!("{tool}.1")]
    );
    let run = pfbctl(&["inf", "blocks/hello.toml"], "");
    let now = Inf::parse(&run.stdout).values("Version", "DriverVer");
    let year = now[0].rsplit('/').next().expect("a date");
    assert!(year.parse::<u32>().expect("a year") >= 2026, "{now:?}");
    for wrong in ["", "yesterday", "-1", "253402300800"] {
        let environment = [("SOURCE_DATE_EPOCH", wrong)];
        let run = pfbctl_bytes(&["inf", "blocks/hello.toml"], "", &environment);
        assert_eq!((run.code, run.stdout.len()), (2, 0), "{wrong}");
        assert!(
            run.stderr.contains("SOURCE_DATE_EPOCH") && run.stderr.contains(wrong),
            "{wrong}: {}",
            run.stderr
        );
    }
}

#[test]
fn an_inf_on_standard_output_has_the_bytes_of_the_one_in_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("made.inf");
    let path = file.to_str().expect("a path in UTF-8");
    // The second character is U+1B63, whose first byte in UTF-16 begins an escape sequence.
    for provider in ["Contoso", "Zürich\u{1B63}"] {
        let arguments = [
            "inf",
            "blocks/hello.toml",
            "--provider",
            provider,
            "--driver-ver",
            "02/28/2026,1.2.3.4",
        ];
        let to_file = [&arguments[..], &["-o", path]].concat();
        assert_eq!(pfbctl(&to_file, "").code, 0);
        let expected = fs::read(&file).expect("the INF");
        let run = pfbctl_bytes(&arguments, "", &[]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout == expected, "{provider}: other bytes");
    }
    let bytes = fs::read(&file).expect("the INF");
    assert!(bytes.starts_with(&[0xFF, 0xFE]), "UTF-16 with its mark");
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let text = String::from_utf16(&units).expect("UTF-16");
    assert!(text.contains("\"Zürich\u{1B63}\""), "{text}");
}

#[test]
fn what_an_inf_cannot_hold_is_refused_and_named() {
    let hello = "blocks/hello.toml";
    for (arguments, code, words) in [
        (
            vec!["inf", hello, "--num-vfs", "9"],
            2,
            "9 is not within 1 to 8",
        ),
        (
            vec!["inf", hello, "--num-vfs", "0"],
            2,
            "0 is not within 1 to 8",
        ),
        (
            vec!["inf", hello, "--driver-ver", "2026-01-01,1.0.0.0"],
            2,
            "2026-01-01,1.0.0.0",
        ),
        (
            vec!["inf", hello, "--provider", "two\nlines"],
            2,
            "--provider",
        ),
        (vec!["inf", hello, "--arch", "x86"], 2, "x86"),
        (
            vec!["inf", hello, "--class", "Net"],
            2,
            "ComputeAccelerator",
        ),
        (
            vec!["inf", hello, "--service", "two words"],
            2,
            "--service: \"two words\" has ' '",
        ),
        (
            vec!["inf", hello, "--binary", "pf.exe"],
            2,
            "--binary: pf.exe is not a name that ends with .sys",
        ),
        (
            vec!["inf", hello, "--catalog", "pf"],
            2,
            "--catalog: pf is not a name that ends with .cat",
        ),
        (vec!["inf", "no-such.toml"], 2, "no-such.toml"),
        (
            vec!["inf", hello, "--subsystem", "15b3"],
            2,
            "--subsystem: \"15b3\" is not a subsystem vendor ID and a subsystem ID",
        ),
        (
            vec!["inf", hello, "--upper-filter", "--extension-id", "1234"],
            2,
            "--extension-id: \"1234\" is not a GUID",
        ),
        (
            vec!["inf", hello, "--extension-id", "1234"],
            2,
            "--upper-filter",
        ),
        (
            vec!["inf", hello, "--upper-filter", "--class", "System"],
            2,
            "'--upper-filter' cannot be used with '--class <CLASS>'",
        ),
        (vec!["inf", hello, "--msi-limit", "2"], 2, "--msi"),
        (
            vec!["inf", hello, "--msi", "--msi-limit", "0"],
            2,
            "0 is not in 1..=2048",
        ),
        (
            vec!["inf", hello, "--upper-filter", "--binary", "pf.exe"],
            2,
            "--binary: pf.exe is not a name that ends with .sys",
        ),
    ] {
        let run = pfbctl(&arguments, "");
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
}
