//! Usage of transcription and speech by person and day.
use async_trait::async_trait;
use chrono::NaiveDate;

use crate::Result;
use crate::audit::{Actor, Event};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechUse {
    /// Seconds of transcribed recordings.
    Transcribed,
    /// Seconds of synthesized speech, estimated from the text.
    Synthesized,
}

text_enum!(SpeechUse { Transcribed = "heard", Synthesized = "spoken" });

/// Stores usage counts, shared by all servers that use the database. Days are in UTC.
#[async_trait]
pub trait SpeechUsage: Send + Sync {
    /// Returns the seconds used by an actor on a day.
    async fn used(&self, actor: Actor, of: SpeechUse, day: NaiveDate) -> Result<u64>;
    /// Adds to the count of the event's actor on the day of the event, deletes counts of other
    /// days, and writes the event.
    async fn add(&self, of: SpeechUse, seconds: u32, event: Event) -> Result<()>;
}
