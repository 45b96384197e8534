//! Fake hosts whose pages contain the request.
use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::link::{FetchedPage, Link, LinkFetcher, PageReader, WebPage};

/// The media type of every page.
pub struct Web(pub &'static str);

#[async_trait]
impl LinkFetcher for Web {
    async fn fetch(&self, link: &Link) -> Result<FetchedPage> {
        let content = link.url.clone().into_bytes();
        Ok(FetchedPage { url: link.url.clone(), media_type: self.0.into(), charset: None, content })
    }
}

#[async_trait]
impl PageReader for Web {
    async fn read(&self, page: FetchedPage) -> Result<WebPage> {
        let text = String::from_utf8(page.content).unwrap();
        Ok(WebPage { title: Some("A page".into()), author: Some("A. Author".into()), text })
    }
}
