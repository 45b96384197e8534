//! The key of the audit log's seals, which travels with the connections that write events.
use carrel_domain::audit::AuditKey;
use diesel::Connection;
use diesel::connection::{Instrumentation, InstrumentationEvent};

use crate::database::connection::AnyConnection;

/// diesel lets a connection carry one value of its user's choice: what is told of its queries. Here
/// that is the key, and nothing is done about the queries.
struct Keyholder(AuditKey);

impl Instrumentation for Keyholder {
    fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
}

/// Has `conn` seal the events it writes.
pub(crate) fn set_audit_key(conn: &mut AnyConnection, key: AuditKey) {
    conn.set_instrumentation(Keyholder(key));
}

/// The key that [`set_audit_key`] gave.
pub(crate) fn audit_key(conn: &mut AnyConnection) -> Option<AuditKey> {
    conn.instrumentation().downcast_ref::<Keyholder>().map(|holder| holder.0.clone())
}
