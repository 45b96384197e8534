//! Checking the audit log against itself.
use carrel_domain::Result;
use carrel_domain::audit::{AuditLog, link};

/// How many events are read at once.
const PAGE: u32 = 1000;

/// What a check of the chain found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All so many events fit.
    Whole(u64),
    /// The event with this id was changed, or one before it was removed.
    Broken(i64),
}

/// Follows the chain from its beginning.
pub async fn verify(log: &dyn AuditLog) -> Result<Verdict> {
    let (mut last, mut digest, mut seen) = (0, [0; 32], 0);
    loop {
        let events = log.since(last, PAGE).await?;
        if events.is_empty() {
            return Ok(Verdict::Whole(seen));
        }
        for event in events {
            digest = link(digest, &event);
            if event.id != last + 1 || digest != event.digest {
                return Ok(Verdict::Broken(event.id));
            }
            last = event.id;
            seen += 1;
        }
    }
}
