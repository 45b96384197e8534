//! Files within files: attachments of mails, objects in office documents, entries of archives.
//!
//! Each is read by the reader of its type and becomes separate documents, named by its place. The
//! warnings of the containing document name the files that cannot be read.
use carrel_domain::document::{DocumentPart, Extracted};

use super::archive::Archive;
use super::extract_error::ExtractError;
use super::{Input, extension, formats, objects, read_as, with_text};

/// The file names that mail encryption programs use.
const SEALED: &[&str] = &["p7m", "pgp", "gpg", "asc"];

/// The result of reading the files within one document.
#[derive(Default)]
pub struct Embedded {
    documents: Vec<Extracted>,
}

impl Embedded {
    /// Reads a part of an archive as a separate file.
    pub fn read(
        &mut self,
        input: &Input<'_>,
        archive: &mut Archive<'_>,
        part: &str,
    ) -> Result<(), ExtractError> {
        self.read_named(input, archive, part, part.rsplit('/').next().unwrap_or(part))
    }

    /// Works like [`Embedded::read`], but uses another name.
    pub fn read_named(
        &mut self,
        input: &Input<'_>,
        archive: &mut Archive<'_>,
        part: &str,
        name: &str,
    ) -> Result<(), ExtractError> {
        // Unpack the part only if it can be read.
        let unreadable = readable_type(input, name).err();
        let is_object = extension(name).is_none_or(|extension| extension == "bin");
        if let Some(warning) = unreadable.as_ref().filter(|_| !is_object) {
            input.warn(warning.clone());
            return Ok(());
        }
        let Some(bytes) = part_bytes(input, archive, part, name)? else { return Ok(()) };
        match (unreadable, objects::unwrap(&bytes, name)) {
            (Some(_), Some((name, content))) => self.add(input, &name, &content),
            (Some(warning), None) => input.warn(warning),
            (None, _) => self.add(input, name, &bytes),
        }
        Ok(())
    }

    /// Reads `bytes` as a file called `name`.
    pub fn add(&mut self, input: &Input<'_>, name: &str, bytes: &[u8]) {
        match documents(input, name, bytes) {
            Ok(documents) => self.documents.extend(documents),
            Err(warning) => input.warn(warning),
        }
    }

    pub fn into_documents(self) -> Vec<Extracted> {
        self.documents
    }

    /// Returns the containing document, followed by the embedded ones.
    pub fn after(self, document: Extracted) -> Vec<Extracted> {
        let mut documents = vec![document];
        documents.extend(self.documents);
        documents
    }
}

/// Returns the bytes of a part, or `None` with a warning if it cannot be unpacked; the rest of the
/// archive is still read.
pub fn part_bytes(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    part: &str,
    name: &str,
) -> Result<Option<Vec<u8>>, ExtractError> {
    match archive.bytes(part) {
        Err(fault) if input.inflatable() > 0 => {
            input.warn(not_read(input, name, fault));
            Ok(None)
        }
        read => read,
    }
}

/// Returns the documents of a file within `input`, or why there are none.
pub fn documents(input: &Input<'_>, name: &str, bytes: &[u8]) -> Result<Vec<Extracted>, String> {
    let extension = readable_type(input, name)?;
    let file = input.embedded(bytes).ok_or_else(|| {
        format!(
            "The embedded file {name} was not read: there are too many, or it is nested too \
             deep."
        )
    })?;
    let read = read_as(&extension, &file).and_then(with_text);
    let documents = read.map_err(|fault| not_read(input, name, fault))?.into_iter();
    let named = documents.map(|document| {
        let part = match &document.part {
            None => name.to_owned(),
            Some(DocumentPart::Sheet(sheet)) => format!("{name}/{sheet}"),
            Some(DocumentPart::Mail(number)) => format!("{name}/{number}"),
            Some(DocumentPart::File(inner)) => format!("{name}/{inner}"),
        };
        Extracted { part: Some(DocumentPart::File(part)), ..document }
    });
    Ok(named.collect())
}

/// Returns the extension of a readable file, or why the file is not read.
fn readable_type(input: &Input<'_>, name: &str) -> Result<String, String> {
    let why = match extension(name) {
        Some(extension) if formats::is_picture(&extension) => match input.pictures().missing() {
            None => return Ok(extension),
            Some(missing) => missing.why(),
        },
        Some(extension) if formats::is_recording(&extension) => {
            "recordings must be sent as separate files".to_owned()
        }
        Some(extension) if formats::is_read(&extension) => return Ok(extension),
        Some(extension) if SEALED.contains(&extension.as_str()) => "it is encrypted".to_owned(),
        Some(extension) => format!("files of type .{extension} are not read"),
        None => "its name has no extension".to_owned(),
    };
    Err(format!("The embedded file {name} was not read: {why}."))
}

fn not_read(input: &Input<'_>, name: &str, fault: ExtractError) -> String {
    let file = format!("The embedded file {name}");
    match fault {
        ExtractError::Empty(None) => format!("{file} has no text."),
        ExtractError::Empty(Some(more)) => format!("{file} has no text. {more}"),
        ExtractError::Message(sentence) => format!("{file} was not read. {sentence}"),
        ExtractError::Damaged(_) | ExtractError::Refused(_) => {
            format!("The embedded file {}", fault.into_error(name, input.limits))
        }
        ExtractError::FileTooLarge | ExtractError::TextTooLarge => {
            format!("{file} is too large to be read.")
        }
        ExtractError::Unavailable(_) | ExtractError::Internal(_) => {
            format!("{file} could not be read.")
        }
    }
}

/// Returns the text of a part of an archive, read by its type.
pub fn text_of(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    part: &str,
) -> Result<Option<String>, ExtractError> {
    let Some(bytes) = part_bytes(input, archive, part, part)? else { return Ok(None) };
    let documents = documents(input, part, &bytes).unwrap_or_else(|warning| {
        input.warn(warning);
        Vec::new()
    });
    let texts: Vec<_> = documents.into_iter().map(|document| document.text).collect();
    Ok((!texts.is_empty()).then(|| texts.join("\n\n")))
}
