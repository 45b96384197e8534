//! Seals of the audit log: proof by the holder of the key that the log is genuine up to an event.
//! Write access to the database is not enough to forge a seal.
use std::fmt;
use std::fmt::Write as _;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{By, Event};
use crate::Result;

/// A point of the chain: the id and digest of an event. The digest covers every event up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainPoint {
    /// The id of the event. Zero before the first event.
    pub last_id: i64,
    /// The digest from [`super::link`]. Zeros before the first event.
    pub digest: [u8; 32],
}

/// Formats as `id:digest`, with the digest in hexadecimal.
impl fmt::Display for ChainPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.last_id, hexadecimal(&self.digest))
    }
}

impl ChainPoint {
    /// Returns the first 48 bits of the digest, a number that an `f64` represents exactly.
    pub fn short_digest(&self) -> u64 {
        self.digest[..6].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// A [`ChainPoint`] recorded outside the server, possibly with a truncated digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The id of the newest event, or 0 if the log was empty.
    pub last_id: i64,
    /// The digest or its beginning, in lower-case hexadecimal.
    digest: String,
}

impl Anchor {
    /// The shortest digest accepted, in hexadecimal digits.
    const FEWEST: usize = 12;

    /// Parses the text form of a [`ChainPoint`], whose digest may be truncated to 12 digits or
    /// more.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, digest) = text.trim().split_once(':')?;
        let is_digest = (Self::FEWEST..=64).contains(&digest.len())
            && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
        let last_id = id.parse().ok().filter(|id| *id >= 0)?;
        is_digest.then(|| Self { last_id, digest: digest.to_ascii_lowercase() })
    }

    /// Returns whether `digest` begins with the digest of the anchor.
    pub fn fits(&self, digest: &[u8; 32]) -> bool {
        hexadecimal(digest).starts_with(&self.digest)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The meaning of a seal. A seal of one kind is invalid as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// The log ends at this event.
    Head,
    /// Events up to this one were removed because of their age.
    Start,
}

/// The key that makes seals.
#[derive(Clone)]
pub struct AuditKey([u8; 32]);

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl AuditKey {
    /// Creates the key from 256 bits derived from the server's secret.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Returns the HMAC-SHA-256 of the kind and the point.
    pub fn seal(&self, kind: SealKind, point: ChainPoint) -> [u8; 32] {
        self.mac(kind, point).finalize().into_bytes().into()
    }

    /// Returns whether this key made `seal`. Runs in constant time.
    pub fn fits(&self, kind: SealKind, point: ChainPoint, seal: &[u8]) -> bool {
        self.mac(kind, point).verify_slice(seal).is_ok()
    }

    fn mac(&self, kind: SealKind, point: ChainPoint) -> Hmac<Sha256> {
        // HMAC pads a shorter key with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(match kind {
            SealKind::Head => b"head ",
            SealKind::Start => b"start",
        });
        mac.update(&point.last_id.to_be_bytes());
        mac.update(&point.digest);
        mac
    }
}

/// The state of the seal on the head of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadSeal {
    /// The log has never been sealed.
    Missing,
    /// The seal is invalid: made with another key or forged.
    Foreign,
    /// The seal is valid for this point.
    Fits(ChainPoint),
}

/// Both ends of the log as stored, and whether their seals are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnds {
    /// The last event that was removed because of its age.
    pub start: ChainPoint,
    /// Whether nothing was removed, or the removal is sealed with this server's key.
    pub start_fits: bool,
    /// The newest event.
    pub head: ChainPoint,
    /// The state of the seal on `head`.
    pub head_seal: HeadSeal,
}

impl ChainEnds {
    /// Returns whether the seal covers the newest event.
    pub fn is_sealed(&self) -> bool {
        self.head_seal == HeadSeal::Fits(self.head)
    }
}

/// Stores the seals of the audit log. An event that follows a sealed one is sealed when it is
/// written.
#[async_trait]
pub trait AuditSeals: Send + Sync {
    /// Returns the ends of the chain as stored.
    async fn ends(&self) -> Result<ChainEnds>;
    /// Seals the log as it is and writes `event`.
    async fn seal(&self, event: Option<Event>) -> Result<()>;
    /// Removes at most `most` events older than `before`, oldest first, and seals the new start of
    /// the log. Writes an event and returns the number removed; writes nothing if it is zero.
    /// [`crate::Error::Unavailable`] if the log does not match its seals, so that evidence of
    /// tampering is not removed.
    async fn remove_old(&self, before: DateTime<Utc>, most: u32, by: By) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: ChainPoint = ChainPoint { last_id: 7, digest: [0xab; 32] };

    #[test]
    fn a_seal_is_valid_only_for_its_point_kind_and_key() {
        let key = AuditKey::new([1; 32]);
        let seal = key.seal(SealKind::Head, POINT);
        assert!(key.fits(SealKind::Head, POINT, &seal));
        assert!(!key.fits(SealKind::Start, POINT, &seal));
        assert!(!key.fits(SealKind::Head, ChainPoint { last_id: 6, ..POINT }, &seal));
        assert!(!key.fits(SealKind::Head, ChainPoint { digest: [0; 32], ..POINT }, &seal));
        assert!(!key.fits(SealKind::Head, POINT, &seal[..31]));
        assert!(!key.fits(SealKind::Head, POINT, b""));
        assert!(!AuditKey::new([2; 32]).fits(SealKind::Head, POINT, &seal));
        assert_eq!(format!("{key:?}"), "***");
    }

    #[test]
    fn an_anchor_parses_a_displayed_point() {
        let anchor = Anchor::parse(&format!(" {POINT}\n")).unwrap();
        assert_eq!(anchor.last_id, 7);
        assert!(anchor.fits(&POINT.digest) && !anchor.fits(&[0xac; 32]));
        assert!(Anchor::parse("7:ABABABABABAB").unwrap().fits(&POINT.digest));
        for wrong in ["", "7", "7:", "7:abababababa", "-1:abababababab", "7:xxxxxxxxxxxx", "x:y"] {
            assert_eq!(Anchor::parse(wrong), None, "{wrong}");
        }
        assert_eq!(POINT.short_digest(), 0xabab_abab_abab);
    }
}
