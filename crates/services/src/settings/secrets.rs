//! Secret values: sealed in the database and hidden in memory.
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use carrel_domain::{Error, Result};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::key::Key;

/// A secret text. It is redacted in debug output and erased from memory on drop.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The prefix of sealed text, with the version of the format.
const PREFIX: &str = "sealed:1:";
const NONCE_BYTES: usize = 24;

/// Seals texts with XChaCha20-Poly1305.
///
/// The format is `sealed:1:` followed by unpadded base64 of a random 24-byte nonce, the ciphertext
/// and its tag. The name of the setting is authenticated, so a value cannot be moved to another
/// setting.
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    /// Creates a sealer with a key.
    pub fn new(key: &Key) -> Self {
        Self(XChaCha20Poly1305::new(key.bytes().into()))
    }

    /// Returns whether a text has the form written by [`Sealer::seal`].
    pub fn is_sealed(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Seals a text under a name.
    ///
    /// # Errors
    /// [`Error::Internal`] if the text exceeds the limit of the cipher (256 GiB).
    pub fn seal(&self, name: &str, text: &str) -> Result<String> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: text.as_bytes(), aad: name.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::internal(format!("{name} cannot be sealed")))?;
        Ok(format!("{PREFIX}{}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// [`Error::Unavailable`], with instructions, if the text was sealed with another key or name,
    /// was changed, or has an unknown format.
    pub fn open(&self, name: &str, sealed: &str) -> Result<String> {
        let Some(text) = sealed.strip_prefix(PREFIX) else {
            return Err(unreadable(name, "has a format that this version does not support"));
        };
        let opened = STANDARD_NO_PAD.decode(text).ok().and_then(|bytes| {
            let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
            let payload = Payload { msg: sealed, aad: name.as_bytes() };
            let opened = self.0.decrypt(&XNonce::from(*nonce), payload).ok()?;
            String::from_utf8(opened).ok()
        });
        opened.ok_or_else(|| unreadable(name, "was sealed with another key or has been changed"))
    }
}

fn unreadable(name: &str, reason: &str) -> Error {
    let remedy = "restore the key it was sealed with, or set the value again";
    Error::unavailable("the secret store", format!("{name} {reason}; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_text_opens_only_with_its_key_and_name() {
        let sealer = Sealer::new(&Key::random());
        for text in ["", "sk-1", "é語 \u{2028}'\"\\$"] {
            let sealed = sealer.seal("A", text).unwrap();
            assert_eq!(sealer.open("A", &sealed).unwrap(), text);
            assert!(sealed.starts_with(PREFIX) && (text.is_empty() || !sealed.contains(text)));
            assert_ne!(sealed, sealer.seal("A", text).unwrap());
            for error in [
                sealer.open("B", &sealed).unwrap_err(),
                Sealer::new(&Key::random()).open("A", &sealed).unwrap_err(),
            ] {
                assert!(error.to_string().contains("restore the key"), "{error}");
            }
        }
    }

    #[test]
    fn changed_bytes_are_detected_without_panic() {
        let sealer = Sealer::new(&Key::random());
        let sealed = sealer.seal("A", "sk-1").unwrap();
        for at in PREFIX.len()..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(sealer.open("A", &String::from_utf8(bytes).unwrap()).is_err(), "{at}");
            assert!(sealer.open("A", &sealed[..at]).is_err(), "{at}");
        }
        for text in ["", "sk-1", "sealed:1:", "sealed:1:é", "sealed:2:AAAA", "sealed:1:AAAA"] {
            assert!(sealer.open("A", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_redacted_in_debug_output() {
        let secret = SecretString::new("sk-1");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.reveal(), "sk-1");
    }
}
