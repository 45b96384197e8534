//! Settings, stored as names and values.
use std::collections::BTreeMap;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::audit::Event;
use carrel_domain::settings::Settings;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::text;
use crate::database::schema::settings;

/// Inserts a setting or replaces its value.
pub(crate) fn set(conn: &mut AnyConnection, key: String, value: String) -> QueryResult<()> {
    let (key, value) = (text(key), text(value));
    let row = (settings::key.eq(key), settings::value.eq(value.clone()));
    on_each_backend!(conn => diesel::insert_into(settings::table)
        .values(row)
        .on_conflict(settings::key)
        .do_update()
        .set(settings::value.eq(value))
        .execute(conn))
    .map(drop)
}

#[async_trait]
impl Settings for Database {
    async fn all(&self) -> Result<BTreeMap<String, String>> {
        self.read(|conn| {
            let rows: Vec<(String, String)> = settings::table.load(conn)?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    async fn set(&self, values: BTreeMap<String, Option<String>>, event: Event) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        self.write(move |conn| {
            // Rows are written in the order of the map, so that concurrent changes cannot deadlock.
            for (key, value) in values {
                match value {
                    Some(value) => set(conn, key, value)?,
                    None => {
                        diesel::delete(settings::table.find(text(key))).execute(conn)?;
                    }
                }
            }
            audit::record(conn, event)
        })
        .await
    }
}
