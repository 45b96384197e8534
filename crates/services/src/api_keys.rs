//! API keys: creation, authentication and revocation.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use carrel_domain::api_key::{ApiKey, ApiKeys, KeyDigest, KeyOrigin, NewApiKey, Scope};
use carrel_domain::audit::By;
use carrel_domain::{ApiKeyId, Error, Result, UserId, WorkspaceId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::rate_limiter::RateLimiter;
use crate::token::{Secret, digest};

/// How long a key read from the database is trusted without another lookup. This process applies
/// its own revocations at once and those of other processes within this time.
const CACHE_TTL: TimeDelta = TimeDelta::seconds(1);

/// The minimum length of a key chosen by the operator, in characters.
pub const MIN_ENVIRONMENT_KEY_CHARS: usize = 16;

/// The maximum length of a key name, in characters.
const MAX_NAME_CHARS: usize = 200;

/// The options of a new key.
#[derive(Clone, Debug, Default)]
pub struct KeyOptions {
    /// The name of the key.
    pub name: Option<String>,
    /// The scopes. Empty grants full access.
    pub scopes: Vec<Scope>,
    /// The workspaces. Empty means all.
    pub workspaces: Vec<WorkspaceId>,
    /// The maximum number of requests per minute. Unlimited if absent.
    pub rate_limit: Option<u32>,
    /// The expiry time. The key never expires if absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// The user who creates the key, if any.
    pub created_by: Option<UserId>,
}

impl KeyOptions {
    fn check(&self, now: DateTime<Utc>) -> Result<()> {
        let is_long = |name: &String| name.chars().count() > MAX_NAME_CHARS;
        if self.name.as_ref().is_some_and(is_long) {
            return Err(Error::invalid("name", "must not be longer than 200 characters"));
        }
        // A limit of zero would be stored as unlimited.
        if self.rate_limit.is_some_and(|limit| limit == 0 || i32::try_from(limit).is_err()) {
            return Err(Error::invalid("rate_limit", "must be from 1 to 2147483647"));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires_at", "must be in the future"));
        }
        Ok(())
    }

    fn into_new(self, secret: &Secret, created_at: DateTime<Utc>) -> NewApiKey {
        let Self { name, scopes, workspaces, rate_limit, expires_at, created_by } = self;
        NewApiKey {
            name,
            digest: digest(secret.reveal()),
            prefix: secret.prefix(),
            origin: KeyOrigin::Created,
            scopes,
            workspaces,
            rate_limit,
            created_by,
            expires_at,
            created_at,
        }
    }
}

struct CachedKey {
    key: Arc<ApiKey>,
    at: DateTime<Utc>,
}

/// Recently authenticated keys.
#[derive(Default)]
struct Cache {
    keys: HashMap<KeyDigest, CachedKey>,
    /// The number of invalidations. A lookup that began before an invalidation may have read a
    /// revoked key, so its result is not cached.
    generation: u64,
}

impl Cache {
    fn retain(&mut self, predicate: impl Fn(&ApiKey) -> bool) {
        self.keys.retain(|_, cached| predicate(&cached.key));
        self.generation += 1;
    }
}

/// Authenticates API keys, mostly without database access.
pub struct ApiKeyService {
    keys: Arc<dyn ApiKeys>,
    cache: RwLock<Cache>,
    last_uses: Mutex<HashMap<ApiKeyId, DateTime<Utc>>>,
    limiter: RateLimiter<ApiKeyId>,
}

impl ApiKeyService {
    /// Creates a service with an empty cache.
    pub fn new(keys: Arc<dyn ApiKeys>) -> Self {
        Self {
            keys,
            cache: RwLock::default(),
            last_uses: Mutex::default(),
            limiter: RateLimiter::default(),
        }
    }

    /// Returns the key with this secret if it is valid at `now`.
    pub async fn authenticate(
        &self,
        secret: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<ApiKey>>> {
        self.authenticate_digest(digest(secret), now).await
    }

    /// Returns the key with this digest if it is valid at `now`.
    pub async fn authenticate_digest(
        &self,
        digest: KeyDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<ApiKey>>> {
        let key = match self.cached_key(digest, now) {
            Some(key) => Some(key),
            None => self.load_key(digest, now).await?,
        };
        let valid_key = key.filter(|key| key.is_valid(now));
        if let Some(key) = &valid_key {
            self.last_uses_mut().insert(key.id, now);
        }
        Ok(valid_key)
    }

    /// Returns whether a previously authenticated key is still valid at `now`.
    pub async fn is_valid(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool> {
        let key = match self.cached_key(digest, now) {
            Some(key) => Some(key),
            None => self.load_key(digest, now).await?,
        };
        Ok(key.is_some_and(|key| key.is_valid(now)))
    }

    /// Counts a request against the key's rate limit. `Err` holds the seconds until the next
    /// request is allowed.
    pub fn check_rate_limit(&self, key: &ApiKey, now: DateTime<Utc>) -> Result<(), u64> {
        self.limiter.check(key.id, key.rate_limit.unwrap_or(0), now)
    }

    fn cached_key(&self, digest: KeyDigest, now: DateTime<Utc>) -> Option<Arc<ApiKey>> {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        let entry = cache.keys.get(&digest).filter(|cached| now - cached.at < CACHE_TTL)?;
        Some(entry.key.clone())
    }

    async fn load_key(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<Arc<ApiKey>>> {
        let generation = self.cache.read().unwrap_or_else(PoisonError::into_inner).generation;
        let key = self.keys.by_digest(digest).await?.map(Arc::new);
        let mut cache = self.cache_mut();
        match &key {
            Some(key) if cache.generation == generation => {
                cache.keys.insert(digest, CachedKey { key: key.clone(), at: now });
            }
            Some(_) => {}
            None => drop(cache.keys.remove(&digest)),
        }
        Ok(key)
    }

    /// Creates a key. [`Error::Invalid`] if an option is out of range or a workspace does not
    /// exist.
    pub async fn create(&self, options: KeyOptions, by: &By) -> Result<(Secret, ApiKey)> {
        options.check(by.at)?;
        let secret = Secret::random();
        let key = options.into_new(&secret, by.at);
        let details = json!({ "name": key.name, "prefix": key.prefix }).to_string();
        let key = self.keys.create(key, by.event("api_key_created", details)).await?;
        Ok((secret, key))
    }

    /// Creates a key on behalf of the holder of `creator`. The new key must not exceed `creator`.
    pub async fn create_as(
        &self,
        creator: &ApiKey,
        options: KeyOptions,
        by: &By,
    ) -> Result<(Secret, ApiKey)> {
        let options = KeyOptions { created_by: creator.created_by, ..options };
        options.check(by.at)?;
        if !creator.may_create(&options.clone().into_new(&Secret::random(), by.at)) {
            let reason =
                "must not exceed the scopes, workspaces, rate limit and expiry of your key";
            return Err(Error::invalid("api_key", reason));
        }
        self.create(options, by).await
    }

    /// Returns every key by id, including revoked and expired ones.
    pub async fn list(&self) -> Result<Vec<ApiKey>> {
        self.keys.list().await
    }

    /// Revokes a key with immediate effect. [`Error::NotFound`] if it does not exist or is already
    /// revoked.
    pub async fn revoke(&self, id: ApiKeyId, by: &By) -> Result<()> {
        let details = json!({ "id": id.0 }).to_string();
        let revoked = self.keys.revoke(id, by.event("api_key_deleted", details)).await?;
        self.cache_mut().retain(|key| key.id != id);
        if revoked { Ok(()) } else { Err(Error::not_found("API key", id)) }
    }

    /// Makes `chosen` the only valid key from the environment.
    pub async fn take_from_environment(&self, secret: Option<&str>, by: &By) -> Result<()> {
        let key = secret.map(|secret| environment_key(secret, by.at)).transpose()?;
        let details = json!({ "given": key.is_some() }).to_string();
        self.keys.set_environment_key(key, by.event("api_key_from_environment", details)).await?;
        self.forget();
        Ok(())
    }

    /// Clears the cache, because users may have been suspended.
    pub fn forget(&self) {
        self.cache_mut().retain(|_| false);
    }

    fn cache_mut(&self) -> RwLockWriteGuard<'_, Cache> {
        self.cache.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether no key is valid at `now`.
    pub async fn is_empty(&self, now: DateTime<Utc>) -> Result<bool> {
        Ok(!self.keys.list().await?.iter().any(|key| key.is_valid(now)))
    }

    /// Stores the times at which keys were last used. Called periodically and at shutdown, so that
    /// requests do not write.
    pub async fn flush_uses(&self) -> Result<()> {
        let times: Vec<_> = self.last_uses_mut().drain().collect();
        if times.is_empty() { Ok(()) } else { self.keys.used(times).await }
    }

    fn last_uses_mut(&self) -> MutexGuard<'_, HashMap<ApiKeyId, DateTime<Utc>>> {
        self.last_uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn environment_key(secret: &str, now: DateTime<Utc>) -> Result<NewApiKey> {
    if secret.chars().count() < MIN_ENVIRONMENT_KEY_CHARS || secret.contains(char::is_whitespace) {
        let reason = "must have 16 characters or more and no white space";
        return Err(Error::invalid("CARREL_API_KEY", reason));
    }
    Ok(NewApiKey {
        name: Some("CARREL_API_KEY".to_owned()),
        digest: digest(secret),
        // The operator may have chosen a short or guessable key, so no prefix is stored.
        prefix: String::new(),
        origin: KeyOrigin::Environment,
        scopes: Vec::new(),
        workspaces: Vec::new(),
        rate_limit: None,
        created_by: None,
        expires_at: None,
        created_at: now,
    })
}

#[cfg(test)]
mod tests;
