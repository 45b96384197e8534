//! Creates jobs that embed documents again after the embedder or the splitting has changed.
use std::time::Duration;

use carrel_domain::audit::{Actor, By};
use carrel_domain::job::queue::QueuedRefreshes;
use carrel_services::Ports;
use carrel_services::settings::registry::Capability;
use chrono::Utc;
use tokio::time::Instant;

use crate::wiring::chain;

/// How long after the start stale documents are looked for, which were left by an earlier process.
const FIRST: Duration = Duration::from_secs(10);

/// How soon what failed is tried again while nothing changes.
const AGAIN: Duration = Duration::from_secs(3_600);

/// How soon is looked again where such a job is under way, which may have begun by an older recipe.
const UNDER_WAY: Duration = Duration::from_secs(10);

/// How long it may take until a change is seen that nobody tells of: of preferences, or by another
/// process.
const LOOK: Duration = Duration::from_secs(5);

/// Never ends; can be dropped at any moment.
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

/// Says whether there are jobs to be waited for.
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
            tracing::warn!(error = chain(&error), "failed to query documents to embed again");
            true
        }
    }
}
