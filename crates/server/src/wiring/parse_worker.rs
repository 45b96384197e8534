//! The program that reads one file.
use std::path::PathBuf;

use anyhow::Context;
use carrel_documents::worker::{
    PictureReading, Program, Readers, RecordingReading, ResourceLimits,
};
use carrel_documents::{ocr_model, speech_model};

use crate::cli::PARSE_WORKER;
use crate::config::{Config, ParsingConfig};
use crate::native;

/// What starts the processes that read files.
pub(super) fn readers(config: &Config) -> anyhow::Result<Readers> {
    let ParsingConfig {
        workers,
        timeout: time,
        memory,
        inflated: _,
        ocr_timeout,
        ocr_languages,
        ocr_engine,
        transcription_timeout,
    } = config.parsing.clone();
    let pictures = PictureReading {
        directory: native::beside(&config.model, ocr_model::NAME),
        time: ocr_timeout,
        languages: ocr_languages,
        engine: ocr_engine,
        programs: std::env::var_os("PATH")
            .map(|path| std::env::split_paths(&path).filter(|path| path.is_absolute()).collect())
            .unwrap_or_default(),
    };
    let readers = Readers::new(program()?, ResourceLimits { workers, time, memory });
    let models = speech_model::WHISPER_MODELS.iter();
    let recordings = RecordingReading {
        directories: models.map(|name| native::beside(&config.model, name)).collect(),
        time: transcription_timeout,
        threads: config.model.threads,
    };
    Ok(readers.with_pictures(pictures).with_recordings(recordings))
}

/// This very program, as it reads one file; also after an update has put another in its place.
fn program() -> anyhow::Result<Program> {
    let running = PathBuf::from("/proc/self/exe");
    let path = if running.exists() { Ok(running) } else { std::env::current_exe() };
    let path = path.context("failed to find this program's file")?;
    // The allocator would else set aside more at once than a reader of files may have.
    let environment = vec![("MIMALLOC_ARENA_RESERVE".into(), "0".into())];
    Ok(Program { path, arguments: vec![PARSE_WORKER.into()], environment })
}
