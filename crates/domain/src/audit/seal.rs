//! Seals of the audit log: proof by the holder of the key that the log is genuine up to an event. A
//! person who can only write the database cannot forge it.
use std::fmt;
use std::fmt::Write as _;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{By, Event};
use crate::Result;

/// A point of the chain: the id and the digest of an event, and with them every event up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainPoint {
    /// Zero before the first event.
    pub last_id: i64,
    /// As [`super::link`] makes it; zeros before the first event.
    pub digest: [u8; 32],
}

/// The id, a colon and the digest in hexadecimal digits.
impl fmt::Display for ChainPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.last_id, hexadecimal(&self.digest))
    }
}

impl ChainPoint {
    /// The first 48 bits of the digest: a number that a float of 64 bits holds exactly.
    pub fn short_digest(&self) -> u64 {
        self.digest[..6].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// A [`ChainPoint`] that was kept elsewhere, perhaps with the beginning of its digest only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The id of the newest event, or 0 when there is none.
    pub last_id: i64,
    /// In lower-case hexadecimal digits.
    digest: String,
}

impl Anchor {
    /// The fewest digits of a digest that tell one log from another.
    const FEWEST: usize = 12;

    /// Reads what a [`ChainPoint`] is shown as, with the digest cut to 12 digits or more.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, digest) = text.trim().split_once(':')?;
        let is_digest = (Self::FEWEST..=64).contains(&digest.len())
            && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
        let last_id = id.parse().ok().filter(|id| *id >= 0)?;
        is_digest.then(|| Self { last_id, digest: digest.to_ascii_lowercase() })
    }

    /// Whether `digest` is that of the event the anchor names.
    pub fn fits(&self, digest: &[u8; 32]) -> bool {
        hexadecimal(digest).starts_with(&self.digest)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The meaning of a seal, so that a seal of one kind cannot be used as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// The log ends here.
    Head,
    /// Events up to here were removed because of their age.
    Start,
}

/// The key for seals.
#[derive(Clone)]
pub struct AuditKey([u8; 32]);

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl AuditKey {
    /// A sealing key of 256 bits, derived from the server's secret.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// HMAC-SHA-256 over the kind and the point.
    pub fn seal(&self, kind: SealKind, point: ChainPoint) -> [u8; 32] {
        self.mac(kind, point).finalize().into_bytes().into()
    }

    /// Whether `seal` is this key's. Takes equally long whatever `seal` is.
    pub fn fits(&self, kind: SealKind, point: ChainPoint, seal: &[u8]) -> bool {
        self.mac(kind, point).verify_slice(seal).is_ok()
    }

    fn mac(&self, kind: SealKind, point: ChainPoint) -> Hmac<Sha256> {
        // HMAC itself fills a shorter key up with zeros.
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

/// The state of the seal of the log's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadSeal {
    /// No version of this program has sealed the log yet.
    Missing,
    /// Made with another key, or by somebody without it.
    Foreign,
    /// Made with this server's key, for this point.
    Fits(ChainPoint),
}

/// Both ends of the log as the database has them, and what their seals are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnds {
    /// The last event that was removed because of its age.
    pub start: ChainPoint,
    /// Whether nothing was removed, or this server's key says that it was removed.
    pub start_fits: bool,
    /// The newest event and the digest of the chain up to it.
    pub head: ChainPoint,
    /// The proof that the server vouches for it.
    pub head_seal: HeadSeal,
}

impl ChainEnds {
    /// Whether the seal is of the very end.
    pub fn is_sealed(&self) -> bool {
        self.head_seal == HeadSeal::Fits(self.head)
    }
}

/// The seals of the audit log. Each event that follows a sealed one is sealed with it.
#[async_trait]
pub trait AuditSeals: Send + Sync {
    /// The ends of the chain as stored.
    async fn ends(&self) -> Result<ChainEnds>;
    /// Vouches for the log as it is, and writes `event`.
    async fn seal(&self, event: Option<Event>) -> Result<()>;
    /// Removes events from before `before`, the oldest first and at most so many, and vouches for
    /// where the others begin. Writes an event if there were any; returns how many.
    /// [`crate::Error::Unavailable`] when the log does not fit its seals: what shows that is not
    /// removed.
    async fn remove_old(&self, before: DateTime<Utc>, most: u32, by: By) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: ChainPoint = ChainPoint { last_id: 7, digest: [0xab; 32] };

    #[test]
    fn a_seal_fits_its_point_its_kind_and_its_key_only() {
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
    fn an_anchor_is_read_as_a_point_is_shown() {
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
