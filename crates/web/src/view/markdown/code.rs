//! Code blocks, highlighted on the server: a card with the language, a copy button, and classes
//! that the style sheet colors.
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::writer::escape;
use crate::view::texts::t;

/// Maximum number of bytes of code that are highlighted per text, and the time limit.
const MAX_BYTES: usize = 64 * 1024;
const MAX_TIME: Duration = Duration::from_millis(150);
/// Maximum length of a highlighted line, in bytes.
const MAX_LINE: usize = 2_000;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// Scope prefixes and their classes. Later rows are more specific.
static CLASSES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let rows = [
        ("comment", "c"),
        ("string", "s"),
        ("constant", "n"),
        ("keyword", "k"),
        ("storage", "k"),
        ("entity.name", "f"),
        ("support.function", "f"),
        ("variable.function", "f"),
        ("entity.name.tag", "k"),
        ("entity.other.attribute-name", "t"),
        ("support.type", "t"),
        ("support.class", "t"),
        ("entity.name.type", "t"),
        ("entity.name.class", "t"),
        ("entity.name.struct", "t"),
        ("storage.type.function", "k"),
        ("markup.inserted", "i"),
        ("markup.deleted", "d"),
        ("keyword.operator", ""),
        ("punctuation.definition.comment", "c"),
        ("punctuation.definition.string", "s"),
    ];
    rows.into_iter().filter_map(|(scope, class)| Some((Scope::new(scope).ok()?, class))).collect()
});

/// The remaining highlighting budget of a text.
pub struct Budget {
    bytes: usize,
    time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, time: MAX_TIME }
    }
}

/// Writes a code block, without highlighting for an unknown language or beyond the budget.
pub fn write(language: &str, text: &str, budget: &mut Budget, html: &mut String) {
    html.push_str("<figure class=\"code\"><figcaption><span>");
    escape(if language.is_empty() { t("code.plain") } else { language }, html);
    html.push_str(
        "</span><button type=\"button\" class=\"button button-quiet button-s\" data-copy-code>",
    );
    escape(t("copy"), html);
    html.push_str("</button></figcaption><pre tabindex=\"0\" dir=\"ltr\"><code>");
    match syntax(language) {
        Some(syntax) if text.len() <= budget.bytes => {
            budget.bytes -= text.len();
            let started = Instant::now();
            highlight(syntax, text, budget.time, html);
            budget.time = budget.time.saturating_sub(started.elapsed());
        }
        _ => escape(text, html),
    }
    html.push_str("</code></pre></figure>\n");
}

fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    let language = language.to_ascii_lowercase();
    let token = match language.as_str() {
        "" | "text" | "txt" | "plain" | "plaintext" => return None,
        "typescript" | "ts" | "tsx" | "jsx" | "mjs" => "js",
        "shell" | "console" | "zsh" | "fish" => "sh",
        "c++" | "cc" | "hpp" => "cpp",
        "golang" => "go",
        "jsonc" | "json5" | "jsonl" => "json",
        other => other,
    };
    SYNTAXES.find_syntax_by_token(token)
}

fn highlight(syntax: &SyntaxReference, text: &str, time: Duration, html: &mut String) {
    let started = Instant::now();
    let (mut state, mut scopes) = (ParseState::new(syntax), ScopeStack::new());
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let operations = match line.len() <= MAX_LINE && started.elapsed() < time {
            true => state.parse_line(line, &SYNTAXES).ok(),
            false => None,
        };
        let Some(operations) = operations else { return escape(&text[position..], html) };
        let mut start = 0;
        for (index, operation) in operations {
            push_token(&line[start..index], &scopes, html);
            start = index;
            if scopes.apply(&operation).is_err() {
                return escape(&text[position + start..], html);
            }
        }
        push_token(&line[start..], &scopes, html);
        position += line.len();
    }
}

fn push_token(text: &str, scopes: &ScopeStack, html: &mut String) {
    let class_of =
        |scope: &Scope| CLASSES.iter().rev().find(|(prefix, _)| prefix.is_prefix_of(*scope));
    let class = scopes.as_slice().iter().rev().find_map(class_of).map_or("", |(_, class)| class);
    if class.is_empty() || text.trim().is_empty() {
        return escape(text, html);
    }
    html.push_str("<span class=\"hl-");
    html.push_str(class);
    html.push_str("\">");
    escape(text, html);
    html.push_str("</span>");
}
