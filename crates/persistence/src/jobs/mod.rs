//! Background jobs, their items, and the queue from which workers claim them.
pub(crate) mod items;
pub(crate) mod parts;
pub(crate) mod queue;
mod recordings;
pub(crate) mod retention;
pub(crate) mod rows;
pub(crate) mod stale;
