//! Access to the database: connections, transactions, errors, locks, and the schema.
//!
//! Queries belong in the folder of their subject, not here.
pub(crate) mod advisory_lock;
pub(crate) mod audit_key;
pub(crate) mod connection;
pub(crate) mod convert;
pub(crate) mod inventory;
pub(crate) mod last_ids;
pub(crate) mod location;
pub(crate) mod migrations;
pub(crate) mod pool;
pub(crate) mod schema;
pub(crate) mod sql;
pub(crate) mod sqlite_plans;
pub(crate) mod timestamp;
pub(crate) mod tx_error;

pub use pool::Database;
