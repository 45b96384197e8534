//! Keeps the files of LanceDB's tables few: every change adds files and a version.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use lancedb::Table;
use lancedb::table::{CompactionOptions, Duration, OptimizeAction};

/// Changes of a table after which its files are merged.
const CHANGES: u32 = 64;
/// Rows from which a file is left as it is, so that a growing table is not rewritten as a whole.
const ROWS_PER_FILE: usize = 50_000;
/// Age at which an old version is deleted: no search is still reading it.
const OLD: Duration = Duration::minutes(10);

/// Counts the changes of each table since its files were merged.
#[derive(Default)]
pub(super) struct Upkeep {
    changes: Mutex<HashMap<String, u32>>,
}

impl Upkeep {
    /// Merges the table's files if there were many changes. A failure is logged, because the table
    /// is complete nevertheless.
    pub async fn after_change(&self, table: &Table) {
        if !self.is_due(table.name()) {
            return;
        }
        // Without what was deleted, however little that is.
        let options = CompactionOptions {
            target_rows_per_fragment: ROWS_PER_FILE,
            materialize_deletions_threshold: 0.0,
            num_threads: Some(1),
            ..CompactionOptions::default()
        };
        let merge = OptimizeAction::Compact { options, remap_options: None };
        let prune = OptimizeAction::Prune {
            older_than: Some(OLD),
            delete_unverified: None,
            error_if_tagged_old_versions: None,
        };
        for action in [merge, prune] {
            if let Err(error) = table.optimize(action).await {
                let table = table.name();
                tracing::warn!(table, "LanceDB does not merge the files of a table: {error}");
            }
        }
    }

    pub fn forget(&self, table: &str) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).remove(table);
    }

    fn is_due(&self, table: &str) -> bool {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = changes.entry(table.to_owned()).or_default();
        *changes = (*changes + 1) % CHANGES;
        *changes == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_merged_after_so_many_changes_of_one_table() {
        let upkeep = Upkeep::default();
        let due = |table| (0..CHANGES).filter(|_| upkeep.is_due(table)).count();
        assert_eq!((due("a"), due("a"), due("b")), (1, 1, 1));
        assert!((1..CHANGES).all(|_| !upkeep.is_due("a")));
        upkeep.forget("a");
        assert!(!upkeep.is_due("a"));
    }
}
