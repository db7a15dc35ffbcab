//! Diagnostics in the style of rustc: the place, the value, and what is allowed.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Bytes of a manifest's text.
pub type Span = Range<usize>;

/// A value and its place in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Located<T> {
    pub(crate) const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// Whether a diagnostic stops the compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The manifest does not compile.
    Error,
    /// The manifest is valid, but probably not what its author means.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the compilation.
    pub severity: Severity,
    /// What is wrong, with the value.
    pub message: String,
    /// Where it is wrong.
    pub span: Span,
    /// The label at that place; may be empty.
    pub label: String,
    /// Other relevant places, each with its label.
    pub related: Vec<(Span, String)>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

impl Diagnostic {
    pub(crate) fn error(message: impl Into<String>, span: &Span, label: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span: span.clone(),
            label: label.into(),
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    pub(crate) fn warning(
        message: impl Into<String>,
        span: &Span,
        label: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message, span, label)
        }
    }

    pub(crate) fn related(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.related.push((span.clone(), label.into()));
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds "did you mean" when one of `candidates` is close to `wrong`.
    pub(crate) fn did_you_mean<'c>(
        self,
        wrong: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Self {
        match closest(wrong, candidates) {
            Some(candidate) => self.help(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}

/// `text` for one line of a message: escapes invisible characters.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        match letter {
            '\'' | '"' | '\\' => shown.push(letter),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

/// A number with its noun, such as `1 byte` and `2 bytes`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// The words in backquotes with commas between them.
pub(crate) fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The candidate that is most similar to `wrong`, if one is similar enough.
#[must_use]
pub fn closest<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // 0.75 accepts one or two wrong letters in a word of usual length, and no other word of the
    // language.
    let scored = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(wrong, candidate), candidate));
    scored
        .filter(|(score, _)| *score > 0.75)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// Collects diagnostics while a manifest is read and checked.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    all: RefCell<Vec<Diagnostic>>,
    /// A part of the text is not TOML, so that keys that seem to be missing may only be unreadable.
    incomplete: Cell<bool>,
}

impl Sink {
    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        let mut all = self.all.borrow_mut();
        if !all.contains(&diagnostic) {
            all.push(diagnostic);
        }
    }

    pub(crate) fn set_incomplete(&self) {
        self.incomplete.set(true);
    }

    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete.get()
    }

    /// Reports an error of one sentence and a label.
    pub(crate) fn error(&self, message: impl Into<String>, span: &Span, label: impl Into<String>) {
        self.report(Diagnostic::error(message, span, label));
    }

    pub(crate) fn error_count(&self) -> usize {
        self.all
            .borrow()
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .count()
    }

    /// Everything that was reported, in the order of the text.
    pub(crate) fn into_diagnostics(self, file_name: &str, text: &str) -> Diagnostics {
        let mut all = self.all.into_inner();
        all.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
        Diagnostics {
            file_name: file_name.to_owned(),
            text: text.to_owned(),
            all,
        }
    }
}

/// Everything that is wrong with one manifest, in the order of its text.
///
/// [`Display`](fmt::Display) renders it without colour, [`render`](Self::render) with or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    file_name: String,
    text: String,
    all: Vec<Diagnostic>,
}

impl Diagnostics {
    /// The single diagnostics.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter()
    }

    /// The number of errors.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .count()
    }

    /// The number of warnings.
    #[must_use]
    pub fn warning_count(&self) -> usize {
        self.all.len() - self.error_count()
    }

    /// Whether there are no diagnostics.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The line and the column of a byte of the text, as editors count: both from 1, columns in
    /// characters.
    #[must_use]
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let end = self.text.floor_char_boundary(byte.min(self.text.len()));
        let before = &self.text[..end];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let lines = before.bytes().filter(|&byte| byte == b'\n').count();
        (lines + 1, before[line..].chars().count() + 1)
    }

    /// Renders all diagnostics, one after the other with an empty line between them, with terminal
    /// colours if `color`. Lines of the text that are wider than `columns` are cut around what they
    /// are about; without a number the renderer's own, 140, applies.
    #[must_use]
    pub fn render(&self, color: bool, columns: Option<usize>) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = match columns {
            Some(columns) => renderer.term_width(columns),
            None => renderer,
        };
        let texts: Vec<String> = self
            .iter()
            .map(|diagnostic| renderer.render(&[self.group(diagnostic)]))
            .collect();
        texts.join("\n\n")
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let primary = AnnotationKind::Primary
            .span(self.visible(&diagnostic.span))
            .label(diagnostic.label.as_str());
        let related = diagnostic.related.iter().map(|(span, label)| {
            AnnotationKind::Context
                .span(self.visible(span))
                .label(label.as_str())
        });
        let snippet = Snippet::source(self.text.as_str())
            .path(self.file_name.as_str())
            .annotation(primary)
            .annotations(related);
        let notes = diagnostic
            .notes
            .iter()
            .map(|note| Level::NOTE.message(note.as_str()));
        let help = diagnostic
            .help
            .iter()
            .map(|help| Level::HELP.message(help.as_str()));
        level
            .primary_title(diagnostic.message.as_str())
            .element(snippet)
            .elements(notes)
            .elements(help)
    }

    /// The span, cut to the text and to character boundaries.
    fn visible(&self, span: &Span) -> Span {
        let start = self
            .text
            .floor_char_boundary(span.start.min(self.text.len()));
        start
            ..self
                .text
                .ceil_char_boundary(span.end.clamp(start, self.text.len()))
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false, None))
    }
}

impl std::error::Error for Diagnostics {}
