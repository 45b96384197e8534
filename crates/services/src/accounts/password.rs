//! Password rules and password hashing.
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use carrel_domain::user::PasswordHash;
use carrel_domain::{Error, Result};
use tokio::sync::Semaphore;

/// The rules for passwords. Lengths are in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The minimum length.
    pub min_length: usize,
    /// The maximum length.
    pub max_length: usize,
    /// The minimum number of lower-case letters.
    pub lower_case: usize,
    /// The minimum number of upper-case letters.
    pub upper_case: usize,
    /// The minimum number of digits.
    pub digits: usize,
    /// The minimum number of symbols.
    pub symbols: usize,
    /// The minimum number of character kinds, out of these four.
    pub kinds: usize,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            min_length: 7,
            max_length: 250,
            lower_case: 0,
            upper_case: 0,
            digits: 0,
            symbols: 0,
            kinds: 0,
        }
    }
}

impl PasswordRules {
    /// Checks a password. [`Error::Invalid`] with the violated rule.
    pub fn check(&self, password: &str) -> Result<()> {
        let invalid = |reason: String| Err(Error::invalid("password", reason));
        if password.is_empty() {
            return invalid("\"value\" is not allowed to be empty".to_owned());
        }
        let length = password.chars().count();
        if length < self.min_length {
            return invalid(format!(
                "password should be at least {} characters long",
                self.min_length
            ));
        }
        if length > self.max_length {
            return invalid(format!(
                "password should not be longer than {} characters",
                self.max_length
            ));
        }
        let count = |is: fn(char) -> bool| password.chars().filter(|c| is(*c)).count();
        let counts = [
            (count(char::is_lowercase), self.lower_case, "lower-cased letter"),
            (count(char::is_uppercase), self.upper_case, "upper-cased letter"),
            (count(char::is_numeric), self.digits, "number"),
            (count(|c| !c.is_alphanumeric()), self.symbols, "symbol"),
        ];
        for (count, minimum, kind) in counts {
            if count < minimum {
                return invalid(format!("password should contain at least {minimum} {kind}"));
            }
        }
        if counts.iter().filter(|(count, _, _)| *count > 0).count() < self.kinds {
            return invalid(format!(
                "password should contain at least {} of the kinds of characters",
                self.kinds
            ));
        }
        Ok(())
    }
}

/// The maximum number of concurrent hashes. Each needs 19 MiB of memory.
const MAX_CONCURRENT_HASHES: usize = 2;

/// Hashes and verifies passwords on blocking threads. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    rules: PasswordRules,
    semaphore: Arc<Semaphore>,
}

impl Passwords {
    /// Creates a hasher with these rules.
    pub fn new(rules: PasswordRules) -> Self {
        Self { rules, semaphore: Arc::new(Semaphore::new(MAX_CONCURRENT_HASHES)) }
    }

    /// Checks a new password against the rules.
    pub fn check(&self, password: &str) -> Result<()> {
        self.rules.check(password)
    }

    /// Hashes a password with Argon2id at the recommended cost (19 MiB, two passes).
    pub async fn hash(&self, password: String) -> Result<PasswordHash> {
        self.run_blocking(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| PasswordHash(hash.to_string()))
                .map_err(|error| Error::internal(error.to_string()))
        })
        .await
    }

    /// Returns whether a password matches a hash: Argon2, or bcrypt from imports.
    pub async fn verify(&self, password: String, hash: PasswordHash) -> Result<bool> {
        let max_length = self.rules.max_length;
        self.run_blocking(move || {
            // Longer passwords cannot have been set, so they are not hashed.
            let password =
                if password.chars().count() > max_length { String::new() } else { password };
            Ok(match is_bcrypt(&hash) {
                true => bcrypt::verify(&password, &hash.0).unwrap_or(false),
                false => Phc::new(&hash.0).is_ok_and(|hash| {
                    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
                }),
            })
        })
        .await
    }

    async fn run_blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _permit = self.semaphore.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(task).await.map_err(Error::internal)?
    }
}

/// Returns whether a hash should be replaced with a stronger one at the next successful sign-in.
pub fn is_bcrypt(hash: &PasswordHash) -> bool {
    hash.0.starts_with("$2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_stored_as_an_argon2id_hash() {
        let passwords = Passwords::new(PasswordRules::default());
        let hash = passwords.hash("hunter2".into()).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(passwords.verify("hunter2".into(), hash.clone()).await.unwrap());
        for password in ["hunter3", "", " hunter2", &"x".repeat(1 << 20)] {
            assert!(!passwords.verify(password.into(), hash.clone()).await.unwrap());
        }
    }

    #[tokio::test]
    async fn imported_hashes_are_verified() {
        let passwords = Passwords::new(PasswordRules::default());
        let hash = PasswordHash(bcrypt::hash("hunter2", 4).unwrap());
        assert!(is_bcrypt(&hash));
        assert!(passwords.verify("hunter2".into(), hash.clone()).await.unwrap());
        assert!(!passwords.verify("hunter3".into(), hash).await.unwrap());
        assert!(!passwords.verify("x".into(), PasswordHash("damaged".into())).await.unwrap());
    }

    #[test]
    fn violated_rules_are_reported() {
        let rules = PasswordRules::default();
        assert!(rules.check("hunter2").is_ok() && rules.check(&"é".repeat(250)).is_ok());
        for (password, reason) in [
            ("", "\"value\" is not allowed to be empty"),
            ("hunter", "password should be at least 7 characters long"),
            (&"x".repeat(251), "password should not be longer than 250 characters"),
        ] {
            assert_eq!(
                rules.check(password).unwrap_err().to_string(),
                format!("password: {reason}")
            );
        }
        let strict = PasswordRules { digits: 1, symbols: 1, kinds: 3, ..rules };
        assert!(strict.check("hunter2").is_err() && strict.check("hunter-2").is_ok());
    }
}
