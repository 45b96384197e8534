//! Keeping the store in agreement while nobody searches.
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use carrel_domain::Result;

use super::Inner;

/// How long changes by other processes may stay unknown to the store when nobody searches.
const LOOK: Duration = Duration::from_secs(5);
/// How often everything the store holds is counted.
const VERIFY: Duration = Duration::from_secs(3_600);

impl Inner {
    pub(super) async fn tend(&self) {
        let mut verified: Option<Instant> = None;
        let mut failing = false;
        loop {
            if self.standing.check().is_ok() {
                let verify = verified.is_none_or(|at| at.elapsed() >= VERIFY);
                let done = self.round(verify).await;
                if verify && done.is_ok() {
                    verified = Some(Instant::now());
                    self.say_what_is_held();
                }
                // What the store has not done is told of where it is noted.
                if let Some(error) = done.as_ref().err().filter(|_| !failing) {
                    tracing::debug!("failed to keep {} up to date: {error}", self.store.name());
                }
                failing = done.is_err();
            }
            tokio::select! {
                () = self.told.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn say_what_is_held(&self) {
        tracing::info!("{} holds all vectors", self.store.name());
    }

    /// Brings every workspace up to date that is not.
    pub(super) async fn round(&self, verify: bool) -> Result<()> {
        // Marks first: what has one by then and is not in the database is of the past.
        let marks = match verify {
            true => self.asked(self.store.marks()).await?,
            false => Vec::new(),
        };
        let namespaces = self.rows.namespaces().await?;
        let there: BTreeSet<_> = namespaces.iter().map(|(within, _)| *within).collect();
        let mut gone = self.slots.take_left();
        gone.extend(marks.into_iter().map(|(within, _)| within));
        let gone: Vec<_> = gone.difference(&there).copied().collect();
        for (at, within) in gone.iter().enumerate() {
            if let Err(error) = self.agree(*within, true).await {
                gone[at..].iter().for_each(|within| self.slots.leave(*within));
                return Err(error);
            }
            self.slots.remove(*within);
        }
        for (within, tally) in namespaces {
            let mark = self.slots.slot(within).mark();
            if verify || !mark.is_some_and(|mark| mark.covers(tally.version)) {
                self.agree(within, verify).await?;
            }
        }
        Ok(())
    }
}
