//! What a model or a document says, as HTML: made from Markdown, then washed. Raw HTML in it is
//! shown as the text it is, and links lead outside only where somebody follows them.
use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag, html};

/// What may be in a text beside words.
const TAGS: [&str; 27] = [
    "a",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
];

static WASHER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut washer = Builder::empty();
    let mut tags: HashSet<_> = TAGS.into_iter().collect();
    tags.extend(["ul", "h5", "h6", "sup"]);
    washer
        .tags(tags)
        .tag_attributes([("a", ["href", "title"].into()), ("ol", ["start"].into())].into())
        .allowed_classes([("a", ["cite"].into())].into())
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(Some("noreferrer noopener nofollow"));
    washer
});

/// A text as HTML. `[n]` becomes a link to the n-th of `sources`, if there is one.
pub fn html(text: &str, sources: &[String]) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let cite = |link: BrokenLink<'_>| {
        let number: usize = link.reference.parse().ok()?;
        let to = sources.get(number.checked_sub(1)?).filter(|to| !to.is_empty())?;
        Some((CowStr::from(to.clone()), CowStr::from(CITE)))
    };
    let parser = Parser::new_with_broken_link_callback(text, options, Some(cite));
    let mut written = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut written, Shallow::new(parser).map(plain));
    // The mark of a citation becomes its class, which is all that the washer lets through.
    let written = written.replace(&format!(" title=\"{CITE}\""), " class=\"cite\"");
    WASHER.clean(&written).to_string()
}

/// Stands in the title of a link that is a citation. No text can hold it as it is written.
const CITE: &str = "\u{e000}cite";

/// How deep a text may nest. What is deeper is shown without its marks: washing takes time that
/// grows with the square of the depth.
const DEEPEST: usize = 24;

/// The events of a text without the marks of what is nested too deep.
struct Shallow<I> {
    events: I,
    depth: usize,
}

impl<I> Shallow<I> {
    fn new(events: I) -> Self {
        Self { events, depth: 0 }
    }
}

impl<'a, I: Iterator<Item = Event<'a>>> Iterator for Shallow<I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        loop {
            let event = self.events.next()?;
            let is_shown = match event {
                Event::Start(_) => {
                    self.depth += 1;
                    self.depth <= DEEPEST
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    self.depth < DEEPEST
                }
                _ => true,
            };
            if is_shown {
                return Some(event);
            }
        }
    }
}

/// Raw HTML as text; pictures, which would be fetched from anywhere, as links.
fn plain(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::End(pulldown_cmark::TagEnd::Image) => Event::End(pulldown_cmark::TagEnd::Link),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_and_citations_become_links() {
        let sources = ["/w/a/passage/7".to_owned()];
        let made = html("**Two** lamps [1], not [2].\n\n- a\n- b", &sources);
        assert!(made.contains("<strong>Two</strong>") && made.contains("<li>a</li>"), "{made}");
        assert!(made.contains("class=\"cite\"") && made.contains("/w/a/passage/7"), "{made}");
        assert!(made.contains("not [2]"), "{made}");
    }

    #[test]
    fn nothing_in_a_text_runs_or_is_fetched() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <svg/onload=alert(1)> b",
            "<div onclick=\"alert(1)\">x</div>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "![x](https://evil.example/pixel.png)",
            "<a href=\"javascript:alert(1)\">x</a>",
            "```html\n<script>alert(1)</script>\n```",
            "[x](https://a.example \"\u{e000}cite\\\" onmouseover=alert(1)\")",
            "<style>*{display:none}</style>",
            "<iframe src=//evil.example></iframe>",
            "<form action=//evil.example><input></form>",
        ] {
            let made = html(text, &[]);
            for bad in [
                "<script",
                "<img",
                "<svg",
                "<style",
                "<iframe",
                "<form",
                "<input",
                "<img",
                "<a href=\"javascript",
                "<a href=\"data",
                "\" onmouseover=",
                "<div onclick",
            ] {
                assert!(!made.to_lowercase().contains(bad), "{text}: {made}");
            }
        }
    }

    #[test]
    fn deep_nesting_ends() {
        for text in ["> ", "[", "*a ", "- ", "<div>", "![", "`", "~~", "| "] {
            html(&text.repeat(3_000), &[]);
        }
    }
}
