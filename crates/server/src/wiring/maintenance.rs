//! Maintenance while a server runs: writes pending records and deletes old data.
use std::time::{Duration, SystemTime};

use carrel_services::audit;
use carrel_services::deletions;
use carrel_services::record;
use chrono::{DateTime, Utc};

use super::{App, SETTLED, chain};

/// After this long, a file that is still being written is taken to be left over.
const WRITTEN: Duration = Duration::from_secs(3_600);

/// Between steps of a task that holds up whoever writes to the database.
const BETWEEN_STEPS: Duration = Duration::from_millis(20);

/// Before such a task is tried again.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);

impl App {
    /// Writes down what was only remembered so far, and tidies up after crashes. What fails is
    /// logged, and tried again the next time.
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

    /// Writes down what was counted of failed sign-ins, and removes events that are too old.
    async fn tend_audit_log(&self) {
        if let Err(error) = self.ports.failed_sign_ins.write_down(Utc::now()).await {
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

    /// Removes files whose writing was broken off, and pictures that are kept no longer. Reads every
    /// folder of documents, so it is for now and then.
    pub async fn remove_unfinished(&self) {
        let Some(before) = SystemTime::now().checked_sub(WRITTEN) else { return };
        match self.files.remove_unfinished(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed unfinished files"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "failed to query unfinished files");
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

    /// Moves the images that earlier versions stored within answers to where they are stored now, and
    /// then never ends. Goes on at the next start where it is interrupted.
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
            Ok(settled) => tracing::info!(settled, "reconciled files and documents"),
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
    async fn events_are_kept_as_long_as_the_operator_says() {
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
