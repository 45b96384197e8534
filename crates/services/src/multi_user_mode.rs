//! Whether many people use the server, remembered for a moment: nearly every request asks.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::audit::Event;
use carrel_domain::user::{MultiUser, NewUser, User};

/// How long another process's switch may stay unknown to this one.
const REMEMBERED: Duration = Duration::from_secs(1);

/// A [`MultiUser`] that asks another one, at most once a second.
pub struct CachedMultiUserMode {
    port: Arc<dyn MultiUser>,
    seen: Mutex<Option<(Instant, bool)>>,
}

impl CachedMultiUserMode {
    pub fn new(port: Arc<dyn MultiUser>) -> Self {
        Self { port, seen: Mutex::default() }
    }

    fn remember(&self, seen: Option<(Instant, bool)>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

#[async_trait]
impl MultiUser for CachedMultiUserMode {
    async fn is_on(&self) -> Result<bool> {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, is_on)) = seen.filter(|(at, _)| at.elapsed() < REMEMBERED) {
            return Ok(is_on);
        }
        let is_on = self.port.is_on().await?;
        self.remember(Some((Instant::now(), is_on)));
        Ok(is_on)
    }

    async fn enable(&self, admin: NewUser, event: Event) -> Result<User> {
        let enabled = self.port.enable(admin, event).await;
        self.remember(None);
        enabled
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use carrel_domain::Error;

    use super::*;

    /// Off until it is enabled; counts how often it is asked.
    #[derive(Default)]
    struct Switch {
        asked: AtomicUsize,
        on: Mutex<bool>,
    }

    #[async_trait]
    impl MultiUser for Switch {
        async fn is_on(&self) -> Result<bool> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Ok(*self.on.lock().unwrap())
        }

        async fn enable(&self, _: NewUser, _: Event) -> Result<User> {
            *self.on.lock().unwrap() = true;
            Err(Error::internal("the answer does not matter here"))
        }
    }

    #[tokio::test]
    async fn the_mode_is_asked_for_once_and_a_switch_is_seen_at_once() {
        let switch = Arc::new(Switch::default());
        let mode = CachedMultiUserMode::new(switch.clone());
        for _ in 0..100 {
            assert!(!mode.is_on().await.unwrap());
        }
        assert_eq!(switch.asked.load(Ordering::Relaxed), 1);
        let admin = NewUser {
            username: carrel_domain::user::Username::parse("main-admin").unwrap(),
            password: carrel_domain::user::PasswordHash(String::new()),
            role: carrel_domain::user::Role::Admin,
            daily_message_limit: None,
            bio: String::new(),
            created_at: chrono::Utc::now(),
        };
        let event = crate::fakes::by().event("multi_user_mode_enabled", "{}");
        assert!(mode.enable(admin, event).await.is_err());
        assert!(mode.is_on().await.unwrap());
    }
}
