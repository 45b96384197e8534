//! Has documents embedded anew when the embedder or the splitting has changed, in the background.
use std::time::Duration;

use carrel_api::Ports;
use carrel_domain::audit::{Actor, By};
use carrel_services::library::Refreshed;
use carrel_services::settings::registry::Capability;
use chrono::Utc;
use tokio::time::Instant;

use crate::wiring::chain;

/// How long after the start stale documents are looked for, which were left by an earlier process.
const FIRST: Duration = Duration::from_secs(60);

/// How soon what failed is tried again while nothing changes.
const AGAIN: Duration = Duration::from_secs(600);

/// How long it may take until a change is seen that nobody tells of: of preferences, or by another
/// process.
const LOOK: Duration = Duration::from_secs(5);

/// Never ends; can be dropped at any moment.
pub async fn keep_embedded(ports: &Ports) {
    let mut changes = ports.settings_store.subscribe();
    let mut embedding = changes.borrow_and_update().of(Capability::Embedding);
    let mut recipe = ports.library.recipe().await.ok();
    let mut due = Instant::now() + FIRST;
    loop {
        tokio::select! {
            Ok(()) = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let before = (embedding, recipe);
        embedding = changes.borrow_and_update().of(Capability::Embedding);
        recipe = ports.library.recipe().await.ok();
        if before == (embedding, recipe.clone()) && Instant::now() < due {
            continue;
        }
        round(ports).await;
        due = Instant::now() + AGAIN;
    }
}

async fn round(ports: &Ports) {
    let by = By { actor: Actor::Server, address: None, at: Utc::now() };
    match ports.library.refresh(&by).await {
        Ok(Refreshed { done: 0, failed: 0 }) => {}
        Ok(Refreshed { done, failed }) => {
            tracing::info!(done, failed, "embedded documents anew, by the settings of now");
        }
        Err(error) => {
            tracing::warn!(error = chain(&error), "failed to embed documents anew");
        }
    }
}
