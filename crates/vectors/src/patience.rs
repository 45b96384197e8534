//! How long is waited for a store to show what it has taken.
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long is waited for a change to be shown.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long between two looks, at first and at the most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How long somebody goes on looking.
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
    /// Waits until it is worth looking again; `false` when it has been long enough.
    pub async fn wait(&mut self) -> bool {
        if self.since.elapsed() > PATIENCE {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LOOKS.1);
        true
    }
}
