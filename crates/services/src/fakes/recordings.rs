//! Recordings of jobs in memory, and the seconds transcribed.
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use carrel_domain::audit::{Actor, Event};
use carrel_domain::job::queue::Lease;
use carrel_domain::job::recordings::{
    JobRecordings, NewRecording, RecordingItem, RecordingProgress,
};
use carrel_domain::job::{Job, JobKind, Jobs, NewJob};
use carrel_domain::speech::{SpeechModelName, SpeechUsage, SpeechUse, TranscriptionProgress};
use carrel_domain::{DocumentPath, Error, JobId, Result};
use chrono::{DateTime, NaiveDate, Utc};
use tempfile::TempDir;

use super::jobs::{with_job, with_lease};
use super::world::World;
use crate::speech::SettingLookup;

pub struct FakeRecordings {
    /// Details of recordings to be transcribed, by job and item.
    pub details: Mutex<HashMap<(JobId, i64), String>>,
    /// The number of transcriptions that start but do not finish.
    pub failures: AtomicUsize,
    /// Seconds counted as usage, each with its event.
    pub usage: Mutex<Vec<(u32, Event)>>,
    /// The minutes of recordings allowed per day.
    pub minutes: Mutex<Option<u64>>,
    /// The directory of pending recordings.
    pub directory: TempDir,
}

impl Default for FakeRecordings {
    fn default() -> Self {
        Self {
            details: Mutex::default(),
            failures: AtomicUsize::default(),
            usage: Mutex::default(),
            minutes: Mutex::default(),
            directory: TempDir::new().unwrap(),
        }
    }
}

/// Returns the daily limit in minutes, if there is one.
pub fn speech_limit(world: &Arc<World>) -> SettingLookup {
    let world = world.clone();
    Arc::new(move |_: &str| {
        world.recordings.minutes.lock().unwrap().map(|minutes| minutes.to_string())
    })
}

/// Simulates a minute of sound of which the first second is transcribed at once.
pub async fn transcribe_fake(world: &World, progress: &TranscriptionProgress) {
    progress.begin(SpeechModelName { provider: "native".into(), model: "fake".into() });
    progress.set_duration(59.5);
    progress.advance_to(1.0);
    let remaining = world.recordings.failures.load(Ordering::Relaxed);
    world.recordings.failures.store(remaining.saturating_sub(1), Ordering::Relaxed);
    if remaining > 0 {
        std::future::pending().await
    }
    progress.advance_to(59.5);
}

fn with_recording(
    world: &World,
    lease: &Lease,
    item: i64,
    change: impl FnOnce(&mut RecordingItem),
) -> Option<Job> {
    with_lease(world, lease, |entry| {
        let changed = entry.change();
        let item = entry.items.iter_mut().find(|entry| entry.number == item).unwrap();
        item.changed = changed;
        change(item.recording.as_mut().unwrap());
        entry.job.clone()
    })
}

#[async_trait]
impl JobRecordings for World {
    async fn queue(&self, new: NewRecording, event: Event) -> Result<Job> {
        let NewRecording { workspace, existing_job, path, name, details } = new;
        let paths = vec![path.clone()];
        let job = match existing_job {
            Some(id) => self.extend(id, paths, event).await?,
            None => {
                let new = NewJob { kind: JobKind::Embed, workspace, paths, awaited: false };
                Some(self.create(new, None, event).await?)
            }
        };
        let job = job.ok_or_else(|| Error::not_found("job", "along"))?;
        with_job(self, job.id, |entry| {
            let item = entry.items.last_mut().unwrap();
            let progress = RecordingProgress::default();
            item.recording = Some(RecordingItem { name, is_pending: true, progress });
            self.recordings.details.lock().unwrap().insert((entry.job.id, item.number), details);
        });
        Ok(job)
    }

    async fn pending(&self) -> Result<Vec<String>> {
        Ok(self.recordings.details.lock().unwrap().values().cloned().collect())
    }

    async fn details(&self, job: JobId, item: i64) -> Result<Option<String>> {
        Ok(self.recordings.details.lock().unwrap().get(&(job, item)).cloned())
    }

    async fn record_progress(
        &self,
        lease: &Lease,
        item: i64,
        progress: RecordingProgress,
        _: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        Ok(with_recording(self, lease, item, |recording| recording.progress = progress))
    }

    async fn transcribed(
        &self,
        lease: &Lease,
        item: i64,
        path: DocumentPath,
        _: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        self.recordings.details.lock().unwrap().remove(&(lease.job, item));
        with_lease(self, lease, |entry| {
            let item = entry.items.iter_mut().find(|entry| entry.number == item);
            item.unwrap().path = path;
        });
        Ok(with_recording(self, lease, item, |recording| recording.is_pending = false))
    }
}

#[async_trait]
impl SpeechUsage for World {
    async fn used(&self, _: Actor, _: SpeechUse, _: NaiveDate) -> Result<u64> {
        Ok(self
            .recordings
            .usage
            .lock()
            .unwrap()
            .iter()
            .map(|(seconds, _)| u64::from(*seconds))
            .sum())
    }

    async fn add(&self, _: SpeechUse, seconds: u32, event: Event) -> Result<()> {
        self.recordings.usage.lock().unwrap().push((seconds, event));
        Ok(())
    }
}
