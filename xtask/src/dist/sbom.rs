//! The bill of materials: every crate that the released programs and drivers are made of.

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, PackageId};
use cyclonedx_bom::external_models::normalized_string::NormalizedString;
use cyclonedx_bom::external_models::spdx::SpdxExpression;
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::bom::Bom;
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use std::collections::{BTreeMap, BTreeSet};

/// What is released: the driver, the command-line tool, the library for drivers in C.
const RELEASED: [&str; 3] = ["pf_broker", "pfbctl", "block-broker-c"];

/// A CycloneDX document (version 1.5, JSON) with the released packages, all crates that they are
/// linked with, and which of them needs which.
pub(super) fn document(metadata: &Metadata) -> Result<Vec<u8>> {
    let needs = linked(metadata);
    let mut components = Vec::new();
    for package in &metadata.packages {
        if !needs.contains_key(&package.id) {
            continue;
        }
        let (name, version) = (package.name.as_str(), package.version.to_string());
        let kind = if RELEASED.contains(&name) {
            Classification::Application
        } else {
            Classification::Library
        };
        let mut component =
            Component::new(kind, name, &version, Some(reference(metadata, &package.id)));
        component.purl = Some(Purl::new("cargo", name, &version)?);
        component.description = package.description.as_deref().map(NormalizedString::new);
        component.licenses = package.license.as_deref().map(|license| {
            let expression = SpdxExpression::new(&license.replace('/', " OR "));
            Licenses(vec![LicenseChoice::Expression(expression)])
        });
        components.push(component);
    }
    components.sort_by(|a, b| a.bom_ref.cmp(&b.bom_ref));
    let mut dependencies: Vec<_> = needs
        .iter()
        .map(|(id, needed)| Dependency {
            dependency_ref: reference(metadata, id),
            dependencies: needed.iter().map(|id| reference(metadata, id)).collect(),
        })
        .collect();
    dependencies.sort_by(|a, b| a.dependency_ref.cmp(&b.dependency_ref));
    // Without a serial number: the same commit gives the same document.
    let bom = Bom {
        serial_number: None,
        components: Some(Components(components)),
        dependencies: Some(Dependencies(dependencies)),
        ..Bom::default()
    };
    let mut json = Vec::new();
    bom.output_as_json_v1_5(&mut json)?;
    Ok(json)
}

/// The released packages and what they are linked with, and what each of these needs. What only a
/// build or a test uses is not among them.
fn linked(metadata: &Metadata) -> BTreeMap<&PackageId, BTreeSet<&PackageId>> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let nodes: BTreeMap<_, _> = nodes.map(|node| (&node.id, node)).collect();
    let mut open: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| RELEASED.contains(&package.name.as_str()))
        .map(|package| &package.id)
        .collect();
    let mut needs = BTreeMap::new();
    while let Some(id) = open.pop() {
        let Some(node) = nodes.get(id).filter(|_| !needs.contains_key(id)) else {
            continue;
        };
        let is_linked = |dependency: &&cargo_metadata::NodeDep| {
            let kinds = &dependency.dep_kinds;
            kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        let needed: BTreeSet<_> = node
            .deps
            .iter()
            .filter(is_linked)
            .map(|dependency| &dependency.pkg)
            .collect();
        open.extend(&needed);
        needs.insert(id, needed);
    }
    needs
}

/// How the document refers to a package: its name and version.
fn reference(metadata: &Metadata, id: &PackageId) -> String {
    let package = &metadata[id];
    format!("{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use build_steps::paths::Paths;
    use cyclonedx_bom::models::bom::Bom;
    use cyclonedx_bom::validation::Validate as _;

    use super::document;

    #[test]
    fn the_document_is_valid_and_names_what_is_linked_and_not_what_only_tests_use() {
        let metadata = cargo_metadata::MetadataCommand::new()
            .current_dir(Paths::of_this_workspace().root())
            .exec()
            .unwrap();
        let json = document(&metadata).unwrap();
        let bom = Bom::parse_from_json_v1_5(&json[..]).unwrap();
        let validation = bom.validate();
        assert!(validation.passed(), "{validation:?}");
        let components = bom.components.unwrap().0;
        let names: Vec<_> = components
            .iter()
            .map(|component| component.name.to_string())
            .collect();
        for linked in ["pf_broker", "block-table", "wdk-sys", "clap", "toml"] {
            assert!(
                names.iter().any(|name| name == linked),
                "{linked}: {names:?}"
            );
        }
        for unlinked in ["proptest", "insta", "xtask", "wdk-build", "cyclonedx-bom"] {
            assert!(!names.iter().any(|name| name == unlinked), "{unlinked}");
        }
        assert!(
            components
                .iter()
                .all(|component| component.licenses.is_some())
        );
    }
}
