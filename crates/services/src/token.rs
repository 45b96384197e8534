//! Random secrets for API keys, sessions, links and codes, and their digests.
use std::fmt;

use carrel_domain::api_key::KeyDigest;
use sha2::{Digest, Sha256};

/// A plain secret. It is shown once, to the caller it was made for, and never logged.
pub struct Secret(String);

impl Secret {
    /// Returns 256 bits from the system's random source, as `crl_` and 52 letters and digits.
    pub fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(format!("crl_{}", base32(&bytes)))
    }

    /// Returns the digest to store.
    pub fn digest(&self) -> KeyDigest {
        digest(&self.0)
    }

    /// Returns the plain secret, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the first characters, with which people identify the secret. They reveal 40 of its
    /// 256 bits.
    pub fn prefix(&self) -> String {
        self.0.chars().take(12).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Returns the SHA-256 digest under which a secret is stored and looked up.
pub fn digest(secret: &str) -> KeyDigest {
    KeyDigest(Sha256::digest(secret.as_bytes()).into())
}

/// Returns 160 bits from the system's random source, as 32 letters and digits.
pub fn random_code() -> String {
    let bytes: [u8; 20] = rand::random();
    base32(&bytes)
}

/// Encodes bytes in Crockford's base32 alphabet, in lower case.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut pending, mut bits) = (0u32, 0);
    for byte in bytes {
        pending = pending << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(pending >> bits & 31) as usize]));
        }
        pending &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(pending << (5 - bits) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn secrets_are_random_at_every_position() {
        let secrets: Vec<_> = (0..2_000).map(|_| Secret::random()).collect();
        let codes: Vec<_> = (0..2_000).map(|_| random_code()).collect();
        let secrets: Vec<_> = secrets.iter().map(|secret| &secret.reveal()[4..]).collect();
        // The last of 52 letters holds one bit; every other letter holds five.
        let all = [(secrets, 51), (codes.iter().map(String::as_str).collect(), 32)];
        for (texts, letters) in all {
            for index in 0..letters {
                let distinct: HashSet<_> =
                    texts.iter().map(|text| text.as_bytes()[index]).collect();
                assert_eq!(distinct.len(), 32, "letter {index}");
            }
        }
    }

    #[test]
    fn base32_encodes_five_bits_per_character() {
        assert_eq!(base32(&[0xff, 0, 0]), "zw000");
        assert_eq!(base32(&[0; 32]).len(), 52);
    }

    #[test]
    fn a_token_is_redacted_in_debug_output() {
        assert_eq!(format!("{:?}", Secret::random()), "Secret(..)");
    }
}
