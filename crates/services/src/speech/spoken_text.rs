//! Converts Markdown to the text a person would read aloud.
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, TextMergeStream};

/// The spoken replacement of a code block.
const CODE: &str = "code";

/// The number of characters of an address that are skipped at a time.
const MAX_ADDRESS_CHARS: usize = 2_000;

/// Returns the words of `text` without markup, citations, addresses and emoji. Each paragraph, item
/// and row becomes a line that ends with punctuation.
pub fn spoken_text(text: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM;
    let mut output = SpokenText::default();
    for event in TextMergeStream::new(Parser::new_ext(text, options)) {
        output.push_event(event);
    }
    output.end_line();
    output.text.truncate(output.text.trim_end().len());
    output.text
}

#[derive(Default)]
struct SpokenText {
    text: String,
    line: String,
    /// The next item number of each enclosing list, if it is numbered.
    lists: Vec<Option<u64>>,
    is_code: bool,
}

impl SpokenText {
    fn push_event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                self.is_code = true;
                self.end_line();
                self.line.push_str(CODE);
            }
            Event::Start(Tag::List(first)) => {
                self.end_line();
                self.lists.push(first);
            }
            Event::Start(Tag::Item) => self.begin_item(),
            Event::End(TagEnd::List(_)) => drop(self.lists.pop()),
            Event::End(TagEnd::CodeBlock) => {
                self.is_code = false;
                self.end_line();
            }
            Event::End(TagEnd::TableCell) => self.line.push_str(", "),
            Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::TableHead
                | TagEnd::TableRow,
            ) => self.end_line(),
            Event::Text(words) if !self.is_code => append_spoken(&words, &mut self.line),
            Event::Code(words) => self.line.push_str(&words),
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.end_line(),
            _ => {}
        }
    }

    fn begin_item(&mut self) {
        self.end_line();
        if let Some(Some(number)) = self.lists.last_mut() {
            self.line.push_str(&format!("{number}. "));
            *number += 1;
        }
    }

    fn end_line(&mut self) {
        let line = self.line.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.trim_end_matches([',', ' ']);
        if line.chars().any(char::is_alphanumeric) {
            self.text.push_str(line);
            if line.ends_with(|last: char| last.is_alphanumeric() || ")]}\"'»”’%°".contains(last))
            {
                self.text.push('.');
            }
            self.text.push('\n');
        }
        self.line.clear();
    }
}

/// Appends `words` without citations and emoji. Addresses are reduced to their host.
fn append_spoken(words: &str, line: &mut String) {
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = citation(rest) {
            line.truncate(line.trim_end().len());
            rest = &rest[length..];
        } else if let Some((host, length)) = address(rest) {
            line.push_str(host);
            rest = &rest[length..];
        } else {
            if !is_emoji(first) {
                line.push(first);
            }
            rest = &rest[first.len_utf8()..];
        }
    }
}

/// Returns the length of the citation at the start of `text`: `[1]`, `[1, 2]`, `【1】`.
fn citation(text: &str) -> Option<usize> {
    let (open, close) = match text.chars().next()? {
        '[' => ('[', ']'),
        '【' => ('【', '】'),
        _ => return None,
    };
    let inside = &text[open.len_utf8()..];
    // Limits the search, so that many open brackets take linear time.
    let mut window = inside.char_indices().take(40);
    let (end, _) = window.find(|(_, character)| *character == close)?;
    let numbers = inside[..end].split(',').map(str::trim);
    let mut numbers = numbers.map(|number| {
        !number.is_empty() && number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    numbers.all(|is_number| is_number).then_some(open.len_utf8() + end + close.len_utf8())
}

/// Returns the host of the address at the start of `text`, and the length of the address.
fn address(text: &str) -> Option<(&str, usize)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme))?;
    let mut window = text.char_indices().take(MAX_ADDRESS_CHARS);
    let end =
        window.find(|(_, character)| character.is_whitespace() || "<>\"".contains(*character));
    let end = end.or_else(|| text.char_indices().nth(MAX_ADDRESS_CHARS)).map(|(at, _)| at);
    let address =
        text[..end.unwrap_or(text.len())].trim_end_matches(['.', ',', ')', ';', ':', '!', '?']);
    let host = address[scheme.len().min(address.len())..].split(['/', '?', '#']).next()?;
    (!host.is_empty()).then_some((host, address.len()))
}

fn is_emoji(character: char) -> bool {
    matches!(u32::from(character),
        0x1F1E6..=0x1F1FF | 0x1F300..=0x1FAFF | 0x2600..=0x27BF | 0x2B05..=0x2B55 | 0xFE0E..=0xFE0F
        | 0x200D | 0x20E3 | 0xE0020..=0xE007F | 0x231A..=0x231B | 0x23E9..=0x23FA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_citations_and_emoji_are_not_spoken() {
        for (text, spoken) in [
            ("**Bold** and _soft_ [1], sure [2, 3].", "Bold and soft, sure."),
            ("# The sea 🌊\n\nIt roars.", "The sea.\nIt roars."),
            ("See 【4】 the `Cargo.toml` file ✅", "See the Cargo.toml file."),
            ("Look at [the page](https://a.example/b?c) here", "Look at the page here."),
            ("From https://docs.example.org/a/b?c=d, today.", "From docs.example.org, today."),
            ("One\n```rust\nfn main() {}\n```\nTwo", "One.\ncode.\nTwo."),
            ("- one\n- two!\n", "one.\ntwo!"),
            ("3. three\n4. four\n", "3. three.\n4. four."),
            ("- [x] done\n  - deeper\n", "done.\ndeeper."),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n", "a, b.\n1, 2."),
            ("> quoted\n> words", "quoted words."),
            ("---\n\n![a lamp](x.png)", "a lamp."),
            ("<b>loud</b>", "loud."),
            ("2 * 3 * 4 = 24, at 5 °C and 50 %", "2 * 3 * 4 = 24, at 5 °C and 50 %."),
            ("It costs 5 € [1].", "It costs 5 €."),
            ("an array[10] of [words]", "an array of [words]."),
            ("`a[1]` stays", "a[1] stays."),
            ("👩‍👩‍👧 ❤️ 🇩🇪", ""),
            ("你好。世界", "你好。世界."),
            ("", ""),
        ] {
            assert_eq!(spoken_text(text), spoken, "{text}");
        }
    }

    #[test]
    fn any_input_is_converted_without_panic() {
        for text in ["[", "[1", "【", "http://", "https:///", "`", "```", "[[1]]", "\u{0}", "| a"]
        {
            spoken_text(text);
        }
        assert!(spoken_text(&"[1]".repeat(10_000)).is_empty());
        assert!(spoken_text(&"> ".repeat(10_000)).is_empty());
    }
}
