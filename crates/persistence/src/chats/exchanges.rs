//! Exchanges of question and answer.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::{
    Bounded, Chat, ChatRange, ChatScope, Chats, Conversation, MAX_BYTES, NewChat,
};
use carrel_domain::{ChatId, Error, Result, ThreadId, UserId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::chats::bounds::{self, ALL_BYTES, Room, TEXT_BYTES};
use crate::chats::usage::tokens;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{some_text, text, time};
use crate::database::schema::{chats, threads, users, workspaces};
use crate::database::timestamp::StoredTimestamp;
use crate::database::tx_error::OrRefused;

#[derive(Queryable, Selectable)]
#[diesel(table_name = chats)]
pub(crate) struct Row {
    id: i64,
    workspace_id: i32,
    thread_id: Option<i32>,
    user_id: Option<i32>,
    session: Option<String>,
    include: bool,
    feedback: Option<bool>,
    #[diesel(deserialize_as = StoredTimestamp)]
    created_at: NaiveDateTime,
    #[diesel(deserialize_as = StoredTimestamp)]
    updated_at: NaiveDateTime,
    prompt: String,
    response: String,
}

impl From<Row> for Chat {
    fn from(row: Row) -> Self {
        Self {
            id: ChatId(row.id),
            conversation: Conversation {
                workspace: WorkspaceId(row.workspace_id),
                user: row.user_id.map(UserId),
                thread: row.thread_id.map(ThreadId),
                session: row.session,
            },
            prompt: row.prompt,
            response: row.response,
            images: Vec::new(),
            include: row.include,
            feedback: row.feedback,
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        }
    }
}

/// The maximum length of a session's name, in bytes. PostgreSQL cannot index much longer values.
const LONGEST_SESSION: usize = 1024;

const PLACE: &str = "conversation in workspace";

/// Locks the workspace and the user of a conversation against deletion until the transaction ends,
/// in the same order as other transactions. Returns whether the workspace exists.
pub(crate) fn lock(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    user: Option<UserId>,
) -> QueryResult<bool> {
    let workspace = workspaces::table.find(workspace.0).select(workspaces::id);
    let found: Option<i32> = match conn {
        AnyConnection::Postgres(conn) => workspace.for_key_share().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => workspace.first(conn).optional()?,
    };
    if let AnyConnection::Postgres(conn) = conn
        && let Some(user) = user
    {
        let user = users::table.find(user.0).select(users::id);
        let _: Option<i32> = user.for_key_share().first(conn).optional()?;
    }
    Ok(found.is_some())
}

/// Selects the visible exchanges of a conversation.
pub(super) fn in_conversation(of: &Conversation) -> chats::BoxedQuery<'static, AnyBackend> {
    let Conversation { workspace, user, thread, session } = of;
    let mut query = chats::table
        .filter(chats::workspace_id.eq(workspace.0))
        .filter(chats::include.eq(true))
        .into_boxed::<AnyBackend>();
    query = match thread {
        Some(thread) => query.filter(chats::thread_id.eq(thread.0)),
        None => query.filter(chats::thread_id.is_null()),
    };
    query = match user {
        Some(user) => query.filter(chats::user_id.eq(user.0)),
        None => query.filter(chats::user_id.is_null()),
    };
    match session {
        Some(session) => query.filter(chats::session.eq(text(session))),
        None => query.filter(chats::session.is_null()),
    }
}

/// Returns the newest `limit` exchanges of a query, oldest first, up to [`MAX_BYTES`].
pub(super) fn newest(
    conn: &mut AnyConnection,
    of: chats::BoxedQuery<'static, AnyBackend>,
    limit: u32,
) -> QueryResult<Vec<Chat>> {
    let query = of.order(chats::id.desc()).limit(i64::from(limit)).select((chats::id, TEXT_BYTES));
    let mut ids = Room::of(MAX_BYTES).fit(query.load(conn)?).items;
    ids.reverse();
    load(conn, &ids)
}

/// Loads exchanges in the order of `ids`, without images.
fn load(conn: &mut AnyConnection, ids: &[i64]) -> QueryResult<Vec<Chat>> {
    bounds::load(conn, ids, |conn, some| {
        let found = chats::table.filter(chats::id.eq_any(some.to_vec()));
        let rows: Vec<Row> = found.select(Row::as_select()).load(conn)?;
        Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
    })
}

#[async_trait]
impl Chats for Database {
    async fn append(&self, new: NewChat, event: Event) -> Result<ChatId> {
        let NewChat { mut conversation, prompt, response, images, include, created_at, usage } =
            new;
        let images: Vec<_> = images.into_iter().map(text).collect();
        let (prompt_tokens, completion_tokens) = tokens(usage);
        conversation.session = some_text(conversation.session);
        if conversation.session.as_ref().is_some_and(|session| session.len() > LONGEST_SESSION) {
            return Err(Error::invalid("session", "must not be longer than 1024 bytes"));
        }
        self.write(move |conn| {
            let is_there = lock(conn, conversation.workspace, conversation.user)?;
            let Conversation { workspace, user, thread, session } = conversation;
            if !is_there {
                return Err(Error::not_found(PLACE, workspace).into());
            }
            let now = time(created_at);
            let id: i64 = diesel::insert_into(chats::table)
                .values((
                    chats::workspace_id.eq(workspace.0),
                    chats::thread_id.eq(thread.map(|thread| thread.0)),
                    chats::user_id.eq(user.map(|user| user.0)),
                    chats::session.eq(session),
                    chats::include.eq(include),
                    chats::created_at.eq(now),
                    chats::updated_at.eq(now),
                    chats::prompt.eq(text(prompt)),
                    chats::response.eq(text(response)),
                    chats::prompt_tokens.eq(prompt_tokens),
                    chats::completion_tokens.eq(completion_tokens),
                ))
                .returning(chats::id)
                .get_result(conn)
                .or_not_found(PLACE, workspace)?;
            bounds::store_images(conn, id, &images)?;
            if let Some(thread) = thread {
                diesel::update(threads::table.find(thread.0))
                    .set(threads::updated_at.eq(now))
                    .execute(conn)?;
            }
            audit::record(conn, event)?;
            Ok(ChatId(id))
        })
        .await
    }

    async fn history(&self, of: &Conversation, limit: u32) -> Result<Vec<Chat>> {
        let of = of.clone();
        self.read(move |conn| Ok(newest(conn, in_conversation(&of), limit)?)).await
    }

    async fn history_page(&self, of: &ChatScope, part: ChatRange) -> Result<Bounded<Chat>> {
        let (of, ChatRange { newest_first, offset, limit }) = (of.clone(), part);
        self.snapshot(move |conn| {
            let mut query = chats::table
                .limit(i64::from(limit))
                .offset(i64::from(offset))
                .select((chats::id, ALL_BYTES))
                .into_boxed::<AnyBackend>();
            query = match of {
                ChatScope::Workspace(workspace) => query
                    .filter(chats::workspace_id.eq(workspace.0))
                    .filter(chats::thread_id.is_null())
                    .filter(chats::session.is_null())
                    .filter(chats::include.eq(true)),
                ChatScope::Session(workspace, session) => query
                    .filter(chats::workspace_id.eq(workspace.0))
                    .filter(chats::thread_id.is_null())
                    .filter(chats::user_id.is_null())
                    .filter(chats::session.eq(text(session))),
                ChatScope::Thread(thread) => query
                    .filter(chats::thread_id.eq(thread.0))
                    .filter(chats::session.is_null())
                    .filter(chats::include.eq(true)),
            };
            query = match newest_first {
                true => query.order(chats::id.desc()),
                false => query.order(chats::id.asc()),
            };
            let Bounded { items, is_cut } = Room::of(MAX_BYTES).fit(query.load(conn)?);
            let mut images = bounds::images(conn, &items)?;
            let mut items = load(conn, &items)?;
            for chat in &mut items {
                chat.images = images.remove(&chat.id.0).unwrap_or_default();
            }
            Ok(Bounded { items, is_cut })
        })
        .await
    }

    async fn images(&self, of: ChatId) -> Result<Vec<String>> {
        self.read(move |conn| Ok(bounds::images(conn, &[of.0])?.remove(&of.0).unwrap_or_default()))
            .await
    }

    async fn reset(&self, of: &Conversation, event: Event) -> Result<u64> {
        let Conversation { workspace, user, thread, session } = of.clone();
        self.write(move |conn| {
            // Concurrent resets could lock the same exchanges in different orders.
            AdvisoryLock::People.acquire(conn)?;
            let mut query = diesel::update(chats::table)
                .set((chats::include.eq(false), chats::updated_at.eq(time(event.by.at))))
                .filter(chats::include.eq(true))
                .into_boxed::<AnyBackend>();
            // A thread belongs to one workspace.
            query = match thread {
                Some(thread) => query.filter(chats::thread_id.eq(thread.0)),
                None => query
                    .filter(chats::workspace_id.eq(workspace.0))
                    .filter(chats::thread_id.is_null()),
            };
            query = match (user, thread) {
                (Some(user), _) => query.filter(chats::user_id.eq(user.0)),
                (None, Some(_)) => query,
                (None, None) => query.filter(chats::user_id.is_null()),
            };
            query = match session {
                Some(session) => query.filter(chats::session.eq(text(session))),
                None => query.filter(chats::session.is_null()),
            };
            let hidden = query.execute(conn)?;
            audit::record(conn, event)?;
            Ok(hidden as u64)
        })
        .await
    }
}
