//! Converts HTML to readable text.
pub mod page;
mod walk;
mod xhtml;

use carrel_domain::document::Extracted;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::Input;
use super::encoding::decode;
use super::extract_error::ExtractError;
use super::text::{document, text_bytes};
use super::writer::{CellSpan, Writer};
use walk::{About, HtmlVisitor, Tag, walk};

/// Bytes of a file that may declare its encoding.
const DECLARED_WITHIN: usize = 1024;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = text_bytes(input)?;
    let html = decode(&bytes, declared_encoding(&bytes));
    let (text, about) = described(&html, input.limits.text)?;
    if text.trim().is_empty() && html.to_ascii_lowercase().contains("<script") {
        input.warn(
            "Scripts write what the page shows. Save it from a browser as PDF and send that.",
        );
    }
    let mut page = document(text, about.title);
    page.author = about.author.unwrap_or(page.author);
    Ok(vec![page])
}

/// Works like [`readable`], for a page in any encoding.
pub fn readable_bytes(bytes: &[u8], limit: u64) -> Result<(String, Option<String>), ExtractError> {
    readable(&decode(bytes, declared_encoding(bytes)), limit)
}

/// Returns the text of a page, at most `limit` bytes, and its title.
pub fn readable(html: &str, limit: u64) -> Result<(String, Option<String>), ExtractError> {
    described(html, limit).map(|(text, about)| (text, about.title))
}

fn described(html: &str, limit: u64) -> Result<(String, About), ExtractError> {
    let mut writer = Writer::with_limit(limit);
    let about = match xhtml::is_xhtml(html) {
        true => walk(&xhtml::expanded(html), &mut writer),
        false => walk(html, &mut writer),
    };
    Ok((writer.try_finish()?, about))
}

impl HtmlVisitor for Writer {
    fn start(&mut self, tag: &Tag) {
        open(self, tag);
    }

    fn end(&mut self, element: &[u8]) {
        close(self, element);
    }

    fn text(&mut self, text: &str) {
        Writer::text(self, text);
    }
}

/// Writes the start of an element.
fn open(writer: &mut Writer, tag: &Tag) {
    let element = tag.name.as_slice();
    let number = |name| tag.attribute(name).and_then(|value| value.trim().parse::<usize>().ok());
    match element {
        b"br" => writer.line_break(),
        b"pre" | b"xmp" | b"plaintext" | b"listing" => writer.open_preformatted(),
        b"ul" | b"menu" => writer.open_list(None),
        b"ol" => writer.open_list(Some(number("start").unwrap_or(1))),
        b"li" => writer.open_item(),
        b"table" => {
            writer.separate(2);
            writer.open_table();
            let is_layout = |role| matches!(role, "presentation" | "none");
            if tag.attribute("role").is_some_and(is_layout) {
                writer.is_layout();
            }
        }
        b"tr" => writer.open_row(),
        b"td" | b"th" => writer.open_cell(CellSpan {
            columns: number("colspan").unwrap_or(1),
            rows: number("rowspan").unwrap_or(1),
            is_head: element == b"th",
            continues: false,
        }),
        b"img" | b"area" => {
            let alternative = tag.attribute("alt").map(str::trim).filter(|alt| !alt.is_empty());
            if let Some(alternative) = alternative {
                writer.text(&format!(" [Image: {alternative}] "));
            }
        }
        b"input" => open_input(writer, tag),
        _ => writer.separate(lines_around(element)),
    }
}

/// Writes the visible part of a form field.
fn open_input(writer: &mut Writer, tag: &Tag) {
    let is_checked = tag.attribute("checked").is_some();
    let input_text = match tag.attribute("type").unwrap_or("text").to_ascii_lowercase().as_str() {
        "hidden" | "password" | "file" | "color" | "range" => None,
        "checkbox" | "radio" => Some(if is_checked { "☒" } else { "☐" }),
        "image" => tag.attribute("alt"),
        _ => tag
            .attribute("value")
            .filter(|value| !value.is_empty())
            .or(tag.attribute("placeholder")),
    };
    if let Some(value) = input_text {
        writer.text(&format!(" {value} "));
    }
}

/// Writes the end of an element.
fn close(writer: &mut Writer, element: &[u8]) {
    match element {
        b"pre" | b"xmp" | b"listing" => writer.close_preformatted(),
        b"ul" | b"ol" | b"menu" => writer.close_list(),
        b"li" => writer.close_line(),
        b"table" => writer.close_table(),
        b"tr" => writer.close_row(),
        b"td" | b"th" => writer.close_cell(),
        _ => writer.separate(lines_around(element)),
    }
}

/// Returns the minimum number of line ends between an element and its neighbours.
fn lines_around(element: &[u8]) -> usize {
    match element {
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"dl" | b"table" | b"blockquote"
        | b"figure" | b"hr" | b"section" | b"article" | b"header" | b"footer" | b"main"
        | b"nav" | b"aside" | b"form" | b"fieldset" | b"details" | b"address" | b"hgroup" => 2,
        b"html" | b"head" | b"body" | b"div" | b"dt" | b"dd" | b"caption" | b"figcaption"
        | b"legend" | b"option" | b"optgroup" | b"select" | b"textarea" | b"summary" | b"thead"
        | b"tbody" | b"tfoot" | b"center" | b"dialog" | b"search" | b"noframes" | b"frameset"
        | b"noscript" | b"text" | b"desc" | b"title" | b"svg" | b"video" | b"audio" | b"object" => {
            1
        }
        _ => 0,
    }
}

/// Returns the encoding declared by `charset=` or `encoding=` at the beginning of the file. A
/// declared UTF-16 is a mistake: the declaration could not have been read.
pub fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = bytes[..bytes.len().min(DECLARED_WITHIN)].to_ascii_lowercase();
    let after = |name: &[u8]| {
        start.windows(name.len()).position(|window| window == name).map(|at| at + name.len())
    };
    let is_xml = start.trim_ascii_start().starts_with(b"<?xml");
    let at = after(b"encoding").filter(|_| is_xml).or_else(|| after(b"charset"))?;
    let rest = start[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or(rest.strip_prefix(b"'")).unwrap_or(rest);
    let is_label = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:.+".contains(byte);
    let length = rest.iter().position(|byte| !is_label(byte)).unwrap_or(rest.len());
    Encoding::for_label(&rest[..length]).filter(|e| *e != UTF_16LE && *e != UTF_16BE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        readable(html, 1 << 20).unwrap().0
    }

    #[test]
    fn blocks_stand_on_lines_of_their_own_and_white_space_is_collapsed() {
        let html =
            "<h1>A  title</h1>\n<p>One\n  <b>two</b>&nbsp;three.<p>Four<br>five<div>six</div>";
        assert_eq!(text(html), "A title\n\nOne two three.\n\nFour\nfive\nsix");
    }

    #[test]
    fn the_author_of_a_page_is_read_from_its_metadata() {
        let author = |html| described(html, 1 << 20).unwrap().1.author;
        let page = "<meta name=Author content=' Ada  L. '><meta property='article:author' content='Bob'>\
            <meta property='article:author' content='https://example.com/bob'><meta name=author \
            content=Bob><template><meta name=author content=Eve></template><p>x";
        assert_eq!(author(page).as_deref(), Some("Ada L., Bob"));
        assert_eq!(author("<meta name=description content=x><meta name=author><p>x"), None);
    }

    #[test]
    fn the_title_is_separate_and_code_is_dropped() {
        let html = "<html><head><title> T &amp;\n U </title><style>p{}</style>\
            <script>if (a<b) '<p>'</script></head><body>x<template><p>no</p><template>no</template>\
            no</template><!-- no --><i hidden>no</i><b style='display: none'>no</b> y</body>";
        let read = readable(html, 1 << 20).unwrap();
        assert_eq!(read, ("x y".to_owned(), Some("T & U".to_owned())));
    }

    #[test]
    fn lists_are_marked_and_indented() {
        let html =
            "<p>Of:<ul><li>one<li><p>two</p><ol><li>a</li><li>b</li></ol></li><li></li></ul>z";
        assert_eq!(text(html), "Of:\n\n- one\n- two\n  1. a\n  2. b\n\nz");
    }

    #[test]
    fn every_cell_of_a_table_is_in_its_column() {
        let html = "<table><caption>C</caption><tr><th>A</th><th><p>B</p></th><th>D</th></tr>\
            <tr><td>1</td><td></td><td><p>2<br>3</p></td></tr></table>after";
        assert_eq!(text(html), "C\n\n| A | B | D |\n| --- | --- | --- |\n| 1 |  | 2 3 |\n\nafter");
        let html = "<table><tr><td>a<td colspan=2>b<td>c<tr><td rowspan=2>d<td>e<td>f<td>g|h\
            <tr><td>i<td>j<td>k</table>";
        let expected = "| a | b |  | c |\n| --- | --- | --- | --- |\n| d | e | f | g\\|h |\n\
            | d | i | j | k |";
        assert_eq!(text(html), expected);
    }

    #[test]
    fn layout_tables_are_running_text() {
        let html = "<table><tr><td><table><tr><td>1<td>2<tr><td>3<td>4</table><td>right</table>";
        assert_eq!(text(html), "| 1 | 2 |\n| --- | --- |\n| 3 | 4 |\n\nright");
        assert_eq!(text("<table><tr><td>one<tr><td>two</table>"), "one\ntwo");
        assert_eq!(text("<table role=presentation><tr><td>a<td>b</table>"), "a\nb");
    }

    #[test]
    fn visible_content_other_than_text_is_read() {
        assert_eq!(text("a<img src=x alt='Two moons'>b"), "a [Image: Two moons] b");
        assert_eq!(text("<svg><text>One</text><text>Two</text></svg>"), "One\nTwo");
        assert_eq!(text("<details><summary>S</summary>d</details>"), "S\nd");
        assert_eq!(text("<dl><dt>T<dd>D</dl><noscript>n</noscript>"), "T\nD\n\nn");
        assert_eq!(text("<p hidden>no<p>yes<input type=submit value=Go>"), "yes Go");
    }

    #[test]
    fn xhtml_may_close_any_element() {
        let page = "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title/>\
            <script src='x'/></head><body><p>Chapter two</p></body></html>";
        assert_eq!(text(page), "Chapter two");
    }

    #[test]
    fn preformatted_text_keeps_its_spaces() {
        let html = "a<pre>\n  x\n\n    y &lt;\n</pre>b <textarea> c  d</textarea>";
        assert_eq!(text(html), "a\n\n  x\n\n    y <\n\nb\nc d");
    }

    #[test]
    fn links_and_references_become_their_text() {
        let html = "see <a href='x?a=1&copy=2'>the&nbsp;page</a>, &copy; &#x65e5;&#26412; &hellip; &bogus;";
        assert_eq!(text(html), "see the page, © 日本 … &bogus;");
    }

    #[test]
    fn the_cost_of_nesting_attributes_and_unclosed_tags_is_linear() {
        let nested = format!("{}deep", "<div>".repeat(100_000));
        assert_eq!(text(&nested), "deep");
        let lists = "<ul><li>x".repeat(20_000);
        assert!(text(&lists).len() < 20 * lists.len());
        let attributes: String = (0..200_000).map(|n| format!(" a{n}=1")).collect();
        assert_eq!(text(&format!("<p{attributes}>y</p>")), "y");
        for open in ["<", "<a", "<a b='", "<!--", "<![CDATA[", "&", "&#", "<script>", "</"] {
            text(&open.repeat(50_000));
        }
    }

    #[test]
    fn an_encoding_is_read_from_either_form_of_declaration() {
        let name = |html: &str| declared_encoding(html.as_bytes()).map(|encoding| encoding.name());
        assert_eq!(name("<META Charset=Shift_JIS>"), Some("Shift_JIS"));
        assert_eq!(name("<meta content='text/html; charset=koi8-r'>"), Some("KOI8-R"));
        assert_eq!(name("<meta charset = \"utf-16\">"), None);
        assert_eq!(name("<p>charset"), None);
    }
}
