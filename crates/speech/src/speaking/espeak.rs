//! Runs the program `espeak-ng`, for phonemes and for its own voices.
use std::io;
use std::process::Stdio;
use std::time::Duration;

use carrel_domain::speech::{Speed, Voice};
use carrel_domain::{Error, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Prefix of its voices: `espeak-ng/de`.
pub const PREFIX: &str = "espeak-ng/";
/// The default voice.
pub const USUAL: &str = "espeak-ng/en-us";
const PROGRAM: &str = "espeak-ng";
const SERVICE: &str = "the speech synthesizer";
const TIMEOUT: Duration = Duration::from_secs(20);
/// Words per minute.
const USUAL_SPEED: f32 = 175.0;
const SPEEDS: (f32, f32) = (80.0, 450.0);

/// Returns the phonemes of a clause in the International Phonetic Alphabet.
pub async fn sounds(text: &str, voice: &str) -> Result<String> {
    let out = run(&["-q", "--ipa", "-v", voice, "--stdin"], text).await?;
    let text = String::from_utf8_lossy(&out).into_owned();
    Ok(without_marks(&text).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns the samples of a sentence and the sample rate.
pub async fn speak(text: &str, voice: &str, speed: Speed) -> Result<(Vec<f32>, u32)> {
    let speed = (USUAL_SPEED * speed.factor()).clamp(SPEEDS.0, SPEEDS.1).round().to_string();
    let wav = run(&["--stdout", "-v", voice, "-s", &speed, "--stdin"], text).await?;
    samples(&wav).ok_or_else(|| Error::internal("espeak-ng returned something other than audio"))
}

/// Lists its voices, each named by the code of its language.
pub async fn voices() -> Result<Vec<Voice>> {
    let out = run(&["--voices"], "").await?;
    let text = String::from_utf8_lossy(&out).into_owned();
    let voice = |line: &str| {
        let mut columns = line.split_whitespace().skip(1);
        let (language, _, name) = (columns.next()?, columns.next()?, columns.next()?);
        Some(Voice {
            id: format!("{PREFIX}{language}"),
            name: format!("{} (espeak-ng)", name.replace('_', " ")),
            languages: vec![language.to_owned()],
        })
    };
    Ok(text.lines().skip(1).filter_map(voice).collect())
}

/// Removes the marks of foreign words, such as `(en)`.
fn without_marks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}

/// Runs the program and returns its output. The text is passed as input, so that nothing in it is
/// parsed as an option.
async fn run(arguments: &[&str], text: &str) -> Result<Vec<u8>> {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let reason = "the program espeak-ng is not installed on this server; install it";
            Error::unavailable(SERVICE, reason)
        }
        _ => Error::internal(error),
    })?;
    let input = child.stdin.take();
    let written = async {
        if let Some(mut input) = input {
            input.write_all(text.as_bytes()).await?;
        }
        io::Result::Ok(())
    };
    let ended = tokio::time::timeout(TIMEOUT, async {
        let (written, output) = tokio::join!(written, child.wait_with_output());
        written.and(output)
    });
    let output = match ended.await {
        Ok(output) => output.map_err(Error::internal)?,
        Err(_) => return Err(Error::unavailable(SERVICE, "espeak-ng did not answer in time")),
    };
    if !output.status.success() {
        return Err(Error::internal(format!("espeak-ng failed: {}", output.status)));
    }
    Ok(output.stdout)
}

/// Returns the samples of a 16-bit mono WAV file, whose stated length may be wrong.
fn samples(wav: &[u8]) -> Option<(Vec<f32>, u32)> {
    let rate = u32::from_le_bytes(*wav.get(24..28)?.first_chunk()?);
    let data = wav.windows(4).position(|four| four == b"data")? + 8;
    let pairs = wav.get(data..)?.as_chunks::<2>().0.iter();
    Some((pairs.map(|&pair| f32::from(i16::from_le_bytes(pair)) / 32768.0).collect(), rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_marks_are_removed() {
        assert_eq!(without_marks("(en)həlˈoʊ(de) vɛlt"), "həlˈoʊ vɛlt");
    }
}
