//! Usage of transcription and speech by person and day.
use async_trait::async_trait;
use chrono::NaiveDate;

use crate::Result;
use crate::audit::{Actor, Event};

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechUse {
    /// Seconds of recordings.
    Heard,
    /// Seconds of speech, as long as its text takes to say.
    Spoken,
}

text_enum!(SpeechUse { Heard = "heard", Spoken = "spoken" });

/// Where it is counted, so that all servers on a database share the counts. Days are those of UTC.
#[async_trait]
pub trait SpeechUsage: Send + Sync {
    /// In seconds.
    async fn used(&self, actor: Actor, of: SpeechUse, day: NaiveDate) -> Result<u64>;
    /// Adds to the count of the event's actor on its day, forgets what other days counted, and
    /// writes the event.
    async fn add(&self, of: SpeechUse, seconds: u32, event: Event) -> Result<()>;
}
