//! Waits for a store to show a change that it has accepted.
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The maximum duration of a wait.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two checks, at first and at most. It doubles each time.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A wait in progress.
pub(crate) struct Patience {
    since: Instant,
    pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { since: Instant::now(), pause: LOOKS.0 }
    }
}

impl Patience {
    /// Waits until the next check. Returns false if the time is up.
    pub async fn wait(&mut self) -> bool {
        if self.since.elapsed() > PATIENCE {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LOOKS.1);
        true
    }
}
