//! Reads and changes single exchanges, and lists the chat sessions.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::Chat;
use carrel_domain::chat_edit::{ChatChange, ChatEdits, ChatSession};
use carrel_domain::{ChatId, Result, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::chats::exchanges::{Row, in_conversation, newest};
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::AnyBackend;
use crate::database::convert::{some_text, text, time};
use crate::database::schema::chats;
use crate::database::timestamp::StoredTimestamp;

#[derive(AsChangeset)]
#[diesel(table_name = chats)]
struct Changes {
    prompt: Option<String>,
    response: Option<String>,
    feedback: Option<Option<bool>>,
    updated_at: NaiveDateTime,
}

type SessionRow = (Option<String>, i64, Option<StoredTimestamp>, Option<StoredTimestamp>);

#[async_trait]
impl ChatEdits for Database {
    async fn chat(&self, workspace: WorkspaceId, id: ChatId) -> Result<Option<Chat>> {
        self.read(move |conn| {
            let row: Option<Row> = chats::table
                .find(id.0)
                .filter(chats::workspace_id.eq(workspace.0))
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(Chat::from))
        })
        .await
    }

    async fn chats_up_to(&self, chat: &Chat, limit: u32) -> Result<Vec<Chat>> {
        let (of, last) = (chat.conversation.clone(), chat.id);
        self.read(move |conn| {
            let query = in_conversation(&of).filter(chats::id.le(last.0));
            Ok(newest(conn, query, limit)?)
        })
        .await
    }

    async fn change_chat(
        &self,
        workspace: WorkspaceId,
        id: ChatId,
        change: ChatChange,
        event: Event,
    ) -> Result<bool> {
        let ChatChange { prompt, response, feedback } = change;
        let changes = Changes {
            prompt: some_text(prompt),
            response: some_text(response),
            feedback,
            updated_at: time(event.by.at),
        };
        self.write(move |conn| {
            // Changes and deletions of exchanges take the same lock, because they touch the same
            // rows.
            AdvisoryLock::People.acquire(conn)?;
            let place = chats::table.find(id.0).filter(chats::workspace_id.eq(workspace.0));
            if diesel::update(place).set(&changes).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }

    async fn remove_chat(&self, workspace: WorkspaceId, id: ChatId, event: Event) -> Result<bool> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let place = chats::table.find(id.0).filter(chats::workspace_id.eq(workspace.0));
            if diesel::delete(place).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }

    async fn sessions(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ChatSession>> {
        let after = after.map(text);
        self.read(move |conn| {
            let mut query = chats::table
                .filter(chats::workspace_id.eq(workspace.0))
                .filter(chats::session.is_not_null())
                .filter(chats::thread_id.is_null())
                .group_by(chats::session)
                .order(chats::session)
                .limit(i64::from(limit))
                .select((
                    chats::session,
                    count_star(),
                    min(chats::created_at),
                    max(chats::created_at),
                ))
                .into_boxed::<AnyBackend>();
            if let Some(after) = after {
                query = query.filter(chats::session.gt(after));
            }
            let rows: Vec<SessionRow> = query.load(conn)?;
            Ok(rows.into_iter().filter_map(session).collect())
        })
        .await
    }
}

fn session((name, chats, first, last): SessionRow) -> Option<ChatSession> {
    let time = |moment: StoredTimestamp| NaiveDateTime::from(moment).and_utc();
    Some(ChatSession {
        name: name?,
        chats: u64::try_from(chats).unwrap_or(0),
        first_at: time(first?),
        last_at: time(last?),
    })
}
