//! Reads the text of pictures: image files, scanned pages, and pictures within documents.
mod layout;
mod reader;
pub(crate) mod tesseract;
mod unread;

use std::path::PathBuf;

use carrel_domain::document::Extracted;
use carrel_ocr::DecodeError;
use serde::{Deserialize, Serialize};

use super::extract_error::ExtractError;
use super::{Input, PAGE_END, by_nobody};
pub use layout::lines;
pub use reader::Pictures;
pub use tesseract::Tesseract;
pub use unread::UnreadPicture;

/// Whether and how a worker reads pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ocr {
    /// The model is in this directory. Languages are in the form of
    /// [`carrel_ocr::Languages::parse`].
    Ready { directory: PathBuf, seconds: u64, languages: String },
    /// Tesseract is installed.
    Tesseract { tesseract: Tesseract, seconds: u64 },
    /// Tesseract is not installed, but needed for these languages.
    NoProgram { languages: String },
    /// The model is not installed.
    NoModel,
    /// The operator has switched it off.
    Off,
}

impl Ocr {
    /// Returns the time limit for the pictures of a file, if pictures are read.
    pub(crate) fn seconds_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::Ready { seconds, .. } | Self::Tesseract { seconds, .. } => Some(seconds),
            _ => None,
        }
    }

    /// Returns why no picture is read, if so.
    pub fn missing(&self) -> Option<UnreadPicture> {
        match self {
            Self::Ready { .. } | Self::Tesseract { .. } => None,
            Self::NoProgram { languages } => Some(UnreadPicture::NoProgram(languages.clone())),
            Self::NoModel => Some(UnreadPicture::NoModel),
            Self::Off => Some(UnreadPicture::Off),
        }
    }
}

/// Reads an image file; a TIFF file may have several pages.
pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    if let Some(missing) = input.pictures().missing() {
        return Err(not_read(missing));
    }
    let bytes = input.bytes()?;
    let mut pages = Vec::new();
    for (picture, number) in carrel_ocr::pages(&bytes).map_err(unreadable)?.zip(1..) {
        let read =
            picture.map_err(UnreadPicture::from).and_then(|it| input.pictures().lines(&it, 1.0));
        let lines = match read {
            Ok((lines, false)) => lines,
            Ok((lines, true)) => {
                input.warn(format!("Page {number} was read in part: the time limit was reached."));
                lines
            }
            Err(why) if number == 1 => return Err(not_read(&why)),
            Err(why) => {
                input.warn(format!("Page {number} was not read: {}.", why.why()));
                let is_last = matches!(why, UnreadPicture::OutOfTime(_));
                if is_last {
                    break;
                }
                Vec::new()
            }
        };
        pages.push(lines);
    }
    if pages.iter().all(Vec::is_empty) {
        input.warn("No text was found in the picture.");
    }
    let texts = super::pdf::written(&pages);
    let text = match texts.as_slice() {
        [only] => only.clone(),
        several => several.iter().map(|page| format!("{page}{PAGE_END}")).collect(),
    };
    if text.len() as u64 > input.limits.text {
        return Err(ExtractError::TextTooLarge);
    }
    Ok(vec![by_nobody(text, "an image uploaded by the user.")])
}

/// Returns the text of a picture within a document, if it has any. Adds a warning for an unreadable
/// picture.
pub fn embedded_text(input: &Input<'_>, name: &str, bytes: &[u8]) -> Option<String> {
    if input.pictures().missing().is_some() {
        input.skip_picture(name);
        return None;
    }
    // Vector drawings and proprietary formats are not pictures of text.
    let picture = carrel_ocr::pages(bytes).ok()?.next()?;
    let read = picture.map_err(UnreadPicture::from).and_then(|it| input.pictures().lines(&it, 1.0));
    match read {
        Ok((lines, _)) => super::pdf::written(&[lines]).pop().filter(|text| !text.is_empty()),
        Err(why) => {
            input.warn(format!("The picture {name} in it was not read: {}.", why.why()));
            None
        }
    }
}

fn unreadable(error: DecodeError) -> ExtractError {
    not_read(&UnreadPicture::from(error))
}

/// Returns the refusal of an image file.
fn not_read(why: &UnreadPicture) -> ExtractError {
    match why {
        UnreadPicture::NoModel
        | UnreadPicture::Off
        | UnreadPicture::NoProgram(_)
        | UnreadPicture::NoLanguage(_) => {
            let why = why.why();
            ExtractError::with_message(format!(
                "The file is a picture, and {why}, so it cannot be read."
            ))
        }
        _ => ExtractError::unreadable(format!("cannot be read as a picture: {}.", why.why())),
    }
}
