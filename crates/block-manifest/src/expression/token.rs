//! Splits an expression into tokens.

use crate::diagnostic::{Diagnostic, Sink, Span, printable};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Number(u64),
    /// `name` or `name.part`.
    Name(String),
    /// An operator or a parenthesis.
    Symbol(&'static str),
    End,
}

/// Longer symbols precede their prefixes.
const SYMBOLS: [&str; 16] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "|", "&", "+", "-", "*", "!", "(", ")",
];

/// Splits `text` into tokens; `place` gives the span of a range of it in the manifest. Ends with
/// [`Token::End`].
pub(super) fn tokens(
    text: &str,
    place: &dyn Fn(Span) -> Span,
    sink: &Sink,
) -> Option<Vec<(Token, Span)>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let length = word_length(rest, first);
        let word = &rest[..length];
        let span = place(at..at + length);
        let token = if first.is_ascii_digit() {
            Token::Number(number(word, &span, sink)?)
        } else if is_name_start(first) {
            Token::Name(word.to_owned())
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| **symbol == word) {
            Token::Symbol(symbol)
        } else {
            sink.report(unknown_symbol(word, &span));
            return None;
        };
        tokens.push((token, span));
        at += length;
    }
    tokens.push((Token::End, place(text.len()..text.len())));
    Some(tokens)
}

/// The length of the number, name or symbol at the beginning of `text`, whose first letter is
/// `first`.
fn word_length(text: &str, first: char) -> usize {
    if first.is_ascii_digit() {
        text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(text.len())
    } else if is_name_start(first) {
        name_length(text)
    } else {
        SYMBOLS
            .iter()
            .find(|symbol| text.starts_with(**symbol))
            .map_or(first.len_utf8(), |symbol| symbol.len())
    }
}

/// The expression `text` with other names: `renamed` gives that of a name up to its first dot, if it
/// changes.
pub(crate) fn rename(text: &str, renamed: &dyn Fn(&str) -> Option<String>) -> String {
    let mut changed = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (word, behind) = rest.split_at(word_length(rest, first));
        let (name, part) = word.split_at(word.find('.').unwrap_or(word.len()));
        let name_changed = is_name_start(first).then(|| renamed(name)).flatten();
        changed.push_str(name_changed.as_deref().unwrap_or(name));
        changed.push_str(part);
        rest = behind;
    }
    changed
}

const fn is_name_start(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

/// The length of the name at the beginning of `text`. A `-` or `.` belongs to it if a letter
/// follows directly.
fn name_length(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let joins = matches!(letter, '-' | '.')
            && letters.peek().is_some_and(|(_, next)| is_name_start(*next));
        if !joins && !letter.is_ascii_alphanumeric() && letter != '_' {
            return at;
        }
    }
    text.len()
}

/// Decimal, or `0x`, `0o`, `0b`, with `_` anywhere after the first digit.
fn number(word: &str, span: &Span, sink: &Sink) -> Option<u64> {
    let digits = word.replace('_', "");
    let (digits, radix) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0o") => (&digits[2..], 8),
        Some("0b") => (&digits[2..], 2),
        _ => (digits.as_str(), 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        sink.error(
            format!("`{word}` is not a number"),
            span,
            "expected decimal digits, or digits after 0x, 0o or 0b",
        );
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok();
    if value.is_none() {
        sink.error(
            format!("`{word}` does not fit into 64 bits"),
            span,
            format!("the largest number is {}", u64::MAX),
        );
    }
    value
}

fn unknown_symbol(word: &str, span: &Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        format!("`{}` is not part of an expression", printable(word)),
        span,
        "unknown symbol",
    );
    let diagnostic = diagnostic.note("the operators are `+ - * & | == != < <= > >= && || ! ( )`");
    if word == "=" {
        diagnostic.help("write `==` to compare")
    } else {
        diagnostic
    }
}
