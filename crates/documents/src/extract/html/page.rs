//! Extracts the content of web pages as Markdown.
//!
//! Navigation, headers, footers and forms are left out, unless next to nothing would remain.
use async_trait::async_trait;
use carrel_domain::link::{FetchedPage, PageReader, WebPage};
use carrel_domain::{Error, Result};
use encoding_rs::Encoding;

use super::walk::{HtmlVisitor, Tag, walk};
use super::{close, declared_encoding, open, xhtml};
use crate::blocking;
use crate::extract::encoding::decode;
use crate::extract::extract_error::ExtractError;
use crate::extract::writer::Writer;
use crate::extract::{bounded, storable};

/// Reads pages on blocking threads of this process.
#[derive(Clone, Copy, Debug)]
pub struct WebPages {
    limit: u64,
}

impl WebPages {
    /// Creates a reader for pages of at most `limit` bytes of text, in UTF-8.
    pub fn new(limit: u64) -> Self {
        Self { limit }
    }
}

#[async_trait]
impl PageReader for WebPages {
    async fn read(&self, page: FetchedPage) -> Result<WebPage> {
        let limit = self.limit;
        blocking(move || read_page(page, limit)).await
    }
}

/// Extracts the content of a page on this thread: a title of at most 1,000 characters, and text of
/// at most `limit` bytes, or [`Error::TooLarge`].
pub fn read_page(page: FetchedPage, limit: u64) -> Result<WebPage> {
    let FetchedPage { media_type, charset, content: bytes, .. } = page;
    let by_header = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let content = decode(&bytes, by_header.or_else(|| declared_encoding(&bytes)));
    drop(bytes);
    let is_markup = match media_type.as_str() {
        "text/html" | "application/xhtml+xml" => true,
        "" => looks_like_markup(&content),
        _ => false,
    };
    let too_large = || Error::TooLarge { what: "the text of the page", limit };
    let mut page = match is_markup {
        true => readable(&content, limit).map_err(|_| too_large())?,
        false => WebPage { title: None, author: None, text: content },
    };
    storable(&mut page.text);
    if page.text.len() as u64 > limit { Err(too_large()) } else { Ok(page) }
}

/// Beginnings that identify HTML without a content type, in lower case, from the standard for MIME
/// sniffing.
const BEGINNINGS: [&[u8]; 17] = [
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<script",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a",
    b"<style",
    b"<title",
    b"<b",
    b"<body",
    b"<br",
    b"<p",
    b"<!--",
];

fn looks_like_markup(content: &str) -> bool {
    let start = content.trim_start().as_bytes();
    BEGINNINGS.iter().any(|beginning| {
        let (begins, next) = (start.get(..beginning.len()), start.get(beginning.len()));
        begins.is_some_and(|begins| begins.eq_ignore_ascii_case(beginning))
            && next.is_some_and(|next| next.is_ascii_whitespace() || *next == b'>')
    })
}

/// Returns the content of a page: its title, then its text.
fn readable(html: &str, limit: u64) -> Result<WebPage, ExtractError> {
    let mut reading = Reading::with_limit(limit);
    let expanded = xhtml::is_xhtml(html).then(|| xhtml::expanded(html));
    let about = walk(expanded.as_deref().unwrap_or(html), &mut reading);
    let (mut title, mut author) = (about.title.unwrap_or_default(), about.author);
    bounded(&mut title);
    author.iter_mut().for_each(bounded);
    let content = reading.content()?;
    let is_in_content = content.trim_start_matches(['#', ' ']).starts_with(&title);
    let text = match (title.is_empty() || is_in_content, content.is_empty()) {
        (true, _) => content,
        (false, true) => title.clone(),
        (false, false) => format!("{title}\n\n{content}"),
    };
    Ok(WebPage { title: (!title.is_empty()).then_some(title), author, text })
}

/// Three versions of a page's text. The best is selected at the end.
struct Reading {
    /// The whole page.
    all: Writer,
    /// Everything except the surroundings of the content.
    inner: Writer,
    /// Only the part that the page marks as its content.
    main: Writer,
    /// Number of open elements of each kind in [`SURROUNDINGS`].
    around: [usize; SURROUNDINGS.len()],
    /// Number of open elements that mark the content.
    mains: usize,
}

/// Elements that repeat on every page of a site, or contain forms.
const SURROUNDINGS: [&[u8]; 10] = [
    b"nav",
    b"header",
    b"footer",
    b"aside",
    b"form",
    b"dialog",
    b"button",
    b"select",
    b"menu",
    b"noscript",
];

/// Least share of the text that a narrower version needs to be selected: one fifth.
const LEAST_SHARE: usize = 5;

impl HtmlVisitor for Reading {
    fn start(&mut self, tag: &Tag) {
        let element = tag.name.as_slice();
        if let b"main" | b"article" = element {
            self.mains += 1;
        }
        if let Some(kind) = surrounding(element) {
            self.around[kind] += 1;
        }
        self.write_to_each(|writer| {
            open(writer, tag);
            if let Some(marks) = heading(element) {
                writer.open_heading(marks);
            }
        });
    }

    fn end(&mut self, element: &[u8]) {
        self.write_to_each(|writer| {
            close(writer, element);
            if heading(element).is_some() {
                writer.close_heading();
            }
        });
        if let Some(kind) = surrounding(element) {
            self.around[kind] = self.around[kind].saturating_sub(1);
        }
        if let b"main" | b"article" = element {
            self.mains = self.mains.saturating_sub(1);
        }
    }

    fn text(&mut self, text: &str) {
        self.write_to_each(|writer| writer.text(text));
    }
}

impl Reading {
    fn with_limit(limit: u64) -> Self {
        let [all, inner, main] = std::array::from_fn(|_| Writer::with_limit(limit));
        Self { all, inner, main, around: Default::default(), mains: 0 }
    }

    /// Writes to every writer that the current content belongs to.
    fn write_to_each(&mut self, write: impl Fn(&mut Writer)) {
        write(&mut self.all);
        // The header of an article contains its title.
        let [_, header, ..] = self.around;
        let outside = self.around.iter().sum::<usize>() - header;
        if outside == 0 && (header == 0 || self.mains > 0) {
            write(&mut self.inner);
            if self.mains > 0 {
                write(&mut self.main);
            }
        }
    }

    fn content(self) -> Result<String, ExtractError> {
        // The other versions are parts of this one, so they need no check of the limit.
        let all = self.all.try_finish()?;
        let (inner, main) = (self.inner.finish(), self.main.finish());
        let is_enough = |part: &str| !part.is_empty() && part.len() * LEAST_SHARE >= all.len();
        Ok(if is_enough(&main) {
            main
        } else if is_enough(&inner) {
            inner
        } else {
            all
        })
    }
}

fn surrounding(element: &[u8]) -> Option<usize> {
    SURROUNDINGS.iter().position(|known| *known == element)
}

/// Returns the Markdown mark of a heading.
fn heading(element: &[u8]) -> Option<&'static str> {
    Some(match element {
        b"h1" => "# ",
        b"h2" => "## ",
        b"h3" => "### ",
        b"h4" => "#### ",
        b"h5" => "##### ",
        b"h6" => "###### ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 256 << 10;

    fn page(media_type: &str, charset: Option<&str>, content: &[u8]) -> Result<WebPage> {
        let (media_type, charset) = (media_type.to_owned(), charset.map(str::to_owned));
        let fetched =
            FetchedPage { url: String::new(), media_type, charset, content: content.into() };
        read_page(fetched, LIMIT)
    }

    fn text(html: &str) -> String {
        page("text/html", None, html.as_bytes()).unwrap().text
    }

    #[test]
    fn the_title_comes_first_and_headings_are_marked() {
        let html = "<html><head><title>A page</title></head><body><h1>Hello</h1><p>The quick\n\
            <b>brown</b> fox.</p><h2>More</h2><ul><li>one<li>two</ul></body></html>";
        let read = page("text/html", None, html.as_bytes()).unwrap();
        assert_eq!(
            read.text,
            "A page\n\n# Hello\n\nThe quick brown fox.\n\n## More\n\n- one\n- two"
        );
        assert_eq!(read.title.as_deref(), Some("A page"));
        assert_eq!(text("<title>Same</title><h1>Same</h1><p>x"), "# Same\n\nx");
    }

    #[test]
    fn a_heading_without_text_leaves_no_marks() {
        assert_eq!(text("<h1><a href=/><img src=x></a></h1><p>Text"), "Text");
        assert_eq!(text("<p>One<h2> </h2><h3><br></h3><p>Two"), "One\n\nTwo");
        assert_eq!(text("<h1></h1>"), "");
        assert_eq!(text("<h1><pre> \n</pre></h1>"), "");
        // Nor do marks move to another place or another heading.
        let html = "<ul><li><h2></h2>one<li><h2>two</h2></ul><h1><b>Big</b> and <i>bold</i></h1>x";
        assert_eq!(text(html), "- one\n- ## two\n\n# Big and bold\n\nx");
    }

    #[test]
    fn surroundings_of_the_content_are_omitted() {
        let html = "<title>T</title><header>Logo</header><nav><ul><li><a href=/>Home</a></ul></nav>\
            <main><article><header><h1>Moons</h1></header><p>Mars has two moons, and they are small.\
            </p><aside>Advertisement</aside></article></main><footer>Imprint</footer>";
        assert_eq!(text(html), "T\n\n# Moons\n\nMars has two moons, and they are small.");
        let html = "<nav>Menu</nav><div><p>Only divisions here, as older pages have it.</div>";
        assert_eq!(text(html), "Only divisions here, as older pages have it.");
    }

    #[test]
    fn a_page_that_would_lose_nearly_everything_is_kept_whole() {
        let html = "<nav>A page of links never closes its navigation. <p>Here is all its text.";
        assert_eq!(
            text(html),
            "A page of links never closes its navigation.\n\nHere is all its text."
        );
        let html = "<form><p>The whole page is one form.</form><main>x</main>";
        assert!(text(html).starts_with("The whole page"));
    }

    #[test]
    fn the_cost_of_nesting_is_linear() {
        let nested = format!("{}deep", "<div><nav></nav>".repeat(100_000));
        assert_eq!(text(&nested), "deep");
        for open in ["<main>", "<article><header>", "<nav>", "<template>", "<h1>", "<", "<title>"] {
            assert!(text(&open.repeat(50_000)).len() <= 50_000 * open.len());
        }
    }

    #[test]
    fn a_title_is_truncated_and_appears_once_in_the_text() {
        let long = "Ж ".repeat(40_000);
        for html in [format!("<title>{long}"), format!("<title>{long}</title><p>Text")] {
            let read = page("text/html", None, html.as_bytes()).unwrap();
            assert_eq!(read.title.map(|title| title.chars().count()), Some(1_000));
            assert!(read.text.chars().count() <= 1_006, "{}", read.text.chars().count());
        }
        let html = format!("<title>{long}</title><h1>{long}</h1>");
        assert_eq!(text(&html), format!("# {}", long.trim_end()));
    }

    #[test]
    fn a_page_whose_text_exceeds_the_limit_is_refused() {
        // Each of these items takes five bytes and yields twenty.
        let lists = format!("<main>{}", "<ul>".repeat(50_000));
        let items = "<li>x".repeat(5_000);
        assert!(text(&format!("{lists}{items}")).len() <= 4 * items.len());
        for item in ["<li>x", "<li><b>x</b><p>y"] {
            let many = format!("{lists}{}", item.repeat(2 * LIMIT as usize / item.len()));
            let refused = page("text/html", None, many.as_bytes());
            assert!(matches!(refused, Err(Error::TooLarge { limit: LIMIT, .. })), "{item}");
        }
        let plain = vec![b'x'; LIMIT as usize + 1];
        for media_type in ["text/html", "text/plain", ""] {
            let refused = page(media_type, None, &plain);
            assert!(matches!(refused, Err(Error::TooLarge { .. })), "{media_type}");
            assert_eq!(page(media_type, None, &plain[1..]).unwrap().text.len() as u64, LIMIT);
        }
    }

    #[test]
    fn a_page_without_a_media_type_is_sniffed() {
        let read = |content: &str| page("", None, content.as_bytes()).unwrap().text;
        for html in [
            "<!DOCTYPE html><p>é",
            "<!doctype HTML ><p>é",
            "\n<html>é",
            "\u{feff}<HTML lang=pl>é",
            "<!DOCTYPE html>é",
            "<p>é",
            "<!-- x --><p>é",
            "<body\nclass=x>é",
        ] {
            assert_eq!(read(html), "é", "{html}");
        }
        for plain in ["<", "<pé>", "<html", "<bold>é</bold>", "a < b", "# é", "<<p>>"] {
            assert_eq!(read(plain), plain);
        }
    }

    #[test]
    fn text_is_decoded_in_the_declared_encoding() {
        let page = |media_type: &str, charset: Option<&str>, content: &[u8]| {
            page(media_type, charset, content).unwrap()
        };
        let latin = page("text/html", Some("iso-8859-1"), b"<p>na\xefve caf\xe9 cr\xe8me");
        assert_eq!(latin.text, "na\u{ef}ve caf\u{e9} cr\u{e8}me");
        assert_eq!(page("text/plain", None, b"<p>not markup").text, "<p>not markup");
        assert_eq!(page("", None, b"<!DOCTYPE html><p>markup").text, "markup");
        assert_eq!(page("text/plain", Some("utf-8"), b"a\0b").text, "ab");
    }
}
