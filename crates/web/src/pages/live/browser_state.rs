//! Tracks the part of a streamed text that the browser has, so that only new content is sent.
use carrel_http::sse::event;

use crate::view::IncrementalMarkdown;

/// The content of one part that the browser has.
#[derive(Default)]
pub struct BrowserState {
    block_count: usize,
    /// The unfinished block, as the browser shows it.
    tail: String,
    /// Bytes sent for finished and for unfinished blocks.
    block_bytes: usize,
    tail_bytes: usize,
}

impl BrowserState {
    /// Bytes that unfinished blocks may take, in addition to an eighth of the finished ones.
    /// Content that is replaced repeatedly must not outweigh the rest.
    const ALLOWANCE: usize = 1_024;

    pub fn update(&mut self, kind: &str, part: &IncrementalMarkdown, events: &mut String) {
        for block in &part.blocks[self.block_count.min(part.blocks.len())..] {
            match appended_text(&self.tail, block) {
                Some(addition) if !self.tail.is_empty() => {
                    self.append(kind, addition, events);
                    events.push_str(&event(&format!("{kind}keep"), ""));
                }
                _ => {
                    self.block_bytes += block.len();
                    events.push_str(&event(&format!("{kind}block"), block));
                    if !self.tail.is_empty() {
                        events.push_str(&event(&format!("{kind}tail"), ""));
                    }
                }
            }
            self.tail.clear();
        }
        self.block_count = part.blocks.len();
        if *part.tail == *self.tail {
            return;
        }
        match appended_text(&self.tail, &part.tail) {
            Some(addition) if !self.tail.is_empty() => self.append(kind, addition, events),
            _ if self.tail_bytes + part.tail.len() <= self.block_bytes / 8 + Self::ALLOWANCE => {
                self.tail_bytes += part.tail.len();
                events.push_str(&event(&format!("{kind}tail"), &part.tail));
            }
            _ => return,
        }
        self.tail = part.tail.to_string();
    }

    fn append(&mut self, kind: &str, text: &str, events: &mut String) {
        self.block_bytes += text.len();
        if !text.is_empty() {
            events.push_str(&event(&format!("{kind}more"), text));
        }
    }
}

/// Returns the text that was added to a block's last text, if nothing else changed.
fn appended_text<'a>(old: &str, new: &'a str) -> Option<&'a str> {
    let closing = closing_tags(old);
    let (body, end) = old.split_at(old.len() - closing);
    let addition = new.strip_prefix(body)?.strip_suffix(end)?;
    // Text can be appended only to text; otherwise the addition would end up in the wrong element.
    let can_append = !body.ends_with('>') && !body.is_empty();
    (can_append && !addition.contains('<')).then_some(addition)
}

/// Returns the length of the closing tags at the end of `html`, in bytes.
fn closing_tags(html: &str) -> usize {
    let mut rest = html;
    loop {
        let trimmed = rest.trim_end_matches('\n');
        let Some(index) = trimmed.rfind("</").filter(|_| trimmed.ends_with('>')) else { break };
        if trimmed[index + 2..trimmed.len() - 1].contains(['<', '>']) {
            break;
        }
        rest = &trimmed[..index];
    }
    html.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appended_text_is_distinguished_from_other_changes() {
        assert_eq!(appended_text("<p>a</p>\n", "<p>a b</p>\n"), Some(" b"));
        assert_eq!(
            appended_text("<ul>\n<li>a</li>\n</ul>\n", "<ul>\n<li>ab</li>\n</ul>\n"),
            Some("b")
        );
        assert_eq!(appended_text("<p>a</p>\n", "<p>a</p>\n"), Some(""));
        for (old, new) in [
            ("<p>a <em>b</em></p>", "<p>a <em>b</em> c</p>"),
            ("<p>a</p>", "<p>a <em>b</em></p>"),
            ("<p>*a</p>", "<p><em>a</em></p>"),
            ("", "<p>a</p>"),
        ] {
            assert_eq!(appended_text(old, new), None, "{old} {new}");
        }
    }

    /// Returns what the browser shows after `events`.
    fn replay(events: &str) -> String {
        let (mut blocks, mut tail) = (String::new(), String::new());
        for event in events.split("\n\n").filter(|event| !event.is_empty()) {
            let mut lines = event.lines();
            let name = lines.next().unwrap().trim_start_matches("event: ");
            let data: Vec<_> = lines.map(|line| &line["data: ".len()..]).collect();
            let data = data.join("\n");
            match name {
                "block" => blocks.push_str(&data),
                "tail" => tail = data,
                "more" => tail.insert_str(tail.len() - closing_tags(&tail), &data),
                "keep" => blocks.push_str(&std::mem::take(&mut tail)),
                other => panic!("{other}"),
            }
        }
        blocks + &tail
    }

    #[test]
    fn a_browser_receives_the_whole_answer_and_little_more() {
        let paragraph = "The reserve lamp takes over within *eight* seconds, see [1] & the log. ";
        let block =
            format!("{}\n\n```rust\n{}```\n\n", paragraph.repeat(6), "let a = 1;\n".repeat(12));
        let text = block.repeat(26);
        assert!(text.len() > 14_000, "{}", text.len());
        let mut incremental = crate::view::IncrementalAnswer::default();
        let (mut state, mut events) = (BrowserState::default(), String::new());
        let mut position = 0;
        while position < text.len() {
            position = (position + 24).min(text.len());
            incremental.advance(&text[..position], "s");
            state.update("", &incremental.answer, &mut events);
        }
        incremental.finish(&text, "s");
        state.update("", &incremental.answer, &mut events);
        let html: String = incremental.answer.blocks.iter().map(|block| &**block).collect();
        assert_eq!(replay(&events), html);
        assert!(events.len() < html.len() * 2 + text.len(), "{} {}", events.len(), html.len());
    }
}
