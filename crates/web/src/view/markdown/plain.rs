//! Removes Markdown markup, for excerpts.
use pulldown_cmark::{Event, Parser, TagEnd};

/// Longer texts, in bytes, are not processed, because that is too expensive for an excerpt.
const MOST: usize = 8 << 10;

/// Returns the visible text on one line.
pub fn plain(text: &str) -> String {
    if text.len() > MOST {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    for event in Parser::new(text) {
        match event {
            Event::Text(text) | Event::Code(text) => plain.push_str(&text),
            Event::SoftBreak | Event::HardBreak => plain.push(' '),
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock,
            ) => {
                plain.push(' ');
            }
            _ => {}
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_removed_and_words_stay_separate() {
        let text = "# Lamp\n\n> If it **fails**,\n> the `reserve` lamp.\n\n- one\n- two\n";
        assert_eq!(plain(text), "Lamp If it fails, the reserve lamp. one two");
        assert_eq!(plain(""), "");
        let long = "> ".repeat(MOST);
        assert_eq!(plain(&long), long);
    }
}
