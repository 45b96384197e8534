//! Background jobs, their items, and the queue that workers take them from.
pub(crate) mod items;
pub(crate) mod parts;
pub(crate) mod queue;
mod recordings;
pub(crate) mod retention;
pub(crate) mod rows;
pub(crate) mod stale;
