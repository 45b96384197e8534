//! Holds one model in memory: loads it on first use and unloads it when idle.
use std::sync::{Arc, Mutex as SyncMutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};

/// Holds at most one model, identified by a key. Clones share the model.
pub struct ModelSlot<K, M> {
    shared: Arc<Shared<K, M>>,
}

struct Shared<K, M> {
    description: &'static str,
    release_after: Option<Duration>,
    loaded: Mutex<Option<(K, Arc<M>)>>,
    last_used: SyncMutex<Instant>,
}

impl<K, M> Clone for ModelSlot<K, M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, M> ModelSlot<K, M>
where
    K: PartialEq + Send + 'static,
    M: Send + Sync + 'static,
{
    /// Creates an empty slot. `description` names the model in the log. The model is unloaded after
    /// `release_after` without use, or never if `None`.
    pub fn new(description: &'static str, release_after: Option<Duration>) -> Self {
        let last_used = SyncMutex::new(Instant::now());
        let shared = Shared { description, release_after, loaded: Mutex::default(), last_used };
        Self { shared: Arc::new(shared) }
    }

    /// Returns true if a model is in memory.
    pub fn is_loaded(&self) -> bool {
        self.shared.loaded.try_lock().is_ok_and(|loaded| loaded.is_some())
    }

    /// Returns the model with this key. The first caller runs `load` on a blocking thread while
    /// other callers wait. A model with another key is replaced. Must be called within a tokio
    /// runtime, where a task unloads the idle model.
    ///
    /// # Errors
    /// The outer error means that `load` panicked, the inner one that it failed. The next call
    /// loads again.
    pub async fn get<E: Send + 'static>(
        &self,
        key: K,
        load: impl FnOnce() -> Result<M, E> + Send + 'static,
    ) -> Result<Result<Arc<M>, E>, JoinError> {
        let mut slot = self.shared.loaded.lock().await;
        self.touch();
        if let Some((known, model)) = &*slot
            && *known == key
        {
            return Ok(Ok(Arc::clone(model)));
        }
        let model = match tokio::task::spawn_blocking(load).await? {
            Ok(model) => Arc::new(model),
            Err(error) => return Ok(Err(error)),
        };
        self.touch();
        let was_empty = slot.replace((key, Arc::clone(&model))).is_none();
        if let Some(idle) = self.shared.release_after.filter(|_| was_empty) {
            tokio::spawn(release_when_idle(Arc::downgrade(&self.shared), idle));
        }
        Ok(Ok(model))
    }

    /// Records that the model is in use, which postpones its release.
    pub fn touch(&self) {
        *self.shared.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl<K, M> Shared<K, M> {
    fn idle_since(&self) -> Instant {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unloads the model once it is idle, then returns. Calls in progress keep their reference to the
/// model.
async fn release_when_idle<K, M>(shared: Weak<Shared<K, M>>, idle: Duration) {
    while let Some(shared) = shared.upgrade() {
        let release_at = shared.idle_since() + idle;
        if release_at <= Instant::now() {
            let mut slot = shared.loaded.lock().await;
            // The model may have been used while this waited for the lock.
            if shared.idle_since() + idle <= Instant::now() {
                *slot = None;
                tracing::info!("unloaded the idle {}", shared.description);
                return;
            }
        }
        drop(shared);
        sleep_until(release_at).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    type Slot = ModelSlot<&'static str, String>;

    async fn get(slot: &Slot, key: &'static str) -> Arc<String> {
        let load = move || Ok::<_, ()>(key.to_owned());
        slot.get(key, load).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn concurrent_callers_load_the_model_once() {
        static LOADS: AtomicUsize = AtomicUsize::new(0);
        let slot = Slot::new("model", None);
        let load = || {
            LOADS.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>("weights".to_owned())
        };
        let (one, other) = tokio::join!(slot.get("a", load), slot.get("a", load));
        assert!(Arc::ptr_eq(&one.unwrap().unwrap(), &other.unwrap().unwrap()));
        assert_eq!(LOADS.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_model_with_another_key_replaces_the_first() {
        let slot = Slot::new("model", None);
        let first = get(&slot, "a").await;
        assert_eq!(*get(&slot, "b").await, "b");
        // Only the caller still holds the first one.
        assert_eq!(Arc::strong_count(&first), 1);
    }

    #[tokio::test]
    async fn a_failed_load_leaves_the_slot_empty_and_is_retried() {
        let slot = Slot::new("model", None);
        assert_eq!(slot.get("a", || Err("damaged")).await.unwrap(), Err("damaged"));
        let panics = || -> Result<String, ()> { std::panic::resume_unwind(Box::new("bug")) };
        assert!(slot.get("a", panics).await.is_err());
        assert!(!slot.is_loaded());
        assert_eq!(*get(&slot, "a").await, "a");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_model_is_unloaded_and_a_used_one_is_not() {
        let slot = Slot::new("model", Some(Duration::from_secs(10)));
        drop(get(&slot, "a").await);
        tokio::time::sleep(Duration::from_secs(6)).await;
        slot.touch();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(slot.is_loaded());
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(!slot.is_loaded());
        // The reloaded model is unloaded when idle as well.
        drop(get(&slot, "a").await);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(!slot.is_loaded());
    }
}
