//! Escapes text from other sources for a terminal: names in a block table or in a driver's reply,
//! and error messages that quote a file.

use std::borrow::Cow;

/// A text on one line in which characters without a visible form are escaped as `\u{1b}`: a
/// terminal executes control characters, and format characters hide others or change their order.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, &is_unprintable)
}

/// The same for a text of several lines; line breaks stay.
pub(crate) fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, &|c| c != '\n' && is_unprintable(c))
}

/// Whether a character has no visible form.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control() || is_format(character)
}

fn escaped<'t>(text: &'t str, is_escaped: &dyn Fn(char) -> bool) -> Cow<'t, str> {
    if !text.chars().any(is_escaped) {
        return text.into();
    }
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        if is_escaped(character) {
            harmless.extend(character.escape_unicode());
        } else {
            harmless.push(character);
        }
    }
    harmless.into()
}

/// Invisible characters that change how others are shown: zero-width characters, separators of
/// lines and paragraphs, tags, and the controls of writing direction (Unicode Standard Annex 9,
/// section 2).
fn is_format(character: char) -> bool {
    matches!(
        character,
        '\u{AD}'
            | '\u{61C}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_lines};

    #[test]
    fn control_and_format_characters_are_escaped_and_all_others_stay() {
        for plain in ["", "Contoso CX-100", "Zürich 東京 –│", "50% {x} \\ \""] {
            assert_eq!(printable(plain), plain);
        }
        assert_eq!(
            printable("a\u{1b}[2J\r\n\t\u{7f}\u{9b}\u{202e}\u{feff}b"),
            r"a\u{1b}[2J\u{d}\u{a}\u{9}\u{7f}\u{9b}\u{202e}\u{feff}b"
        );
    }

    #[test]
    fn the_lines_of_a_text_stay_lines() {
        assert_eq!(
            printable_lines("one\ntwo\u{1b}]0;\u{7}"),
            "one\ntwo\\u{1b}]0;\\u{7}"
        );
    }
}
