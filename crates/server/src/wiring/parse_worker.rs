//! Configures the worker processes that read files.
use std::path::PathBuf;

use anyhow::Context;
use carrel_documents::worker::{
    PictureReading, Program, Readers, RecordingReading, ResourceLimits,
};
use carrel_documents::{ocr_model, speech_model};

use crate::cli::PARSE_WORKER;
use crate::config::{Config, ParsingConfig};
use crate::native;

/// Returns the readers, which start the worker processes.
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
        directory: native::directory_beside(&config.model, ocr_model::NAME),
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
        directories: models.map(|name| native::directory_beside(&config.model, name)).collect(),
        time: transcription_timeout,
        threads: config.model.threads,
    };
    Ok(readers.with_pictures(pictures).with_recordings(recordings))
}

/// Returns this program as a worker, even after an update has replaced its file.
fn program() -> anyhow::Result<Program> {
    let running = PathBuf::from("/proc/self/exe");
    let path = if running.exists() { Ok(running) } else { std::env::current_exe() };
    let path = path.context("failed to find this program's file")?;
    // Otherwise the allocator would reserve more memory than a worker may use.
    let environment = vec![("MIMALLOC_ARENA_RESERVE".into(), "0".into())];
    Ok(Program { path, arguments: vec![PARSE_WORKER.into()], environment })
}
