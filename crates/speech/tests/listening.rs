//! Transcribes recordings with known texts.
//!
//! The model is the one next to `CARREL_MODEL_DIR`, where `carrel model fetch whisper-base`
//! installs it. Without it these tests are skipped and say so.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::env;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use carrel_speech::audio::{RATE, Sound};
use carrel_speech::directory;
use carrel_speech::whisper::{Options, Task, TimedSegment, TranscribedPart, Whisper};

fn model() -> Option<&'static Whisper> {
    static MODEL: OnceLock<Option<Whisper>> = OnceLock::new();
    let load = || {
        let model_directory = env::var_os("CARREL_MODEL_DIR").map(PathBuf::from)?;
        let path = model_directory.with_file_name(directory::WHISPER_BASE);
        if !directory::is_complete(&path) {
            return None;
        }
        Some(Whisper::load(directory::open(&path).unwrap(), 2).unwrap())
    };
    let model = MODEL.get_or_init(load).as_ref();
    if model.is_none() {
        eprintln!("skipped: no model beside CARREL_MODEL_DIR (carrel model fetch whisper-base)");
    }
    model
}

fn talk() -> Vec<f32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/recordings");
    let file = File::open(folder.join("talk.opus")).unwrap();
    let length = file.metadata().unwrap().len();
    let mut sound = Sound::open(file, length).unwrap();
    let mut samples = Vec::new();
    while let Some(part) = sound.next_samples().unwrap() {
        samples.extend(part);
    }
    samples
}

#[derive(Default)]
struct Transcribed {
    language: Option<&'static str>,
    segments: Vec<TimedSegment>,
    progress: f64,
}

impl Transcribed {
    fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect::<String>().to_lowercase()
    }
}

fn hear(whisper: &Whisper, samples: Vec<f32>, options: &Options) -> Transcribed {
    let mut transcribed = Transcribed::default();
    let mut parts = samples.chunks(5_000).map(<[f32]>::to_vec).collect::<Vec<_>>().into_iter();
    let on = &mut |part| {
        match part {
            TranscribedPart::Language(code) => transcribed.language = Some(code),
            TranscribedPart::Segment(segment) => transcribed.segments.push(segment),
            TranscribedPart::Progress(seconds) => {
                assert!(seconds >= transcribed.progress);
                transcribed.progress = seconds;
            }
        }
        ControlFlow::Continue(())
    };
    whisper.transcribe(&mut || Ok(parts.next()), options, on).unwrap();
    transcribed
}

fn silence(seconds: usize) -> Vec<f32> {
    vec![0.0; seconds * RATE]
}

#[test]
fn a_sentence_is_transcribed_with_its_language_and_times() {
    let Some(whisper) = model() else { return };
    let options = Options { words: true, ..Options::default() };
    let transcribed = hear(whisper, talk(), &options);
    let text = transcribed.text();
    assert!(text.contains("meeting begins on monday morning at"), "{text}");
    assert!(text.contains("bring your laptop and the signed contract"), "{text}");
    assert_eq!(transcribed.language, Some("en"));
    assert!((5.4..5.8).contains(&transcribed.progress), "{}", transcribed.progress);
    let words: Vec<_> = transcribed.segments.iter().flat_map(|segment| &segment.words).collect();
    assert!(words.len() >= 15, "{words:?}");
    assert!(words.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9), "{words:?}");
    // `flite` speaks the word between 1.3 and 1.8 seconds.
    let monday = words.iter().find(|word| word.text.to_lowercase().contains("monday")).unwrap();
    assert!((0.9..1.6).contains(&monday.start), "{monday:?}");
    assert!((1.2..2.2).contains(&monday.end), "{monday:?}");
}

#[test]
fn silence_and_noise_have_no_text() {
    let Some(whisper) = model() else { return };
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / 8_388_608.0 - 1.0) * 0.05
    };
    let hiss = (0..40 * RATE).map(|_| noise()).collect();
    for samples in [silence(65), hiss] {
        let seconds = samples.len() as f64 / RATE as f64;
        let transcribed = hear(whisper, samples, &Options::default());
        assert!(transcribed.segments.is_empty(), "{}", transcribed.text());
        assert!((transcribed.progress - seconds).abs() < 0.2, "{}", transcribed.progress);
    }
}

#[test]
fn times_count_from_the_beginning_of_the_recording() {
    let Some(whisper) = model() else { return };
    let samples = [silence(47), talk(), silence(70), talk(), silence(8)].concat();
    let transcribed = hear(whisper, samples, &Options::default());
    let starts: Vec<f64> = transcribed.segments.iter().map(|segment| segment.start).collect();
    let text = transcribed.text();
    assert_eq!(text.matches("monday").count(), 2, "{text}");
    assert!(starts.iter().any(|start| (46.5..48.0).contains(start)), "{starts:?}");
    assert!(starts.iter().any(|start| (122.0..123.7).contains(start)), "{starts:?}");
    assert!(transcribed.segments.iter().all(|segment| segment.end < 129.0), "{starts:?}");
}

#[test]
fn a_prompt_sets_the_spelling_of_names_and_a_fixed_temperature_is_kept() {
    let Some(whisper) = model() else { return };
    let prompt = Some("The meeting of the Lap Top Company.".to_owned());
    let options = Options { prompt, temperature: Some(0.0), ..Options::default() };
    let transcribed = hear(whisper, talk(), &options);
    assert!(transcribed.text().contains("monday"), "{}", transcribed.text());
    assert!(transcribed.segments.iter().all(|segment| segment.temperature == 0.0));
}

#[test]
fn a_translation_is_english() {
    let Some(whisper) = model() else { return };
    let options = Options { task: Task::Translate, ..Options::default() };
    let text = hear(whisper, talk(), &options).text();
    assert!(text.contains("monday"), "{text}");
}

#[test]
fn the_receiver_can_stop_a_transcription() {
    let Some(whisper) = model() else { return };
    let mut parts = vec![[talk(), talk()].concat()].into_iter();
    let mut count = 0;
    let on = &mut |_| {
        count += 1;
        ControlFlow::Break(())
    };
    whisper.transcribe(&mut || Ok(parts.next()), &Options::default(), on).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_transcribed_part_is_not_transcribed_again() {
    let Some(whisper) = model() else { return };
    let samples = [talk(), silence(30), talk(), silence(30), talk()].concat();
    let seconds = samples.len() as f64 / RATE as f64;
    let whole = hear(whisper, samples.clone(), &Options::default());
    let options = Options { done: 20.5, language: Some("en".to_owned()), ..Options::default() };
    let rest = hear(whisper, samples.clone(), &options);
    assert_eq!((rest.language, rest.text().matches("monday").count()), (None, 2));
    let starts = |transcribed: &Transcribed| {
        transcribed.segments.iter().map(|it| it.start).collect::<Vec<_>>()
    };
    let (all, later_starts) = (starts(&whole), starts(&rest));
    assert!(later_starts.iter().all(|start| *start > 35.0), "{later_starts:?}");
    assert!(
        (all.last().unwrap() - later_starts.last().unwrap()).abs() < 1.0,
        "{all:?} {later_starts:?}"
    );
    assert!((rest.progress - seconds).abs() < 0.2, "{}", rest.progress);
    // A checkpoint of another, longer recording.
    let after_end = hear(whisper, samples, &Options { done: 1_000.0, ..Options::default() });
    assert!(after_end.segments.is_empty());
}
