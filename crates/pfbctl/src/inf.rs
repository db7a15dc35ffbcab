//! `pfbctl inf`: writes a device's INF from the driver's `pf_broker.inx`.

mod identity;
mod names;
mod version;

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use crate::cli::{self, Class};
use crate::failure::Failure;
use crate::source;
use identity::Subsystem;
use names::Names;

/// The template that stampinf would use, so that sections and security have one source.
const TEMPLATE: &str = include_str!("../../../pf_broker.inx");
/// The same for an upper filter's extension INF.
const FILTER_TEMPLATE: &str = include_str!("../../../pf_broker_filter.inx");

/// Bytes of the block table on one line of the INF.
const BYTES_A_LINE: usize = 24;

/// `FLG_ADDREG_TYPE_DWORD` and `FLG_ADDREG_NOCLOBBER` ("INF `AddReg` directive"): a `REG_DWORD`
/// that is written unless the value exists, so that an update of the package keeps what the
/// administrator set.
const DWORD_UNLESS_SET: &str = "0x00010003";
/// `FLG_ADDREG_TYPE_DWORD`: a `REG_DWORD`.
const DWORD: &str = "0x00010001";
/// `FLG_ADDREG_KEYONLY`: a key without a value.
const KEY: &str = "0x00000010";
/// `FLG_ADDREG_BINVALUETYPE`: a `REG_BINARY`.
const BINARY: &str = "0x00000001";

/// The values of a device's INF.
struct Parameters<'p> {
    provider: &'p str,
    device: &'p str,
    driver_ver: &'p str,
    arch: &'p str,
    class: Class,
    names: Names,
    hardware_ids: Vec<String>,
    /// Of an extension INF.
    extension_id: String,
    msi: Option<Msi>,
    num_vfs: u16,
    table: &'p [u8],
}

/// Message-signaled interrupts of the device.
#[derive(Clone, Copy)]
struct Msi {
    /// Most messages.
    limit: Option<u16>,
}

/// `pfbctl inf`.
pub(crate) fn run(arguments: &cli::Inf, out: &mut dyn Write) -> Result<(), Failure> {
    let manifest = source::manifest(&arguments.manifest)?;
    let device = manifest.device();
    let most = device.max_vfs;
    let num_vfs = arguments.num_vfs.unwrap_or(most);
    if !(1..=most).contains(&num_vfs) {
        return Err(Failure::Argument {
            argument: "--num-vfs",
            problem: format!("{num_vfs} is not within 1 to {most}, the manifest's max-vfs"),
        });
    }
    let provider = match &arguments.provider {
        Some(provider) => Cow::from(provider),
        None => format!("PCI vendor {:04X}", device.vendor_id).into(),
    };
    let driver_ver = match &arguments.driver_ver {
        Some(text) => Cow::from(version::given(text)?),
        None => version::of_today()?.into(),
    };
    let subsystems = arguments
        .subsystem
        .iter()
        .map(|text| Subsystem::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let extension_id = identity::extension_id(
        arguments.extension_id.as_deref(),
        device.vendor_id,
        device.device_id(),
        subsystems.first().copied(),
    )?;
    let table = manifest.compile();
    let parameters = Parameters {
        provider: one_line("--provider", &provider)?,
        device: one_line("the device's name", &device.name)?,
        driver_ver: &driver_ver,
        arch: &arguments.arch,
        class: arguments.class.unwrap_or(Class::System),
        names: Names::choose(&arguments.names, device.vendor_id, device.device_id())?,
        hardware_ids: identity::hardware_ids(device.vendor_id, &device.device_ids, &subsystems),
        extension_id,
        msi: arguments.msi.then_some(Msi {
            limit: arguments.msi_limit,
        }),
        num_vfs,
        table: &table,
    };
    let template = if arguments.upper_filter {
        FILTER_TEMPLATE
    } else {
        TEMPLATE
    };
    let inf = render(template, &parameters);
    match &arguments.output {
        Some(path) => {
            source::keep_apart(&arguments.manifest, &[("--output", path)])?;
            source::write(path, encode(&inf))
        }
        // `out` removes escape sequences, and with them bytes of UTF-16 that look like one.
        None if io::stdout().is_terminal() => Ok(out.write_all(inf.as_bytes())?),
        None => {
            let mut raw = io::stdout().lock();
            raw.write_all(&encode(&inf))?;
            Ok(raw.flush()?)
        }
    }
}

/// Checks that a text fits into one INF string.
fn one_line<'t>(argument: &'static str, text: &'t str) -> Result<&'t str, Failure> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Failure::Argument {
            argument,
            problem: format!("{text:?} is not one line of text, which an INF needs"),
        });
    }
    Ok(text)
}

/// The template with the device's values in it.
fn render(template: &str, parameters: &Parameters<'_>) -> String {
    let mut inf = String::new();
    for line in template
        .lines()
        .skip_while(|line| line.starts_with(';') || line.is_empty())
    {
        inf.push_str(&rendered(line, parameters));
        inf.push_str("\r\n");
    }
    inf
}

/// One line of the template with the device's values in it.
fn rendered(line: &str, parameters: &Parameters<'_>) -> String {
    let Names {
        service,
        binary,
        catalog,
    } = &parameters.names;
    if line.starts_with("HKR,,NumVFs,") {
        return registry_values(parameters);
    }
    if let Some((models, _)) = line.split_once(r"PCI\VEN_") {
        let ids = parameters.hardware_ids.iter();
        let lines: Vec<String> = ids.map(|id| format!("{models}{id}")).collect();
        return lines.join("\r\n");
    }
    let Some((front, value)) = line.split_once('=') else {
        return line
            .replace("pf_broker.sys", binary)
            .replace("$ARCH$", parameters.arch);
    };
    let is_string = value.contains('"');
    let value = match front.trim() {
        "Class" if value.trim() != EXTENSION => class(parameters.class).0.to_owned(),
        "ClassGuid" if value.trim() != EXTENSION_GUID => class(parameters.class).1.to_owned(),
        "ExtensionId" => parameters.extension_id.clone(),
        "CatalogFile" => catalog.clone(),
        "DriverVer" => parameters.driver_ver.to_owned(),
        "Provider" if is_string => quoted(parameters.provider),
        "Disk" if is_string => quoted(&format!("{} installation disk", parameters.device)),
        "DeviceDescription" if is_string => quoted(parameters.device),
        // Windows refuses a service whose display name another service has (`CreateService`).
        "ServiceDescription" if is_string => quoted(&format!("{} ({service})", parameters.device)),
        "AddService" | "AddFilter" | "KmdfService" => {
            value.replace("pf_broker,", &format!("{service},"))
        }
        _ => value
            .replace("pf_broker.sys", binary)
            .replace("$ARCH$", parameters.arch),
    };
    let front = front.replace("pf_broker.sys", binary);
    format!("{}= {}", front, value.trim())
}

/// The class of extension INFs, which is none of a device.
const EXTENSION: &str = "Extension";
const EXTENSION_GUID: &str = "{E2F84CE7-8EFA-411C-AA69-97454CA4CB57}";

/// Name and GUID of a device setup class.
fn class(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::System => ("System", "{4D36E97D-E325-11CE-BFC1-08002BE10318}"),
        Class::ComputeAccelerator => (
            "ComputeAccelerator",
            "{F01A9D53-3FF6-48D2-9F97-C8A7004BE10C}",
        ),
    }
}

/// The values in the hardware key: `NumVFs` as a DWORD, the block table as `REG_BINARY`, and what
/// "Enabling Message-Signaled Interrupts in the Registry" has for message-signaled interrupts.
fn registry_values(parameters: &Parameters<'_>) -> String {
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let lines: Vec<String> = parameters.table.chunks(BYTES_A_LINE).map(digits).collect();
    let mut values = format!(
        "HKR,,NumVFs,{DWORD_UNLESS_SET},{}\r\nHKR,,BlockTable,{BINARY},\\\r\n  {}",
        parameters.num_vfs,
        lines.join(",\\\r\n  ")
    );
    if let Some(Msi { limit }) = parameters.msi {
        const INTERRUPTS: &str = "Interrupt Management";
        const PROPERTIES: &str = r"Interrupt Management\MessageSignaledInterruptProperties";
        let mut lines = vec![
            format!("HKR,{INTERRUPTS},,{KEY}"),
            format!("HKR,{PROPERTIES},,{KEY}"),
            format!("HKR,{PROPERTIES},MSISupported,{DWORD},1"),
        ];
        lines.extend(
            limit.map(|limit| format!("HKR,{PROPERTIES},MessageNumberLimit,{DWORD},{limit}")),
        );
        for line in lines {
            values.push_str("\r\n");
            values.push_str(&line);
        }
    }
    values
}

/// A text as an INF string: quotation marks and percent signs are doubled.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('%', "%%"))
}

/// The bytes of an INF: ASCII as it is, otherwise UTF-16 with a byte order mark, because an INF
/// without one is read in the code page of the machine.
fn encode(inf: &str) -> Vec<u8> {
    if inf.is_ascii() {
        return inf.as_bytes().to_vec();
    }
    std::iter::once(0xFEFF)
        .chain(inf.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[cfg(test)]
mod tests;
