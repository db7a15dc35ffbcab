//! Starts of the PF: a fault, the status with which the start ends, and the driver's sentence,
//! which it prints to the debugger and writes as an event.
//!
//! The table is that of docs/contract.md, "Why a device does not start". One of its causes cannot
//! be provoked here: a kernel without a clock.

use anyhow::{Result, bail};

use super::outcome::{StartOutcome, VFS};
use super::test::{Test, Verdict};
use crate::device::{self, CHECKS_MANIFEST, Device, Position, Value};
use build_steps::paths::Paths;
use kmdf_cross::kit::minimum::Minimum;

/// The manifest whose table the driver's image holds.
const EMBEDDED: &str = "blocks/accelerator.toml";
const NOT_SUPPORTED: u64 = 0xC000_00BB;

/// The fault of a start.
enum Fault {
    Nothing,
    /// The registry value `NumVFs`.
    NumVfs(Option<Value>),
    /// The registry value `BlockTable`.
    Table(Option<Value>),
    /// The registry value `InvalidateInput`.
    InvalidateInput(Value),
    /// One byte of the block table.
    Byte(usize),
    /// The end of the block table.
    Truncated(usize),
    /// A fault of the bus: arguments of the runner.
    Bus(&'static [&'static str]),
    /// The call that creates something in the framework with this number, counted from 1, fails.
    Call(u32),
    /// The framework is KMDF 1 of this minor version.
    Framework(u32),
}

type Start = (&'static str, Fault, u32, &'static str, Option<(u64, u64)>);

#[rustfmt::skip]
fn failures(others: Vec<u8>) -> Vec<Start> {
    use Value::{Bytes, Number, Text};
    use Fault::{Bus, Byte, InvalidateInput, NumVfs, Table, Truncated};
    const TABLE: &str = "The block table does not verify.";
    const SILENT: &str = "A VF does not answer a second after it was turned on.";
    const ABOVE: &str = "NumVFs is more than max-vfs of the manifest.";
    const THIS: u64 = block_table::format::VERSION as u64;
    // The fault of a byte changes this bit.
    const OTHER: u64 = THIS ^ 0x10;
    const INPUT: &str = "The registry value InvalidateInput is not a DWORD of 0 or 1.";
    vec![
        ("without NumVFs", NumVfs(None), 0xC000_0034, "The registry value NumVFs is not in the hardware key.", Some((0, 0))),
        ("with NumVFs as text", NumVfs(Some(Text("4"))), 0xC000_0024, "The registry value NumVFs is not a DWORD.", Some((0, 0))),
        ("with NumVFs 0", NumVfs(Some(Number(0))), 0xC000_000D, "The registry value NumVFs is 0.", Some((0, 0))),
        ("with NumVFs above max-vfs", NumVfs(Some(Number(129))), 0xC000_0044, ABOVE, Some((129, 128))),
        ("with NumVFs of 17 bits", NumVfs(Some(Number(0x1_0004))), 0xC000_0044, ABOVE, Some((0x1_0004, 128))),
        ("with NumVFs above TotalVFs", Bus(&["--total-vfs", "3"]), 0xC000_0468, "NumVFs is more than TotalVFs of the device.", Some((4, 3))),
        ("with a number for a table", Table(Some(Number(1))), 0xC000_014C, "The registry value BlockTable is not binary.", Some((4, 0))),
        ("with a text for a table", Table(Some(Text("table"))), 0xC000_014C, "The registry value BlockTable is not binary.", Some((1, 0))),
        ("with an empty table", Table(Some(Bytes(vec![]))), 0xC000_003E, TABLE, None),
        ("with a table of one byte", Table(Some(Bytes(vec![0]))), 0xC000_003E, TABLE, None),
        ("with a table whose first byte is wrong", Byte(0), 0xC000_003E, TABLE, None),
        ("with a table with a wrong byte inside", Byte(40), 0xC000_003E, TABLE, None),
        ("with a table that lacks its last byte", Truncated(1), 0xC000_003E, TABLE, None),
        ("with a table of another format version", Byte(8), 0xC000_0058, "The block table has a format version that this driver does not read.", Some((OTHER, THIS))),
        ("with InvalidateInput 2", InvalidateInput(Number(2)), 0xC000_090B, INPUT, Some((2, 1))),
        ("with InvalidateInput as text", InvalidateInput(Text("0")), 0xC000_090B, INPUT, Some((u64::MAX, 1))),
        ("with another device's table", Table(Some(Bytes(others))), 0xC000_00C0, "The block table is for another device.", Some((0x1414_B00D, 0x1414_B001))),
        ("without a table for the device", Table(None), 0xC000_0272, "The registry has no block table, and the driver's own is for another device.", Some((0x1414_B00D, 0x1414_B001))),
        ("without a PCI virtualization interface", Bus(&["--fault", "no-interface"]), 0xC000_02B9, "The bus has no PCI virtualization interface.", Some((NOT_SUPPORTED, 0))),
        ("without a standard bus interface", Bus(&["--fault", "no-bus-interface"]), 0xC000_0463, "The bus has no standard bus interface.", Some((NOT_SUPPORTED, 0))),
        ("with a PF that cannot be read", Bus(&["--fault", "unreadable"]), 0xC000_0185, "The configuration space of the PF cannot be read.", Some((0, 0))),
        ("without an SR-IOV capability", Bus(&["--fault", "no-capability"]), 0xC000_0182, "The PF has no SR-IOV capability.", Some((0, 0))),
        ("without the sizes of the registers", Bus(&["--fault", "probed-bars-fail"]), 0xC000_009C, "The bus does not say how large the VFs' registers are.", Some((0xC000_0184, 0))),
        ("with a window that is too small", Bus(&["--fault", "small-window"]), 0xC000_028C, "The memory behind a VF register is too small for all VFs.", Some((0x3FFF, 0x1_0000))),
        ("with a window of another length", Bus(&["--fault", "other-window"]), 0xC000_0282, "The memory behind a VF register has the length of neither NumVFs nor TotalVFs.", Some((0x2_0001, 0x4000))),
        ("with more memory ranges than a PF can have", Bus(&["--fault", "many-ranges"]), 0xC000_0099, "The resource list has more memory ranges than a PF can have.", Some((14, 13))),
        ("with the PF's registers for the VFs'", Bus(&["--fault", "pf-bars"]), 0xC000_008A, "The bus gave a VF register another type than the SR-IOV capability has.", Some((0, 0xC_FFFF_0000))),
        ("with the PF's sizes for the VFs'", Bus(&["--fault", "pf-sizes"]), 0xC000_0282, "The memory behind a VF register has the length of neither NumVFs nor TotalVFs.", Some((0x2_0000, 0x1000))),
        ("without the size of a register", Bus(&["--fault", "no-size"]), 0xC000_008B, "The bus gave no size for a VF register of the SR-IOV capability.", Some((2, 0xE000_0000))),
        ("with an address that is no multiple of the size", Bus(&["--fault", "misaligned"]), 0xC000_02C5, "The address of a VF register is not a multiple of its size.", Some((0xE000_0800, 0x1000))),
        ("with a VF 0 that does not answer", Bus(&["--fault", "silent-vf"]), 0xC000_009D, SILENT, Some((0, 0))),
        ("with a last VF that does not answer", Bus(&["--fault", "silent-last-vf"]), 0xC000_009D, SILENT, Some((3, 0))),
        ("with VFs without capabilities", Bus(&["--fault", "no-express"]), 0xC000_0225, "VF 0 has no PCI Express capability.", Some((0, 0))),
        ("with VF Enable clear", Bus(&["--fault", "not-enabled"]), 0xC000_0464, "The bus turned the VFs on, and VF Enable is clear.", Some((8, 0))),
        ("with VF Memory Space Enable clear", Bus(&["--fault", "no-memory-space"]), 0xC000_00A0, "The bus turned the VFs on, and VF Memory Space Enable is clear.", Some((1, 0))),
        ("with a VF less than asked for", Bus(&["--fault", "other-num-vfs"]), 0xC000_0186, "The device has turned another number of VFs on.", Some((3, 4))),
        ("with VFs of another size", Bus(&["--fault", "other-sizes"]), 0xC000_0059, "The VFs' identifiers or register sizes differ from those of the first start.", Some((0xFFFF_F00C, 0xFFFF_C00C))),
        ("without the address of a register", Bus(&["--fault", "no-address"]), 0xC000_0141, "The bus gave a base address register of the VFs no address.", Some((2, 0))),
        ("with VFs that cannot be turned on", Bus(&["--fault", "enable-fails"]), 0xC000_0483, "The bus does not turn the VFs on.", Some((0xC000_0001, 0))),
    ]
}

/// Every start, those that succeed at the end.
pub(super) fn all(paths: &Paths) -> Result<Vec<Test>> {
    let device = Device::from_manifest(&paths.root().join(CHECKS_MANIFEST), VFS)?;
    let embedded = Device::from_manifest(&paths.root().join(EMBEDDED), VFS)?;
    let Some(Value::Bytes(others)) = embedded.table.clone() else {
        bail!("{EMBEDDED} has no table");
    };
    let failing = failures(others)
        .into_iter()
        .map(|(name, wrong, status, sentence, values)| {
            (
                name.to_owned(),
                wrong,
                StartOutcome::failure(status, sentence, values),
            )
        });
    let starting = [
        ("as it should be", Fault::Nothing),
        (
            "with InvalidateInput 1",
            Fault::InvalidateInput(Value::Number(1)),
        ),
        (
            "with VFs that are on already",
            Fault::Bus(&["--fault", "vfs-on"]),
        ),
        (
            "with VFs that are slow to answer",
            Fault::Bus(&["--fault", "late-vf"]),
        ),
    ]
    .map(|(name, wrong)| (name.to_owned(), wrong, StartOutcome::SUCCESS));
    let all = failing
        .chain(shortages())
        .chain(starting)
        .chain(versions()?);
    let mut all: Vec<_> = all
        .map(|(name, wrong, ended)| test(&device, &name, wrong, ended))
        .collect();
    let family = Device {
        device_id: device::SECOND_OF_THE_FAMILY,
        ..Device::from_manifest(&device::of_a_family(paths)?, VFS)?
    };
    all.extend([
        test(
            &embedded,
            "with the table of the driver",
            Fault::Table(None),
            StartOutcome::SUCCESS,
        ),
        test(
            &family,
            "of the second device of a family",
            Fault::Nothing,
            StartOutcome::SUCCESS,
        ),
    ]);
    all.extend(filters(&device));
    Ok(all)
}

/// Starts in which one of the calls that allocate something fails, a start for each. In the last
/// one all calls succeed and the device starts, which shows that there are no more.
fn shortages() -> impl Iterator<Item = (String, Fault, StartOutcome)> {
    const STATUS: u32 = 0xC000_009A;
    const OBJECT: &str = "The framework did not make an object or read the registry.";
    const MEMORY: &str = "There is not enough memory for the blocks of all VFs.";
    (1..=33).map(|number| {
        let ended = match number {
            // `EvtDriverDeviceAdd` up to the device.
            2..=3 => StartOutcome::without_device(STATUS, OBJECT, Some((STATUS.into(), 0))),
            // Before it the position in the stack, then its queues, locks, work item, timer and
            // interfaces. The start: registry keys and values, the VFs' memory, then a lock and a
            // queue of each.
            1 | 4..=18 | 20 | 21 | 25..=32 => {
                StartOutcome::failure(STATUS, OBJECT, Some((STATUS.into(), 0)))
            }
            22..=24 => StartOutcome::failure(STATUS, MEMORY, None),
            // 19: the string for the path in events, without which a device starts.
            _ => StartOutcome::SUCCESS,
        };
        let name = format!("without the means for call {number}");
        (name, Fault::Call(number), ended)
    })
}

/// Starts of an upper filter, and of one that is below the function driver. A cause must end the
/// start of the whole device: if `EvtDriverDeviceAdd` failed, the device would start without the
/// filter.
fn filters(device: &Device) -> Vec<Test> {
    const STATUS: u32 = 0xC000_009A;
    const OBJECT: &str = "The framework did not make an object or read the registry.";
    let no_memory = || StartOutcome::failure(STATUS, OBJECT, Some((STATUS.into(), 0)));
    let table = || StartOutcome::failure(0xC000_003E, "The block table does not verify.", None);
    let at = |position, name: &str, fault, ended| {
        let word = position_word(position);
        let name = format!("of {word} {name}");
        test(&device.clone().at(position), &name, fault, ended)
    };
    let upper = |name: &str, fault, ended| at(Position::UpperFilter, name, fault, ended);
    let mut all = vec![
        upper("as it should be", Fault::Nothing, StartOutcome::SUCCESS),
        upper(
            "with a table that does not verify",
            Fault::Byte(40),
            table(),
        ),
        upper(
            "without NumVFs",
            Fault::NumVfs(None),
            StartOutcome::failure(
                0xC000_0034,
                "The registry value NumVFs is not in the hardware key.",
                Some((0, 0)),
            ),
        ),
        upper(
            "without a PCI virtualization interface",
            Fault::Bus(&["--fault", "no-interface"]),
            StartOutcome::failure(
                0xC000_02B9,
                "The bus has no PCI virtualization interface.",
                Some((NOT_SUPPORTED, 0)),
            ),
        ),
        upper(
            "with VFs that cannot be turned on",
            Fault::Bus(&["--fault", "enable-fails"]),
            StartOutcome::failure(
                0xC000_0483,
                "The bus does not turn the VFs on.",
                Some((0xC000_0001, 0)),
            ),
        ),
        at(
            Position::LowerFilter,
            "above no driver",
            Fault::Nothing,
            StartOutcome::failure(
                0xC000_0184,
                "The driver is a filter below the function driver, and has to be above it.",
                Some((0, 0)),
            ),
        ),
    ];
    // The function driver makes four calls; the filter's are its position, ten callbacks and the
    // device, without which nothing can keep the device from starting, then the rest.
    for number in [5, 17, 23, 31, 33] {
        let name = format!("without the means for call {number}");
        all.push(upper(&name, Fault::Call(number), no_memory()));
    }
    all
}

fn position_word(position: Position) -> &'static str {
    match position {
        Position::FunctionDriver => "a function driver",
        Position::UpperFilter => "an upper filter",
        Position::LowerFilter => "a lower filter",
    }
}

/// Starts on older frameworks: the oldest one that the driver names, and one before it, which does
/// not bind the driver.
fn versions() -> Result<[(String, Fault, StartOutcome); 2]> {
    let least = Minimum::declared()?.version;
    Ok([
        (least, StartOutcome::SUCCESS),
        (least - 2, StartOutcome::NOT_LOADED),
    ]
    .map(|(minor, ended)| (format!("on KMDF 1.{minor}"), Fault::Framework(minor), ended)))
}

fn test(device: &Device, name: &str, wrong: Fault, ended: StartOutcome) -> Test {
    let mut device = device.clone();
    let mut words = vec!["start".to_owned()];
    match wrong {
        Fault::Nothing => {}
        Fault::NumVfs(value) => device.num_vfs = value,
        Fault::Table(value) => device.table = value,
        Fault::InvalidateInput(value) => device.invalidate_input = Some(value),
        Fault::Byte(place) => {
            if let Some(Value::Bytes(table)) = &mut device.table {
                table[place] ^= 0x10;
            }
        }
        Fault::Truncated(less) => {
            if let Some(Value::Bytes(table)) = &mut device.table {
                table.truncate(table.len() - less);
            }
        }
        Fault::Call(number) => device.shortage = Some(number),
        Fault::Framework(minor) => device.kmdf_minor = Some(minor),
        Fault::Bus(more) => words.extend(more.iter().map(|&word| word.to_owned())),
    }
    if ended.is_not_loaded() {
        words.push("--not-loaded".to_owned());
    }
    Test {
        name: format!("start {name}"),
        device,
        words,
        input: Vec::new(),
        is_live: false,
        framework: None,
        vf_driver: None,
        function_driver: None,
        events: "",
        entries: "",
        verdict: Verdict::Start(ended),
    }
}
