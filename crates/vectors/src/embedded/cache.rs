//! The cache of workspaces' codes.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_domain::WorkspaceId;

use super::snapshot::Snapshot;

/// The cache entry of one workspace.
pub struct CacheEntry {
    /// Locked while the codes are changed. Readers do not need it.
    pub load_lock: tokio::sync::Mutex<()>,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
}

impl CacheEntry {
    fn new() -> Self {
        Self { load_lock: tokio::sync::Mutex::new(()), snapshot: Mutex::new(None) }
    }

    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        locked(&self.snapshot).clone()
    }

    pub fn store(&self, snapshot: Arc<Snapshot>) {
        // The old snapshot may be large, so it is freed after the lock is released.
        let old = locked(&self.snapshot).replace(snapshot);
        drop(old);
    }

    fn bytes(&self) -> Option<usize> {
        locked(&self.snapshot).as_ref().map(|snapshot| snapshot.bytes())
    }
}

/// All cache entries, limited by the total size of their codes.
pub struct SegmentCache {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    uses: u64,
    slots: HashMap<WorkspaceId, Entry>,
}

struct Entry {
    slot: Arc<CacheEntry>,
    /// Sequence number of the last use. Smaller is older.
    used: u64,
}

/// The memory of an entry without its codes, in bytes. It makes entries without codes evictable.
const SLOT_BYTES: usize = 256;

impl SegmentCache {
    pub fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Returns the entry of a workspace for a search, and creates it if necessary.
    pub fn slot(&self, within: WorkspaceId) -> Arc<CacheEntry> {
        let mut state = locked(&self.state);
        state.uses += 1;
        let used = state.uses;
        let entry = state
            .slots
            .entry(within)
            .or_insert_with(|| Entry { slot: Arc::new(CacheEntry::new()), used });
        entry.used = used;
        Arc::clone(&entry.slot)
    }

    /// Returns the entry of a workspace if there is one. This does not count as a use.
    pub fn peek(&self, within: WorkspaceId) -> Option<Arc<CacheEntry>> {
        locked(&self.state).slots.get(&within).map(|entry| Arc::clone(&entry.slot))
    }

    pub fn forget(&self, within: WorkspaceId) {
        let entry = locked(&self.state).slots.remove(&within);
        drop(entry);
    }

    pub fn bytes(&self) -> usize {
        locked(&self.state).slots.values().filter_map(|entry| entry.slot.bytes()).sum()
    }

    /// Evicts the least recently used entries, except `keep`, until the rest fits into the limit.
    /// Entries that are still loading are not evicted: they hold no codes yet, and callers wait for
    /// them.
    pub fn evict(&self, keep: WorkspaceId) {
        let mut freed = Vec::new();
        let mut state = locked(&self.state);
        let mut loaded: Vec<_> = state
            .slots
            .iter()
            .filter_map(|(id, entry)| Some((entry.used, *id, entry.slot.bytes()? + SLOT_BYTES)))
            .collect();
        let mut total: usize = loaded.iter().map(|(.., bytes)| bytes).sum();
        loaded.sort_unstable();
        for (_, id, bytes) in loaded {
            if total <= self.limit {
                break;
            }
            if id != keep {
                freed.extend(state.slots.remove(&id));
                total -= bytes;
            }
        }
        drop(state);
        drop(freed);
    }
}

/// Ignores poisoning, because a panic of another thread leaves these values intact.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
