//! Checks every few seconds whether the recipient of a long response still has access.
use std::io;
use std::time::Duration;

use carrel_domain::Result;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::time::{Instant, timeout};

/// The interval between access checks.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The recipient of a long response, whose access can end.
pub trait Admitted {
    /// Returns whether the recipient still has access. Called at intervals while a stream lasts.
    fn is_admitted(&self) -> impl Future<Output = Result<bool>>;
}

/// Passes `events` on while the listener has access, then ends the stream.
pub fn while_admitted<T>(
    events: impl Stream<Item = T> + 'static,
    listener: impl Admitted,
) -> impl Stream<Item = T> {
    until_access_ends(events, listener, || None)
}

/// Passes the pieces of a file on while the recipient has access. Then fails the stream, so that a
/// truncated file is not taken for the complete one.
pub fn download_while_admitted<T>(
    chunks: impl Stream<Item = io::Result<T>> + 'static,
    recipient: impl Admitted,
) -> impl Stream<Item = io::Result<T>> {
    until_access_ends(chunks, recipient, || {
        Some(Err(io::Error::other("its recipient no longer has access")))
    })
}

fn until_access_ends<T>(
    items: impl Stream<Item = T> + 'static,
    recipient: impl Admitted,
    final_item: fn() -> Option<T>,
) -> impl Stream<Item = T> {
    let state = Some((Box::pin(items), recipient, Instant::now()));
    stream::unfold(state, move |state| async move {
        let (mut items, recipient, mut checked_at) = state?;
        loop {
            let next = timeout(CHECK_INTERVAL, items.next()).await;
            if checked_at.elapsed() >= CHECK_INTERVAL {
                checked_at = Instant::now();
                // A database failure may be temporary, so the stream continues.
                if matches!(recipient.is_admitted().await, Ok(false)) {
                    return final_item().map(|last| (last, None));
                }
            }
            if let Ok(next) = next {
                return Some((next?, Some((items, recipient, checked_at))));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use carrel_domain::Error;

    use super::*;

    /// Has access for some seconds, with a database that may be unavailable.
    struct TimedAccess(u64, Instant, bool);

    impl Admitted for TimedAccess {
        async fn is_admitted(&self) -> Result<bool> {
            let is_admitted = self.1.elapsed() < Duration::from_secs(self.0);
            if self.2 { Err(Error::internal("away")) } else { Ok(is_admitted) }
        }
    }

    fn every_second() -> impl Stream<Item = io::Result<u32>> {
        stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(number), number + 1))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_access_ends() {
        let recipient = || TimedAccess(7, Instant::now(), false);
        let events: Vec<_> = while_admitted(every_second(), recipient()).collect().await;
        assert_eq!(events.len(), 9);
        let pending = stream::pending::<u32>();
        assert_eq!(while_admitted(pending, recipient()).count().await, 0);
        let chunks: Vec<_> = download_while_admitted(every_second(), recipient()).collect().await;
        assert!(chunks.len() == 10 && chunks[9].is_err(), "{chunks:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unavailable_database_does_not_end_a_stream() {
        let events = while_admitted(every_second().take(60), TimedAccess(0, Instant::now(), true));
        assert_eq!(events.count().await, 60);
    }
}
