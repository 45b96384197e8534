//! Transcribes recordings with known texts: `listening_bench DIRECTORY FOLDER THREADS`, where
//! FOLDER holds NAME.wav and NAME.txt. Prints one JSON line for each figure;
//! `crates/speech/bench/reference.py` prints the same figures of other programs.
use std::error::Error;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use carrel_speech::audio::Sound;
use carrel_speech::directory;
use carrel_speech::whisper::{Options, TranscribedPart, Whisper};

/// Kernel ticks in a second.
const TICKS: f64 = 100.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, folder, threads] = arguments.as_slice() else {
        return Err("usage: listening_bench DIRECTORY FOLDER THREADS".into());
    };
    let at_start = processor_seconds()?;
    let whisper = Whisper::load(directory::open(Path::new(model))?, threads.parse()?)?;
    let loaded = processor_seconds()?;
    let (mut errors, mut words, mut seconds) = (0, 0, 0.0);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wav"));
    files.sort();
    let start = Instant::now();
    for path in files {
        let (text, length) = transcribe(&whisper, &path)?;
        let (expected, found) =
            (plain(&fs::read_to_string(path.with_extension("txt"))?), plain(&text));
        let distance = distance(&expected, &found);
        eprintln!("{} {:.3}", path.display(), distance as f64 / expected.len() as f64);
        (errors, words, seconds) = (errors + distance, words + expected.len(), seconds + length);
    }
    let wall = start.elapsed().as_secs_f64();
    let processor_time = processor_seconds()? - loaded;
    figure("word error rate", 100.0 * errors as f64 / words as f64, "%");
    figure("processor time for a second of sound", 1000.0 * processor_time / seconds, "ms");
    figure("wall time for a second of sound", 1000.0 * wall / seconds, "ms");
    figure("load, processor time", 1000.0 * (loaded - at_start), "ms");
    figure("peak memory", peak_memory()?, "MB");
    Ok(())
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("{{\"figure\":\"{name}\",\"value\":{value:.2},\"unit\":\"{unit}\"}}");
}

/// Returns the text and the length of the recording in seconds.
fn transcribe(whisper: &Whisper, path: &Path) -> Result<(String, f64), Box<dyn Error>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut sound = Sound::open(file, length)?;
    let (mut text, mut seconds) = (String::new(), 0.0);
    let on = &mut |part| {
        match part {
            TranscribedPart::Segment(segment) => text.push_str(&segment.text),
            TranscribedPart::Progress(done) => seconds = done,
            TranscribedPart::Language(_) => {}
        }
        ControlFlow::Continue(())
    };
    whisper.transcribe(&mut || sound.next_samples(), &Options::default(), on)?;
    Ok((text, seconds))
}

/// Returns the words in lower case, without punctuation.
fn plain(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('’', "'");
    let text: String =
        text.chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Returns the number of words to insert, delete or replace.
fn distance(expected: &[String], found: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=found.len()).collect();
    for (index, word) in expected.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (at, other) in found.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[found.len()]
}

/// Returns the CPU time of all threads, user and system.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit(") ").next().ok_or("no name")?;
    let fields: Vec<&str> = after.split(' ').collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS)
}

fn peak_memory() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
