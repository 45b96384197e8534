//! Ids that were assigned by another server and must not be assigned again.
use std::collections::BTreeMap;

use carrel_domain::import::Numbered;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use crate::database::connection::AnyConnection;

fn table(of: Numbered) -> &'static str {
    match of {
        Numbered::Users => "users",
        Numbered::ApiKeys => "api_keys",
        Numbered::Workspaces => "workspaces",
        Numbered::Members => "workspace_users",
        Numbered::Threads => "threads",
        Numbered::Chats => "chats",
        Numbered::Widgets => "embeds",
        Numbered::WidgetChats => "embed_chats",
        Numbered::Invites => "invites",
    }
}

/// The next id of each table is above the given one and above those that are there.
pub(super) fn reserve(conn: &mut AnyConnection, ids: &BTreeMap<Numbered, i64>) -> QueryResult<()> {
    for (of, last) in ids {
        let table = table(*of);
        match conn {
            AnyConnection::Sqlite(conn) => {
                sql_query("UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = ?")
                    .bind::<BigInt, _>(last)
                    .bind::<Text, _>(table)
                    .execute(conn)?;
                sql_query(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? WHERE NOT EXISTS \
                     (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
                )
                .bind::<Text, _>(table)
                .bind::<BigInt, _>(last)
                .bind::<Text, _>(table)
                .execute(conn)?;
            }
            AnyConnection::Postgres(conn) => {
                sql_query(format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), GREATEST($1, 1, \
                     (SELECT COALESCE(MAX(id), 1) FROM {table})))"
                ))
                .bind::<BigInt, _>(last)
                .execute(conn)?;
            }
        }
    }
    Ok(())
}
