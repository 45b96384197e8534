//! Creates jobs that re-embed documents after the embedder or the splitter settings have changed.
use std::time::Duration;

use carrel_domain::audit::{Actor, By};
use carrel_domain::job::queue::QueuedRefreshes;
use carrel_services::Ports;
use carrel_services::settings::registry::Capability;
use chrono::Utc;
use tokio::time::Instant;

use crate::wiring::chain;

/// Delay after the start until the first search for stale documents, which an earlier process may
/// have left.
const FIRST: Duration = Duration::from_secs(10);

/// Delay until failed documents are tried again if nothing changes.
const AGAIN: Duration = Duration::from_secs(3_600);

/// Interval of searches while a refresh job runs, which may have started with an older recipe.
const UNDER_WAY: Duration = Duration::from_secs(10);

/// Polling interval for changes without a notification: of preferences, or by another process.
const LOOK: Duration = Duration::from_secs(5);

/// Creates refresh jobs whenever the recipe changes. Never ends; cancel-safe.
pub async fn keep_embedded(ports: &Ports) {
    let mut changes = ports.settings_store.subscribe();
    let mut embedding = changes.borrow_and_update().of(Capability::Embedding);
    let mut recipe = ports.library.indexer.recipe().await.ok();
    let mut due = Instant::now() + FIRST;
    loop {
        tokio::select! {
            Ok(()) = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let before = (embedding, recipe);
        embedding = changes.borrow_and_update().of(Capability::Embedding);
        recipe = ports.library.indexer.recipe().await.ok();
        let length = ports.library.indexer.length_to_compare().await.ok().flatten();
        let is_same = before == (embedding, recipe.clone()) && length.is_none();
        if is_same && Instant::now() < due {
            continue;
        }
        due = Instant::now() + if queue(ports).await { UNDER_WAY } else { AGAIN };
    }
}

/// Queues refresh jobs. Returns whether any are queued or running, or the query failed.
async fn queue(ports: &Ports) -> bool {
    let by = By { actor: Actor::Server, address: None, at: Utc::now() };
    match ports.workers.queue_refreshes(&by).await {
        Ok(QueuedRefreshes { queued, under_way }) => {
            if queued > 0 {
                tracing::info!(
                    workspaces = queued,
                    "embedding documents again, because the settings changed"
                );
            }
            queued + under_way > 0
        }
        Err(error) => {
            tracing::warn!(error = chain(&error), "failed to queue documents to embed again");
            true
        }
    }
}
