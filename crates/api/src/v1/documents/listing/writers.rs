//! Writers of document lists, as JSON in chunks.
use carrel_domain::Result;
use carrel_domain::folder::ListedDocument;
use carrel_services::library::ListEntry;

use crate::v1::documents::listing::{DocumentBody, write};

/// Converts a listed document to its JSON form.
pub type EntryOf = for<'a> fn(&'a ListedDocument) -> DocumentBody<'a>;

/// A list that is written entry by entry.
pub trait ListWriter {
    type Entry;

    fn add(&mut self, entry: Self::Entry) -> Result<()>;
    /// Returns what was written since the last call.
    fn buffer(&mut self) -> &mut Vec<u8>;
    /// Writes what follows the last entry.
    fn end(&mut self);
}

/// Writes a [`super::DocumentTree`].
pub struct TreeWriter {
    entry_of: EntryOf,
    out: Vec<u8>,
    folders: usize,
    documents: usize,
}

impl TreeWriter {
    pub fn new(entry_of: EntryOf) -> Self {
        let out = br#"{"localFiles":{"name":"documents","type":"folder","items":["#.to_vec();
        Self { entry_of, out, folders: 0, documents: 0 }
    }
}

impl ListWriter for TreeWriter {
    type Entry = ListEntry;

    fn add(&mut self, entry: ListEntry) -> Result<()> {
        match entry {
            ListEntry::Folder(name) => {
                let prefix: &[u8] = if self.folders > 0 { b"]},{\"name\":" } else { b"{\"name\":" };
                self.out.extend_from_slice(prefix);
                write(&mut self.out, &name)?;
                self.out.extend_from_slice(br#","type":"folder","items":["#);
                (self.folders, self.documents) = (self.folders + 1, 0);
                Ok(())
            }
            ListEntry::Document(row) => {
                self.documents += 1;
                add_document(&mut self.out, self.entry_of, &row, self.documents == 1)
            }
        }
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn end(&mut self) {
        self.out.extend_from_slice(if self.folders > 0 { b"]}]}}" } else { b"]}}" });
    }
}

fn add_document(
    out: &mut Vec<u8>,
    entry_of: EntryOf,
    row: &ListedDocument,
    is_first: bool,
) -> Result<()> {
    if !is_first {
        out.push(b',');
    }
    entry_of(row).write(out)
}

/// Writes a [`super::FolderPage`].
pub struct PageWriter {
    entry_of: EntryOf,
    out: Vec<u8>,
    documents: usize,
    end: String,
}

impl PageWriter {
    pub fn new(entry_of: EntryOf, folder: &str, facts: PageFacts) -> Result<Self> {
        let mut out = b"{\"folder\":".to_vec();
        write(&mut out, folder)?;
        out.extend_from_slice(b",\"documents\":[");
        let PageFacts { total, has_more, with_code } = facts;
        let code = if with_code { ",\"code\":200" } else { "" };
        let end = format!("],\"totalCount\":{total},\"hasMore\":{has_more}{code},\"error\":null}}");
        Ok(Self { entry_of, out, documents: 0, end })
    }
}

/// The fields of a [`super::FolderPage`] besides its documents.
pub struct PageFacts {
    pub total: u64,
    pub has_more: bool,
    pub with_code: bool,
}

impl ListWriter for PageWriter {
    type Entry = ListedDocument;

    fn add(&mut self, row: ListedDocument) -> Result<()> {
        self.documents += 1;
        add_document(&mut self.out, self.entry_of, &row, self.documents == 1)
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn end(&mut self) {
        self.out.extend_from_slice(self.end.as_bytes());
    }
}
