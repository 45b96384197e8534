//! Where texts are rendered: never on a thread that answers requests, and few at a time.
use std::sync::Arc;

use carrel_domain::{Error, Result};
use tokio::sync::Semaphore;

use crate::language;

/// How many texts are rendered at once.
const AT_ONCE: usize = 2;

/// Runs rendering on threads that may block. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Renderer {
    permits: Arc<Semaphore>,
}

impl Default for Renderer {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Renderer {
    /// Runs `work` when its turn comes.
    ///
    /// # Errors
    /// [`Error::Internal`] when `work` panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Error::internal)?;
        let language = language::current();
        let run = move || {
            // Work goes on when the caller goes away, and so keeps its permit.
            let _permit = permit;
            language::within(language, work)
        };
        tokio::task::spawn_blocking(run).await.map_err(Error::internal)
    }
}
