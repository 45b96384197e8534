//! Pages of the web to what people read in them, as Markdown.
//!
//! What surrounds the content (navigation, headers, footers, forms) is left out, unless
//! then next to nothing would be left.
use async_trait::async_trait;
use carrel_domain::link::{Fetched, Page, PageReader};
use carrel_domain::{Error, Result};
use encoding_rs::Encoding;

use super::html::{close, declared_encoding, open};
use super::layout::Layout;
use super::markup::{Content, walk};
use super::{storable, text::decode};
use crate::blocking;

/// Reads pages on blocking threads of this process.
#[derive(Clone, Copy, Debug)]
pub struct WebPages;

#[async_trait]
impl PageReader for WebPages {
    async fn read(&self, page: Fetched) -> Result<Page> {
        blocking(move || Ok::<_, Error>(read(&page))).await
    }
}

fn read(page: &Fetched) -> Page {
    let told = page.charset.as_ref().and_then(|label| Encoding::for_label(label.as_bytes()));
    let declared = told.or_else(|| declared_encoding(&page.content));
    let content = decode(&page.content, declared);
    let mut page = match page.media_type.as_str() {
        "text/html" | "application/xhtml+xml" => readable(&content),
        "" if looks_like_markup(&content) => readable(&content),
        _ => Page { title: None, text: content },
    };
    storable(&mut page.text);
    page.title.iter_mut().for_each(storable);
    page
}

fn looks_like_markup(content: &str) -> bool {
    let start = content.trim_start().get(..14).unwrap_or_default().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// What of a page there is to read: its title, then its content.
fn readable(html: &str) -> Page {
    let mut reading = Reading::default();
    let title = walk(html, &mut reading).unwrap_or_default();
    let content = reading.content();
    let is_in_content = content.trim_start_matches(['#', ' ']).starts_with(&title);
    let text = match (title.is_empty() || is_in_content, content.is_empty()) {
        (true, _) => content,
        (false, true) => title.clone(),
        (false, false) => format!("{title}\n\n{content}"),
    };
    Page { title: (!title.is_empty()).then_some(title), text }
}

/// Three ways to read the same page, of which the best is chosen at its end.
#[derive(Default)]
struct Reading {
    /// All there is.
    all: Layout,
    /// All but what surrounds the content.
    inner: Layout,
    /// Only what the page says is its content.
    main: Layout,
    /// Open elements that surround the content, each by its name.
    around: [usize; SURROUNDINGS.len()],
    /// Open elements that say they are the content.
    mains: usize,
}

/// Elements that hold what comes with every page of a site, or asks something of the reader.
const SURROUNDINGS: [&[u8]; 9] =
    [b"nav", b"header", b"footer", b"aside", b"form", b"dialog", b"button", b"select", b"menu"];

/// The least share of the text that the narrower reading must have to be chosen: one fifth.
const LEAST_SHARE: usize = 5;

impl Content for Reading {
    fn start(&mut self, element: &[u8]) {
        if let b"main" | b"article" = element {
            self.mains += 1;
        }
        if let Some(kind) = surrounding(element) {
            self.around[kind] += 1;
        }
        self.each(|layout| {
            open(layout, element);
            if let Some(marks) = heading(element) {
                layout.text(marks);
            }
        });
    }

    fn end(&mut self, element: &[u8]) {
        self.each(|layout| close(layout, element));
        if let Some(kind) = surrounding(element) {
            self.around[kind] = self.around[kind].saturating_sub(1);
        }
        if let b"main" | b"article" = element {
            self.mains = self.mains.saturating_sub(1);
        }
    }

    fn text(&mut self, text: &str) {
        self.each(|layout| layout.text(text));
    }
}

impl Reading {
    /// Writes to every layout that what comes now belongs to.
    fn each(&mut self, write: impl Fn(&mut Layout)) {
        write(&mut self.all);
        // An article has a header of its own, in which its title is.
        let [_, header, ..] = self.around;
        let others = self.around.iter().sum::<usize>() - header;
        if others == 0 && (header == 0 || self.mains > 0) {
            write(&mut self.inner);
            if self.mains > 0 {
                write(&mut self.main);
            }
        }
    }

    fn content(self) -> String {
        let (all, inner, main) = (self.all.finish(), self.inner.finish(), self.main.finish());
        let is_enough = |part: &str| !part.is_empty() && part.len() * LEAST_SHARE >= all.len();
        if is_enough(&main) {
            main
        } else if is_enough(&inner) {
            inner
        } else {
            all
        }
    }
}

fn surrounding(element: &[u8]) -> Option<usize> {
    SURROUNDINGS.iter().position(|known| *known == element)
}

/// What Markdown has before a heading.
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

    fn text(html: &str) -> String {
        readable(html).text
    }

    #[test]
    fn the_title_comes_first_and_headings_are_marked() {
        let html = "<html><head><title>A page</title></head><body><h1>Hello</h1><p>The quick\n\
            <b>brown</b> fox.</p><h2>More</h2><ul><li>one<li>two</ul></body></html>";
        let read = readable(html);
        assert_eq!(
            read.text,
            "A page\n\n# Hello\n\nThe quick brown fox.\n\n## More\n\n- one\n- two"
        );
        assert_eq!(read.title.as_deref(), Some("A page"));
        assert_eq!(text("<title>Same</title><h1>Same</h1><p>x"), "# Same\n\nx");
    }

    #[test]
    fn what_surrounds_the_content_is_left_out() {
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
    fn depth_costs_no_more_than_its_bytes() {
        let nested = format!("{}deep", "<div><nav></nav>".repeat(100_000));
        assert_eq!(text(&nested), "deep");
        for open in ["<main>", "<article><header>", "<nav>", "<template>", "<h1>", "<", "<title>"] {
            text(&open.repeat(50_000));
        }
    }

    #[test]
    fn text_is_read_in_the_encoding_it_is_told_to_be_in() {
        let page = |media_type: &str, charset: Option<&str>, content: &[u8]| {
            let (media_type, charset) = (media_type.to_owned(), charset.map(str::to_owned));
            read(&Fetched { url: String::new(), media_type, charset, content: content.into() })
        };
        let latin = page("text/html", Some("iso-8859-1"), b"<p>na\xefve caf\xe9 cr\xe8me");
        assert_eq!(latin.text, "na\u{ef}ve caf\u{e9} cr\u{e8}me");
        assert_eq!(page("text/plain", None, b"<p>not markup").text, "<p>not markup");
        assert_eq!(page("", None, b"<!DOCTYPE html><p>markup").text, "markup");
        assert_eq!(page("text/plain", Some("utf-8"), b"a\0b").text, "ab");
    }
}
