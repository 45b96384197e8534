use sha2::{Digest, Sha256};

use super::*;
use crate::fakes::{FakeKeys, by};

fn service() -> (Arc<FakeKeys>, ApiKeyService) {
    let keys = Arc::new(FakeKeys::default());
    (keys.clone(), ApiKeyService::new(keys))
}

#[tokio::test]
async fn a_key_is_admitted_until_it_is_revoked() {
    let (_, service) = service();
    let now = Utc::now();
    let (secret, key) = service.create(KeyOptions::default(), &by()).await.unwrap();
    assert_eq!(secret.reveal().len(), 4 + 52);
    assert!(secret.reveal().starts_with(&key.prefix));
    assert!(service.authenticate(secret.reveal(), now).await.unwrap().is_some());
    assert!(service.authenticate(&secret.reveal().to_uppercase(), now).await.unwrap().is_none());
    service.revoke(key.id, &by()).await.unwrap();
    assert!(service.authenticate(secret.reveal(), now).await.unwrap().is_none());
    assert!(service.revoke(key.id, &by()).await.is_err());
}

#[tokio::test]
async fn a_key_revoked_by_another_process_is_refused_within_a_second() {
    let (keys, service) = service();
    let now = Utc::now();
    let (secret, key) = service.create(KeyOptions::default(), &by()).await.unwrap();
    service.authenticate(secret.reveal(), now).await.unwrap();
    keys.revoke(key.id, by().event("api_key_deleted", "{}")).await.unwrap();
    assert!(service.authenticate(secret.reveal(), now + CACHE_TTL).await.unwrap().is_none());
}

#[tokio::test]
async fn a_concurrent_lookup_does_not_restore_a_revoked_key() {
    let (keys, service) = service();
    let now = Utc::now();
    let (secret, key) = service.create(KeyOptions::default(), &by()).await.unwrap();
    let (go_on, release) = tokio::sync::oneshot::channel();
    *keys.paused.lock().unwrap() = Some(release);
    let revoked = async {
        service.revoke(key.id, &by()).await.unwrap();
        go_on.send(()).unwrap();
    };
    // The lookup starts before the revocation and completes after it.
    let (authenticated, ()) = tokio::join!(service.authenticate(secret.reveal(), now), revoked);
    assert!(authenticated.unwrap().is_some());
    assert!(service.authenticate(secret.reveal(), now).await.unwrap().is_none());
}

#[tokio::test]
async fn requests_are_served_from_the_cache_without_writes() {
    let (keys, service) = service();
    let now = Utc::now();
    let (secret, key) = service.create(KeyOptions::default(), &by()).await.unwrap();
    for _ in 0..100 {
        service.authenticate(secret.reveal(), now).await.unwrap();
    }
    assert_eq!(keys.lookups().len(), 1);
    service.flush_uses().await.unwrap();
    assert_eq!(keys.last_used(key.id), Some(now));
}

#[tokio::test]
async fn every_guess_is_looked_up_by_its_full_digest() {
    let (keys, service) = service();
    let (now, empty) = (Utc::now(), Sha256::digest(b""));
    let (secret, _) = service.create(KeyOptions::default(), &by()).await.unwrap();
    let secret_text = secret.reveal();
    let guesses = [
        "crl_".to_owned(),
        "x".repeat(secret_text.len()),
        secret_text[..12].to_owned(),
        secret_text[..secret_text.len() - 1].to_owned(),
        format!("{secret_text}x"),
        String::new(),
    ];
    for guess in &guesses {
        assert!(service.authenticate(guess, now).await.unwrap().is_none(), "{guess}");
    }
    assert!(service.authenticate(secret_text, now).await.unwrap().is_some());
    let digests: Vec<_> = guesses.iter().map(|guess| digest(guess)).collect();
    assert!(keys.lookups()[..guesses.len()] == digests);
    assert_eq!(keys.lookups().len(), guesses.len() + 1);
    // A known SHA-256 value proves that the whole guess is hashed.
    assert!(digests[5] == KeyDigest(empty.into()));
}

#[tokio::test]
async fn a_key_from_the_environment_has_a_minimum_length() {
    let (_, service) = service();
    let now = Utc::now();
    for secret_text in ["", "fifteen-charact", "sixteen characters"] {
        assert!(
            service.take_from_environment(Some(secret_text), &by()).await.is_err(),
            "{secret_text}"
        );
    }
    service.take_from_environment(Some("sixteen-characte"), &by()).await.unwrap();
    assert!(service.authenticate("sixteen-characte", now).await.unwrap().is_some());
    assert!(!service.is_empty(now).await.unwrap());
}

#[tokio::test]
async fn a_limited_key_waits_its_turn() {
    let (_, service) = service();
    let now = Utc::now();
    let options = KeyOptions { rate_limit: Some(3), ..KeyOptions::default() };
    let (_, key) = service.create(options, &by()).await.unwrap();
    assert!((0..3).all(|_| service.check_rate_limit(&key, now).is_ok()));
    assert_eq!(service.check_rate_limit(&key, now), Err(21));
    assert!(service.check_rate_limit(&key, now + TimeDelta::seconds(21)).is_ok());
    assert!(service.check_rate_limit(&key, now + TimeDelta::seconds(21)).is_err());
}
