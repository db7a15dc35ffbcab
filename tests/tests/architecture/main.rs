//! The architecture of the source: no file of a crate imports, directly or through others, a file
//! that imports it; crates depend on each other in one direction, the documented one; and what
//! wraps the operating system knows nothing of the driver.

mod checker;
mod cycles;
mod imports;
mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, TargetKind};

/// The workspaces of this repository, by the folders of their manifests.
const WORKSPACES: [&str; 3] = ["", "fuzz", "lab"];

/// The folder of the driver's wrappers of KMDF and the kernel, and the driver's crate.
const OS: (&str, &str) = ("pf_broker", "src/os");

fn metadata(workspace: &str) -> Metadata {
    MetadataCommand::new()
        .manifest_path(end_to_end::repository().join(workspace).join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
}

fn packages() -> Vec<Package> {
    WORKSPACES
        .iter()
        .flat_map(|workspace| metadata(workspace).packages)
        .collect()
}

/// Each crate that is shipped or run: its name, its folder, and its root file relative to that.
fn crates() -> Vec<(String, PathBuf, PathBuf)> {
    let mut crates = Vec::new();
    for package in packages() {
        let folder = package.manifest_path.parent().expect("a folder");
        for target in &package.targets {
            let is_compiled = target.kind.iter().any(|kind| {
                matches!(
                    kind,
                    TargetKind::Lib | TargetKind::CDyLib | TargetKind::Bin | TargetKind::RLib
                )
            });
            if is_compiled {
                let root = target.src_path.strip_prefix(folder).expect("inside");
                let root = PathBuf::from(root);
                crates.push((package.name.to_string(), folder.into(), root));
            }
        }
    }
    crates
}

/// The import cycles of a crate, if it has any.
fn complaint(name: &str, imports: &imports::Imports) -> Option<String> {
    let edges: BTreeSet<(String, String)> = imports
        .keys()
        .map(|(from, to)| (from.display().to_string(), to.display().to_string()))
        .collect();
    let groups = cycles::groups(&edges);
    let count: usize = groups.iter().map(BTreeSet::len).sum();
    if count == 0 {
        return None;
    }
    let lines = groups.iter().map(|group| {
        let place = |from: &String, to: &String| {
            let place = &imports[&(PathBuf::from(from), PathBuf::from(to))];
            format!(" (line {}: {})", place.line, place.path)
        };
        let shortest = cycles::shortest(&edges, group);
        let shown = cycles::sentence(&shortest, place);
        if group.len() == shortest.len() {
            format!("\n  {shown}")
        } else {
            let files: Vec<&str> = group.iter().map(String::as_str).collect();
            format!(
                "\n  {} files import each other in a circle: {}\n    for example {shown}",
                group.len(),
                files.join(", ")
            )
        }
    });
    Some(format!(
        "{name} has {count} files in import cycles{}",
        lines.collect::<String>()
    ))
}

#[test]
fn no_file_imports_itself_through_others() {
    let complaints: Vec<String> = crates()
        .iter()
        .filter_map(|(name, folder, root)| complaint(name, &imports::of_crate(folder, root)))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_plain_cargo_run_has_one_program_to_run() {
    let metadata = metadata("");
    let members: &[_] = &metadata.workspace_default_members;
    let targets = members.iter().flat_map(|id| &metadata[id].targets);
    let programs = targets.filter(|target| target.kind.contains(&TargetKind::Bin));
    let names: Vec<_> = programs.map(|target| target.name.as_str()).collect();
    assert_eq!(names, ["pfbctl"], "`cargo run -- simulate` of the README");
}

#[test]
fn no_crate_depends_on_itself_through_others() {
    let packages = packages();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let edges: BTreeSet<(&str, &str)> = packages
        .iter()
        .flat_map(|package| {
            let uses = package.dependencies.iter().map(|used| used.name.as_str());
            uses.map(|used| (package.name.as_str(), used))
        })
        .filter(|(_, used)| names.contains(used))
        .collect();
    let shown: Vec<String> = cycles::groups(&edges)
        .iter()
        .map(|group| cycles::sentence(&cycles::shortest(&edges, group), |_, _| String::new()))
        .collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

/// The imports from a file in `folder` to one outside of it, a line each.
fn leaving(folder: &Path, imports: &imports::Imports) -> Vec<String> {
    let is_inside = |file: &Path| file.starts_with(folder) || file == folder.with_extension("rs");
    imports
        .iter()
        .filter(|((from, to), _)| is_inside(from) && !is_inside(to))
        .map(|((from, to), place)| {
            format!(
                "{}:{} imports {} ({})",
                from.display(),
                place.line,
                to.display(),
                place.path
            )
        })
        .collect()
}

#[test]
fn what_wraps_the_operating_system_imports_nothing_of_the_driver() {
    let (driver, os) = OS;
    let driver = crates().into_iter().find(|(name, ..)| name == driver);
    let (_, folder, root) = driver.expect("the driver's crate");
    let leaving = leaving(Path::new(os), &imports::of_crate(&folder, &root));
    assert!(leaving.is_empty(), "{}", leaving.join("\n"));
}

/// The rows of the table of arrows in docs/architecture.md: each package and what it uses.
fn documented_arrows() -> BTreeMap<String, BTreeSet<String>> {
    let document = include_str!("../../../docs/architecture.md");
    let quoted = |cell: &str| -> Vec<String> {
        let words = cell.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    document
        .lines()
        .skip_while(|line| !line.starts_with("| who | uses |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').collect();
            let uses: BTreeSet<_> = quoted(cells[1]).into_iter().collect();
            quoted(cells[0])
                .into_iter()
                .filter(|name| name != "src/")
                .map(move |name| (name, uses.clone()))
        })
        .collect()
}

#[test]
fn the_architecture_shows_every_arrow_between_packages_and_no_other() {
    let packages = metadata("").packages;
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let arrows: BTreeMap<_, BTreeSet<_>> = packages
        .iter()
        .map(|package| {
            let uses = package
                .dependencies
                .iter()
                .filter(|used| used.kind == DependencyKind::Normal)
                .filter(|used| names.contains(used.name.as_str()))
                .map(|used| used.name.clone());
            (package.name.to_string(), uses.collect())
        })
        .collect();
    assert_eq!(documented_arrows(), arrows);
}
