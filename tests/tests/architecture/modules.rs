//! The module tree of one crate: which file declares which module, and what each module declares.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Item, Lit, Meta, Token, UseTree, Visibility};

/// The path of a module below the crate's root, such as `["kit", "facts"]`; empty for the root.
pub(crate) type ModulePath = Vec<String>;

/// A module that is compiled outside of tests.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its file, relative to the crate's folder.
    pub(crate) file: PathBuf,
    /// The names of its items, its modules among them.
    pub(crate) names: BTreeSet<String>,
    /// What it re-exports: the name and the path that the `use` item gives; `*` for all names.
    pub(crate) exports: Vec<(String, Vec<String>)>,
}

/// All modules of one crate.
pub(crate) struct Modules {
    /// The file of the crate's root.
    pub(crate) root: PathBuf,
    /// The modules by their paths.
    pub(crate) by_path: BTreeMap<ModulePath, Module>,
    /// Each file with its syntax tree and the path of its module.
    pub(crate) files: Vec<(PathBuf, ModulePath, syn::File)>,
}

impl Modules {
    /// Reads the crate in `folder` whose root is `root`, relative to the folder.
    pub(crate) fn read(folder: &Path, root: &Path) -> Self {
        let mut modules = Self {
            root: root.to_path_buf(),
            by_path: BTreeMap::new(),
            files: Vec::new(),
        };
        let children = root.parent().unwrap_or(Path::new("")).to_path_buf();
        modules.read_file(folder, root, &children, Vec::new());
        modules
    }

    /// Reads `file`, the module `path`, whose child modules are files in `children`.
    fn read_file(&mut self, folder: &Path, file: &Path, children: &Path, path: ModulePath) {
        let text = fs::read_to_string(folder.join(file))
            .unwrap_or_else(|error| panic!("{}: {error}", folder.join(file).display()));
        let parsed = syn::parse_file(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.join(file).display()));
        self.read_items(folder, file, children, &path, &parsed.items);
        self.files.push((file.to_path_buf(), path, parsed));
    }

    fn read_items(
        &mut self,
        folder: &Path,
        file: &Path,
        children: &Path,
        path: &[String],
        items: &[Item],
    ) {
        let mut module = Module {
            file: file.to_path_buf(),
            names: BTreeSet::new(),
            exports: Vec::new(),
        };
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            module.names.extend(name(item));
            match item {
                Item::Use(item) if !matches!(item.vis, Visibility::Inherited) => {
                    exports(&item.tree, &mut Vec::new(), &mut module.exports);
                }
                Item::Mod(item) => {
                    let name = item.ident.to_string();
                    let child = [path, std::slice::from_ref(&name)].concat();
                    let below = children.join(&name);
                    if let Some((_, items)) = &item.content {
                        self.read_items(folder, file, &below, &child, items);
                    } else if let Some(named) = path_attribute(&item.attrs) {
                        let named = file.parent().unwrap_or(Path::new("")).join(named);
                        let below = named.parent().unwrap_or(Path::new("")).to_path_buf();
                        self.read_file(folder, &named, &below, child);
                    } else {
                        let flat = children.join(format!("{name}.rs"));
                        let file = if folder.join(&flat).exists() {
                            flat
                        } else {
                            below.join("mod.rs")
                        };
                        self.read_file(folder, &file, &below, child);
                    }
                }
                _ => {}
            }
        }
        self.by_path.insert(path.to_vec(), module);
    }
}

/// The name that an item has in its module.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an item is compiled for tests or documentation only: its attributes have `cfg(test)` or
/// `cfg(doc)`, alone or in `all`.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    fn needs_test(meta: &Meta) -> bool {
        match meta {
            Meta::Path(path) => path.is_ident("test") || path.is_ident("doc"),
            Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .is_ok_and(|metas| metas.iter().any(needs_test)),
            _ => false,
        }
    }
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<Meta>()
                .is_ok_and(|meta| needs_test(&meta))
    })
}

/// Whether an item is compiled for tests or documentation only.
pub(crate) fn is_test_item(item: &Item) -> bool {
    is_for_tests(attributes(item))
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            Expr::Lit(value) if pair.path.is_ident("path") => match &value.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        }
    })
}

/// Every name that a `use` tree brings in, with its whole path.
fn exports(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    leaves(tree, prefix, &mut |path, alias| {
        let name = alias.or(path.last()).cloned().unwrap_or_default();
        found.push((name, path.to_vec()));
    });
}

/// Calls `each` with the whole path of every leaf of a `use` tree and the name after `as`.
pub(crate) fn leaves(
    tree: &UseTree,
    prefix: &mut Vec<String>,
    each: &mut impl FnMut(&[String], Option<&String>),
) {
    let depth = prefix.len();
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            leaves(&path.tree, prefix, each);
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, prefix, each);
            }
        }
        UseTree::Name(name) => {
            // `a::{self}` is `a`.
            if name.ident != "self" {
                prefix.push(name.ident.to_string());
            }
            each(prefix, None);
        }
        UseTree::Rename(rename) => {
            if rename.ident != "self" {
                prefix.push(rename.ident.to_string());
            }
            each(prefix, Some(&rename.rename.to_string()));
        }
        UseTree::Glob(_) => {
            prefix.push("*".to_owned());
            each(prefix, None);
        }
    }
    prefix.truncate(depth);
}
