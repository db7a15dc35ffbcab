//! `pfbctl inf`: the INF of a device, made of the driver's own `pf_broker.inx`.

use std::io::Write;

use crate::cli;
use crate::failure::Failure;
use crate::source;

/// The INF that stampinf would take: what it says of sections, service and security is said once.
const TEMPLATE: &str = include_str!("../../../pf_broker.inx");

/// Bytes of the block table on one line of the INF.
const BYTES_A_LINE: usize = 24;

/// Characters of an INF's `DriverVer` that are not digits, in their order.
const DRIVER_VER: [char; 6] = ['/', '/', ',', '.', '.', '.'];

/// What makes a device's INF out of the template.
struct Parameters<'p> {
    provider: &'p str,
    device: &'p str,
    driver_ver: &'p str,
    arch: &'p str,
    vendor_id: u16,
    device_id: u16,
    num_vfs: u16,
    table: &'p [u8],
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
    let table = manifest.compile();
    let parameters = Parameters {
        provider: one_line("--provider", &arguments.provider)?,
        device: one_line("the device's name", &device.name)?,
        driver_ver: driver_ver(&arguments.driver_ver)?,
        arch: &arguments.arch,
        vendor_id: device.vendor_id,
        device_id: device.device_id,
        num_vfs,
        table: &table,
    };
    let bytes = encode(&render(TEMPLATE, &parameters));
    match &arguments.output {
        Some(path) => {
            source::keep_apart(&arguments.manifest, &[("--output", path)])?;
            source::write(path, bytes)
        }
        None => Ok(out.write_all(&bytes)?),
    }
}

/// A text that an INF can hold in one string.
fn one_line<'t>(argument: &'static str, text: &'t str) -> Result<&'t str, Failure> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Failure::Argument {
            argument,
            problem: format!("{text:?} is not one line of text, which an INF needs"),
        });
    }
    Ok(text)
}

/// A `DriverVer` of the form MM/DD/YYYY,A.B.C.D.
fn driver_ver(text: &str) -> Result<&str, Failure> {
    let separators = text.chars().filter(|character| !character.is_ascii_digit());
    let numbers = text.split(|character: char| !character.is_ascii_digit());
    let numbers: Option<Vec<u16>> = numbers.map(|number| number.parse().ok()).collect();
    let is_dated = matches!(
        numbers.as_deref(),
        Some([month, day, year, _, _, _, _]) if (1..=days(*month, *year)).contains(day)
    );
    if separators.eq(DRIVER_VER) && is_dated {
        Ok(text)
    } else {
        Err(Failure::Argument {
            argument: "--driver-ver",
            problem: format!(
                "{text:?} is not a date of the calendar and a version, such as 01/31/2026,1.0.0.0; \
                 each part of the version is at most 65535"
            ),
        })
    }
}

/// The days that a month has; none when there is no such month or year.
fn days(month: u16, year: u16) -> u16 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        _ if !(1..=9999).contains(&year) => 0,
        2 => 28 + u16::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// The template with the device's values in it.
fn render(template: &str, parameters: &Parameters<'_>) -> String {
    let mut inf = String::new();
    for line in template
        .lines()
        .skip_while(|line| line.starts_with(';') || line.is_empty())
    {
        let key = line.split('=').next().unwrap_or_default().trim();
        let line = if key == "DriverVer" {
            format!("DriverVer   = {}", parameters.driver_ver)
        } else if key == "Provider" && line.contains('"') {
            format!("Provider = {}", quoted(parameters.provider))
        } else if key == "DeviceDescription" && line.contains('"') {
            format!("DeviceDescription = {}", quoted(parameters.device))
        } else if line.starts_with("HKR,,NumVFs,") {
            registry_values(parameters)
        } else if let Some((models, _)) = line.split_once(r"PCI\VEN_") {
            let (vendor, device) = (parameters.vendor_id, parameters.device_id);
            format!(r"{models}PCI\VEN_{vendor:04X}&DEV_{device:04X}")
        } else {
            line.replace("$ARCH$", parameters.arch)
        };
        inf.push_str(&line);
        inf.push_str("\r\n");
    }
    inf
}

/// What the driver reads of the hardware key: a DWORD, and the block table as `REG_BINARY`.
fn registry_values(parameters: &Parameters<'_>) -> String {
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let lines: Vec<String> = parameters.table.chunks(BYTES_A_LINE).map(digits).collect();
    format!(
        "HKR,,NumVFs,0x00010001,{}\r\nHKR,,BlockTable,0x00000001,\\\r\n  {}",
        parameters.num_vfs,
        lines.join(",\\\r\n  ")
    )
}

/// A text as an INF string: quotation marks and percent signs are doubled.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('%', "%%"))
}

/// The bytes of an INF: ASCII as it is, anything else as UTF-16 with a byte order mark, since an INF
/// without one is read in the code page of whoever installs it.
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
