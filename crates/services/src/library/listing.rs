//! Listing the library page by page, with memory use independent of its size.
use std::sync::Arc;

use carrel_domain::folder::{Folders, ListPosition, ListedDocument};
use carrel_domain::path::DEFAULT_FOLDER;
use carrel_domain::{Folder, Result};
use futures_util::Stream;
use futures_util::stream::try_unfold;

/// The number of documents on the first page, and the maximum for later ones. Larger pages reread
/// fewer database pages that hold documents of several folders.
pub const FIRST_PAGE_LEN: u32 = 1_000;
const MAX_PAGE_LEN: u32 = 5_000;

/// The target size of a page, in bytes, estimated from the previous page.
const TARGET_PAGE_BYTES: usize = 4 << 20;

/// The estimated size of a document without its metadata, in bytes.
const TYPICAL_DOCUMENT_BYTES: usize = 600;

/// An entry of the list: a folder, or a document in the preceding folder.
#[derive(Clone, Debug, PartialEq)]
pub enum ListEntry {
    /// A folder, followed by its documents.
    Folder(String),
    /// A document.
    Document(ListedDocument),
}

/// A list in progress.
struct Listing {
    port: Arc<dyn Folders>,
    /// The next position. `None` at the end.
    next: Option<ListPosition>,
    limit: u32,
    /// The remaining folders, in reverse order.
    folders: Vec<Folder>,
    current: String,
}

/// Streams every folder followed by its documents.
pub(super) async fn list_all(
    port: Arc<dyn Folders>,
) -> Result<impl Stream<Item = Result<Vec<ListEntry>>> + Send + 'static> {
    let mut folders = port.folders().await?;
    folders.retain(|folder| !folder.is_default());
    folders.reverse();
    let next = Some(ListPosition::In { folder: Folder::default(), after: None });
    let listing = Listing { port, next, limit: FIRST_PAGE_LEN, folders, current: String::new() };
    Ok(try_unfold(listing, |mut listing| async move {
        let page = listing.next_page().await?;
        Ok(page.map(|page| (page, listing)))
    }))
}

/// Streams the documents of a folder after the name `after`.
pub(super) fn list_after(
    port: Arc<dyn Folders>,
    folder: Folder,
    after: Option<String>,
) -> impl Stream<Item = Result<Vec<ListedDocument>>> + Send + 'static {
    let state = (port, Some(ListPosition::In { folder, after }), FIRST_PAGE_LEN);
    try_unfold(state, |(port, next, limit)| async move {
        let Some(position) = next else { return Ok(None) };
        let page = port.list(&position, 0, limit).await?;
        let (next, limit) = (next_position(position, &page, limit)?, next_limit(&page));
        Ok(Some((page, (port, next, limit))))
    })
}

/// Returns the position after a page. Returns `None` after the last page.
fn next_position(
    position: ListPosition,
    page: &[ListedDocument],
    limit: u32,
) -> Result<Option<ListPosition>> {
    let Some(last) = page.last().filter(|_| page.len() == limit as usize) else { return Ok(None) };
    Ok(Some(match position {
        ListPosition::In { folder, .. } => {
            ListPosition::In { folder, after: Some(last.texts().name.to_owned()) }
        }
        ListPosition::Elsewhere { .. } => ListPosition::Elsewhere { after: Some(last.path()?) },
    }))
}

/// Estimates how many documents like these fit a page.
fn next_limit(page: &[ListedDocument]) -> u32 {
    let bytes: usize =
        page.iter().map(|document| document.texts().metadata.len() + TYPICAL_DOCUMENT_BYTES).sum();
    let next_limit = TARGET_PAGE_BYTES.saturating_mul(page.len()) / bytes.max(1);
    u32::try_from(next_limit).unwrap_or(MAX_PAGE_LEN).clamp(1, MAX_PAGE_LEN)
}

impl Listing {
    async fn next_page(&mut self) -> Result<Option<Vec<ListEntry>>> {
        let Some(position) = self.next.take() else { return Ok(None) };
        let page = self.port.list(&position, 0, self.limit).await?;
        let is_default_folder = matches!(position, ListPosition::In { .. });
        self.next = next_position(position, &page, self.limit)?;
        self.limit = next_limit(&page);
        let mut entries = Vec::with_capacity(page.len() + 1);
        if is_default_folder && self.current.is_empty() {
            self.open(DEFAULT_FOLDER.to_owned(), &mut entries);
        }
        for document in page {
            let folder = document.texts().folder;
            if folder != self.current {
                self.open_until(folder, &mut entries);
            }
            entries.push(ListEntry::Document(document));
        }
        match (is_default_folder, &self.next) {
            (true, None) => self.next = Some(ListPosition::Elsewhere { after: None }),
            (false, None) => {
                while let Some(folder) = self.folders.pop() {
                    self.open(folder.to_string(), &mut entries);
                }
            }
            _ => {}
        }
        Ok(Some(entries))
    }

    /// Emits the folders up to that of a document, including one created after the list of folders
    /// was read.
    fn open_until(&mut self, folder: &str, entries: &mut Vec<ListEntry>) {
        while self.folders.last().is_some_and(|next| next.as_str() < folder) {
            let Some(parent) = self.folders.pop() else { break };
            self.open(parent.to_string(), entries);
        }
        if self.folders.last().is_some_and(|next| next.as_str() == folder) {
            self.folders.pop();
        }
        self.open(folder.to_owned(), entries);
    }

    fn open(&mut self, folder: String, entries: &mut Vec<ListEntry>) {
        self.current.clone_from(&folder);
        entries.push(ListEntry::Folder(folder));
    }
}
