//! The key of the audit log's seals, carried by the connections that write events.
use carrel_domain::audit::AuditKey;
use diesel::Connection;
use diesel::connection::{Instrumentation, InstrumentationEvent};

use crate::database::connection::AnyConnection;

/// A diesel connection can carry one value of the application, its instrumentation. This one
/// carries the key and ignores all query events.
struct Keyholder(AuditKey);

impl Instrumentation for Keyholder {
    fn on_connection_event(&mut self, _: InstrumentationEvent<'_>) {}
}

/// Sets the key with which `conn` seals the events that it writes.
pub(crate) fn set_audit_key(conn: &mut AnyConnection, key: AuditKey) {
    conn.set_instrumentation(Keyholder(key));
}

/// Returns the key given to [`set_audit_key`].
pub(crate) fn audit_key(conn: &mut AnyConnection) -> Option<AuditKey> {
    conn.instrumentation().downcast_ref::<Keyholder>().map(|holder| holder.0.clone())
}
