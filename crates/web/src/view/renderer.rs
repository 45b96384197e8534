//! Runs rendering outside of the threads that answer requests, a few texts at a time.
use std::sync::Arc;

use carrel_domain::{Error, Result};
use tokio::sync::Semaphore;

use crate::view::language;

/// Maximum number of concurrent renderings.
const MAX_CONCURRENT: usize = 2;

/// Runs rendering on blocking threads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Renderer {
    permits: Arc<Semaphore>,
}

impl Default for Renderer {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_CONCURRENT)) }
    }
}

impl Renderer {
    /// Runs `work` when a permit is free.
    ///
    /// # Errors
    /// [`Error::Internal`] if `work` panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Error::internal)?;
        let language = language::current();
        let task = move || {
            // The work continues if the caller goes away, so it keeps its permit.
            let _permit = permit;
            language::sync_scope(language, work)
        };
        tokio::task::spawn_blocking(task).await.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Runs on a single-threaded runtime, which would be blocked if the work ran there.
    #[tokio::test]
    async fn rendering_blocks_no_request_and_uses_few_threads() {
        let renderer = Renderer::default();
        let (active, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        for _ in 0..20 {
            let (renderer, active, peak, gate) =
                (renderer.clone(), active.clone(), peak.clone(), gate.clone());
            tasks.spawn(async move {
                let work = move || {
                    peak.fetch_max(active.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let _ = gate.lock().unwrap().recv();
                    active.fetch_sub(1, Ordering::SeqCst);
                };
                renderer.run(work).await.unwrap();
            });
        }
        // The runtime stays responsive while all of them wait.
        while active.load(Ordering::SeqCst) < MAX_CONCURRENT {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(release);
        while tasks.join_next().await.is_some() {}
        assert_eq!(peak.load(Ordering::SeqCst), MAX_CONCURRENT);
    }
}
