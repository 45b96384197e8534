//! Files within files: attachments of mails, objects in office documents, entries of archives.
//!
//! Each is read by the reader of its type and becomes documents of its own, named by its place. What
//! cannot be read is named in the text of the document that holds it.
use carrel_domain::document::{DocumentPart, Extracted};

use super::archive::Archive;
use super::fault::Fault;
use super::{Input, extension, formats, read_as};

/// What was found in files within one document.
#[derive(Default)]
pub struct Embedded {
    documents: Vec<Extracted>,
    left_out: Vec<String>,
}

impl Embedded {
    /// Reads a part of an archive as a file of its own.
    pub fn read(
        &mut self,
        input: &Input<'_>,
        archive: &mut Archive<'_>,
        part: &str,
    ) -> Result<(), Fault> {
        let name = part.rsplit('/').next().unwrap_or(part);
        // Its bytes are needed only where somebody reads them.
        if extension(name).is_none_or(|extension| !formats::is_read(&extension)) {
            self.left_out.push(name.to_owned());
            return Ok(());
        }
        if let Some(bytes) = archive.bytes(part)? {
            self.add(input, name, &bytes);
        }
        Ok(())
    }

    /// Reads `bytes` as a file called `name`.
    pub fn add(&mut self, input: &Input<'_>, name: &str, bytes: &[u8]) {
        match documents(input, name, bytes) {
            Some(documents) => self.documents.extend(documents),
            None => self.left_out.push(name.to_owned()),
        }
    }

    /// What was left out, each by its name.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    pub fn into_documents(self) -> Vec<Extracted> {
        self.documents
    }

    /// The document that holds them, and then they.
    pub fn after(self, mut document: Extracted) -> Vec<Extracted> {
        if !self.left_out.is_empty() {
            // On the last page, if there are pages.
            let end = document.text.trim_end().len();
            let pages = document.text.split_off(end);
            if !document.text.is_empty() {
                document.text.push_str("\n\n");
            }
            document.text.push_str(&format!("[Not read: {}]", self.left_out.join(", ")));
            document.text.push_str(&pages);
        }
        let mut documents = vec![document];
        documents.extend(self.documents);
        documents
    }
}

/// The documents of a file within `input`; `None` when it cannot be read.
pub fn documents(input: &Input<'_>, name: &str, bytes: &[u8]) -> Option<Vec<Extracted>> {
    let extension = extension(name).filter(|extension| formats::is_read(extension))?;
    let file = input.embedded(bytes)?;
    let documents = read_as(&extension, &file).ok()?;
    let named = documents.into_iter().filter(|document| !document.text.trim().is_empty());
    let named: Vec<_> = named
        .map(|document| {
            let part = match &document.part {
                None => name.to_owned(),
                Some(DocumentPart::Sheet(sheet)) => format!("{name}/{sheet}"),
                Some(DocumentPart::Mail(number)) => format!("{name}/{number}"),
                Some(DocumentPart::File(inner)) => format!("{name}/{inner}"),
            };
            Extracted { part: Some(DocumentPart::File(part)), ..document }
        })
        .collect();
    (!named.is_empty()).then_some(named)
}

/// The text of a part of an archive, read by its type.
pub fn text_of(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    part: &str,
) -> Result<Option<String>, Fault> {
    let Some(bytes) = archive.bytes(part)? else { return Ok(None) };
    let documents = documents(input, part, &bytes).unwrap_or_default();
    let texts: Vec<_> = documents.into_iter().map(|document| document.text).collect();
    Ok((!texts.is_empty()).then(|| texts.join("\n\n")))
}
