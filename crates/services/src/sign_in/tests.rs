//! Tests of sign-in: success, refusal and throttling.
use std::sync::Mutex;

use async_trait::async_trait;
use carrel_domain::UserId;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::{AuditLog, Event, LoggedEvent};
use carrel_domain::login_attempt::{Attempt, LoginAttempts};
use carrel_domain::user::{OpenSession, Role};

use super::*;
use crate::accounts::PasswordRules;

/// One user, with sessions and an audit log.
struct FakeSessions {
    user: Mutex<(User, PasswordHash)>,
    sessions: Mutex<Vec<KeyDigest>>,
    log: Mutex<Vec<&'static str>>,
    /// Replaces the hash while the next session is being opened.
    meanwhile: Mutex<Option<PasswordHash>>,
}

/// Does not limit attempts. The tests of the database cover the limits.
struct Unlimited;

#[async_trait]
impl LoginAttempts for Unlimited {
    async fn consume_attempt(&self, _: &Attempt) -> Result<Option<TimeDelta>> {
        Ok(None)
    }

    async fn succeeded(&self, _: &Attempt) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Sessions for FakeSessions {
    async fn credentials(&self, username: &str) -> Result<Option<(User, PasswordHash)>> {
        let user = self.user.lock().unwrap();
        Ok((user.0.username == username).then(|| user.clone()))
    }

    async fn rehash_password(
        &self,
        _: UserId,
        previous: &PasswordHash,
        new: PasswordHash,
    ) -> Result<()> {
        let mut user = self.user.lock().unwrap();
        if user.1 == *previous {
            user.1 = new;
        }
        Ok(())
    }

    async fn open(&self, session: NewSession, event: Event) -> Result<()> {
        if let Some(hash) = self.meanwhile.lock().unwrap().take() {
            self.user.lock().unwrap().1 = hash;
        }
        self.sessions.lock().unwrap().push(session.digest);
        self.log.lock().unwrap().push(event.name);
        Ok(())
    }

    async fn user_of(&self, digest: KeyDigest, _: DateTime<Utc>) -> Result<Option<User>> {
        let is_open = self.sessions.lock().unwrap().contains(&digest);
        Ok(is_open.then(|| self.user.lock().unwrap().0.clone()))
    }

    async fn of(&self, _: UserId, _: DateTime<Utc>) -> Result<Vec<OpenSession>> {
        Ok(Vec::new())
    }

    async fn close(&self, digest: KeyDigest, event: Event) -> Result<bool> {
        let mut sessions = self.sessions.lock().unwrap();
        let count = sessions.len();
        sessions.retain(|open| *open != digest);
        self.log.lock().unwrap().push(event.name);
        Ok(sessions.len() < count)
    }
}

#[async_trait]
impl AuditLog for FakeSessions {
    async fn add(&self, event: Event) -> Result<()> {
        self.log.lock().unwrap().push(event.name);
        Ok(())
    }

    async fn page(&self, _: Option<i64>, _: u64, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }

    async fn count(&self) -> Result<u64> {
        Ok(self.log.lock().unwrap().len() as u64)
    }

    async fn since(&self, _: i64, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }
}

/// Returns a service with the user `ann`, whose password `hunter2` is hashed with bcrypt at the
/// lowest cost.
fn sessions() -> (Arc<FakeSessions>, SignIn) {
    let user = User {
        id: UserId(1),
        username: "ann".into(),
        role: Role::Default,
        suspended: false,
        daily_message_limit: None,
        bio: String::new(),
        picture: None,
        seen_recovery_codes: false,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    let sessions = Arc::new(FakeSessions {
        user: Mutex::new((user, bcrypt_hash("hunter2"))),
        sessions: Mutex::default(),
        log: Mutex::default(),
        meanwhile: Mutex::default(),
    });
    let passwords = Passwords::new(PasswordRules::default());
    let throttle = LoginThrottle::new(Arc::new(Unlimited));
    let failed_sign_ins = FailedSignIns::new(sessions.clone());
    (sessions.clone(), SignIn::new(sessions, failed_sign_ins, passwords, throttle))
}

fn bcrypt_hash(password: &str) -> PasswordHash {
    PasswordHash(bcrypt::hash(password, 4).unwrap())
}

/// Returns a stranger at `address`, some seconds after the start.
fn from(address: &str, seconds: i64) -> By {
    let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    By { actor: Actor::Stranger, address: Some(address.to_owned()), at }
}

#[tokio::test]
async fn a_weak_hash_is_replaced_when_its_user_signs_in() {
    let (sessions, sign_in) = sessions();
    let by = from("a", 0);
    assert!(matches!(sign_in.with_password("ann", "wrong", &by).await, Err(Refused::Wrong)));
    assert!(is_bcrypt(&sessions.user.lock().unwrap().1));
    for _ in 0..2 {
        let (token, user) = sign_in.with_password("ann", "hunter2", &by).await.unwrap();
        assert_eq!(user.username, "ann");
        assert!(sign_in.user_of(token.reveal(), by.at).await.unwrap().is_some());
        assert!(sessions.user.lock().unwrap().1.0.starts_with("$argon2id$"));
    }
}

#[tokio::test]
async fn the_log_contains_the_reason_of_a_refusal_and_the_response_does_not() {
    let (sessions, sign_in) = sessions();
    let by = from("a", 0);
    let attempt = async |name, password| {
        let result = sign_in.with_password(name, password, &by).await;
        assert!(matches!(result, Err(Refused::Wrong)));
    };
    attempt("bob", "hunter2").await;
    attempt("ann", "hunter3").await;
    sessions.user.lock().unwrap().0.suspended = true;
    attempt("ann", "hunter2").await;
    // Counted but not logged again, because name and network are the same.
    attempt("ann", "hunter3").await;
    let log = sessions.log.lock().unwrap().clone();
    assert_eq!(
        log,
        [
            "failed_login_invalid_username",
            "failed_login_invalid_password",
            "failed_login_account_suspended",
        ]
    );
}

#[tokio::test]
async fn a_password_changed_during_sign_in_opens_no_session() {
    let (sessions, sign_in) = sessions();
    *sessions.meanwhile.lock().unwrap() = Some(bcrypt_hash("hunter3"));
    let result = sign_in.with_password("ann", "hunter2", &from("a", 0)).await;
    assert!(matches!(result, Err(Refused::Wrong)));
    assert!(sessions.sessions.lock().unwrap().is_empty());
    // Another sign-in at the same moment has rehashed the same password.
    *sessions.meanwhile.lock().unwrap() = Some(bcrypt_hash("hunter3"));
    assert!(sign_in.with_password("ann", "hunter3", &from("a", 0)).await.is_ok());
}

#[test]
fn refusals_take_a_multiple_of_the_pace() {
    let milliseconds = |elapsed| next_step(Duration::from_millis(elapsed)).as_millis();
    assert_eq!([0, 20, 249, 250, 600].map(milliseconds), [250, 250, 250, 500, 750]);
}

#[tokio::test]
async fn refusals_take_equally_long_for_known_and_unknown_names() {
    let (_, sign_in) = sessions();
    for name in ["ann", "nobody"] {
        let started = Instant::now();
        let result = sign_in.with_password(name, "wrong", &from("a", 0)).await;
        assert!(matches!(result, Err(Refused::Wrong)));
        assert!(started.elapsed() >= REFUSAL_INTERVAL);
    }
}
