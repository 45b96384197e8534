//! Transcribes a recording: `transcribe DIRECTORY FILE [LANGUAGE]`.
use std::error::Error;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use carrel_speech::audio::Sound;
use carrel_speech::directory;
use carrel_speech::whisper::{Options, TranscribedPart, Whisper};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, file, language @ ..] = arguments.as_slice() else {
        return Err("usage: transcribe DIRECTORY FILE [LANGUAGE]".into());
    };
    let files = directory::open(Path::new(directory))?;
    let start = Instant::now();
    let threads = std::env::var("THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let whisper = Whisper::load(files, threads)?;
    eprintln!("loaded in {:?}", start.elapsed());
    let file = File::open(file)?;
    let length = file.metadata()?.len();
    let mut sound = Sound::open(file, length)?;
    let words = std::env::var_os("WORDS").is_some();
    let options = Options { language: language.first().cloned(), words, ..Options::default() };
    let start = Instant::now();
    let print = &mut |part| {
        match part {
            TranscribedPart::Segment(segment) => {
                println!("[{:.2} - {:.2}]{}", segment.start, segment.end, segment.text);
                for word in segment.words {
                    println!("   {:.2} {:.2} {}", word.start, word.end, word.text);
                }
            }
            other => eprintln!("{other:?}"),
        }
        ControlFlow::Continue(())
    };
    whisper.transcribe(&mut || sound.next_samples(), &options, print)?;
    eprintln!("heard in {:?}", start.elapsed());
    Ok(())
}
