//! Converts files to text: the supported types, and the documents made from each.
//!
//! [`extract_file`] is a plain function of a file and limits, so it runs wherever the caller wants.
//! [`FileExtractor`] runs it on a blocking thread for text, and in another process for every file
//! that must be unpacked or decoded.

mod alphabets;
mod archive;
mod bundle;
mod dublin_core;
mod embedded;
mod encoding;
mod epub;
pub(crate) mod extract_error;
pub(crate) mod formats;
mod html;
mod input;
mod johab;
mod mail;
mod markup;
mod models;
mod notebook;
mod objects;
mod office;
mod opendocument;
mod pdf;
pub mod pictures;
mod plausible;
pub mod recordings;
mod remote_recordings;
mod rtf;
mod sealed;
mod sheets;
mod subtitles;
mod text;
mod thumbnails;
mod writer;
mod xml;

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::document::{
    DocumentPart, Extracted, Extractor, FileType, IncomingFile, ReadRequest,
};
use carrel_domain::original::{PageImage, PageRenderer};
use carrel_domain::speech::{RecordingKind, SpeechModels, Transcriber};
use carrel_domain::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::blocking;
use crate::worker::{Checkpoints, Readers};
use extract_error::ExtractError;
use pictures::tesseract::Runner;
use pictures::{Ocr, Pictures};

use formats::ReadMethod;
pub use formats::file_types;
pub use html::page::{WebPages, read_page};
use input::Input;
pub(crate) use models::Opened;
pub use models::ReadingModels;
pub(crate) use thumbnails::thumbnail;

/// The longest title, author or description, in characters.
const LONGEST_DETAIL: usize = 1_000;

/// The time limit for drawing a page.
const DRAWING: Duration = Duration::from_secs(20);

/// Marks the end of a PDF page or a slide: a form feed on a separate line. The splitter counts
/// these marks.
const PAGE_END: &str = "\n\n\u{c}\n";

/// Limits on input and output, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest file that is opened.
    pub file: u64,
    /// Maximum total text of all documents of a file, in UTF-8.
    pub text: u64,
    /// Maximum unpacked size of an archive.
    pub inflated: u64,
}

impl Limits {
    /// Returns limits for text of at most `bytes`. Files may be four times as large, since markup
    /// and other encodings take more space, and unpack to sixteen times as much.
    pub fn text(bytes: u64) -> Self {
        Self { file: bytes.saturating_mul(4), text: bytes, inflated: bytes.saturating_mul(16) }
    }
}

/// Reads text on blocking threads of this process and everything else in worker processes.
#[derive(Clone)]
pub struct FileExtractor {
    limits: Limits,
    readers: Readers,
    /// Provides the transcriber if a provider transcribes recordings.
    speech: Option<Arc<dyn SpeechModels>>,
    /// Stores the partial transcripts of recordings.
    checkpoints: Option<Checkpoints>,
}

impl FileExtractor {
    pub fn new(limits: Limits, readers: Readers) -> Self {
        Self { limits, readers, speech: None, checkpoints: None }
    }

    /// Transcribes recordings with the provider in the settings, if there is one.
    pub fn with_speech(self, speech: Arc<dyn SpeechModels>) -> Self {
        Self { speech: Some(speech), ..self }
    }

    /// Resumes transcriptions that a killed process has left unfinished.
    pub fn with_checkpoints(self, checkpoints: Checkpoints) -> Self {
        Self { checkpoints: Some(checkpoints), ..self }
    }

    fn remote_transcriber(&self) -> Result<Option<Arc<dyn Transcriber>>> {
        let speech = self.speech.as_ref();
        speech.map_or(Ok(None), |speech| speech.remote_transcriber(RecordingKind::Document))
    }
}

#[async_trait]
impl Extractor for FileExtractor {
    fn file_types(&self) -> Vec<FileType> {
        let (pictures, recordings) = (self.readers.ocr(), self.readers.transcription_mode());
        let is_remote = matches!(self.remote_transcriber(), Ok(Some(_)));
        let can_transcribe = is_remote || recordings.is_ready();
        file_types(pictures.missing().is_none(), can_transcribe).collect()
    }

    async fn extract(&self, file: &IncomingFile, request: &ReadRequest) -> Result<Vec<Extracted>> {
        let (path, name, limits) = (file.content.clone(), file.name.clone(), self.limits);
        let is_recording = extension(base(&name)).is_some_and(|of| formats::is_recording(&of));
        if is_recording && let Some(transcriber) = self.remote_transcriber()? {
            return remote_recordings::read(&*transcriber, file, limits, request).await;
        }
        let models =
            ReadingModels { ocr: self.readers.ocr(), listening: self.readers.transcription_mode() };
        let is_read = |extension: &String| match formats::reading(extension) {
            Some(ReadMethod::Apart(_)) => true,
            Some(ReadMethod::Picture(_)) => models.ocr.missing().is_none(),
            Some(ReadMethod::Recording(_)) => models.listening.is_ready(),
            _ => false,
        };
        let Some(extension) = extension(base(&name)).filter(is_read) else {
            return blocking(move || extract_with(&name, &path, limits, &models)).await;
        };
        let opened = blocking(move || File::open(path).map_err(Error::internal)).await?;
        if is_recording {
            let (listening, checkpoints) = (models.listening, self.checkpoints.as_ref());
            let read = self
                .readers
                .transcribe_document(opened, limits, listening, request, checkpoints)
                .await;
            let documents = read.and_then(|documents| checked(documents, limits));
            return documents.map_err(|fault| fault.into_error(base(&name), limits));
        }
        let documents = self.readers.read(&extension, opened, limits, models, request).await;
        documents.map_err(|fault| fault.into_error(base(&name), limits))
    }
}

#[async_trait]
impl PageRenderer for FileExtractor {
    async fn render_page(&self, file: File, page: u32, owner: &str) -> Result<PageImage> {
        let (owner, time_limit) = (owner.to_owned(), Some(DRAWING));
        let request = ReadRequest { owner, time_limit, ..ReadRequest::default() };
        let rendered = self.readers.draw(file, page, self.limits, &request).await;
        let image = rendered.map_err(|fault| fault.into_error("The file", self.limits))?;
        match image.png.is_empty() {
            true => Err(Error::not_found("page", page)),
            false => Ok(image),
        }
    }
}

/// Returns the documents in the file at `path`, called `name`: at least one, each with text. Reads
/// every type on this thread.
///
/// Reads no pictures and transcribes no recordings.
///
/// Returns [`Error::Unprocessable`] if the type is unknown or there is no text, and
/// [`Error::TooLarge`] if the file or its text exceeds the limits.
pub fn extract_file(name: &str, path: &Path, limits: Limits) -> Result<Vec<Extracted>> {
    extract_with(name, path, limits, &ReadingModels::none())
}

/// Works like [`extract_file`], and reads pictures with `ocr`.
pub fn extract_with_pictures(
    name: &str,
    path: &Path,
    limits: Limits,
    ocr: &Ocr,
) -> Result<Vec<Extracted>> {
    extract_with(name, path, limits, &ReadingModels { ocr: ocr.clone(), ..ReadingModels::none() })
}

/// Works like [`extract_file`], and reads pictures and recordings with `models`.
pub fn extract_with(
    name: &str,
    path: &Path,
    limits: Limits,
    models: &ReadingModels,
) -> Result<Vec<Extracted>> {
    let name = base(name);
    let Some(extension) = extension(name) else {
        return Err(Error::unprocessable(
            "No file extension found. This file cannot be processed.",
        ));
    };
    let file = File::open(path).map_err(Error::internal)?;
    extract(
        &extension,
        &file,
        limits,
        Opened::of(models, Arc::default(), |tesseract| Ok(Runner::here(tesseract.clone()))),
    )
    .map_err(|fault| fault.into_error(name, limits))
}

pub(crate) fn extract(
    extension: &str,
    file: &File,
    limits: Limits,
    models: Opened,
) -> Result<Vec<Extracted>, ExtractError> {
    let Opened { pictures, recordings } = models;
    let input = Input::with_recordings(file, limits, pictures, recordings);
    let mut documents = read_as(extension, &input)?;
    if let Some(first) = documents.first_mut() {
        let languages = input.pictures().missing_languages();
        let doubtful = input.pictures().doubtful_text().filter(|_| languages.is_none());
        first.warnings.extend(languages.into_iter().chain(doubtful.map(str::to_owned)));
    }
    checked(documents, limits)
}

/// Checks the limits and returns the documents that have text, ready to be stored.
fn checked(mut documents: Vec<Extracted>, limits: Limits) -> Result<Vec<Extracted>, ExtractError> {
    let (mut bytes, mut names) = (0, HashSet::new());
    for document in &mut documents {
        storable(&mut document.text);
        join_at_soft_hyphens(&mut document.text);
        bytes += document.text.len() as u64;
        let details = [&mut document.author, &mut document.description];
        details.into_iter().chain(&mut document.title).for_each(bounded);
        if let Some(DocumentPart::Sheet(name) | DocumentPart::File(name)) = &mut document.part {
            bounded(name);
        }
        if let Some(DocumentPart::File(name)) = &mut document.part {
            let mut number = 1;
            let plain = name.clone();
            while !names.insert(name.clone()) {
                number += 1;
                *name = format!("{plain} ({number})");
            }
        }
    }
    if bytes > limits.text {
        return Err(ExtractError::TextTooLarge);
    }
    with_text(documents)
}

/// Renders a page of a PDF file, counted from 1.
pub(crate) fn draw_page(file: &File, page: u32, limits: Limits) -> Result<PageImage, ExtractError> {
    pdf::draw(&Input::new(file, limits, Pictures::none()), page)
}

/// Returns the documents that have text. Warnings of the other documents move to the first of
/// these, or to the refusal.
fn with_text(documents: Vec<Extracted>) -> Result<Vec<Extracted>, ExtractError> {
    let has_text = |document: &Extracted| !document.text.trim().is_empty();
    let (mut documents_with_text, blank): (Vec<_>, Vec<_>) =
        documents.into_iter().partition(has_text);
    let warnings = blank.into_iter().flat_map(|document| document.warnings);
    match documents_with_text.first_mut() {
        Some(first) => {
            first.warnings.extend(warnings);
            Ok(documents_with_text)
        }
        None => Err(ExtractError::nothing_but(warnings)),
    }
}

/// Returns the documents of a file. The first one has the warnings.
fn read_as(extension: &str, input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let read = read_by_type(extension, input);
    let warnings = input.take_warnings();
    match read {
        Ok(mut documents) => {
            if let Some(first) = documents.first_mut() {
                first.warnings.extend(warnings);
            }
            Ok(documents)
        }
        Err(ExtractError::Empty(None)) => Err(ExtractError::nothing_but(warnings.into_iter())),
        Err(fault) => Err(fault),
    }
}

/// Returns the documents of a file by its extension, or by its content if that clearly has another
/// type.
fn read_by_type(extension: &str, input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    if let Some(opened) = sealed::open(extension, input)? {
        let inner = input.embedded(&opened).ok_or_else(ExtractError::protected)?;
        return read_as(extension, &inner);
    }
    if let Some(read) = sealed::other_format(extension, input)? {
        return read(input);
    }
    match formats::reading(extension) {
        Some(
            ReadMethod::Here(read)
            | ReadMethod::Apart(read)
            | ReadMethod::Picture(read)
            | ReadMethod::Recording(read),
        ) => read(input),
        None => match (formats::advice(extension), formats::language(extension)) {
            (Some(fault), _) => Err(fault),
            (None, Some(language)) => text::read_code(input, language),
            (None, None) => text::read_unknown(input, extension),
        },
    }
}

/// Creates a document of a type without reliable metadata.
fn by_nobody(text: String, source: &str) -> Extracted {
    Extracted {
        part: None,
        title: None,
        author: "no author found".to_owned(),
        description: "No description found.".to_owned(),
        source: source.to_owned(),
        text,
        warnings: Vec::new(),
    }
}

/// Returns a file's name without the folders that a client may have sent.
fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Returns the last extension in lower case. A name that only begins with a dot has none.
fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_lowercase())
}

/// Makes a title, author or description [`storable`] and cuts it to [`LONGEST_DETAIL`].
fn bounded(detail: &mut String) {
    storable(detail);
    if let Some((end, _)) = detail.char_indices().nth(LONGEST_DETAIL) {
        detail.truncate(end);
    }
}

/// Removes soft hyphens, with a line end after one, because they would keep a word from being
/// found. Between digits and capitals they are kept as hyphens of a number.
fn join_at_soft_hyphens(text: &mut String) {
    const SOFT_HYPHEN: char = '\u{ad}';
    if !text.contains(SOFT_HYPHEN) {
        return;
    }
    let mut joined = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(SOFT_HYPHEN) {
        joined.push_str(before);
        let is_of_number = |c: char| c.is_ascii_digit() || c.is_uppercase();
        if before.ends_with(is_of_number) && after.starts_with(is_of_number) {
            joined.push('-');
        }
        let line = after.trim_start_matches([' ', '\t', '\r']);
        let next = line.strip_prefix('\n').map(|next| next.trim_start_matches([' ', '\t']));
        // An empty line ends the paragraph.
        rest = next.filter(|next| next.starts_with(char::is_alphabetic)).unwrap_or(after);
    }
    joined.push_str(rest);
    *text = joined;
}

/// Removes characters that PostgreSQL cannot store in text.
fn storable(text: &mut String) {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
}
