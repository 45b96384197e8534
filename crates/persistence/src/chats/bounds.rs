//! Loads exchanges up to a limit in bytes. Their sizes are read first, so that memory never holds
//! more than the limit allows on either database.
use std::collections::HashMap;

use carrel_domain::chat::Bounded;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::database::connection::AnyConnection;
use crate::database::convert::IDS_AT_ONCE;
use crate::database::schema::{chat_images, chats};
use crate::database::sql::StaticSql;

/// The bytes of an exchange without its images.
pub(crate) const TEXT_BYTES: StaticSql<BigInt> =
    StaticSql::new("CAST(octet_length(chats.prompt) + octet_length(chats.response) AS BIGINT)");

/// The bytes of an exchange with its images.
pub(crate) const ALL_BYTES: StaticSql<BigInt> = StaticSql::new(
    "CAST(octet_length(chats.prompt) + octet_length(chats.response) + chats.image_bytes AS BIGINT)",
);

/// The bytes of a widget's exchange.
pub(crate) const WIDGET_BYTES: StaticSql<BigInt> = StaticSql::new(
    "CAST(octet_length(embed_chats.prompt) + octet_length(embed_chats.response) AS BIGINT)",
);

/// The id of an exchange and its size in bytes.
pub(crate) type Sized = (i64, i64);

/// The number of bytes that may still be loaded.
pub(crate) struct Room(i64);

impl Room {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(i64::try_from(bytes).unwrap_or(i64::MAX))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0 <= 0
    }

    /// Returns ids up to and including the one that reaches the limit.
    pub(crate) fn fit(&mut self, sized: Vec<Sized>) -> Bounded<i64> {
        let requested = sized.len();
        let mut items = Vec::with_capacity(requested.min(IDS_AT_ONCE));
        for (id, bytes) in sized {
            if self.is_full() {
                break;
            }
            self.0 = self.0.saturating_sub(bytes.max(1));
            items.push(id);
        }
        let is_cut = items.len() < requested;
        Bounded { items, is_cut }
    }
}

/// Loads rows in the order of `ids`. Rows deleted in the meantime are left out.
pub(crate) fn load<R>(
    conn: &mut AnyConnection,
    ids: &[i64],
    rows: impl Fn(&mut AnyConnection, &[i64]) -> QueryResult<Vec<(i64, R)>>,
) -> QueryResult<Vec<R>> {
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(IDS_AT_ONCE) {
        found.extend(rows(conn, some)?);
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Loads the images of exchanges.
pub(crate) fn images(
    conn: &mut AnyConnection,
    ids: &[i64],
) -> QueryResult<HashMap<i64, Vec<String>>> {
    let mut images: HashMap<i64, Vec<String>> = HashMap::new();
    for some in ids.chunks(IDS_AT_ONCE) {
        let found: Vec<(i64, String)> = chat_images::table
            .filter(chat_images::chat_id.eq_any(some.to_vec()))
            .order((chat_images::chat_id, chat_images::place))
            .select((chat_images::chat_id, chat_images::content))
            .load(conn)?;
        for (id, content) in found {
            images.entry(id).or_default().push(content);
        }
    }
    Ok(images)
}

/// Stores the images of an exchange.
pub(crate) fn store_images(
    conn: &mut AnyConnection,
    id: i64,
    images: &[String],
) -> QueryResult<()> {
    if images.is_empty() {
        return Ok(());
    }
    let mut bytes = 0;
    for (place, content) in (0..).zip(images) {
        bytes += i64::try_from(content.len()).unwrap_or(i64::MAX);
        let (chat_id, place): (i64, i32) = (id, place);
        diesel::insert_into(chat_images::table)
            .values((
                chat_images::chat_id.eq(chat_id),
                chat_images::place.eq(place),
                chat_images::content.eq(content),
            ))
            .execute(conn)?;
    }
    diesel::update(chats::table.find(id)).set(chats::image_bytes.eq(bytes)).execute(conn)?;
    Ok(())
}
