//! Brings the store to the version of the database, one workspace at a time.
//!
//! Chunks added later have larger ids, and the watermark contains the last stored id, so the
//! additions are the chunks above it. The process that removes documents also removes them from the
//! store. If the counts differ afterwards, because that process or the store failed, chunks are
//! compared one by one. The watermark is written last, so a crash at any point only causes some
//! work to be repeated.
//!
//! Several processes may run this at once. A process that has stored vectors checks for removals
//! afterwards, so that documents removed by another process in the meantime do not reappear.
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use carrel_domain::vector::{NamespaceVersion, Tally, VectorRow};
use carrel_domain::{ChunkId, Error, Result, WorkspaceId};

use super::Inner;
use super::slots::Slot;
use crate::store::{Tombstones, Watermark, is_refusal, refusal};

/// Vectors read at once.
const PAGE: usize = 512;
/// Vector values sent at once, a few megabytes of text.
const VALUES_AT_ONCE: usize = 256 << 10;
/// Chunks or documents removed at once.
const TOMBSTONES_AT_ONCE: usize = 500;
/// Ids read at once.
const IDS: usize = 10_000;
/// More dimensions than any store accepts.
const MAX_DIMENSIONS: usize = 16_000;
/// Interval between progress messages in the log.
const TELL: Duration = Duration::from_secs(10);

impl Inner {
    /// Brings the store up to date. Counts the store's contents if `verify` is set, or if a search
    /// found less than the watermark promises, even if nothing seems to have changed.
    pub(super) async fn reconcile(&self, within: WorkspaceId, verify: bool) -> Result<()> {
        let slot = self.slots.slot(within);
        let _gate = slot.sync_lock.lock().await;
        let version = self.rows.version(within).await?;
        let verify = slot.take_suspect() || verify;
        if !verify && slot.watermark().is_some_and(|watermark| watermark.covers(version)) {
            return Ok(());
        }
        let _work = slot.work();
        let filled = self.fill_completely(within, &slot, verify).await;
        self.record_outcome(within, &slot.filling, &filled);
        match filled {
            Ok(watermark) => {
                slot.advance(watermark);
                // The codes of the embedded index are not needed for a while.
                self.embedded.forget(within);
                Ok(())
            }
            Err(error) => {
                if verify {
                    // The count did not finish, so the next attempt must repeat it.
                    slot.suspect();
                }
                if is_refusal(&error) {
                    // The store's contents are uncertain. The next attempt reads its watermark
                    // again.
                    slot.forget();
                }
                Err(error)
            }
        }
    }

    /// Fills the store and empties it first if necessary. Returns the final watermark.
    async fn fill_completely(
        &self,
        within: WorkspaceId,
        slot: &Slot,
        verify: bool,
    ) -> Result<Watermark> {
        for _ in 0..2 {
            if let Some(watermark) = self.fill(within, slot, verify).await? {
                return Ok(watermark);
            }
        }
        Err(refusal(self.store.name(), "it loses vectors while it is being filled"))
    }

    /// Fills the store and returns the final watermark, or `None` if it had to be emptied.
    async fn fill(
        &self,
        within: WorkspaceId,
        slot: &Slot,
        verify: bool,
    ) -> Result<Option<Watermark>> {
        // The watermark is read first, so that the version of the database is at least as recent.
        let found = self.record_health(self.store.watermark(within)).await?;
        let version = self.rows.version(within).await?;
        let mut watermark = found.clone().unwrap_or_default();
        let is_gone = version == NamespaceVersion::default() && found.is_some();
        if is_gone || !covers(version, watermark.version) {
            // The workspace was deleted, or the database was restored from an older copy.
            self.record_health(self.store.clear(within, &watermark.dimensions)).await?;
            watermark = Watermark::default();
        } else if !verify && found.is_some() && watermark.covers(version) {
            return Ok(Some(watermark));
        }
        let tombstones = slot.take_tombstones();
        if !watermark.dimensions.is_empty() {
            for some in tombstones.chunks(TOMBSTONES_AT_ONCE) {
                let removed = Tombstones::Documents(some);
                self.record_health(self.store.remove(within, &watermark.dimensions, removed))
                    .await?;
            }
        }
        let tally = self.add(within, &mut watermark).await?;
        self.record_health(self.store.wait_until_visible(within, &watermark.dimensions)).await?;
        if verify || tally.version.removals != watermark.version.removals {
            let count = self.record_health(self.store.count(within, &watermark.dimensions)).await?;
            watermark.vectors = count;
            let agrees = count + watermark.left_out == tally.vectors;
            if !agrees && !self.compare(within, &mut watermark).await? {
                self.record_health(self.store.clear(within, &watermark.dimensions)).await?;
                return Ok(None);
            }
        } else {
            watermark.vectors = tally.vectors.saturating_sub(watermark.left_out);
        }
        watermark.version = tally.version;
        if found.as_ref() != Some(&watermark) && tally.version != NamespaceVersion::default() {
            self.record_health(self.store.set_watermark(within, &watermark)).await?;
        }
        Ok(Some(watermark))
    }

    /// Stores the additions. Returns the database's tally when none are left.
    async fn add(&self, within: WorkspaceId, watermark: &mut Watermark) -> Result<Tally> {
        let (mut added, mut reported_at) = (0, Instant::now());
        loop {
            let after = (watermark.last > 0).then_some(ChunkId(watermark.last));
            let (tally, page) = self.rows.rows(within, after, PAGE).await?;
            let Some(last) = page.last().map(|row| row.chunk.0) else {
                if added >= PAGE {
                    let (workspace, store) = (within.0, self.store.name());
                    tracing::info!(
                        workspace,
                        added,
                        "{store} contains the vectors of the workspace"
                    );
                }
                return Ok(tally);
            };
            if last <= watermark.last {
                return Err(Error::internal("the database returned a page of vectors twice"));
            }
            added += page.len();
            self.put(within, watermark, page).await?;
            watermark.last = last;
            self.record_health(self.store.set_watermark(within, watermark)).await?;
            if reported_at.elapsed() >= TELL {
                reported_at = Instant::now();
                let (workspace, of) = (within.0, tally.vectors);
                tracing::info!(workspace, added, of, "filling {}", self.store.name());
            }
        }
    }

    async fn put(
        &self,
        within: WorkspaceId,
        watermark: &mut Watermark,
        page: Vec<VectorRow>,
    ) -> Result<()> {
        let mut by_length: BTreeMap<usize, Vec<VectorRow>> = BTreeMap::new();
        for row in page {
            let length = row.vector.len();
            let fits = (1..=MAX_DIMENSIONS).contains(&length);
            if fits && row.vector.iter().all(|value| value.is_finite()) {
                by_length.entry(length).or_default().push(row);
            } else {
                watermark.left_out += 1;
            }
        }
        let known = watermark.dimensions.len();
        watermark.dimensions.extend(by_length.keys());
        if watermark.dimensions.len() > known {
            // The watermark is written before the vectors: vectors in a place that no watermark
            // lists would never be removed.
            self.record_health(self.store.set_watermark(within, watermark)).await?;
        }
        for (length, rows) in by_length {
            for some in rows.chunks((VALUES_AT_ONCE / length).max(1)) {
                self.record_health(self.store.put(within, length, some)).await?;
            }
        }
        Ok(())
    }

    /// Removes chunks that the database does not have. Returns `false` if the store also lacks
    /// some.
    async fn compare(&self, within: WorkspaceId, watermark: &mut Watermark) -> Result<bool> {
        let mut known = HashSet::new();
        let mut after = None;
        loop {
            let page = self.rows.chunks(within, after, IDS).await?;
            let Some(last) = page.last().copied() else { break };
            // Later chunks have not been added yet.
            known.extend(page.into_iter().filter(|chunk| chunk.0 <= watermark.last));
            after = Some(last);
            if last.0 > watermark.last {
                break;
            }
        }
        let mut stored =
            self.record_health(self.store.chunks(within, &watermark.dimensions)).await?;
        stored.retain(|chunk| chunk.0 <= watermark.last);
        let (expected, surplus): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|chunk| known.contains(chunk));
        for some in surplus.chunks(TOMBSTONES_AT_ONCE) {
            let tombstones = Tombstones::Chunks(some);
            self.record_health(self.store.remove(within, &watermark.dimensions, tombstones))
                .await?;
        }
        let expected: HashSet<_> = expected.into_iter().collect();
        let missing = (known.len() - expected.len()) as u64;
        let (workspace, removed) = (within.0, surplus.len());
        tracing::info!(workspace, removed, lacking = missing, "compared {}", self.store.name());
        self.record_health(self.store.wait_until_visible(within, &watermark.dimensions)).await?;
        let is_whole = missing <= watermark.left_out;
        (watermark.left_out, watermark.vectors) = (missing, expected.len() as u64);
        Ok(is_whole)
    }
}

/// Returns true if a database with the version `now` may have had the version `then` before.
fn covers(now: NamespaceVersion, then: NamespaceVersion) -> bool {
    now.additions >= then.additions && now.removals >= then.removals
}
