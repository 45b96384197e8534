//! Stops an answer before the model has finished.
use std::sync::Arc;

use tokio::sync::Notify;

/// By which whoever asked has the answer end: what was said by then is kept, and told as if the
/// model had said no more. Clones stop the same answer.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Notify>);

impl Stop {
    /// Also before the answer begins.
    pub fn stop(&self) {
        self.0.notify_one();
    }

    pub(super) async fn asked(&self) {
        self.0.notified().await;
    }
}
