//! The ids that are read from the source before its large tables.
use std::collections::{BTreeMap, BTreeSet};

/// Ids to which rows may refer.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Maps the ids of users to whether they are suspended.
    pub users: BTreeMap<i32, bool>,
    pub workspaces: BTreeSet<i32>,
    pub threads: BTreeSet<i32>,
    pub widgets: BTreeSet<i32>,
    /// The threads for exchanges of deleted threads, by workspace and user.
    pub recovered: BTreeMap<(i32, Option<i32>), i32>,
}
