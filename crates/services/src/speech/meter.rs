//! Usage counts and daily limits for speech.
use std::sync::Arc;

use carrel_domain::audit::{Actor, By};
use carrel_domain::speech::{SpeechModelName, SpeechUsage, SpeechUse};
use carrel_domain::{Error, Result};
use serde_json::json;

/// The number of characters spoken per second, on average.
const CHARACTERS_PER_SECOND: f64 = 15.0;

/// Looks up the current value of a variable.
pub type SettingLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Counts transcription and speech and enforces daily limits. Cheap to clone.
#[derive(Clone)]
pub struct SpeechMeter {
    /// The stored counts.
    pub usage: Arc<dyn SpeechUsage>,
    /// Looks up the limits.
    pub settings: SettingLookup,
}

impl SpeechMeter {
    /// Checks a caller's daily limit. Without the setting there is no limit. The operator is never
    /// limited.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if the limit is used up.
    pub async fn check(&self, activity: SpeechUse, by: &By) -> Result<()> {
        let (variable, verb) = match activity {
            SpeechUse::Transcribed => ("STT_MINUTES_PER_DAY", "transcribed"),
            SpeechUse::Synthesized => ("TTS_MINUTES_PER_DAY", "spoken"),
        };
        let minutes = (self.settings)(variable).and_then(|text| text.trim().parse().ok());
        let Some(minutes) = minutes.filter(|minutes: &u64| *minutes > 0) else { return Ok(()) };
        if by.actor == Actor::Operator {
            return Ok(());
        }
        let used = self.usage.used(by.actor, activity, by.at.date_naive()).await?;
        if used < minutes.saturating_mul(60) {
            return Ok(());
        }
        let reason = format!(
            "the {minutes} minutes a day that may be {verb} are used up; try again tomorrow (UTC)"
        );
        Err(Error::exhausted(reason))
    }

    /// Counts a transcription and records an event without its text.
    pub async fn count_transcribed(
        &self,
        seconds: u32,
        name: &SpeechModelName,
        by: &By,
    ) -> Result<()> {
        let details = json!({
            "seconds": seconds, "provider": name.provider, "model": name.model,
        });
        let event = by.event("speech_transcribed", details.to_string());
        self.usage.add(SpeechUse::Transcribed, seconds, event).await
    }

    /// Counts the estimated duration of a spoken text and records an event.
    pub async fn count_spoken(&self, text: &str, name: &SpeechModelName, by: &By) -> Result<()> {
        let characters = text.chars().count();
        let seconds = (characters as f64 / CHARACTERS_PER_SECOND).ceil() as u32;
        let details = json!({
            "characters": characters, "provider": name.provider, "model": name.model,
        });
        let event = by.event("speech_synthesized", details.to_string());
        self.usage.add(SpeechUse::Synthesized, seconds, event).await
    }
}
