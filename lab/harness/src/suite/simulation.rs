//! Compares the results of a run's operations with those of the simulation.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use build_steps::paths::Paths;
use build_steps::process::{cargo, output};

use crate::device::Device;
use crate::run::Finished;

/// Fails with the first line that differs.
pub(super) fn compare(expected: &str, got: &str) -> Result<()> {
    let (mut wanted, mut gotten) = (expected.lines(), got.lines());
    for number in 1.. {
        match (wanted.next(), gotten.next()) {
            (None, None) => break,
            (wanted, gotten) if wanted == gotten => {}
            (wanted, gotten) => bail!(
                "line {number}:\n        expected {}\n        got      {}",
                wanted.unwrap_or("nothing"),
                gotten.unwrap_or("nothing")
            ),
        }
    }
    Ok(())
}

/// Plays what the runner wrote in the simulation and compares the results.
pub(crate) fn simulated(paths: &Paths, device: &Device, finished: &Finished) -> Result<()> {
    // Runs in both positions play at one time.
    let folder = paths.target().join("lab").join(device.position.word());
    fs_err::create_dir_all(&folder)?;
    let mut played = 0;
    for (name, operations) in &finished.traces {
        // The operations of a VF in one life of the PF; the results are in a file next to it.
        let Some(name) = name.strip_suffix(".jsonl") else {
            continue;
        };
        if name.ends_with(".results") {
            continue;
        }
        let results = finished.traces.get(&format!("{name}.results.jsonl"));
        let results = results.with_context(|| format!("the runner wrote no results of {name}"))?;
        let trace = folder.join(format!("{name}.jsonl"));
        fs_err::write(&trace, operations)?;
        let expected = simulate(paths, device, &trace)?;
        compare(&expected, results).with_context(|| name.to_owned())?;
        played += expected.lines().count();
    }
    ensure!(played > 0, "the runner wrote no trace");
    println!("      {played} operations have the results of the simulation");
    Ok(())
}

fn simulate(paths: &Paths, device: &Device, trace: &Path) -> Result<String> {
    let words = ["run", "--quiet", "--package", "pfbctl", "--", "simulate"];
    let mut simulate = cargo(paths.root(), words);
    simulate.arg(&device.manifest);
    simulate.args(["--vfs", &device.vfs.to_string(), "--trace"]);
    output(simulate.arg(trace))
}
