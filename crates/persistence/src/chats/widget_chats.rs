//! Exchanges of widgets and the questions counted against their limits.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::{Bounded, ChatRange, MAX_BYTES};
use carrel_domain::widget::{Admission, NewWidgetChat, Widget, WidgetChat, WidgetChats};
use carrel_domain::{ChatId, Error, Result, WidgetId};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::chats::bounds::{self, Room, Sized, WIDGET_BYTES};
use crate::chats::usage::tokens;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{text, time};
use crate::database::schema::{embed_chats, embed_questions, embeds};
use crate::database::tx_error::OrRefused;

#[derive(Queryable, Selectable)]
#[diesel(table_name = embed_chats)]
struct Row {
    id: i64,
    embed_id: i32,
    session: String,
    include: bool,
    created_at: NaiveDateTime,
    connection: Option<String>,
    prompt: String,
    response: String,
}

impl From<Row> for WidgetChat {
    fn from(row: Row) -> Self {
        let Row { id, embed_id, session, include, created_at, connection, prompt, response } = row;
        Self {
            id: ChatId(id),
            widget: WidgetId(embed_id),
            session,
            prompt,
            response,
            include,
            connection,
            created_at: created_at.and_utc(),
        }
    }
}

/// Locks the widget against concurrent questions until the transaction ends. Returns whether it
/// exists.
fn lock(conn: &mut AnyConnection, widget: WidgetId) -> QueryResult<bool> {
    let row = embeds::table.find(widget.0).select(embeds::id);
    let found: Option<i32> = match conn {
        // Weaker than FOR UPDATE, so that rows that only refer to the widget can be inserted
        // meanwhile.
        AnyConnection::Postgres(conn) => row.for_no_key_update().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Loads exchanges in the order of `ids`.
fn load(conn: &mut AnyConnection, ids: &[i64]) -> QueryResult<Vec<WidgetChat>> {
    bounds::load(conn, ids, |conn, some| {
        let found = embed_chats::table.filter(embed_chats::id.eq_any(some.to_vec()));
        let rows: Vec<Row> = found.select(Row::as_select()).load(conn)?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    })
}

#[async_trait]
impl WidgetChats for Database {
    async fn consume_question(
        &self,
        widget: &Widget,
        session: &str,
        now: DateTime<Utc>,
    ) -> Result<Admission> {
        let (id, settings, session) = (widget.id, widget.settings.clone(), text(session));
        self.write(move |conn| {
            if !lock(conn, id)? {
                return Err(Error::not_found("embed", id).into());
            }
            let day_ago = now.checked_sub_signed(TimeDelta::hours(24)).unwrap_or(now);
            let questions_of_widget =
                embed_questions::table.filter(embed_questions::embed_id.eq(id.0));
            let is_past = embed_questions::asked_at.le(time(day_ago));
            diesel::delete(questions_of_widget.filter(is_past)).execute(conn)?;
            if let Some(limit) = settings.day_limit {
                let count: i64 = questions_of_widget.count().get_result(conn)?;
                if count >= i64::from(limit) {
                    return Ok(Admission::DayIsFull);
                }
            }
            if let Some(limit) = settings.session_limit {
                let questions_in_session =
                    questions_of_widget.filter(embed_questions::session.eq(session.clone()));
                let count: i64 = questions_in_session.count().get_result(conn)?;
                if count >= i64::from(limit) {
                    return Ok(Admission::SessionIsFull);
                }
            }
            diesel::insert_into(embed_questions::table)
                .values((
                    embed_questions::embed_id.eq(id.0),
                    embed_questions::session.eq(session),
                    embed_questions::asked_at.eq(time(now)),
                ))
                .execute(conn)?;
            Ok(Admission::Admitted)
        })
        .await
    }

    async fn append(&self, new: NewWidgetChat, event: Event) -> Result<ChatId> {
        let NewWidgetChat {
            widget,
            session,
            prompt,
            response,
            include,
            connection,
            created_at,
            usage,
        } = new;
        let (prompt_tokens, completion_tokens) = tokens(usage);
        self.write(move |conn| {
            let id: i64 = diesel::insert_into(embed_chats::table)
                .values((
                    embed_chats::embed_id.eq(widget.0),
                    embed_chats::session.eq(text(session)),
                    embed_chats::include.eq(include),
                    embed_chats::created_at.eq(time(created_at)),
                    embed_chats::connection.eq(text(connection)),
                    embed_chats::prompt.eq(text(prompt)),
                    embed_chats::response.eq(text(response)),
                    embed_chats::prompt_tokens.eq(prompt_tokens),
                    embed_chats::completion_tokens.eq(completion_tokens),
                ))
                .returning(embed_chats::id)
                .get_result(conn)
                .or_not_found("embed", widget)?;
            audit::record(conn, event)?;
            Ok(ChatId(id))
        })
        .await
    }

    async fn recent(&self, widget: WidgetId, session: &str, limit: u32) -> Result<Vec<WidgetChat>> {
        let session = text(session);
        self.read(move |conn| {
            let sized: Vec<Sized> = embed_chats::table
                .filter(embed_chats::embed_id.eq(widget.0))
                .filter(embed_chats::session.eq(session))
                .filter(embed_chats::include.eq(true))
                .order(embed_chats::id.desc())
                .limit(i64::from(limit))
                .select((embed_chats::id, WIDGET_BYTES))
                .load(conn)?;
            let mut ids = Room::of(MAX_BYTES).fit(sized).items;
            ids.reverse();
            Ok(load(conn, &ids)?)
        })
        .await
    }

    async fn page(
        &self,
        widget: WidgetId,
        session: Option<&str>,
        part: ChatRange,
    ) -> Result<Bounded<WidgetChat>> {
        let (session, ChatRange { newest_first, offset, limit }) = (session.map(text), part);
        self.read(move |conn| {
            let mut query = embed_chats::table
                .filter(embed_chats::embed_id.eq(widget.0))
                .limit(i64::from(limit))
                .offset(i64::from(offset))
                .select((embed_chats::id, WIDGET_BYTES))
                .into_boxed::<AnyBackend>();
            if let Some(session) = session {
                query = query.filter(embed_chats::session.eq(session));
            }
            query = match newest_first {
                true => query.order(embed_chats::id.desc()),
                false => query.order(embed_chats::id.asc()),
            };
            let Bounded { items, is_cut } = Room::of(MAX_BYTES).fit(query.load(conn)?);
            Ok(Bounded { items: load(conn, &items)?, is_cut })
        })
        .await
    }

    async fn hide(&self, widget: WidgetId, session: &str, event: Event) -> Result<u64> {
        let session = text(session);
        self.write(move |conn| {
            // Serialized, because concurrent transactions could lock the same exchanges in
            // different orders.
            lock(conn, widget)?;
            let chats_of_session = embed_chats::table
                .filter(embed_chats::embed_id.eq(widget.0))
                .filter(embed_chats::session.eq(session))
                .filter(embed_chats::include.eq(true));
            let hidden = diesel::update(chats_of_session)
                .set(embed_chats::include.eq(false))
                .execute(conn)?;
            // Visitors may repeat this without limit, so only a change is recorded.
            if hidden > 0 {
                audit::record(conn, event)?;
            }
            Ok(hidden as u64)
        })
        .await
    }
}
