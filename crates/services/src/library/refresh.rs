//! Embedding documents anew that were embedded by another model, or cut in another way, than the
//! settings ask for now.
use std::error::Error as StdError;

use carrel_domain::audit::By;
use carrel_domain::library::WorkspaceDocument;
use carrel_domain::model::Purpose;
use carrel_domain::{Error, Result};
use chrono::Utc;
use serde_json::json;

use super::Library;

/// Stale places that are looked up at a time.
const AT_ONCE: u32 = 50;

/// What a round did to stale places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    pub done: usize,
    /// They stay stale, and are found again by the next round.
    pub failed: usize,
}

impl Library {
    /// What the passages of documents that are embedded now are made by. Places with any other
    /// recipe are stale.
    pub async fn recipe(&self) -> Result<String> {
        Ok(self.method().await?.recipe())
    }

    /// Embeds every stale place anew, one after another, each in a transaction of its own: to stop
    /// half-way loses nothing. A place that fails is logged and passed over. Ends early when the
    /// embedder answers nothing at all. What became stale after the round began, at `by.at`, is
    /// left to the next one.
    pub async fn refresh(&self, by: &By) -> Result<Refreshed> {
        let (mut refreshed, mut after) = (Refreshed::default(), None);
        loop {
            let recipe = self.recipe().await?;
            let stale = self.placements.stale(&recipe, after, AT_ONCE).await?;
            let Some(last) = stale.last() else { return Ok(refreshed) };
            after = Some(last.id);
            // Two servers that are set up differently would otherwise never come to an end.
            for place in stale.iter().filter(|place| place.updated_at < by.at) {
                match self.renew(place, by).await {
                    Ok(renewed) => refreshed.done += usize::from(renewed),
                    Err(error) => {
                        refreshed.failed += 1;
                        tracing::warn!(
                            document = %place.document.path,
                            workspace = place.workspace.0,
                            error = &error as &(dyn StdError + 'static),
                            "failed to embed a document anew"
                        );
                        if matches!(error, Error::Unavailable { .. }) && !self.can_embed().await {
                            return Ok(refreshed);
                        }
                    }
                }
            }
        }
    }

    /// Says whether the place was still there.
    async fn renew(&self, place: &WorkspaceDocument, by: &By) -> Result<bool> {
        let path = &place.document.path;
        let text = self.files.text(path).await?;
        let text = text.ok_or_else(|| Error::not_found("document", path))?;
        let mut embedded = self.embed_for(&[place.workspace], &text).await?;
        let Some(embedded) = embedded.pop() else { return Ok(false) };
        let details = json!({ "workspaceId": place.workspace.0, "documents": [path.to_string()] });
        let now = By { at: Utc::now(), ..by.clone() };
        let event = now.event("workspace_documents_refreshed", details.to_string());
        let Some(renewed) = self.placements.renew(place, embedded, event).await? else {
            return Ok(false);
        };
        self.index.remove(place.workspace, &[place.id]).await?;
        self.index.upsert(renewed.workspace, renewed.id).await?;
        Ok(true)
    }

    /// Tells a text that the embedder cannot take from an embedder that takes none.
    async fn can_embed(&self) -> bool {
        let Ok(embedder) = self.models.embedder() else { return false };
        embedder.embed(&["text".to_owned()], Purpose::Passage).await.is_ok()
    }
}
