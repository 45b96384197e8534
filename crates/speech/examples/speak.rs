//! Speaks a text: `speak DIRECTORY TEXT FILE [VOICE]`. The file's extension selects the format.
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use carrel_domain::speech::{AudioFormat, SpeechRequest, SpeechSynthesizer, Speed};
use carrel_speech::speaking::{NativeSynthesizer, Options};
use futures_util::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, text, file, voice @ ..] = arguments.as_slice() else {
        return Err("usage: speak DIRECTORY TEXT FILE [VOICE]".into());
    };
    let format = file.rsplit('.').next().and_then(AudioFormat::named).ok_or("unknown ending")?;
    let options = Options {
        directory: PathBuf::from(directory),
        voice: None,
        threads: 1,
        release_after: None,
    };
    let synthesizer = NativeSynthesizer::new(options);
    let request = SpeechRequest {
        text: text.clone(),
        voice: voice.first().cloned(),
        format,
        speed: Speed::default(),
        instructions: None,
    };
    let mut out = std::fs::File::create(file)?;
    let start = Instant::now();
    let mut audio = synthesizer.speak(request).await?.audio;
    while let Some(bytes) = audio.next().await {
        let bytes = bytes?;
        eprintln!("{} bytes after {:?}", bytes.len(), start.elapsed());
        out.write_all(&bytes)?;
    }
    Ok(())
}
