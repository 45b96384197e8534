//! API keys: made, recognised, revoked.
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use carrel_domain::api_key::{ApiKey, ApiKeys, KeyDigest, KeyOrigin, NewApiKey, Scope};
use carrel_domain::audit::By;
use carrel_domain::{ApiKeyId, Error, Result, UserId, WorkspaceId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

/// How long a key once seen in the database is taken to be good without looking again. Keys
/// revoked by this process are out at once; keys revoked by another are out within this time.
const TRUSTED: TimeDelta = TimeDelta::seconds(1);

/// The fewest characters of a key that an operator chooses.
pub const SHORTEST_CHOSEN_KEY: usize = 16;

/// A key in the clear. Shown once, to whoever asked for it; never logged.
pub struct Secret(String);

impl Secret {
    /// 256 bits from the system's random source, as `crl_` and 52 letters and digits.
    pub fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(format!("crl_{}", base32(&bytes)))
    }

    pub fn digest(&self) -> KeyDigest {
        digest(&self.0)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The part by which a person tells keys apart: 40 bits less than what makes it a secret.
    fn prefix(&self) -> String {
        self.0.chars().take(12).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a new key is to be.
#[derive(Clone, Debug, Default)]
pub struct KeyOptions {
    pub name: Option<String>,
    /// Empty means everything.
    pub scopes: Vec<Scope>,
    /// Empty means all.
    pub workspaces: Vec<WorkspaceId>,
    /// The most requests a minute; unlimited when absent.
    pub rate_limit: Option<u32>,
    pub expires_at: Option<DateTime<Utc>>,
    pub created_by: Option<UserId>,
}

impl KeyOptions {
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

struct Seen {
    key: Arc<ApiKey>,
    at: DateTime<Utc>,
}

/// Knows which keys are good, mostly without asking the database.
pub struct Keyring {
    keys: Arc<dyn ApiKeys>,
    seen: RwLock<HashMap<KeyDigest, Seen>>,
    used: Mutex<HashMap<ApiKeyId, DateTime<Utc>>>,
    /// When each limited key would have spent all it may: its allowance flows back evenly.
    spent: Mutex<HashMap<ApiKeyId, DateTime<Utc>>>,
}

impl Keyring {
    pub fn new(keys: Arc<dyn ApiKeys>) -> Self {
        Self { keys, seen: RwLock::default(), used: Mutex::default(), spent: Mutex::default() }
    }

    /// The key that `secret` is, if it is good at `now`.
    pub async fn admit(&self, secret: &str, now: DateTime<Utc>) -> Result<Option<Arc<ApiKey>>> {
        let digest = digest(secret);
        let key = match self.recall(digest, now) {
            Some(key) => Some(key),
            None => self.look_up(digest, now).await?,
        };
        let good = key.filter(|key| key.is_valid(now));
        if let Some(key) = &good {
            self.uses().insert(key.id, now);
        }
        Ok(good)
    }

    /// Whether a key that was admitted before is still good at `now`.
    pub async fn lasts(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool> {
        let key = match self.recall(digest, now) {
            Some(key) => Some(key),
            None => self.look_up(digest, now).await?,
        };
        Ok(key.is_some_and(|key| key.is_valid(now)))
    }

    /// Counts a request of a key with a rate limit. `Err` says after how many seconds the next one
    /// is admitted.
    pub fn spend(&self, key: &ApiKey, now: DateTime<Utc>) -> Result<(), u64> {
        let Some(limit) = key.rate_limit.filter(|limit| *limit > 0) else { return Ok(()) };
        let one = TimeDelta::microseconds(60_000_000 / i64::from(limit));
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let until = spent.get(&key.id).copied().unwrap_or(now).max(now) + one;
        let over = until - now - TimeDelta::minutes(1);
        if over > TimeDelta::zero() {
            return Err(u64::try_from(over.num_seconds()).unwrap_or(0) + 1);
        }
        spent.insert(key.id, until);
        Ok(())
    }

    fn recall(&self, digest: KeyDigest, now: DateTime<Utc>) -> Option<Arc<ApiKey>> {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let found = seen.get(&digest).filter(|seen| now - seen.at < TRUSTED)?;
        Some(found.key.clone())
    }

    async fn look_up(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<Arc<ApiKey>>> {
        let key = self.keys.by_digest(digest).await?.map(Arc::new);
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        match &key {
            Some(key) => seen.insert(digest, Seen { key: key.clone(), at: now }),
            None => seen.remove(&digest),
        };
        Ok(key)
    }

    pub async fn create(&self, options: KeyOptions, by: &By) -> Result<(Secret, ApiKey)> {
        let secret = Secret::random();
        let new = options.into_new(&secret, by.at);
        let details = json!({ "name": new.name, "prefix": new.prefix }).to_string();
        let key = self.keys.create(new, by.event("api_key_created", details)).await?;
        Ok((secret, key))
    }

    /// As [`Keyring::create`], by someone who holds `maker` and can give away no more than that.
    pub async fn create_as(
        &self,
        maker: &ApiKey,
        options: KeyOptions,
        by: &By,
    ) -> Result<(Secret, ApiKey)> {
        let options = KeyOptions { created_by: maker.created_by, ..options };
        if options.expires_at.is_some_and(|end| end <= by.at) {
            return Err(Error::invalid("expires_at", "must lie in the future"));
        }
        if !maker.may_make(&options.clone().into_new(&Secret::random(), by.at)) {
            return Err(Error::invalid("scopes", "must not exceed those of the key that asks"));
        }
        self.create(options, by).await
    }

    pub async fn list(&self) -> Result<Vec<ApiKey>> {
        self.keys.list().await
    }

    /// Ends a key at once. [`Error::NotFound`] when there is none, or it had ended already.
    pub async fn revoke(&self, id: ApiKeyId, by: &By) -> Result<()> {
        let details = json!({ "id": id.0 }).to_string();
        let revoked = self.keys.revoke(id, by.event("api_key_deleted", details)).await?;
        self.seen
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, seen| seen.key.id != id);
        if revoked { Ok(()) } else { Err(Error::not_found("API key", id)) }
    }

    /// Makes `chosen` the one key that comes from the environment, in place of an earlier one.
    pub async fn take_from_environment(&self, chosen: Option<&str>, by: &By) -> Result<()> {
        let new = chosen.map(|chosen| environment_key(chosen, by.at)).transpose()?;
        let details = json!({ "given": new.is_some() }).to_string();
        self.keys.set_environment_key(new, by.event("api_key_from_environment", details)).await?;
        self.forget();
        Ok(())
    }

    /// Looks every key up anew from now on: users may have been suspended.
    pub fn forget(&self) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether any key would be admitted at `now`.
    pub async fn is_empty(&self, now: DateTime<Utc>) -> Result<bool> {
        Ok(!self.keys.list().await?.iter().any(|key| key.is_valid(now)))
    }

    /// Writes down when keys were last used. Called now and then and at shutdown, so that a
    /// request costs no write.
    pub async fn note_uses(&self) -> Result<()> {
        let times: Vec<_> = self.uses().drain().collect();
        if times.is_empty() { Ok(()) } else { self.keys.used(times).await }
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<ApiKeyId, DateTime<Utc>>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn environment_key(chosen: &str, now: DateTime<Utc>) -> Result<NewApiKey> {
    if chosen.chars().count() < SHORTEST_CHOSEN_KEY || chosen.contains(char::is_whitespace) {
        let reason = "must have 16 characters or more and no white space";
        return Err(Error::invalid("CARREL_API_KEY", reason));
    }
    Ok(NewApiKey {
        name: Some("CARREL_API_KEY".to_owned()),
        digest: digest(chosen),
        // Every character of a chosen key may matter, so none is kept.
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

/// What is kept of a secret.
pub fn digest(secret: &str) -> KeyDigest {
    KeyDigest(Sha256::digest(secret.as_bytes()).into())
}

/// 160 bits from the system's random source, as 32 letters and digits.
pub fn random_code() -> String {
    let bytes: [u8; 20] = rand::random();
    base32(&bytes)
}

/// Five bits a character, without the letters that are easily taken for others.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::fakes::{FakeKeys, by};

    fn keyring() -> (Arc<FakeKeys>, Keyring) {
        let keys = Arc::new(FakeKeys::default());
        (keys.clone(), Keyring::new(keys))
    }

    #[tokio::test]
    async fn a_key_is_admitted_until_it_is_revoked() {
        let (_, keyring) = keyring();
        let now = Utc::now();
        let (secret, key) = keyring.create(KeyOptions::default(), &by()).await.unwrap();
        assert_eq!(secret.reveal().len(), 4 + 52);
        assert!(secret.reveal().starts_with(&key.prefix));
        assert!(keyring.admit(secret.reveal(), now).await.unwrap().is_some());
        assert!(keyring.admit(&secret.reveal().to_uppercase(), now).await.unwrap().is_none());
        keyring.revoke(key.id, &by()).await.unwrap();
        assert!(keyring.admit(secret.reveal(), now).await.unwrap().is_none());
        assert!(keyring.revoke(key.id, &by()).await.is_err());
    }

    #[tokio::test]
    async fn a_key_revoked_elsewhere_is_out_within_a_second() {
        let (keys, keyring) = keyring();
        let now = Utc::now();
        let (secret, key) = keyring.create(KeyOptions::default(), &by()).await.unwrap();
        keyring.admit(secret.reveal(), now).await.unwrap();
        keys.revoke(key.id, by().event("api_key_deleted", "{}")).await.unwrap();
        assert!(keyring.admit(secret.reveal(), now + TRUSTED).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn requests_cost_no_look_up_and_no_write_each() {
        let (keys, keyring) = keyring();
        let now = Utc::now();
        let (secret, key) = keyring.create(KeyOptions::default(), &by()).await.unwrap();
        for _ in 0..100 {
            keyring.admit(secret.reveal(), now).await.unwrap();
        }
        assert_eq!(keys.asked().len(), 1);
        keyring.note_uses().await.unwrap();
        assert_eq!(keys.last_used(key.id), Some(now));
    }

    #[tokio::test]
    async fn however_near_a_guess_comes_it_is_one_look_up_of_its_digest() {
        let (keys, keyring) = keyring();
        let (now, empty) = (Utc::now(), Sha256::digest(b""));
        let (secret, _) = keyring.create(KeyOptions::default(), &by()).await.unwrap();
        let right = secret.reveal();
        let guesses = [
            "crl_".to_owned(),
            "x".repeat(right.len()),
            right[..12].to_owned(),
            right[..right.len() - 1].to_owned(),
            format!("{right}x"),
            String::new(),
        ];
        for guess in &guesses {
            assert!(keyring.admit(guess, now).await.unwrap().is_none(), "{guess}");
        }
        assert!(keyring.admit(right, now).await.unwrap().is_some());
        let digests: Vec<_> = guesses.iter().map(|guess| digest(guess)).collect();
        assert!(keys.asked()[..guesses.len()] == digests);
        assert_eq!(keys.asked().len(), guesses.len() + 1);
        // Known from elsewhere, so that what is looked up is truly SHA-256 of the whole guess.
        assert!(digests[5] == KeyDigest(empty.into()));
    }

    #[tokio::test]
    async fn a_key_from_the_environment_is_long_and_whole() {
        let (_, keyring) = keyring();
        let now = Utc::now();
        for bad in ["", "fifteen-charact", "sixteen characters"] {
            assert!(keyring.take_from_environment(Some(bad), &by()).await.is_err(), "{bad}");
        }
        keyring.take_from_environment(Some("sixteen-characte"), &by()).await.unwrap();
        assert!(keyring.admit("sixteen-characte", now).await.unwrap().is_some());
        assert!(!keyring.is_empty(now).await.unwrap());
    }

    #[tokio::test]
    async fn a_limited_key_waits_its_turn() {
        let (_, keyring) = keyring();
        let now = Utc::now();
        let options = KeyOptions { rate_limit: Some(3), ..KeyOptions::default() };
        let (_, key) = keyring.create(options, &by()).await.unwrap();
        assert!((0..3).all(|_| keyring.spend(&key, now).is_ok()));
        assert_eq!(keyring.spend(&key, now), Err(21));
        assert!(keyring.spend(&key, now + TimeDelta::seconds(21)).is_ok());
        assert!(keyring.spend(&key, now + TimeDelta::seconds(21)).is_err());
    }

    #[test]
    fn secrets_are_random_in_every_place() {
        let secrets: Vec<_> = (0..2_000).map(|_| Secret::random()).collect();
        let codes: Vec<_> = (0..2_000).map(|_| random_code()).collect();
        let secrets: Vec<_> = secrets.iter().map(|secret| &secret.reveal()[4..]).collect();
        // The last of 52 letters holds one of 256 bits; every other letter holds five.
        let all = [(secrets, 51), (codes.iter().map(String::as_str).collect(), 32)];
        for (texts, letters) in all {
            for place in 0..letters {
                let seen: HashSet<_> = texts.iter().map(|text| text.as_bytes()[place]).collect();
                assert_eq!(seen.len(), 32, "letter {place}");
            }
        }
    }

    #[test]
    fn base32_writes_five_bits_a_character() {
        assert_eq!(base32(&[0xff, 0, 0]), "zw000");
        assert_eq!(base32(&[0; 32]).len(), 52);
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::random()), "Secret(..)");
    }
}
