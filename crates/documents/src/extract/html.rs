//! HTML to readable text.
use carrel_domain::document::Extracted;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::Input;
use super::fault::Fault;
use super::layout::Layout;
use super::markup::{Content, walk};
use super::text::{decode, document, text_bytes};

/// How far into a file its encoding may be declared.
const DECLARED_WITHIN: usize = 1024;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let bytes = text_bytes(input)?;
    let mut layout = Layout::within(input.limits.text);
    let title = walk(&decode(&bytes, declared_encoding(&bytes)), &mut layout);
    Ok(vec![document(layout.whole()?, title)])
}

/// As [`readable`], for a page in whichever encoding.
pub fn readable_bytes(bytes: &[u8]) -> (String, Option<String>) {
    readable(&decode(bytes, declared_encoding(bytes)))
}

/// The text of a page and its title.
pub fn readable(html: &str) -> (String, Option<String>) {
    let mut layout = Layout::default();
    let title = walk(html, &mut layout);
    (layout.finish(), title)
}

impl Content for Layout {
    fn start(&mut self, element: &[u8]) {
        open(self, element);
    }

    fn end(&mut self, element: &[u8]) {
        close(self, element);
    }

    fn text(&mut self, text: &str) {
        Layout::text(self, text);
    }
}

/// Lays out the beginning of an element.
pub fn open(layout: &mut Layout, element: &[u8]) {
    match element {
        b"br" => layout.line_break(),
        b"pre" | b"xmp" | b"plaintext" | b"listing" => layout.open_preformatted(),
        b"ul" | b"menu" => layout.open_list(false),
        b"ol" => layout.open_list(true),
        b"li" => layout.open_item(),
        b"tr" => layout.open_row(),
        b"td" | b"th" => layout.open_cell(),
        _ => layout.separate(lines_around(element)),
    }
}

/// Lays out the end of an element.
pub fn close(layout: &mut Layout, element: &[u8]) {
    match element {
        b"pre" | b"xmp" | b"listing" => layout.close_preformatted(),
        b"ul" | b"ol" | b"menu" => layout.close_list(),
        b"li" | b"tr" => layout.close_line(),
        b"td" | b"th" => {}
        _ => layout.separate(lines_around(element)),
    }
}

/// How many line ends stand at least between an element and its neighbours.
fn lines_around(element: &[u8]) -> usize {
    match element {
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"dl" | b"table" | b"blockquote"
        | b"figure" | b"hr" | b"section" | b"article" | b"header" | b"footer" | b"main"
        | b"nav" | b"aside" | b"form" | b"fieldset" | b"details" | b"address" | b"hgroup" => 2,
        b"html" | b"head" | b"body" | b"div" | b"dt" | b"dd" | b"caption" | b"figcaption"
        | b"legend" | b"option" | b"optgroup" | b"select" | b"textarea" | b"summary" | b"thead"
        | b"tbody" | b"tfoot" | b"center" | b"dialog" | b"search" | b"noframes" | b"frameset" => 1,
        _ => 0,
    }
}

/// The encoding named after `charset=` at the beginning of the file. One that takes two bytes for
/// each character is a mistake: the declaration could not have been read.
pub fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = bytes[..bytes.len().min(DECLARED_WITHIN)].to_ascii_lowercase();
    let at = start.windows(7).position(|window| window == b"charset")? + 7;
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
        readable(html).0
    }

    #[test]
    fn blocks_stand_on_lines_of_their_own_and_white_space_is_collapsed() {
        let html =
            "<h1>A  title</h1>\n<p>One\n  <b>two</b>&nbsp;three.<p>Four<br>five<div>six</div>";
        assert_eq!(text(html), "A title\n\nOne two three.\n\nFour\nfive\nsix");
    }

    #[test]
    fn the_title_is_apart_and_code_is_dropped() {
        let html = "<html><head><title> T &amp;\n U </title><style>p{}</style>\
            <script>if (a<b) '<p>'</script></head><body>x<template><p>no</p><template>no</template>\
            no</template><!-- no --><noscript>no</noscript><svg><title>no</title></svg> y</body>";
        assert_eq!(readable(html), ("x y".to_owned(), Some("T & U".to_owned())));
    }

    #[test]
    fn lists_are_marked_and_indented() {
        let html =
            "<p>Of:<ul><li>one<li><p>two</p><ol><li>a</li><li>b</li></ol></li><li></li></ul>z";
        assert_eq!(text(html), "Of:\n\n- one\n- two\n  1. a\n  2. b\n\nz");
    }

    #[test]
    fn a_table_row_is_a_line() {
        let html = "<table><caption>C</caption><tr><th>A</th><th><p>B</p></th></tr>\
            <tr><td>1</td><td></td><td><p>2</p></td></tr></table>after";
        assert_eq!(text(html), "C\nA | B\n1 | 2\n\nafter");
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
    fn depth_attributes_and_open_ends_cost_no_more_than_their_bytes() {
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
    fn an_encoding_is_declared_in_either_way() {
        let name = |html: &str| declared_encoding(html.as_bytes()).map(|encoding| encoding.name());
        assert_eq!(name("<META Charset=Shift_JIS>"), Some("Shift_JIS"));
        assert_eq!(name("<meta content='text/html; charset=koi8-r'>"), Some("KOI8-R"));
        assert_eq!(name("<meta charset = \"utf-16\">"), None);
        assert_eq!(name("<p>charset"), None);
    }
}
