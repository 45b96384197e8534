//! Writes Markdown events as HTML, with a closed set of tags and attributes.
use std::collections::HashMap;
use std::fmt::Write as _;

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{Alignment, BlockQuoteKind, CodeBlockKind, Event, Tag, TagEnd};

use super::citations::{self, Citations};
use super::{code, math};
use crate::view::texts::t;

/// Writes `text` unformatted.
pub fn write_plain(text: &str, html: &mut String) {
    html.push_str("<pre class=\"plain\" tabindex=\"0\">");
    escape(text, html);
    html.push_str("</pre>\n");
}

/// Writes a complete text.
pub fn write<'a>(events: impl Iterator<Item = Event<'a>>, citations: &Citations<'_>) -> String {
    let mut writer = Writer { citations, html: String::new(), ..Writer::new(citations) };
    for event in events {
        writer.event(event);
    }
    writer.html
}

/// Escapes HTML's special characters, also for quoted attributes.
pub fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
}

struct Writer<'c> {
    citations: &'c Citations<'c>,
    html: String,
    /// Alignment of each column of the current table.
    alignments: Vec<Alignment>,
    column: usize,
    is_head: bool,
    /// Language and text of the code block that is being read.
    code: Option<(String, String)>,
    /// Number of open links. Links cannot be nested.
    open_links: usize,
    /// For each open link, true if its tag was written.
    written_links: Vec<bool>,
    footnotes: HashMap<String, usize>,
    code_budget: code::Budget,
    formulas: usize,
}

impl<'c> Writer<'c> {
    fn new(citations: &'c Citations<'c>) -> Self {
        Self {
            citations,
            html: String::new(),
            alignments: Vec::new(),
            column: 0,
            is_head: false,
            code: None,
            open_links: 0,
            written_links: Vec::new(),
            footnotes: HashMap::new(),
            code_budget: code::Budget::default(),
            formulas: 0,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        if let Some((_, text)) = &mut self.code
            && let Event::Text(continuation) = &event
        {
            return text.push_str(continuation);
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.wrap("<code>", &text, "</code>"),
            Event::InlineMath(formula) => self.formula(&formula, math::Display::Inline),
            Event::DisplayMath(formula) => self.formula(&formula, math::Display::Block),
            Event::Html(text) | Event::InlineHtml(text) => escape(&text, &mut self.html),
            Event::FootnoteReference(name) => {
                let number = self.footnote(&name);
                let _ = write!(self.html, "<sup class=\"footnote\">{number}</sup>");
            }
            Event::SoftBreak => self.html.push('\n'),
            Event::HardBreak => self.html.push_str("<br>\n"),
            Event::Rule => self.html.push_str("<hr>\n"),
            Event::TaskListMarker(is_done) => {
                let checked = if is_done { " checked" } else { "" };
                let label = t("markdown.task");
                let _ = write!(
                    self.html,
                    "<input type=\"checkbox\" aria-label=\"{label}\" disabled{checked}> "
                );
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.html.push_str("<p dir=\"auto\">"),
            Tag::Heading { level, .. } => {
                let _ = write!(self.html, "<{level} dir=\"auto\">");
            }
            Tag::BlockQuote(kind) => {
                let _ = writeln!(self.html, "<blockquote{}>", alert(kind));
            }
            Tag::CodeBlock(kind) => {
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next(),
                    CodeBlockKind::Indented => None,
                };
                self.code = Some((language.unwrap_or_default().to_owned(), String::new()));
            }
            Tag::List(None) => self.html.push_str("<ul dir=\"auto\">\n"),
            Tag::List(Some(1)) => self.html.push_str("<ol dir=\"auto\">\n"),
            Tag::List(Some(first)) => {
                let _ = writeln!(self.html, "<ol dir=\"auto\" start=\"{first}\">");
            }
            Tag::Item => self.html.push_str("<li>"),
            Tag::FootnoteDefinition(name) => {
                let number = self.footnote(&name);
                let _ = write!(self.html, "<div class=\"footnote\"><sup>{number}</sup>");
            }
            Tag::Table(alignments) => {
                self.alignments = alignments;
                self.html
                    .push_str("<div class=\"table-scroll\" tabindex=\"0\"><table dir=\"auto\">");
            }
            Tag::TableHead => {
                (self.is_head, self.column) = (true, 0);
                self.html.push_str("<thead><tr>");
            }
            Tag::TableRow => {
                self.column = 0;
                self.html.push_str("<tr>");
            }
            Tag::TableCell => self.cell(),
            Tag::Emphasis => self.html.push_str("<em>"),
            Tag::Strong => self.html.push_str("<strong>"),
            Tag::Strikethrough => self.html.push_str("<del>"),
            Tag::Superscript => self.html.push_str("<sup>"),
            Tag::Subscript => self.html.push_str("<sub>"),
            Tag::Link { dest_url, link_type, .. } => {
                let is_mail = link_type == pulldown_cmark::LinkType::Email;
                self.open_link(&if is_mail {
                    format!("mailto:{dest_url}")
                } else {
                    dest_url.into()
                });
            }
            // An image would be fetched from any host that the text names.
            Tag::Image { dest_url, .. } => self.open_link(&dest_url),
            Tag::HtmlBlock => self.html.push_str("<p>"),
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.html.push_str("</p>\n"),
            TagEnd::Heading(level) => {
                let _ = writeln!(self.html, "</{level}>");
            }
            TagEnd::BlockQuote(_) => self.html.push_str("</blockquote>\n"),
            TagEnd::CodeBlock => {
                if let Some((language, text)) = self.code.take() {
                    code::write(&language, &text, &mut self.code_budget, &mut self.html);
                }
            }
            TagEnd::List(true) => self.html.push_str("</ol>\n"),
            TagEnd::List(false) => self.html.push_str("</ul>\n"),
            TagEnd::Item => self.html.push_str("</li>\n"),
            TagEnd::FootnoteDefinition => self.html.push_str("</div>\n"),
            TagEnd::Table => self.html.push_str("</tbody></table></div>\n"),
            TagEnd::TableHead => {
                self.is_head = false;
                self.html.push_str("</tr></thead><tbody>\n");
            }
            TagEnd::TableRow => self.html.push_str("</tr>\n"),
            TagEnd::TableCell => self.html.push_str(if self.is_head { "</th>" } else { "</td>" }),
            TagEnd::Emphasis => self.html.push_str("</em>"),
            TagEnd::Strong => self.html.push_str("</strong>"),
            TagEnd::Strikethrough => self.html.push_str("</del>"),
            TagEnd::Superscript => self.html.push_str("</sup>"),
            TagEnd::Subscript => self.html.push_str("</sub>"),
            TagEnd::Link | TagEnd::Image => self.close_link(),
            TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn cell(&mut self) {
        let alignment = match self.alignments.get(self.column) {
            Some(Alignment::Center) => " class=\"align-center\"",
            Some(Alignment::Right) => " class=\"align-end\"",
            _ => "",
        };
        self.column += 1;
        let tag = if self.is_head { "th" } else { "td" };
        let _ = write!(self.html, "<{tag}{alignment}>");
    }

    fn open_link(&mut self, address: &str) {
        let is_written = self.open_links == 0 && is_harmless(address);
        if is_written {
            self.html.push_str("<a href=\"");
            escape(address, &mut self.html);
            self.html.push_str("\" rel=\"noreferrer noopener nofollow\">");
        }
        self.open_links += usize::from(is_written);
        self.written_links.push(is_written);
    }

    fn close_link(&mut self) {
        if self.written_links.pop() == Some(true) {
            self.open_links -= 1;
            self.html.push_str("</a>");
        }
    }

    /// Writes running text. Citations and bare URLs become links.
    fn text(&mut self, text: &str) {
        if self.open_links > 0 {
            return escape(text, &mut self.html);
        }
        let mut position = 0;
        for citation in citations::find(text) {
            self.text_with_links(&text[position..citation.range.start]);
            self.citations.write(&citation, &text[citation.range.clone()], &mut self.html);
            position = citation.range.end;
        }
        self.text_with_links(&text[position..]);
    }

    fn text_with_links(&mut self, text: &str) {
        if !text.contains("://") && !text.contains('@') && !text.contains("www.") {
            return escape(text, &mut self.html);
        }
        let mut finder = LinkFinder::new();
        finder.url_must_have_scheme(true);
        let mut position = 0;
        for link in finder.links(text) {
            escape(&text[position..link.start()], &mut self.html);
            self.open_link(&match link.kind() {
                LinkKind::Email => format!("mailto:{}", link.as_str()),
                _ => link.as_str().to_owned(),
            });
            escape(link.as_str(), &mut self.html);
            self.close_link();
            position = link.end();
        }
        escape(&text[position..], &mut self.html);
    }

    fn formula(&mut self, formula: &str, display: math::Display) {
        self.formulas += 1;
        match math::to_mathml(formula, display, self.formulas) {
            math::Conversion::MathMl(mathml) => self.html.push_str(&mathml),
            math::Conversion::NotMath => escape(&format!("${formula}$"), &mut self.html),
            math::Conversion::Invalid => self.wrap("<code>", formula, "</code>"),
        }
    }

    fn wrap(&mut self, before: &str, text: &str, after: &str) {
        self.html.push_str(before);
        escape(text, &mut self.html);
        self.html.push_str(after);
    }

    /// Returns the number of a footnote, by the order of first reference.
    fn footnote(&mut self, name: &str) -> usize {
        let next = self.footnotes.len() + 1;
        *self.footnotes.entry(name.to_owned()).or_insert(next)
    }
}

fn alert(kind: Option<BlockQuoteKind>) -> &'static str {
    match kind {
        None => "",
        Some(BlockQuoteKind::Note) => " class=\"alert alert-note\"",
        Some(BlockQuoteKind::Tip) => " class=\"alert alert-tip\"",
        Some(BlockQuoteKind::Important) => " class=\"alert alert-important\"",
        Some(BlockQuoteKind::Warning) => " class=\"alert alert-warning\"",
        Some(BlockQuoteKind::Caution) => " class=\"alert alert-caution\"",
    }
}

/// True if following a URL runs nothing: a web or mail address, or a path of this server.
fn is_harmless(address: &str) -> bool {
    // Browsers ignore white space and control characters before they read the scheme.
    if address.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return false;
    }
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    match address[..end].split_once(':') {
        Some((scheme, _)) => {
            ["http", "https", "mailto"].iter().any(|allowed| allowed.eq_ignore_ascii_case(scheme))
        }
        None => true,
    }
}
