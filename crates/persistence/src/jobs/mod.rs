//! Background jobs, their items, and the queue that workers take them from.
pub(crate) mod items;
pub(crate) mod queue;
pub(crate) mod rows;
pub(crate) mod stale;
