//! The INF files of the lab: for the doubles, and for the driver, derived from `pf_broker.inx`.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::device::{Device, Value};
use build_steps::source_edit::{MisfitError, SourceEdit};

/// The INF that is installed on Windows; the lab's is derived from it.
const TEMPLATE: &str = include_str!("../../../pf_broker.inx");

/// A double to install.
struct Driver<'a> {
    hardware_id: String,
    service: &'a str,
    image: &'a str,
}

/// The INF of the bus and stack doubles.
pub(crate) fn stack() -> String {
    text(&Driver {
        hardware_id: r"ROOT\PF_BROKER_LAB".to_owned(),
        service: "lab_stack",
        image: "lab_stack.sys",
    })
}

/// The INF of the sample VF driver.
pub(crate) fn vf_driver(device: &Device) -> String {
    text(&Driver {
        hardware_id: pci_id(device.vendor_id, device.vf_device_id()),
        service: "vf_driver",
        image: "vf_driver.sys",
    })
}

/// The service of the function driver in the runs in which the driver under test is a filter.
pub(crate) const FUNCTION_DRIVER: &str = "function_driver";

/// The INF of the function driver, and of the filter's values in the hardware key. On Windows an
/// extension INF writes these, which Wine does not have.
pub(crate) fn function_driver(device: &Device) -> String {
    let text = text(&Driver {
        hardware_id: pci_id(device.vendor_id, device.device_id),
        service: FUNCTION_DRIVER,
        image: "function_driver.sys",
    });
    let parameters = parameters(device).replace('\n', "\r\n");
    format!(
        "{text}[Install.NT.HW]\r\nAddReg = Install.Parameters\r\n\
         [Install.Parameters]\r\n{parameters}"
    )
}

/// The lines of the device's values in the hardware key.
fn parameters(device: &Device) -> String {
    [
        ("NumVFs", &device.num_vfs),
        ("BlockTable", &device.table),
        ("InvalidateInput", &device.invalidate_input),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(line(name, value.as_ref()?)))
    .collect()
}

/// The INF of the driver under test: `pf_broker.inx` with the manifest's device and table, and with
/// replacements for what Wine 8 does not support.
///
/// # Errors
/// When a line that is to be replaced does not stand exactly once in `pf_broker.inx`.
pub(crate) fn driver(device: &Device) -> Result<String, MisfitError> {
    let parameters = parameters(device);
    let hardware_id = pci_id(device.vendor_id, device.device_id);
    let service = device.service();
    let edits = [
        (
            "the package's service",
            "AddService = pf_broker,",
            &*format!("AddService = {service},"),
        ),
        (
            "the same for the framework",
            "KmdfService = pf_broker,",
            &*format!("KmdfService = {service},"),
        ),
        (
            "the manifest's device",
            r"PCI\VEN_1414&DEV_B001",
            &*hardware_id,
        ),
        (
            "the manifest's VFs and table",
            "HKR,,NumVFs,0x00010003,4\n",
            &*parameters,
        ),
        (
            "a version, as stampinf puts it",
            "DriverVer   =",
            "DriverVer = 01/01/2026,1.0.0.0",
        ),
        (
            "Wine does not support a minimum build for a list of models",
            "Models,NT$ARCH$.10.0...17134",
            "Models,NTamd64",
        ),
        (
            "the same, where the list begins",
            "[Models.NT$ARCH$.10.0...17134]",
            "[Models.NTamd64]",
        ),
        (
            "Wine fails to copy an image that is there already",
            "CopyFiles = PfBroker.Files\n",
            "",
        ),
        (
            "Wine searches for the catalogue that an INF names",
            "CatalogFile = pf_broker.cat\n",
            "",
        ),
        (
            "Wine has no pci.inf",
            "Include = pci.inf\nNeeds   = PciSriovSupported.HW\n",
            "",
        ),
        (
            "Wine has no driver store, and starts devices' drivers from one load order group",
            r"ServiceBinary = %13%\pf_broker.sys",
            &*format!("ServiceBinary = %12%\\{service}.sys\nLoadOrderGroup = WinePlugPlay"),
        ),
    ];
    let mut text = TEMPLATE.replace("\r\n", "\n");
    for (name, before, after) in edits {
        let edit = SourceEdit {
            name: name.to_owned(),
            file: PathBuf::from("pf_broker.inx"),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        text = edit.applied_to(&text)?;
    }
    Ok(text.replace('\n', "\r\n"))
}

/// A line of an `AddReg` section.
fn line(name: &str, value: &Value) -> String {
    let mut line = match value {
        Value::Number(number) => format!("HKR,,{name},0x00010001,{number}"),
        Value::Text(text) => format!("HKR,,{name},0x00000000,\"{text}\""),
        Value::Bytes(_) => format!("HKR,,{name},0x00000001"),
    };
    if let Value::Bytes(bytes) = value {
        for byte in bytes {
            let _ = write!(line, ",{byte:02X}");
        }
    }
    line + "\n"
}

fn pci_id(vendor: u16, device: u16) -> String {
    format!(r"PCI\VEN_{vendor:04X}&DEV_{device:04X}")
}

/// Nothing is copied: Wine 8 fails to copy an image that is there already, so the images are laid
/// out beforehand. `12` is the drivers folder; the load order group is the one that Wine starts
/// devices' drivers from.
fn text(driver: &Driver<'_>) -> String {
    let Driver {
        hardware_id,
        service,
        image,
    } = driver;
    let lines = format!(
        "\
[Version]
Signature = \"$WINDOWS NT$\"
Class = System
ClassGuid = {{4D36E97D-E325-11CE-BFC1-08002BE10318}}
Provider = lab
[Manufacturer]
lab = Models,NTamd64
[Models.NTamd64]
device = Install,{hardware_id}
[Install.NT]
[Install.NT.Services]
AddService = {service},2,Service
[Service]
ServiceType = 1
StartType = 3
ErrorControl = 1
ServiceBinary = %12%\\{image}
LoadOrderGroup = WinePlugPlay
"
    );
    lines.replace('\n', "\r\n")
}
