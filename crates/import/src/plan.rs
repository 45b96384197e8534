//! What is known of the source before its large tables are read.
use std::collections::{BTreeMap, BTreeSet};

/// What rows may refer to.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Users by id, each with whether they are suspended.
    pub users: BTreeMap<i32, bool>,
    pub workspaces: BTreeSet<i32>,
    pub threads: BTreeSet<i32>,
    pub widgets: BTreeSet<i32>,
    /// Threads for exchanges of threads that were deleted, by workspace and user.
    pub recovered: BTreeMap<(i32, Option<i32>), i32>,
}
