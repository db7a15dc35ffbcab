//! The list of all tests of the lab.

use anyhow::{Result, bail};
use end_to_end::{Suite, Trace};

use super::entries;
use super::guide::Guide;
use super::starts;
use super::test::{Test, Verdict};
use crate::build::Images;
use crate::device::{
    self, CHECKS_MANIFEST, COMPANION_MANIFEST, Device, Position, SAMPLE_COMPANION_MANIFEST,
    STORM_MANIFEST, STORY_MANIFEST,
};
use crate::vf_driver;
use build_steps::paths::Paths;

/// The output of the runner for the story of four VFs.
const STORY: &str = include_str!("story.txt");
/// The events that the driver writes meanwhile.
const STORY_EVENTS: &str = include_str!("story-events.txt");
/// The events that the driver writes during each of the checks.
const CHECKS_EVENTS: &str = include_str!("checks-events.txt");

/// The entries of the event log that the driver writes during each of the checks.
const CHECKS_ENTRIES: &str = include_str!("checks-entries.txt");
/// Those during the checks of the sample companion, and during floods.
const SAMPLE_COMPANION_ENTRIES: &str = include_str!("sample-companion-entries.txt");
const FLOOD_ENTRIES: &str = include_str!("flood-entries.txt");
/// That of the driver where a VF driver is expected.
const NO_VF_DRIVER_ENTRY: &str = "the beginning
  115 error: device does not start: The bus has no PCI virtualization interface. (status \
    0xC00002B9, values 3221225659 and 0)";

/// The entry at the start of a device that has blocks for a companion, and no companion.
macro_rules! no_companion {
    () => {
        "  6 warning: The vendor's driver that handles blocks of device does not answer (status \
           0x00000000). Operations on these blocks are refused. Entries left out before this one: 0.\n"
    };
}

/// The events of an upper filter during the checks of what it passes on, and during all others.
const FILTER_CHECKS_EVENTS: &str = concat!(
    include_str!("filter-checks-events.txt"),
    "\n",
    include_str!("checks-events.txt"),
);

/// The events that the driver writes during each of the checks of the sample companion.
const SAMPLE_COMPANION_EVENTS: &str = include_str!("sample-companion-events.txt");

/// The events that the driver writes during each of the checks of acknowledged resets.
const ACKNOWLEDGEMENTS_EVENTS: &str = include_str!("acknowledgements-events.txt");

/// The events that the driver writes above the examples of a companion.
const COMPANION_EXAMPLE_EVENTS: &str = include_str!("companion-example-events.txt");

/// The traces whose every read and write a VF driver can send.
const CARRIED: [&str; 3] = [
    "hello/conversation",
    "accelerator/conversation",
    "mlx5-hv-vhca/state",
];
/// The traces that are played with every way to keep invalidation requests pending.
const INVALIDATED: [&str; 2] = ["hello/invalidation", "mlx5-hv-vhca/conversation"];
/// The ways other than the one that every trace is played with.
const MODES: [&str; 5] = [
    "all-vfs",
    "no-input",
    "three",
    "device-control",
    device::GARBAGE_INPUT,
];

/// Every run, the longest first, so that the others fill the time beside them.
pub(super) fn all(paths: &Paths, images: &Images) -> Result<Vec<Test>> {
    let mut tests = crowds(paths)?;
    tests.extend(jobs(paths, images)?);
    tests.extend(starts::all(paths)?);
    tests.extend(refusals(paths)?);
    tests.extend(vf_drivers(paths, images)?);
    tests.extend(companions(paths, images)?);
    tests.push(messages(paths)?);
    tests.push(conversation()?);
    tests.push(guide(paths)?);
    tests.extend(agents(paths)?);
    for suite in end_to_end::suites()? {
        for trace in suite.traces.iter().filter(|t| t.simulation_only.is_none()) {
            tests.extend(plays(&suite, trace)?);
        }
    }
    Ok(tests)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A run without input.
fn job(name: &str, device: &Device, arguments: &[&str], verdict: Verdict) -> Test {
    Test {
        name: name.to_owned(),
        device: device.clone(),
        words: words(arguments),
        input: Vec::new(),
        is_live: false,
        framework: None,
        vf_driver: None,
        function_driver: None,
        events: "",
        entries: "",
        verdict,
    }
}

/// Operations of many VFs at one time, with removals of the PF.
fn crowds(paths: &Paths) -> Result<Vec<Test>> {
    let crowd = |vfs| Device::from_manifest(&paths.root().join(STORM_MANIFEST), vfs);
    Ok(vec![
        Test {
            entries: concat!(
                "the beginning\n",
                no_companion!(),
                no_companion!(),
                no_companion!(),
                no_companion!()
            ),
            ..job(
                "storm of 8 VFs",
                &crowd(8)?,
                &["storm"],
                Verdict::Simulation,
            )
        },
        job(
            "storm of 8 VFs of an upper filter and its companion",
            &crowd(8)?.at(Position::UpperFilter),
            &["storm"],
            Verdict::Simulation,
        ),
        Test {
            entries: concat!("the beginning\n", no_companion!(), no_companion!()),
            ..job(
                "contention on 2 of 4 VFs",
                &crowd(4)?,
                &["contention"],
                Verdict::Success,
            )
        },
        job(
            "contention on 2 of 4 VFs of an upper filter and its companion",
            &crowd(4)?.at(Position::UpperFilter),
            &["contention"],
            Verdict::Success,
        ),
    ])
}

fn jobs(paths: &Paths, images: &Images) -> Result<Vec<Test>> {
    let device = |manifest: &str, vfs| Device::from_manifest(&paths.root().join(manifest), vfs);
    let four = device(CHECKS_MANIFEST, 4)?;
    let scene = device(STORY_MANIFEST, 4)?;
    let story = || Verdict::Lines(STORY.to_owned());
    // The framework is one replaceable file with any name, in any folder.
    let renamed = paths.target().join("lab/another-framework.sys");
    fs_err::copy(&images.framework, &renamed)?;
    Ok(vec![
        Test {
            events: CHECKS_EVENTS,
            entries: CHECKS_ENTRIES,
            ..job("checks", &four, &["checks"], Verdict::Checks)
        },
        Test {
            events: FILTER_CHECKS_EVENTS,
            entries: CHECKS_ENTRIES,
            ..job(
                "checks of an upper filter",
                &four.clone().at(Position::UpperFilter),
                &["checks"],
                Verdict::Checks,
            )
        },
        Test {
            events: SAMPLE_COMPANION_EVENTS,
            entries: SAMPLE_COMPANION_ENTRIES,
            ..job(
                "checks of the sample companion",
                &device(SAMPLE_COMPANION_MANIFEST, 4)?.at(Position::UpperFilter),
                &["sample-companion"],
                Verdict::Checks,
            )
        },
        Test {
            entries: FLOOD_ENTRIES,
            ..job(
                "flood of a limit",
                &Device::from_manifest(&device::limited(paths)?, 2)?,
                &["limits"],
                Verdict::Checks,
            )
        },
        Test {
            events: ACKNOWLEDGEMENTS_EVENTS,
            ..job(
                "acknowledged resets",
                &Device::from_manifest(&device::acknowledged(paths)?, 2)?,
                &["acknowledgements"],
                Verdict::Checks,
            )
        },
        Test {
            events: STORY_EVENTS,
            ..job("story", &scene, &["story"], story())
        },
        Test {
            events: STORY_EVENTS,
            ..job(
                "story of an upper filter",
                &scene.clone().at(Position::UpperFilter),
                &["story"],
                story(),
            )
        },
        Test {
            framework: Some(renamed),
            events: STORY_EVENTS,
            ..job(
                "story on another file of the framework",
                &scene,
                &["story"],
                story(),
            )
        },
    ])
}

/// The messages of the driver's image, read as a viewer of event logs does.
fn messages(paths: &Paths) -> Result<Test> {
    let device = Device::from_manifest(&paths.root().join(CHECKS_MANIFEST), 4)?;
    let (codes, printed) = entries::messages();
    Ok(Test {
        input: codes.into_bytes(),
        ..job(
            "messages of the event log",
            &device,
            &["messages"],
            Verdict::Lines(printed),
        )
    })
}

/// Runs that the runner refuses.
fn refusals(paths: &Paths) -> Result<Vec<Test>> {
    let device = |manifest: &str, vfs| Device::from_manifest(&paths.root().join(manifest), vfs);
    let four = device(CHECKS_MANIFEST, 4)?;
    Ok(vec![
        job(
            "story with one VF",
            &device(STORY_MANIFEST, 1)?,
            &["story"],
            Verdict::Refused("the story: 2 VFs or more are needed, and there are 1"),
        ),
        job(
            "faults with other blocks",
            &device("blocks/hello.toml", 4)?,
            &["faults"],
            Verdict::Refused("the faults: block 0 has to be a register of 128 bytes"),
        ),
        job(
            "checks with other VFs",
            &device(CHECKS_MANIFEST, 5)?,
            &["checks"],
            Verdict::Refused("the checks: 4 VFs are needed, and there are 5"),
        ),
        Test {
            input: br#"{"op":"read","vf":0,"block":0,"length":129}"#.to_vec(),
            ..job(
                "a length that VPCI does not carry, by path vpci",
                &four,
                &["--path", "vpci", "trace"],
                Verdict::Refused("VPCI carries 1 to 128 bytes, and these are 129"),
            )
        },
        Test {
            input: br#"{"op":"read","vf":4,"block":0,"length":128}"#.to_vec(),
            ..job(
                "a VF that does not exist, by path vpci",
                &four,
                &["--path", "vpci", "trace"],
                Verdict::Refused("no VF driver runs for VF 4"),
            )
        },
    ])
}

/// The commands of docs/administrators.md, on the host that the page describes.
fn guide(paths: &Paths) -> Result<Test> {
    let page = fs_err::read_to_string(paths.root().join("docs/administrators.md"))?;
    let guide = Guide::of(&page)?;
    let device = Device::from_manifest(&paths.root().join("blocks/accelerator.toml"), 4)?;
    let name = "the commands of docs/administrators.md";
    Ok(Test {
        input: guide.input(),
        ..job(name, &device, &["console"], Verdict::Guide(guide))
    })
}

/// The examples of host software, as Windows programs: they answer what guests did before.
fn agents(paths: &Paths) -> Result<Vec<Test>> {
    let device = Device::from_manifest(&paths.root().join("blocks/accelerator.toml"), 4)?;
    let file = |name| fs_err::read_to_string(paths.root().join("examples/agent/test").join(name));
    let [before, after] = ["before.jsonl", "after.jsonl"].map(file);
    let [begins, prints, ends] =
        ["before.expected.jsonl", "agent.txt", "after.expected.jsonl"].map(file);
    let (before, after) = (before?, after?);
    let (begins, prints, ends) = (begins?, prints?, ends?);
    let test = |(language, program)| Test {
        input: format!("{before}{program} --once\n{after}").into_bytes(),
        ..job(
            &format!("host software in {language}"),
            &device,
            &["console"],
            Verdict::Lines(format!("{begins}$ {program} --once\n{prints}{ends}")),
        )
    };
    Ok(Vec::from(
        [("Rust", "agent"), ("C", "agent-in-c")].map(test),
    ))
}

/// Other VF drivers in place of the sample: a copy of it, and a KMDF driver that does not start on
/// a VF.
fn vf_drivers(paths: &Paths, images: &Images) -> Result<Vec<Test>> {
    let device = Device::from_manifest(&paths.root().join(STORY_MANIFEST), 4)?;
    let copy = paths.target().join("lab/another-vf-driver.sys");
    fs_err::copy(&images.vf_driver, &copy)?;
    vf_driver::check(vf_driver::VF_DRIVER, &copy)?;
    vf_driver::check(vf_driver::VF_DRIVER, &images.driver)?;
    let pf_driver = images.driver.clone();
    Ok(vec![
        Test {
            vf_driver: Some(copy),
            events: STORY_EVENTS,
            ..job(
                "story with another file of the VF driver",
                &device,
                &["story"],
                Verdict::Lines(STORY.to_owned()),
            )
        },
        Test {
            // It is a KMDF driver, and its device does not start without SR-IOV's interfaces.
            vf_driver: Some(pf_driver),
            entries: NO_VF_DRIVER_ENTRY,
            ..job(
                "a VF driver that does not start",
                &device,
                &["--vf-driver", "mine.sys", "story"],
                Verdict::Refused("mine.sys: VF 0: its device does not start"),
            )
        },
    ])
}

/// The examples of a companion, below the driver as a filter.
fn companions(paths: &Paths, images: &Images) -> Result<Vec<Test>> {
    let manifest = paths.root().join(COMPANION_MANIFEST);
    let device = Device::from_manifest(&manifest, 4)?.at(Position::UpperFilter);
    let languages = [("Rust", &images.companion), ("C", &images.companion_in_c)];
    Ok(Vec::from(languages.map(|(language, image)| Test {
        function_driver: Some(image.clone()),
        events: COMPANION_EXAMPLE_EVENTS,
        ..job(
            &format!("companion in {language}"),
            &device,
            &["--path", "raw", "companion"],
            Verdict::Checks,
        )
    })))
}

/// A trace whose lines an interactive program writes, each after the answer to the one before it.
fn conversation() -> Result<Test> {
    const NAME: (&str, &str) = ("hello", "conversation");
    for suite in end_to_end::suites()? {
        let trace = suite.traces.iter().find(|trace| trace.name == NAME.1);
        if let Some(trace) = trace
            && suite.name == NAME.0
        {
            let device = Device::from_manifest(&suite.manifest, trace.vfs)?;
            let expected = fs_err::read_to_string(&trace.expected)?;
            return Ok(Test {
                input: fs_err::read(&trace.operations)?,
                is_live: true,
                ..job(
                    "a conversation, each line after the answer to the one before",
                    &device,
                    &["trace"],
                    Verdict::Lines(expected),
                )
            });
        }
    }
    bail!("there is no trace {}/{}", NAME.0, NAME.1)
}

/// A trace in each way in which it can be played.
fn plays(suite: &Suite, trace: &Trace) -> Result<Vec<Test>> {
    let name = format!("{}/{}", suite.name, trace.name);
    let mut ways = vec![["auto", "each-vf"], ["raw", "each-vf"]];
    if CARRIED.contains(&name.as_str()) {
        ways.push(["vpci", "each-vf"]);
    }
    if INVALIDATED.contains(&name.as_str()) {
        ways.extend(MODES.map(|mode| ["auto", mode]));
    }
    let device = Device::from_manifest(&suite.manifest, trace.vfs)?;
    let hands_over = device.hands_over;
    let play = |[path, mode]: [&str; 2]| -> Result<Test> {
        Ok(Test {
            name: format!("{name} by path {path}, mode {mode}"),
            device: device.clone().for_mode(mode),
            words: words(&["--path", path, "--mode", mode, "trace"]),
            input: fs_err::read(&trace.operations)?,
            is_live: false,
            framework: None,
            vf_driver: None,
            function_driver: None,
            events: "",
            entries: if hands_over {
                concat!("the beginning\n", no_companion!())
            } else {
                ""
            },
            verdict: Verdict::Lines(fs_err::read_to_string(&trace.expected)?),
        })
    };
    let on_filter = |test: Test| Test {
        name: format!("{} on an upper filter", test.name),
        device: test.device.clone().at(Position::UpperFilter),
        entries: "",
        ..test
    };
    if trace.companion {
        let tests = ways.into_iter().map(|way| play(way).map(on_filter));
        return tests.collect();
    }
    let filter = on_filter(Test {
        name: name.clone(),
        ..play(["auto", "each-vf"])?
    });
    let tests = ways.into_iter().map(play);
    tests.chain([Ok(filter)]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Position, Verdict, plays};

    /// What both positions must play, and what only a filter can.
    const IN_BOTH: [&str; 3] = ["\"op\":\"changes\"", "\"op\":\"host-read\"", "\"expect\":"];
    const ON_A_FILTER: [&str; 3] = [
        "\"op\":\"companion\"",
        "\"op\":\"answer\"",
        "\"op\":\"handed\"",
    ];

    #[test]
    fn every_trace_is_compared_in_each_position_that_it_fits() {
        let mut played: BTreeMap<String, String> = BTreeMap::new();
        for suite in end_to_end::suites().unwrap() {
            let traces = suite.traces.iter();
            for trace in traces.filter(|trace| trace.simulation_only.is_none()) {
                let expected = fs_err::read_to_string(&trace.expected).unwrap();
                let operations = fs_err::read_to_string(&trace.operations).unwrap();
                let mut positions = BTreeSet::new();
                for test in plays(&suite, trace).unwrap() {
                    let Verdict::Lines(lines) = &test.verdict else {
                        panic!("{} is not compared", test.name);
                    };
                    assert_eq!((lines, &test.input[..]), (&expected, operations.as_bytes()));
                    positions.insert(test.device.position.word());
                }
                let mut fitting = BTreeSet::from([Position::UpperFilter.word()]);
                if !trace.companion {
                    fitting.insert(Position::FunctionDriver.word());
                }
                assert_eq!(positions, fitting, "{}/{}", suite.name, trace.name);
                for position in positions {
                    played.entry(position).or_default().push_str(&operations);
                }
            }
        }
        let holds = |position: Position, text: &&str| played[&position.word()].contains(*text);
        for text in &IN_BOTH {
            assert!(holds(Position::FunctionDriver, text), "{text}");
            assert!(holds(Position::UpperFilter, text), "{text}");
        }
        for text in &ON_A_FILTER {
            assert!(holds(Position::UpperFilter, text), "{text}");
            assert!(!holds(Position::FunctionDriver, text), "{text}");
        }
    }
}
