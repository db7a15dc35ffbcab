//! The imports between the files of one crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, Macro, VisRestricted, Visibility};

use crate::modules::{ModulePath, Modules, is_test_item, leaves};

/// Where a file imports another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// The path that is imported, as it is written.
    pub(crate) path: String,
}

/// The first place of each import, by the importing and the imported file.
pub(crate) type Imports = BTreeMap<(PathBuf, PathBuf), Place>;

/// The imports between the files of the crate in `folder` whose root is the file `root`.
///
/// `mod child;` is no import, and neither is a re-export in the crate's root, nor anything that is
/// compiled for tests only.
pub(crate) fn of_crate(folder: &Path, root: &Path) -> Imports {
    let modules = Modules::read(folder, root);
    let mut imports = Imports::new();
    for (file, path, parsed) in &modules.files {
        let mut visitor = Visitor {
            modules: &modules,
            file,
            module: path.clone(),
            imports: &mut imports,
        };
        for item in &parsed.items {
            visitor.visit_item(item);
        }
    }
    imports
}

impl Modules {
    /// The files in which `path`, written in the module `from`, is looked up and found; none for a
    /// path into another crate.
    fn files_of(&self, from: &[String], path: &[String]) -> Vec<&Path> {
        let mut found = Vec::new();
        self.look_up(from, path, 0, &mut found);
        found
    }

    fn look_up<'m>(
        &'m self,
        from: &[String],
        path: &[String],
        depth: usize,
        found: &mut Vec<&'m Path>,
    ) {
        // Re-exports that name each other would go on for ever.
        const DEEPEST: usize = 16;
        let Some((module, rest)) = self.module_of(from, path).filter(|_| depth < DEEPEST) else {
            return;
        };
        let declared = &self.by_path[&module];
        let exported = rest
            .first()
            .filter(|name| !declared.names.contains(*name))
            .and_then(|name| self.export(&module, name));
        let is_root = declared.file == self.root;
        // The root only lists the names of other modules; any other module is a dependency itself.
        if !(is_root && exported.is_some()) {
            found.push(&declared.file);
        }
        if let Some(mut target) = exported {
            target.extend_from_slice(&rest[1..]);
            self.look_up(&module, &target, depth + 1, found);
        }
    }

    /// The module that the longest possible beginning of `path` names, and the rest of the path.
    fn module_of<'p>(
        &self,
        from: &[String],
        path: &'p [String],
    ) -> Option<(ModulePath, &'p [String])> {
        let mut module = from.to_vec();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                module.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    module.pop()?;
                    rest = &rest[1..];
                }
            }
            // A module of this module's own, or something of another crate.
            child => {
                let child = [from, &[child.to_owned()]].concat();
                self.by_path.get(&child)?;
            }
        }
        while let Some(name) = rest.first() {
            let child = [&module[..], std::slice::from_ref(name)].concat();
            if !self.by_path.contains_key(&child) {
                break;
            }
            module = child;
            rest = &rest[1..];
        }
        Some((module, rest))
    }

    /// The path under which `module` re-exports `name`.
    fn export(&self, module: &[String], name: &String) -> Option<Vec<String>> {
        let exports = &self.by_path.get(module)?.exports;
        if let Some((_, path)) = exports.iter().find(|(exported, _)| exported == name) {
            return Some(path.clone());
        }
        exports
            .iter()
            .filter(|(exported, _)| exported == "*")
            .find_map(|(_, path)| {
                let (_, prefix) = path.split_last()?;
                let (target, rest) = self.module_of(module, prefix)?;
                let declares = rest.is_empty() && self.by_path[&target].names.contains(name);
                declares.then(|| [prefix, std::slice::from_ref(name)].concat())
            })
    }
}

/// Collects the imports of one file.
struct Visitor<'m> {
    modules: &'m Modules,
    file: &'m Path,
    /// The module that is visited: the file's own, or one inside of it.
    module: ModulePath,
    imports: &'m mut Imports,
}

impl Visitor<'_> {
    fn add(&mut self, path: &[String], line: usize) {
        for target in self.modules.files_of(&self.module, path) {
            if target == self.file {
                continue;
            }
            let place = Place {
                line,
                path: path.join("::"),
            };
            let edge = (self.file.to_path_buf(), target.to_path_buf());
            self.imports.entry(edge).or_insert(place);
        }
    }

    /// The paths in the arguments of a macro, which are not parsed.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut line = 0;
        // Whether the path goes on with the next identifier.
        let mut continued = false;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if !continued {
                        self.add(&path, line);
                        path.clear();
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    (continued, colons) = (false, 0);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continued = colons == 2;
                }
                other => {
                    self.add(&path, line);
                    path.clear();
                    (continued, colons) = (false, 0);
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add(&path, line);
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_item(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let exports = !matches!(item.vis, Visibility::Inherited);
        if exports && self.file == self.modules.root {
            return;
        }
        let line = item.span().start().line;
        leaves(&item.tree, &mut Vec::new(), &mut |path, _| {
            self.add(path, line);
        });
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if path.leading_colon.is_none() && words.len() > 1 {
            self.add(&words, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.add_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    /// `pub(in crate::a)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}
