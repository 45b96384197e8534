//! Transcribes window after window into timed segments.
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::attempt::{self, WindowText};
use super::decoder::Decoder;
use super::encoder::{SoundEncoder, WINDOW as MEL_WINDOW};
use super::languages;
use super::mel::HOP;
use super::memory::KeyValues;
use super::rules::Rules;
use super::vocabulary::TokenId;
use super::weights::LONGEST_TEXT;
use super::window::{SampleSource, Windows};
use super::{Whisper, words};
use crate::activity::{FRAME, active_frames};
use crate::audio::{AudioError, RATE};

/// Longer silence at the beginning of a window is skipped, in samples.
const LONGEST_LEAD: usize = RATE;
/// A shorter rest at the end is dropped, in samples.
const SHORTEST_REST: usize = RATE / 10;
/// The least advance of a window, in samples, so that every recording comes to an end.
const SHORTEST_STEP: usize = RATE / 5;
/// Temperatures in the order in which they are tried.
const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// A text sampled at a higher temperature is not used as context for the next window.
const HIGHEST_TO_LEAD: f32 = 0.5;
/// Samples of one time step: 20 ms.
const TIME_STEP: usize = 2 * HOP;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// Keep the spoken language.
    #[default]
    Transcribe,
    /// Translate to English.
    Translate,
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    pub task: Task,
    /// A code of [`super::LANGUAGES`]; detected when absent.
    pub language: Option<String>,
    /// Text that precedes the recording or shows the spelling of names.
    pub prompt: Option<String>,
    /// If absent, it starts at 0 and rises as needed.
    pub temperature: Option<f32>,
    /// Whether to determine the times of words.
    pub words: bool,
    /// Seconds that are already transcribed, as reported by [`TranscribedPart::Progress`].
    pub done: f64,
}

/// A word and its times, in seconds from the beginning of the recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimedWord {
    pub text: String,
    pub start: f64,
    pub end: f64,
}

/// A sentence or a part of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimedSegment {
    /// In seconds from the beginning of the recording.
    pub start: f64,
    pub end: f64,
    /// Begins with a space if the language uses spaces.
    pub text: String,
    pub words: Vec<TimedWord>,
    pub tokens: Vec<TokenId>,
    pub temperature: f32,
    pub average_log_probability: f32,
    pub compression_ratio: f32,
    pub no_speech_probability: f32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TranscribedPart {
    /// The language, reported with the first speech.
    Language(&'static str),
    Segment(TimedSegment),
    /// Seconds transcribed so far.
    Progress(f64),
}

impl Whisper {
    /// Transcribes the sound of `source` and passes the parts to `on` in order of time, until `on`
    /// stops it.
    pub fn transcribe(
        &self,
        source: &mut SampleSource<'_>,
        options: &Options,
        on: &mut (dyn FnMut(TranscribedPart) -> ControlFlow<()> + Send),
    ) -> Result<(), AudioError> {
        let mut windows = Windows::starting_at(source, options.done)?;
        let mut writer = Writer::new(self, options);
        loop {
            let sound = windows.sound()?;
            if sound.len() < SHORTEST_REST {
                let length = sound.len() as f64 / RATE as f64;
                let _ = on(TranscribedPart::Progress(windows.seconds() + length));
                return Ok(());
            }
            let (length, active) = (sound.len(), active_frames(sound));
            let step = match active.iter().position(|active| *active) {
                None => length,
                Some(first) if first * FRAME > LONGEST_LEAD => first * FRAME,
                Some(_) => {
                    let (sound, at) = (windows.with_margin(), windows.seconds());
                    let window = SoundWindow { sound, at, length, active };
                    let outcome = self.threads.install(|| writer.write(&window, on));
                    match outcome {
                        ControlFlow::Continue(step) => step,
                        ControlFlow::Break(()) => return Ok(()),
                    }
                }
            };
            windows.advance(step.min(length));
            if on(TranscribedPart::Progress(windows.seconds())).is_break() {
                return Ok(());
            }
        }
    }
}

/// One window.
struct SoundWindow {
    sound: Vec<f32>,
    /// Start of the window, in seconds.
    at: f64,
    /// Length in samples.
    length: usize,
    /// The frames that may contain speech.
    active: Vec<bool>,
}

/// State carried from one window to the next.
struct Writer<'w> {
    whisper: &'w Whisper,
    options: &'w Options,
    language: Option<TokenId>,
    prompt: Vec<TokenId>,
    /// Tokens of the transcript so far.
    history: Vec<TokenId>,
    /// Buffers of the previous window's decoder.
    unused_texts: Vec<Vec<KeyValues>>,
}

impl<'w> Writer<'w> {
    fn new(whisper: &'w Whisper, options: &'w Options) -> Self {
        let marks = &whisper.vocabulary.marks;
        let number = options.language.as_deref().and_then(languages::number);
        let language = number.and_then(|number| marks.language(number));
        let prompt = options.prompt.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let prompt = prompt.map(|text| whisper.vocabulary.encode(&format!(" {text}")));
        Self {
            whisper,
            options,
            language,
            prompt: prompt.unwrap_or_default(),
            history: Vec::new(),
            unused_texts: Vec::new(),
        }
    }

    /// Transcribes one window and returns the number of samples done.
    fn write(
        &mut self,
        window: &SoundWindow,
        on: &mut (dyn FnMut(TranscribedPart) -> ControlFlow<()> + Send),
    ) -> ControlFlow<(), usize> {
        let Whisper { weights, vocabulary, spectrogram, suppressed, instructions, .. } =
            self.whisper;
        let mel = spectrogram.of(&window.sound, MEL_WINDOW);
        let encoder = SoundEncoder { weights, instructions: *instructions };
        let encoded = encoder.encode(&mel);
        drop(mel);
        let mut decoder =
            Decoder::new(weights, *instructions, &encoded, std::mem::take(&mut self.unused_texts));
        drop(encoded);
        self.know_language(&mut decoder, on)?;
        let (prompt, start) = self.beginning();
        let rules = Rules { marks: &vocabulary.marks, suppressed };
        let fixed = self.options.temperature.map(|temperature| vec![temperature]);
        let temperatures = fixed.unwrap_or_else(|| TEMPERATURES.to_vec());
        let written =
            attempt::write(&mut decoder, vocabulary, &rules, &prompt, start, &temperatures);
        if written.is_silence() {
            return ControlFlow::Continue(window.length);
        }
        let (mut segments, step) = self.segments(window, &written);
        if self.options.words {
            let tokens = &prompt[start..];
            words::place(
                self.whisper,
                &mut decoder,
                tokens,
                window.at,
                window.length,
                &mut segments,
            );
        }
        self.unused_texts = decoder.into_spare();
        if written.temperature > HIGHEST_TO_LEAD {
            self.history.clear();
        }
        for segment in segments {
            self.history.extend(&segment.tokens);
            on(TranscribedPart::Segment(segment))?;
        }
        ControlFlow::Continue(step)
    }

    /// Detects the language if it is not known yet.
    fn know_language(
        &mut self,
        decoder: &mut Decoder<'_>,
        on: &mut (dyn FnMut(TranscribedPart) -> ControlFlow<()> + Send),
    ) -> ControlFlow<()> {
        let marks = &self.whisper.vocabulary.marks;
        if !marks.is_multilingual() {
            if self.language.is_none() {
                self.language = Some(marks.languages().start);
                return on(TranscribedPart::Language("en"));
            }
            return ControlFlow::Continue(());
        }
        if self.language.is_none() {
            decoder.shorten(0);
            decoder.push(&[marks.start]);
            let likely = decoder.likelihoods(0..1).concat();
            let language = marks
                .languages()
                .max_by(|one, other| likely[*one as usize].total_cmp(&likely[*other as usize]));
            let language = language.unwrap_or(marks.languages().start);
            self.language = Some(language);
            return on(TranscribedPart::Language(marks.language_code(language).unwrap_or("en")));
        }
        ControlFlow::Continue(())
    }

    /// Returns the tokens before a transcript and the index of the transcript's own marks in them.
    fn beginning(&self) -> (Vec<TokenId>, usize) {
        let marks = &self.whisper.vocabulary.marks;
        let before: Vec<TokenId> = self.prompt.iter().chain(&self.history).copied().collect();
        let mut tokens = Vec::new();
        if !before.is_empty() {
            tokens.push(marks.before);
            tokens.extend(&before[before.len().saturating_sub(LONGEST_TEXT / 2 - 1)..]);
        }
        let start = tokens.len();
        tokens.push(marks.start);
        if marks.is_multilingual() {
            tokens.extend(self.language);
            tokens.push(match self.options.task {
                Task::Transcribe => marks.transcribe,
                Task::Translate => marks.translate,
            });
        }
        (tokens, start)
    }

    /// Returns the segments of a window and the number of its samples that are done.
    fn segments(&self, window: &SoundWindow, written: &WindowText) -> (Vec<TimedSegment>, usize) {
        let marks = &self.whisper.vocabulary.marks;
        let tokens = &written.tokens;
        let is_time = |at: usize| tokens.get(at).is_some_and(|token| marks.is_time(*token));
        let ends: Vec<usize> =
            (1..tokens.len()).filter(|&at| is_time(at) && is_time(at - 1)).collect();
        let last = tokens.iter().rev().find(|token| marks.is_time(**token));
        let length = window.length as f64 / RATE as f64;
        let (count, is_whole) = (tokens.len(), count_ends_once(tokens, &is_time));
        let mut segments = Vec::new();
        if ends.is_empty() {
            let end = last.map(|last| marks.seconds(*last)).filter(|end| *end > 0.0);
            segments.extend(self.segment(window, written, tokens, 0.0, end.unwrap_or(length)));
            return (segments, window.length);
        }
        let mut start = 0;
        let finals = is_whole.then_some(count);
        for end in ends.into_iter().chain(finals) {
            let part = &tokens[start..end];
            if let (Some(first), Some(last)) = (part.first(), part.last()) {
                let (from, to) = (marks.seconds(*first), marks.seconds(*last));
                segments.extend(self.segment(window, written, part, from, to));
            }
            start = end;
        }
        if is_whole {
            return (segments, window.length);
        }
        // The next window starts after the last complete segment.
        let last = start.checked_sub(1).map_or(0, |at| tokens[at] - marks.first_time);
        (
            segments,
            (last as usize * TIME_STEP).clamp(SHORTEST_STEP, window.length.max(SHORTEST_STEP)),
        )
    }

    /// Returns a segment, or `None` without text or speech.
    fn segment(
        &self,
        window: &SoundWindow,
        written: &WindowText,
        tokens: &[TokenId],
        start: f64,
        end: f64,
    ) -> Option<TimedSegment> {
        let length = window.length as f64 / RATE as f64;
        let (start, end) = (start.min(length), end.min(length).max(start.min(length)));
        let frame = |seconds: f64| (seconds * RATE as f64) as usize / FRAME;
        let frames = window.active.get(frame(start)..(frame(end) + 1).min(window.active.len()));
        if !frames.is_some_and(|frames| frames.contains(&true)) {
            return None;
        }
        let marks = &self.whisper.vocabulary.marks;
        let words: Vec<_> = tokens.iter().copied().filter(|token| *token < marks.end).collect();
        let text = self.whisper.vocabulary.text(&words);
        (!text.trim().is_empty()).then(|| TimedSegment {
            start: window.at + start,
            end: window.at + end,
            text,
            words: Vec::new(),
            tokens: tokens.to_vec(),
            temperature: written.temperature,
            average_log_probability: written.average_log_probability,
            compression_ratio: written.compression_ratio,
            no_speech_probability: written.no_speech_probability,
        })
    }
}

/// Whether the tokens end with the end of the last segment, after which nothing more is said.
fn count_ends_once(tokens: &[TokenId], is_time: &dyn Fn(usize) -> bool) -> bool {
    let count = tokens.len();
    count >= 2 && is_time(count - 1) && !is_time(count - 2)
}
