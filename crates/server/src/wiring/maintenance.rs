//! Periodic maintenance while a server runs: writes pending records and deletes old data.
use std::time::{Duration, SystemTime};

use carrel_services::audit;
use carrel_services::deletions;
use carrel_services::record;
use chrono::{DateTime, Utc};

use super::{App, SETTLED, chain};

/// After this time, an unfinished file counts as left over.
const WRITTEN: Duration = Duration::from_secs(3_600);

/// Pause between the steps of a task that delays other writers to the database.
const BETWEEN_STEPS: Duration = Duration::from_millis(20);

/// Delay until such a task is tried again.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);

impl App {
    /// Writes out what is only in memory, and cleans up after crashes. Failures are logged; the
    /// next call tries again.
    pub async fn keep_up(&self) {
        if let Err(error) = self.ports.api_keys.flush_uses().await {
            tracing::warn!(error = chain(&error), "failed to record the last use of API keys");
        }
        if let Err(error) = self.ports.workers.prune(Utc::now()).await {
            tracing::warn!(error = chain(&error), "failed to delete old jobs");
        }
        match deletions::purge(&*self.ports.deletions, Utc::now()).await {
            Ok(0) => {}
            Ok(purged) => tracing::info!(purged, "removed deleted conversations permanently"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "failed to remove deleted conversations");
            }
        }
        self.tend_audit_log().await;
        self.reconcile(Utc::now() - SETTLED).await;
    }

    /// Records the counted failed sign-ins, and removes old events.
    async fn tend_audit_log(&self) {
        if let Err(error) = self.ports.failed_sign_ins.flush_due(Utc::now()).await {
            tracing::warn!(error = chain(&error), "failed to record failed sign-ins");
        }
        let Some(days) = self.audit_days else { return };
        let (log, seals) = (&*self.ports.audit, &*self.ports.audit_seals);
        match audit::remove_old(log, seals, days, Utc::now()).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed old events of the audit log"),
            Err(error) => tracing::warn!(error = chain(&error), "failed to remove old events"),
        }
    }

    /// Removes unfinished files and expired images. Reads every folder of documents, so it runs
    /// rarely.
    pub async fn remove_unfinished(&self) {
        let Some(before) = SystemTime::now().checked_sub(WRITTEN) else { return };
        match self.files.remove_unfinished(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed unfinished files"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "failed to remove unfinished files");
            }
        }
        match self.ports.images.sweep(SystemTime::now()).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed old pictures"),
            Err(error) => tracing::warn!(error = chain(&error), "failed to remove old pictures"),
        }
        match self.ports.workers.sweep_recordings(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed recordings that no job waits for"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "failed to remove old recordings");
            }
        }
        match self.ports.speech.sweep(SystemTime::now()).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed old spoken answers"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "failed to remove old spoken answers");
            }
        }
    }

    /// Moves images that earlier versions stored within answers to their own table, and then never
    /// ends. An interrupted move continues at the next start.
    pub async fn move_chat_images(&self) {
        loop {
            match self.ports.chat_log.move_images(record::split_images).await {
                Ok(true) => tokio::time::sleep(BETWEEN_STEPS).await,
                Ok(false) => return std::future::pending().await,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "failed to move images out of answers");
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                }
            }
        }
    }

    pub(super) async fn reconcile(&self, before: DateTime<Utc>) {
        match self.ports.library.reconcile(before).await {
            Ok(0) => {}
            Ok(reconciled) => {
                tracing::info!(settled = reconciled, "reconciled files and documents")
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "failed to reconcile files and documents");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::audit::{Actor, By};
    use carrel_services::audit::Verdict;
    use chrono::TimeDelta;

    use super::*;
    use crate::config;

    #[tokio::test]
    async fn the_operator_sets_how_long_events_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        for (given, left) in [(None, 3), (Some("50"), 3), (Some("30"), 1)] {
            let flags = [("--storage", directory.path().to_str().unwrap().to_owned())];
            let days = given.map(|days: &str| ("CARREL_AUDIT_DAYS".into(), Some(days.into())));
            let config = config::read(flags.into(), days.into_iter().collect()).config;
            let app = App::open(&config.ok().unwrap()).await.unwrap();
            let log = &*app.ports.audit;
            let at = Utc::now() - TimeDelta::days(40);
            while log.count().await.unwrap() < 3 {
                let by = By { actor: Actor::Server, address: None, at };
                log.add(by.event("old", "{}")).await.unwrap();
            }
            app.keep_up().await;
            assert_eq!(log.count().await.unwrap(), left, "{given:?}");
            let verdict = audit::verify(log, &*app.ports.audit_seals, None).await.unwrap();
            assert!(matches!(verdict, Verdict::Whole { events, .. } if events == left));
        }
    }
}
