//! Web pages: fetching them, and extracting their content.
use async_trait::async_trait;

use crate::Result;

/// A page that someone wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// As it was given, `https://` assumed.
    pub url: String,
    /// Headers to send along, to the first host only.
    pub headers: Vec<(String, String)>,
    /// Whether an answer that is no success is taken for the page.
    pub take_errors: bool,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPage {
    /// Where it was found after all redirects.
    pub url: String,
    /// In lower case and without parameters, such as `text/html`; empty when not told.
    pub media_type: String,
    /// The encoding of its text, when told.
    pub charset: Option<String>,
    /// The body, unpacked, within the limit of the fetcher.
    pub content: Vec<u8>,
}

/// Fetches pages from other hosts, and only from those that everybody may reach.
#[async_trait]
pub trait LinkFetcher: Send + Sync {
    /// [`crate::Error::Invalid`] of the field `link` for what is no address or leads to a host that
    /// must not be reached, [`crate::Error::Unprocessable`] when nothing came of it in time. What
    /// the host said is in neither.
    async fn fetch(&self, link: &Link) -> Result<FetchedPage>;
}

/// What people read in a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebPage {
    /// The title that the page gives itself.
    pub title: Option<String>,
    /// Who wrote it, where it says so.
    pub author: Option<String>,
    /// Markdown.
    pub text: String,
}

/// Reads pages.
#[async_trait]
pub trait PageReader: Send + Sync {
    /// HTML, or text where `media_type` says so; where it is empty, whichever it looks like.
    /// [`crate::Error::TooLarge`] when it has more text than the operator allows.
    async fn read(&self, page: FetchedPage) -> Result<WebPage>;
}
