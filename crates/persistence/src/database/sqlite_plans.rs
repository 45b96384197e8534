//! Makes SQLite plan each statement once, whatever values are bound to it.
use std::ffi::{c_char, c_int};
use std::ptr;

use diesel::QueryResult;
use diesel::result::Error;
use libsqlite3_sys as sqlite;

/// Enables SQLite's stable query plans for all connections that this process opens from now on.
///
/// Otherwise SQLite plans a statement again for each new value bound to LIMIT, so for nearly every
/// run. Planning takes longer than most of these statements.
#[expect(unsafe_code, reason = "no connection of diesel's gives access to this option")]
pub(crate) fn enable() -> QueryResult<()> {
    // SAFETY: `keep_in` has the required type and a static address. It may be called from several
    // threads at once, and registering it again has no effect.
    match unsafe { sqlite::sqlite3_auto_extension(Some(keep_in)) } {
        sqlite::SQLITE_OK => Ok(()),
        code => Err(Error::QueryBuilderError(format!("SQLite answers {code}").into())),
    }
}

/// Called by SQLite for each connection that it opens.
#[expect(unsafe_code, reason = "it is SQLite that calls it")]
unsafe extern "C" fn keep_in(
    conn: *mut sqlite::sqlite3,
    _message: *mut *mut c_char,
    _routines: *const sqlite::sqlite3_api_routines,
) -> c_int {
    let now_set: *mut c_int = ptr::null_mut();
    // SAFETY: SQLite lends the connection for the duration of this call. The option takes an int
    // and a pointer to an int, which may be null.
    unsafe {
        sqlite::sqlite3_db_config(conn, sqlite::SQLITE_DBCONFIG_ENABLE_QPSG, 1 as c_int, now_set)
    }
}
