//! The input of a format's reader: the content of a file, and its limits.
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use super::Limits;
use super::extract_error::ExtractError;
use super::pictures::Pictures;
use super::recordings::Recordings;

/// Maximum nesting of files: a mail in an archive in a mail.
const DEEPEST: u32 = 4;
/// Maximum number of files within a file, at all depths.
const MAX_EMBEDDED: u32 = 1_000;
/// Maximum number of warnings about unread parts of a file.
const MAX_WARNINGS: usize = 1_000;

#[derive(Clone)]
pub struct Input<'a> {
    content: InputContent<'a>,
    pub limits: Limits,
    depth: u32,
    /// The remaining limits, shared by all files within the outermost one.
    shared: Rc<Shared>,
    /// Warnings about this file only.
    left_out: Rc<LeftOut>,
}

#[derive(Default)]
struct LeftOut {
    sentences: RefCell<Vec<String>>,
    /// Names of pictures.
    pictures: RefCell<BTreeSet<String>>,
}

struct Shared {
    files: Cell<u32>,
    /// Bytes that may still be unpacked.
    inflated: Cell<u64>,
    pictures: Pictures,
    recordings: Recordings,
}

#[derive(Clone, Copy)]
pub enum InputContent<'a> {
    File(&'a File),
    Bytes(&'a [u8]),
}

impl<'a> Input<'a> {
    pub fn new(file: &'a File, limits: Limits, pictures: Pictures) -> Self {
        Self::with_recordings(file, limits, pictures, Recordings::none())
    }

    /// Works like [`Input::new`], and transcribes recordings.
    pub fn with_recordings(
        file: &'a File,
        limits: Limits,
        pictures: Pictures,
        recordings: Recordings,
    ) -> Self {
        let inflated = Cell::new(limits.inflated);
        let files = Cell::new(MAX_EMBEDDED);
        let shared = Rc::new(Shared { files, inflated, pictures, recordings });
        let left_out = Rc::default();
        Self { content: InputContent::File(file), limits, depth: 0, shared, left_out }
    }

    /// Returns the input for a file within this one, or `None` if there are too many or the nesting
    /// is too deep.
    pub fn embedded<'b>(&self, bytes: &'b [u8]) -> Option<Input<'b>> {
        let files = self.shared.files.get().checked_sub(1)?;
        if self.depth >= DEEPEST {
            return None;
        }
        self.shared.files.set(files);
        let (limits, shared) = (self.limits, Rc::clone(&self.shared));
        let (content, depth, left_out) =
            (InputContent::Bytes(bytes), self.depth + 1, Rc::default());
        Some(Input { content, limits, depth, shared, left_out })
    }

    /// Adds a warning about an unread part of the file, a full sentence.
    pub fn warn(&self, sentence: impl Into<String>) {
        let mut sentences = self.left_out.sentences.borrow_mut();
        if sentences.len() < MAX_WARNINGS {
            sentences.push(sentence.into());
        }
    }

    /// Records a picture whose text is not read. A picture counts once, however often the file
    /// shows it.
    pub fn skip_picture(&self, name: &str) {
        self.left_out.pictures.borrow_mut().insert(name.to_owned());
    }

    /// Returns the warnings since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        let mut sentences = self.left_out.sentences.take();
        let pictures = match self.left_out.pictures.take().len() {
            0 => return sentences,
            1 => "a picture in it".to_owned(),
            many => format!("{many} pictures in it"),
        };
        let why = self.pictures().missing().map(|why| format!(": {}", why.why()));
        let why = why.unwrap_or_default();
        sentences.push(format!("The text of {pictures} was not read{why}."));
        sentences
    }

    /// Returns the reader for pictures within the file.
    pub fn pictures(&self) -> &Pictures {
        &self.shared.pictures
    }

    /// Returns the transcriber for recordings.
    pub fn recordings(&self) -> &Recordings {
        &self.shared.recordings
    }

    /// Returns the content and its length in bytes. Recordings are larger than text, so only the
    /// upload limit applies to them.
    pub fn recording(&self) -> Result<(InputReader<'a>, u64), ExtractError> {
        match self.content {
            InputContent::File(mut file) => {
                let length = file.seek(SeekFrom::End(0))?;
                file.rewind()?;
                Ok((InputReader::File(BufReader::new(file)), length))
            }
            InputContent::Bytes(bytes) => {
                Ok((InputReader::Bytes(Cursor::new(bytes)), bytes.len() as u64))
            }
        }
    }

    pub fn inflatable(&self) -> u64 {
        self.shared.inflated.get()
    }

    pub fn set_inflatable(&self, bytes: u64) {
        self.shared.inflated.set(bytes);
    }

    /// Returns a seekable reader at the beginning of the content.
    pub fn reader(&self) -> Result<InputReader<'a>, ExtractError> {
        self.check_size()?;
        Ok(match self.content {
            InputContent::File(file) => {
                let mut reader = BufReader::new(file);
                reader.rewind()?;
                InputReader::File(reader)
            }
            InputContent::Bytes(bytes) => InputReader::Bytes(Cursor::new(bytes)),
        })
    }

    /// Returns the whole content.
    pub fn bytes(&self) -> Result<Vec<u8>, ExtractError> {
        let (limit, size) = (self.limits.file, self.check_size()?);
        let mut bytes = Vec::new();
        bytes.reserve_exact(usize::try_from(size).unwrap_or(0));
        // Reads one byte more than allowed, to detect a file that has grown.
        self.reader()?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit { Err(ExtractError::FileTooLarge) } else { Ok(bytes) }
    }

    /// Returns at most the first `most` bytes.
    pub fn start(&self, most: u64) -> Result<Vec<u8>, ExtractError> {
        let mut bytes = Vec::new();
        self.reader()?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn check_size(&self) -> Result<u64, ExtractError> {
        let size = match self.content {
            // Every reader rewinds the file first.
            InputContent::File(mut file) => file.seek(SeekFrom::End(0))?,
            InputContent::Bytes(bytes) => bytes.len() as u64,
        };
        if size > self.limits.file { Err(ExtractError::FileTooLarge) } else { Ok(size) }
    }
}

pub enum InputReader<'a> {
    File(BufReader<&'a File>),
    Bytes(Cursor<&'a [u8]>),
}

impl Read for InputReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Bytes(bytes) => bytes.read(buffer),
        }
    }
}

impl BufRead for InputReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::File(file) => file.fill_buf(),
            Self::Bytes(bytes) => bytes.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::File(file) => file.consume(amount),
            Self::Bytes(bytes) => bytes.consume(amount),
        }
    }
}

impl Seek for InputReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Bytes(bytes) => bytes.seek(to),
        }
    }
}
