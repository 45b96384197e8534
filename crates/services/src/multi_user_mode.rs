//! A cache of the multi-user mode, which nearly every request needs.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::audit::Event;
use carrel_domain::user::{MultiUser, NewUser, User};

/// The time after which a switch by another process is noticed.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// A [`MultiUser`] that caches the mode for one second.
pub struct CachedMultiUserMode {
    port: Arc<dyn MultiUser>,
    cache: Mutex<CachedMode>,
}

#[derive(Clone, Copy, Default)]
struct CachedMode {
    last: Option<(Instant, bool)>,
    /// The number of switches by this process. A query that began before a switch may return the
    /// old mode, so its result is not cached.
    switches: u64,
}

impl CachedMultiUserMode {
    /// Creates an empty cache.
    pub fn new(port: Arc<dyn MultiUser>) -> Self {
        Self { port, cache: Mutex::default() }
    }

    fn cache(&self) -> MutexGuard<'_, CachedMode> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MultiUser for CachedMultiUserMode {
    async fn is_on(&self) -> Result<bool> {
        let snapshot = *self.cache();
        if let Some((_, is_on)) = snapshot.last.filter(|(at, _)| at.elapsed() < CACHE_TTL) {
            return Ok(is_on);
        }
        let is_on = self.port.is_on().await?;
        let mut cache = self.cache();
        if cache.switches == snapshot.switches {
            cache.last = Some((Instant::now(), is_on));
        }
        Ok(is_on)
    }

    async fn enable(&self, admin: NewUser, event: Event) -> Result<User> {
        let enabled = self.port.enable(admin, event).await;
        let mut cache = self.cache();
        *cache = CachedMode { last: None, switches: cache.switches + 1 };
        enabled
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use carrel_domain::Error;
    use tokio::sync::Notify;

    use super::*;

    /// Off until enabled. Counts queries.
    #[derive(Default)]
    struct Switch {
        queries: AtomicUsize,
        on: Mutex<bool>,
        /// Delays responses until notified, if set.
        may_answer: Option<Notify>,
    }

    fn admin() -> NewUser {
        NewUser {
            username: carrel_domain::user::Username::parse("main-admin").unwrap(),
            password: carrel_domain::user::PasswordHash(String::new()),
            role: carrel_domain::user::Role::Admin,
            daily_message_limit: None,
            bio: String::new(),
            created_at: chrono::Utc::now(),
        }
    }

    fn event() -> Event {
        crate::fakes::by().event("multi_user_mode_enabled", "{}")
    }

    #[async_trait]
    impl MultiUser for Switch {
        async fn is_on(&self) -> Result<bool> {
            self.queries.fetch_add(1, Ordering::Relaxed);
            let is_on = *self.on.lock().unwrap();
            if let Some(may_answer) = &self.may_answer {
                may_answer.notified().await;
            }
            Ok(is_on)
        }

        async fn enable(&self, _: NewUser, _: Event) -> Result<User> {
            *self.on.lock().unwrap() = true;
            Err(Error::internal("the answer does not matter here"))
        }
    }

    #[tokio::test]
    async fn the_mode_is_cached_and_a_switch_takes_effect_at_once() {
        let switch = Arc::new(Switch::default());
        let mode = CachedMultiUserMode::new(switch.clone());
        for _ in 0..100 {
            assert!(!mode.is_on().await.unwrap());
        }
        assert_eq!(switch.queries.load(Ordering::Relaxed), 1);
        assert!(mode.enable(admin(), event()).await.is_err());
        assert!(mode.is_on().await.unwrap());
    }

    #[tokio::test]
    async fn a_query_from_before_a_switch_is_not_cached() {
        let switch = Arc::new(Switch { may_answer: Some(Notify::new()), ..Switch::default() });
        let mode = Arc::new(CachedMultiUserMode::new(switch.clone()));
        let query = tokio::spawn({
            let mode = mode.clone();
            async move { mode.is_on().await.unwrap() }
        });
        while switch.queries.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(mode.enable(admin(), event()).await.is_err());
        let may_answer = switch.may_answer.as_ref().unwrap();
        may_answer.notify_one();
        assert!(!query.await.unwrap());
        may_answer.notify_one();
        assert!(mode.is_on().await.unwrap());
    }
}
