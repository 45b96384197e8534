//! What is counted of speech, for whom, and when it is enough for a day.
use std::sync::Arc;

use carrel_domain::audit::{Actor, By};
use carrel_domain::speech::{SpeechModelName, SpeechUsage, SpeechUse};
use carrel_domain::{Error, Result};
use serde_json::json;

/// About how many characters are said in a second.
const CHARACTERS_A_SECOND: f64 = 15.0;

/// Finds the value of a variable as the settings are now.
pub type SettingLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Counts what is heard and spoken, and refuses what is more than a day allows. Cheap to clone.
#[derive(Clone)]
pub struct SpeechMeter {
    /// Where it is counted.
    pub usage: Arc<dyn SpeechUsage>,
    /// Finds the limits.
    pub settings: SettingLookup,
}

impl SpeechMeter {
    /// Refuses a caller who has used up the minutes of the day. Without the setting there is no limit, nor for whoever
    /// sets it.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when they are used up.
    pub async fn check(&self, of: SpeechUse, by: &By) -> Result<()> {
        let (variable, what) = match of {
            SpeechUse::Heard => ("STT_MINUTES_PER_DAY", "transcribed"),
            SpeechUse::Spoken => ("TTS_MINUTES_PER_DAY", "spoken"),
        };
        let minutes = (self.settings)(variable).and_then(|text| text.trim().parse().ok());
        let Some(minutes) = minutes.filter(|minutes: &u64| *minutes > 0) else { return Ok(()) };
        if by.actor == Actor::Operator {
            return Ok(());
        }
        let used = self.usage.used(by.actor, of, by.at.date_naive()).await?;
        if used < minutes.saturating_mul(60) {
            return Ok(());
        }
        let reason = format!(
            "the {minutes} minutes a day that may be {what} are used up; try again tomorrow (UTC)"
        );
        Err(Error::exhausted(reason))
    }

    /// Counts a recording and writes an event of it, without a word of what was said.
    pub async fn count_heard(&self, seconds: u32, name: &SpeechModelName, by: &By) -> Result<()> {
        let details = json!({
            "seconds": seconds, "provider": name.provider, "model": name.model,
        });
        let event = by.event("speech_transcribed", details.to_string());
        self.usage.add(SpeechUse::Heard, seconds, event).await
    }

    /// Counts a text, as long as it takes to say, and writes an event of it.
    pub async fn count_spoken(&self, text: &str, name: &SpeechModelName, by: &By) -> Result<()> {
        let characters = text.chars().count();
        let seconds = (characters as f64 / CHARACTERS_A_SECOND).ceil() as u32;
        let details = json!({
            "characters": characters, "provider": name.provider, "model": name.model,
        });
        let event = by.event("speech_synthesized", details.to_string());
        self.usage.add(SpeechUse::Spoken, seconds, event).await
    }
}
