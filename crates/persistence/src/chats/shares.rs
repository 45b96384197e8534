//! Share links, with which people without an account read a conversation.
use async_trait::async_trait;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::Event;
use carrel_domain::chat::Conversation;
use carrel_domain::share::{NewShare, Share, Shares};
use carrel_domain::{ChatId, Result, ThreadId, UserId, WorkspaceId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::chats::exchanges;
use crate::database::connection::{AnyBackend, columns};
use crate::database::convert::time;
use crate::database::schema::{shares, threads};
use crate::database::tx_error::OrRefused;

#[derive(Queryable, Selectable)]
#[diesel(table_name = shares)]
struct Row {
    id: i64,
    workspace_id: i32,
    thread_id: Option<i32>,
    user_id: Option<i32>,
    last_chat_id: i64,
    created_at: NaiveDateTime,
    expires_at: NaiveDateTime,
}

impl From<Row> for Share {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            conversation: Conversation {
                workspace: WorkspaceId(row.workspace_id),
                user: row.user_id.map(UserId),
                thread: row.thread_id.map(ThreadId),
                session: None,
            },
            last: ChatId(row.last_chat_id),
            created_at: row.created_at.and_utc(),
            expires_at: row.expires_at.and_utc(),
        }
    }
}

const PLACE: &str = "conversation in workspace";

#[async_trait]
impl Shares for Database {
    async fn create(&self, new: NewShare, event: Event) -> Result<Share> {
        self.write(move |conn| {
            let NewShare { conversation, digest, last, created_at, expires_at } = new;
            let Conversation { workspace, user, thread, session: _ } = conversation;
            exchanges::lock(conn, workspace, user)?;
            let row: Row = diesel::insert_into(shares::table)
                .values((
                    shares::workspace_id.eq(workspace.0),
                    shares::thread_id.eq(thread.map(|thread| thread.0)),
                    shares::user_id.eq(user.map(|user| user.0)),
                    shares::digest.eq(digest.0.to_vec()),
                    shares::last_chat_id.eq(last.0),
                    shares::created_at.eq(time(created_at)),
                    shares::expires_at.eq(time(expires_at)),
                ))
                .returning(columns::<Row>())
                .get_result(conn)
                .or_not_found(PLACE, workspace)?;
            audit::record(conn, event)?;
            Ok(row.into())
        })
        .await
    }

    async fn of(&self, user: Option<UserId>, within: Option<&Conversation>) -> Result<Vec<Share>> {
        let within = within.cloned();
        self.read(move |conn| {
            let mut query = shares::table
                .order(shares::id.desc())
                .select(Row::as_select())
                .into_boxed::<AnyBackend>();
            query = match user {
                Some(user) => query.filter(shares::user_id.eq(user.0)),
                None => query.filter(shares::user_id.is_null()),
            };
            if let Some(Conversation { workspace, thread, .. }) = within {
                query = query.filter(shares::workspace_id.eq(workspace.0));
                query = match thread {
                    Some(thread) => query.filter(shares::thread_id.eq(thread.0)),
                    None => query.filter(shares::thread_id.is_null()),
                };
            }
            let rows: Vec<Row> = query.load(conn)?;
            Ok(rows.into_iter().map(Share::from).collect())
        })
        .await
    }

    async fn by_digest(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<Share>> {
        self.read(move |conn| {
            let row: Option<Row> = shares::table
                .left_join(threads::table)
                .filter(shares::digest.eq(digest.0.to_vec()))
                .filter(shares::expires_at.gt(time(now)))
                .filter(threads::deleted_at.is_null())
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(Share::from))
        })
        .await
    }

    async fn revoke(&self, id: i64, user: Option<UserId>, event: Event) -> Result<bool> {
        self.write(move |conn| {
            let place = shares::table.find(id);
            let removed = match user {
                Some(user) => {
                    diesel::delete(place.filter(shares::user_id.eq(user.0))).execute(conn)?
                }
                None => diesel::delete(place.filter(shares::user_id.is_null())).execute(conn)?,
            };
            if removed == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
