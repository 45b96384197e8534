//! Stops an answer before the model has finished.
use std::sync::Arc;

use tokio::sync::Notify;

/// Stops an answer in progress. The text received so far is stored and reported as the complete
/// answer. Clones stop the same answer.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Notify>);

impl Stop {
    /// Stops the answer. Can be called before the answer begins.
    pub fn stop(&self) {
        self.0.notify_one();
    }

    pub(super) async fn wait(&self) {
        self.0.notified().await;
    }
}
