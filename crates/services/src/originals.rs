//! Originals: uploaded files, stored once per content if an administrator enables it and there is
//! enough space. Pages of PDF files are rendered from them.
mod page_images;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use carrel_domain::document::Document;
use carrel_domain::original::{
    Original, OriginalFiles, OriginalName, OriginalRecords, OriginalsSize, PageImage,
};
use carrel_domain::settings::{Settings, names};
use carrel_domain::{Error, Result};
use chrono::{DateTime, Utc};

pub use page_images::{MAX_BYTES as MAX_PAGE_IMAGE_BYTES, PageImages};

/// The disk space that is always left free, in bytes.
const MIN_FREE_BYTES: u64 = 2 << 30;

/// The free disk space at which originals are stored by default, in bytes.
const AUTO_ENABLE_BYTES: u64 = 20 << 30;

/// Stores originals. Cheap to clone.
#[derive(Clone)]
pub struct Originals {
    /// The records of originals.
    pub records: Arc<dyn OriginalRecords>,
    /// The files.
    pub files: Arc<dyn OriginalFiles>,
    /// The setting that enables originals.
    pub settings: Arc<dyn Settings>,
    /// Renders pages of PDF files.
    pub page_images: PageImages,
    /// The maximum size of all originals, in bytes.
    pub quota: u64,
}

impl Originals {
    /// Creates the store. All originals together take at most `quota` bytes.
    pub fn new<D: OriginalRecords + Settings + 'static>(
        database: &Arc<D>,
        files: Arc<dyn OriginalFiles>,
        page_images: PageImages,
        quota: u64,
    ) -> Self {
        let (records, settings) = (database.clone(), database.clone());
        Self { records, files, settings, page_images, quota }
    }

    /// Returns whether uploaded files are currently stored.
    pub async fn is_enabled(&self) -> Result<bool> {
        let settings = self.settings.all().await?;
        match settings.get(names::KEEP_ORIGINALS) {
            Some(value) => Ok(value == "on"),
            None => Ok(self
                .files
                .room()
                .await?
                .is_some_and(|free_bytes| free_bytes >= AUTO_ENABLE_BYTES)),
        }
    }

    /// Returns the number of stored originals and their size.
    pub async fn size(&self) -> Result<OriginalsSize> {
        self.records.size().await
    }

    /// Stores a copy of a file before documents are made from it, if enabled and within the limits.
    /// Failures are logged and do not fail the upload.
    pub(crate) async fn stage(
        &self,
        file: &Path,
        digest: Option<[u8; 32]>,
    ) -> Option<OriginalName> {
        match self.stage_file(file, digest?).await {
            Ok(staged) => staged,
            Err(error) => {
                tracing::warn!("failed to store an original: {error}");
                None
            }
        }
    }

    async fn stage_file(&self, file: &Path, digest: [u8; 32]) -> Result<Option<OriginalName>> {
        if !self.is_enabled().await? || self.records.of(digest).await?.is_some() {
            return Ok(None);
        }
        let bytes = tokio::fs::metadata(file).await.map_err(Error::of_file)?.len();
        let free_bytes = self.files.room().await?;
        if free_bytes.is_some_and(|free_bytes| free_bytes < bytes.saturating_add(MIN_FREE_BYTES)) {
            tracing::warn!(bytes, "an original is not kept: the disk is nearly full");
            return Ok(None);
        }
        let original = Original { name: OriginalName::random(), digest, bytes };
        if !self.records.reserve(&original, self.quota, Utc::now()).await? {
            tracing::warn!(bytes, "an original is not kept: CARREL_ORIGINALS_LIMIT is reached");
            return Ok(None);
        }
        match self.files.put(original.name, file).await {
            Ok(()) => Ok(Some(original.name)),
            Err(error) => {
                self.commit_or_release(original.name).await;
                Err(error)
            }
        }
    }

    /// Commits a staged file if documents were made from it, otherwise deletes it.
    /// [`Originals::reconcile`] repeats what fails here.
    pub(crate) async fn commit_or_release(&self, name: OriginalName) {
        if let Err(error) = self.commit_or_release_record(name).await {
            tracing::warn!(%name, "failed to confirm an original: {error}");
        }
    }

    async fn commit_or_release_record(&self, name: OriginalName) -> Result<()> {
        if self.records.commit_or_release(name).await? {
            return Ok(());
        }
        self.files.delete(name).await?;
        self.page_images.forget(name).await?;
        self.records.forget(name).await
    }

    /// Settles originals reserved before `before` and deletes released ones. Returns the number
    /// processed.
    pub async fn reconcile(&self, before: DateTime<Utc>) -> Result<usize> {
        let mut reconciled = 0;
        loop {
            let pending = self.records.pending(before).await?;
            for name in &pending {
                self.commit_or_release_record(*name).await?;
            }
            reconciled += pending.len();
            if pending.is_empty() {
                return Ok(reconciled);
            }
        }
    }

    /// Deletes originals released by the removal of documents.
    pub(crate) async fn delete_released(&self) {
        if let Err(error) = self.reconcile(DateTime::UNIX_EPOCH).await {
            tracing::warn!("failed to delete originals: {error}");
        }
    }

    /// Returns the original of a document, if it is stored.
    pub async fn of(&self, document: &Document) -> Result<Option<Original>> {
        match document.origin.digest {
            Some(digest) => self.records.of(digest).await,
            None => Ok(None),
        }
    }

    /// Opens the original of a document for reading.
    pub async fn open(&self, document: &Document) -> Result<Option<(Original, File)>> {
        let Some(original) = self.of(document).await? else { return Ok(None) };
        Ok(self.files.open(original.name).await?.map(|file| (original, file)))
    }

    /// Renders a page of a document's original, counted from 1, on behalf of `owner`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no original with such a page, [`Error::Unprocessable`] if it
    /// cannot be rendered.
    pub async fn page(&self, document: &Document, page: u32, owner: &str) -> Result<PageImage> {
        let missing = || Error::not_found("page", page);
        if !has_pages(document) {
            return Err(missing());
        }
        let original = self.of(document).await?.ok_or_else(missing)?;
        if let Some(cached) = self.page_images.find(original.name, page).await {
            return Ok(cached);
        }
        let file = self.files.open(original.name).await?.ok_or_else(missing)?;
        self.page_images.page(original.name, file, page, owner).await
    }
}

/// Returns whether pages of a document's original can be shown: it must be a PDF file, not a file
/// inside another.
pub fn has_pages(document: &Document) -> bool {
    let ending = file_name(document).rsplit_once('.').map(|(_, ending)| ending);
    document.origin.part.is_empty()
        && ending.is_some_and(|ending| ending.eq_ignore_ascii_case("pdf"))
}

/// Returns the original file name of a document.
pub fn file_name(document: &Document) -> &str {
    document.url.strip_prefix("file://").unwrap_or(&document.title)
}

#[cfg(test)]
mod tests;
