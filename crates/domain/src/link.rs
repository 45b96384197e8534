//! Web pages: fetching them and extracting their content.
use async_trait::async_trait;

use crate::Result;

/// A web page to fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The address as given. `https://` is assumed if the scheme is missing.
    pub url: String,
    /// Request headers, sent to the first host only.
    pub headers: Vec<(String, String)>,
    /// Whether to accept the body of an unsuccessful response.
    pub take_errors: bool,
}

/// A fetched page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPage {
    /// The final address after redirects.
    pub url: String,
    /// The media type in lower case without parameters, such as `text/html`. Empty if not stated.
    pub media_type: String,
    /// The character encoding, if stated.
    pub charset: Option<String>,
    /// The decompressed body, within the size limit of the fetcher.
    pub content: Vec<u8>,
}

/// Fetches pages from publicly reachable hosts only.
#[async_trait]
pub trait LinkFetcher: Send + Sync {
    /// Fetches a page. [`crate::Error::Invalid`] in the field `link` if the address is malformed or
    /// leads to a forbidden host, [`crate::Error::Unprocessable`] if the fetch fails or times out.
    /// Errors do not contain the response of the host.
    async fn fetch(&self, link: &Link) -> Result<FetchedPage>;
}

/// The readable content of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebPage {
    /// The title stated by the page.
    pub title: Option<String>,
    /// The author, if stated.
    pub author: Option<String>,
    /// The text, in Markdown.
    pub text: String,
}

/// Extracts readable content from pages.
#[async_trait]
pub trait PageReader: Send + Sync {
    /// Reads HTML or plain text according to `media_type`, or by the content if it is empty.
    /// [`crate::Error::TooLarge`] if the text exceeds the limit set by the operator.
    async fn read(&self, page: FetchedPage) -> Result<WebPage>;
}
