//! Removes Markdown markup, for excerpts.
use pulldown_cmark::{Event, Parser, TagEnd};

/// Maximum length of a processed text, in bytes. More is too expensive for an excerpt.
const MAX_LENGTH: usize = 8 << 10;

/// Returns the visible text on one line.
pub fn plain_text(text: &str) -> String {
    if text.len() > MAX_LENGTH {
        return text.to_owned();
    }
    let mut output = String::with_capacity(text.len());
    for event in Parser::new(text) {
        match event {
            Event::Text(text) | Event::Code(text) => output.push_str(&text),
            Event::SoftBreak | Event::HardBreak => output.push(' '),
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock,
            ) => {
                output.push(' ');
            }
            _ => {}
        }
    }
    output.truncate(output.trim_end().len());
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_removed_and_words_stay_separate() {
        let text = "# Lamp\n\n> If it **fails**,\n> the `reserve` lamp.\n\n- one\n- two\n";
        assert_eq!(plain_text(text), "Lamp If it fails, the reserve lamp. one two");
        assert_eq!(plain_text(""), "");
        let long = "> ".repeat(MAX_LENGTH);
        assert_eq!(plain_text(&long), long);
    }
}
