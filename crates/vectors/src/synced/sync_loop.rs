//! Keeps the store in sync between searches.
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use carrel_domain::{Result, WorkspaceId};

use super::Inner;
use crate::store::{is_refusal, refusal};

/// Polling interval for changes by other processes.
const LOOK: Duration = Duration::from_secs(5);
/// Interval between counts of the store's contents.
const VERIFY: Duration = Duration::from_secs(3_600);

pub(super) async fn run(inner: &Inner) {
    let mut verified: Option<Instant> = None;
    let mut failing = false;
    loop {
        if inner.health.pause().is_some_and(|pause| pause.is_zero()) {
            // The call only updates the recorded health.
            let _ = inner.watermarks().await;
        }
        if inner.health.check().is_ok() {
            let verify = verified.is_none_or(|at| at.elapsed() >= VERIFY);
            let done = round(inner, verify).await;
            // A refusal for one workspace must not repeat the verification of all.
            if verify && done.as_ref().err().is_none_or(is_refusal) {
                verified = Some(Instant::now());
            }
            if verify && done.is_ok() {
                log_synced(inner);
            }
            // Failures are logged where they are recorded, so this is only a debug message.
            if let Some(error) = done.as_ref().err().filter(|_| !failing) {
                tracing::debug!("failed to keep {} up to date: {error}", inner.store.name());
            }
            failing = done.is_err();
        }
        let pause = inner.health.pause().map_or(LOOK, |pause| pause.min(LOOK));
        tokio::select! {
            () = inner.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn log_synced(inner: &Inner) {
    tracing::info!("{} holds all vectors", inner.store.name());
}

/// Brings every outdated workspace up to date. A refusal for one workspace does not stop the
/// others; the first one is returned after all are processed.
pub(super) async fn round(inner: &Inner, verify: bool) -> Result<()> {
    // Watermarks are read first. A workspace with a watermark that is not in the database
    // afterwards was deleted.
    let watermarks = if verify { inner.watermarks().await? } else { Vec::new() };
    let vector_versions = inner.rows.vector_versions().await?;
    let there: BTreeSet<_> = vector_versions.iter().map(|(within, _)| *within).collect();
    let mut dropped = inner.slots.take_dropped();
    dropped.extend(watermarks.into_iter().map(|(within, _)| within));
    let mut dropped: Vec<_> = dropped.difference(&there).copied().collect();
    let mut outcome = Ok(());
    while let Some(within) = dropped.pop() {
        match attempt(inner, within, true, verify).await {
            Ok(()) => inner.slots.remove(within),
            Err(error) => {
                inner.slots.retry_drop(within);
                if !is_refusal(&error) {
                    dropped.into_iter().for_each(|within| inner.slots.retry_drop(within));
                    return Err(error);
                }
                outcome = outcome.and(Err(error));
            }
        }
    }
    for (within, tally) in vector_versions {
        if !verify && inner.slots.slot(within).is_synced(tally.version) {
            continue;
        }
        match attempt(inner, within, verify, verify).await {
            Err(error) if !is_refusal(&error) => return Err(error),
            done => outcome = outcome.and(done),
        }
    }
    outcome
}

/// Calls [`Inner::reconcile`]. Skips a workspace whose retry is not due yet, unless `now` is set.
async fn attempt(inner: &Inner, within: WorkspaceId, verify: bool, now: bool) -> Result<()> {
    let slot = inner.slots.slot(within);
    match slot.filling.reason_to_wait() {
        Some(reason) if !now => Err(refusal(inner.store.name(), reason)),
        _ => inner.reconcile(within, verify).await,
    }
}
