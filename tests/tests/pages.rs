//! Checks the pages: their paths and links exist, their prose fits, their diagrams and terms agree
//! with the project.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use end_to_end::repository;

/// The widest line of prose.
const COLUMNS: usize = 100;

/// A Markdown page.
struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// A page of this repository.
    fn at(name: &str) -> Self {
        Self::read(repository().join(name))
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).expect("a page can be read");
        Self { path, text }
    }

    fn name(&self) -> String {
        let path = self.path.strip_prefix(repository()).unwrap_or(&self.path);
        path.display().to_string()
    }

    fn folder(&self) -> &Path {
        self.path.parent().expect("a page is in a folder")
    }

    /// The lines outside of code blocks, with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut is_code = false;
        let lines = (1..).zip(self.text.lines());
        lines.filter(move |(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        })
    }

    /// The text outside of code blocks.
    fn prose(&self) -> String {
        let lines = self.lines().flat_map(|(_, line)| [line, "\n"]);
        lines.collect()
    }

    /// The rows of the first table below `header`, cell by cell.
    fn table(&self, header: &str) -> Vec<Vec<&str>> {
        let mut rows = self.text.lines().skip_while(|line| *line != header);
        assert!(rows.next().is_some(), "{}: no {header}", self.name());
        rows.skip(1)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect()
    }

    /// The names that a hosting site gives the headings in links.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self
            .lines()
            .filter_map(|(_, line)| line.strip_prefix('#'))
            .map(|line| line.trim_start_matches('#').trim().to_lowercase());
        let anchor = |heading: String| -> String {
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        };
        headings.map(anchor).collect()
    }
}

/// Every page of the repository.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut folders = vec![repository().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be read") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(Page::read(path));
            }
        }
    }
    assert!(pages.len() > 30, "only {} pages were found", pages.len());
    pages
}

/// The text between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_path_that_a_page_names_exists() {
    let folders: Vec<String> = fs::read_dir(repository())
        .expect("the repository can be read")
        .filter_map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name()?.to_str()?;
            (path.is_dir() && name != "target").then(|| format!("{name}/"))
        })
        .collect();
    let mut missing = Vec::new();
    let mut named = 0;
    for page in pages() {
        let prose = page.prose();
        let paths = spans(&prose)
            .filter(|span| folders.iter().any(|folder| span.starts_with(folder)))
            .filter(|span| !span.contains([' ', '<', '*', '…']));
        for path in paths {
            named += 1;
            if !repository().join(path).exists() && !page.folder().join(path).exists() {
                missing.push(format!("{}: {path}", page.name()));
            }
        }
    }
    assert!(missing.is_empty(), "named, but absent: {missing:#?}");
    assert!(named > 100, "only {named} paths were found");
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut links = 0;
    for page in pages() {
        let prose = page.prose();
        let targets = prose.split("](").skip(1);
        for target in targets.filter_map(|rest| Some(rest.split_once(')')?.0)) {
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.path.clone(),
                file => page.folder().join(file),
            };
            let is_there =
                path.exists() && (anchor.is_empty() || Page::read(path).anchors().contains(anchor));
            if !is_there {
                broken.push(format!("{}: {target}", page.name()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(links > 50, "only {links} links were found");
}

#[test]
fn no_line_of_prose_is_wider_than_the_pages_are() {
    let mut wide = Vec::new();
    for page in &pages() {
        for (number, line) in page.lines() {
            let is_link = !line.trim().contains(' ') && line.contains("](");
            if line.chars().count() > COLUMNS && !line.starts_with('|') && !is_link {
                wide.push(format!("{}:{number}", page.name()));
            }
        }
    }
    assert!(wide.is_empty(), "wider than {COLUMNS}: {wide:#?}");
}

#[test]
fn the_diagram_of_the_crates_has_the_arrows_of_the_table() {
    let page = Page::at("docs/architecture.md");
    let diagram = page
        .text
        .split("```mermaid\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .find(|diagram| diagram.contains("block_broker"))
        .expect("a diagram of the crates");
    // `id["label"] --> id["label"]`, with each label at the first use of its ID.
    let mut labels = BTreeMap::new();
    let mut arrows = BTreeSet::new();
    for line in diagram.lines().filter(|line| line.contains("-->")) {
        let mut ends = line.split("-->").map(str::trim).map(|end| {
            let (id, label) = end.split_once('[').unwrap_or((end, ""));
            let label = label.trim_matches(['"', ']']);
            if !label.is_empty() {
                labels.insert(id, label);
            }
            *labels.get(id).expect("a label at the first use")
        });
        let from = ends.next().expect("a beginning");
        let to = ends.next().expect("an end");
        assert!(arrows.insert((from, to)), "twice: {line}");
    }
    let mut documented = BTreeSet::new();
    for row in page.table("| who | uses |") {
        for from in spans(row[0]).filter(|span| !span.ends_with('/')) {
            documented.extend(spans(row[1]).map(|to| (from, to)));
        }
    }
    assert_eq!(arrows, documented);
}

#[test]
fn the_pages_use_the_terms_of_the_glossary_and_no_others() {
    let glossary = Page::at("docs/glossary.md");
    // Words alone, so that a term may stand on two lines, and so that ACS is not in `packs`.
    let words = |text: &str| {
        let words = text.to_lowercase();
        let words = words.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        format!(" {} ", words.join(" "))
    };
    let others = pages()
        .into_iter()
        .filter(|page| page.path != glossary.path);
    let text: String = others.map(|page| words(&page.prose())).collect();
    for row in glossary.table("| term | meaning |") {
        for term in row[0].trim_end_matches(r" \*").split(", ") {
            assert!(text.contains(&words(term)), "no page uses the term {term}");
        }
    }
    for row in glossary.table("| term | not |") {
        for name in row[1].split(", ") {
            assert!(!text.contains(&words(name)), "{name} is called {}", row[0]);
        }
    }
}

#[test]
fn the_readme_is_short_and_links_every_page() {
    let readme = Page::at("README.md");
    let lines = readme.text.lines().count();
    assert!(lines <= 110, "{lines} lines");
    for page in pages() {
        let name = page.name();
        let is_linked = readme.text.contains(&format!("({name})"));
        // The records have an index of their own, and READMEs are found in their folders.
        let has_another_way =
            page.folder().ends_with("docs/decisions") || name.ends_with("README.md");
        assert!(
            is_linked || has_another_way,
            "README.md does not link {name}"
        );
    }
    assert!(readme.text.contains("(docs/decisions/README.md)"));
}

#[test]
fn a_decision_is_short_dated_and_in_the_index() {
    let index = Page::at("docs/decisions/README.md");
    let rows = index.table("| record | date | decision |");
    let mut records: Vec<Page> = pages()
        .into_iter()
        .filter(|page| page.folder().ends_with("docs/decisions") && page.path != index.path)
        .collect();
    records.sort_by(|one, other| one.path.cmp(&other.path));
    assert_eq!(rows.len(), records.len(), "a row for each record");
    for (number, (row, record)) in (1..).zip(rows.iter().zip(&records)) {
        let name = record.name();
        let file = name.rsplit('/').next().expect("a file name");
        let lines: Vec<&str> = record.text.lines().collect();
        assert!(lines.len() <= 30, "{name} has {} lines", lines.len());
        assert_eq!(row[0], format!("[{number:04}]({file})"));
        assert_eq!(lines[0], format!("# {number:04}. {}", row[2]), "{name}");
        assert_eq!(lines[2], format!("Date: {}", row[1]), "{name}");
        let sections: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(sections, ["Context", "Decision", "Consequence"], "{name}");
    }
}
