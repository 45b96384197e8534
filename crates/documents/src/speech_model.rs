//! Names and files of the transcription models.
pub use carrel_speech::directory::{
    PIPER, PIPER_FILES, SpeechFile, WHISPER_BASE, WHISPER_BASE_FILES, WHISPER_MODELS, is_complete,
};

use std::fs::{self, File};
use std::io;
use std::path::Path;

use carrel_speech::directory;
use carrel_speech::whisper::Whisper;

/// Copies the files of a model from one directory to another, after loading it as a check. Existing
/// files are replaced one by one.
pub fn install(from: &Path, into: &Path) -> io::Result<()> {
    Whisper::load(directory::open(from)?, 1)?;
    let missing_file =
        |name| io::Error::new(io::ErrorKind::NotFound, format!("it lacks the file {name}"));
    fs::create_dir_all(into)?;
    for name in directory::files(from).map_err(missing_file)? {
        let incoming = into.join(format!(".incoming-{name}"));
        fs::copy(from.join(name), &incoming)?;
        File::open(&incoming)?.sync_all()?;
        fs::rename(&incoming, into.join(name))?;
    }
    Ok(())
}
