//! Deleted threads and exchanges that can be restored.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::Conversation;
use carrel_domain::deletion::{Deletable, Deletion, DeletionKind, Deletions};
use carrel_domain::{ChatId, Result, Slug, ThreadId, UserId, WorkspaceId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::chats::exchanges::in_conversation;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{IDS_AT_ONCE, text, time, unreadable};
use crate::database::schema::{chats, deleted_chats, deletions, threads};
use crate::database::tx_error::TxError;

/// The length of a deletion's name, taken from a question, in characters.
const NAMED: usize = 200;
/// The maximum number of deletions purged in one transaction.
const AT_ONCE: i64 = 500;

#[derive(Queryable, Selectable)]
#[diesel(table_name = deletions)]
struct Row {
    id: i64,
    kind: String,
    workspace_id: i32,
    thread_id: Option<i32>,
    name: String,
    deleted_at: NaiveDateTime,
}

impl Row {
    fn of(self, thread: Option<String>) -> Result<Deletion> {
        let kind = DeletionKind::ALL.into_iter().find(|kind| kind.as_str() == self.kind);
        Ok(Deletion {
            id: self.id,
            kind: kind.ok_or_else(|| unreadable("kind of deletion"))?,
            workspace: WorkspaceId(self.workspace_id),
            thread: thread.map(Slug::from_stored),
            name: self.name,
            deleted_at: self.deleted_at.and_utc(),
        })
    }
}

/// The object of a deletion.
struct Subject {
    kind: DeletionKind,
    workspace: i32,
    thread: Option<i32>,
    name: String,
    chats: Vec<i64>,
}

fn thread(conn: &mut AnyConnection, id: ThreadId, now: NaiveDateTime) -> Hidden {
    let place = threads::table.find(id.0).filter(threads::deleted_at.is_null());
    let found: Option<(i32, String)> =
        place.select((threads::workspace_id, threads::name)).first(conn).optional()?;
    let Some((workspace, name)) = found else { return Ok(None) };
    diesel::update(threads::table.find(id.0))
        .set(threads::deleted_at.eq(Some(now)))
        .execute(conn)?;
    let kind = DeletionKind::Thread;
    Ok(Some(Subject { kind, workspace, thread: Some(id.0), name, chats: Vec::new() }))
}

type Hidden = QueryResult<Option<Subject>>;

fn exchange(conn: &mut AnyConnection, workspace: WorkspaceId, id: ChatId) -> Hidden {
    let place = chats::table.find(id.0).filter(chats::workspace_id.eq(workspace.0));
    let found: Option<(Option<i32>, String)> = place
        .filter(chats::include.eq(true))
        .select((chats::thread_id, chats::prompt))
        .first(conn)
        .optional()?;
    let kind = DeletionKind::Exchange;
    Ok(found.map(|(thread, name)| Subject {
        kind,
        workspace: workspace.0,
        thread,
        name,
        chats: vec![id.0],
    }))
}

fn conversation(conn: &mut AnyConnection, of: &Conversation) -> Hidden {
    let query = in_conversation(of).order(chats::id).select((chats::id, chats::prompt));
    let found: Vec<(i64, String)> = query.load(conn)?;
    let Some((_, name)) = found.first() else { return Ok(None) };
    Ok(Some(Subject {
        kind: DeletionKind::Conversation,
        workspace: of.workspace.0,
        thread: of.thread.map(|thread| thread.0),
        name: name.clone(),
        chats: found.into_iter().map(|(id, _)| id).collect(),
    }))
}

fn show(
    conn: &mut AnyConnection,
    ids: &[i64],
    is_visible: bool,
    now: NaiveDateTime,
) -> QueryResult<()> {
    for ids in ids.chunks(IDS_AT_ONCE) {
        diesel::update(chats::table.filter(chats::id.eq_any(ids.to_vec())))
            .set((chats::include.eq(is_visible), chats::updated_at.eq(now)))
            .execute(conn)?;
    }
    Ok(())
}

fn chats_of(conn: &mut AnyConnection, deletion: i64) -> QueryResult<Vec<i64>> {
    deleted_chats::table
        .filter(deleted_chats::deletion_id.eq(deletion))
        .order(deleted_chats::chat_id)
        .select(deleted_chats::chat_id)
        .load(conn)
}

/// Returns a deletion of the user with the slug of its thread.
fn found(
    conn: &mut AnyConnection,
    id: i64,
    user: Option<UserId>,
) -> QueryResult<Option<(Row, Option<String>)>> {
    let mut query = deletions::table
        .left_join(threads::table)
        .filter(deletions::id.eq(id))
        .select((Row::as_select(), threads::slug.nullable()))
        .into_boxed::<AnyBackend>();
    query = match user {
        Some(user) => query.filter(deletions::user_id.eq(user.0)),
        None => query.filter(deletions::user_id.is_null()),
    };
    query.first(conn).optional()
}

#[async_trait]
impl Deletions for Database {
    async fn delete(
        &self,
        what: &Deletable,
        user: Option<UserId>,
        event: Event,
    ) -> Result<Option<i64>> {
        let what = what.clone();
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let now = time(event.by.at);
            let subject = match &what {
                Deletable::Thread(id) => thread(conn, *id, now)?,
                Deletable::Exchange(workspace, id) => exchange(conn, *workspace, *id)?,
                Deletable::Conversation(of) => conversation(conn, of)?,
            };
            let Some(subject) = subject else { return Ok(None) };
            show(conn, &subject.chats, false, now)?;
            let name: String = subject.name.chars().take(NAMED).collect();
            let id: i64 = diesel::insert_into(deletions::table)
                .values((
                    deletions::kind.eq(subject.kind.as_str()),
                    deletions::workspace_id.eq(subject.workspace),
                    deletions::thread_id.eq(subject.thread),
                    deletions::user_id.eq(user.map(|user| user.0)),
                    deletions::name.eq(text(name)),
                    deletions::deleted_at.eq(now),
                ))
                .returning(deletions::id)
                .get_result(conn)?;
            for chat in subject.chats {
                diesel::insert_into(deleted_chats::table)
                    .values((deleted_chats::deletion_id.eq(id), deleted_chats::chat_id.eq(chat)))
                    .execute(conn)?;
            }
            audit::record(conn, event)?;
            Ok(Some(id))
        })
        .await
    }

    async fn of(&self, user: Option<UserId>, limit: u32) -> Result<Vec<Deletion>> {
        let found = self
            .read(move |conn| {
                let mut query = deletions::table
                    .left_join(threads::table)
                    .order(deletions::id.desc())
                    .limit(i64::from(limit))
                    .select((Row::as_select(), threads::slug.nullable()))
                    .into_boxed::<AnyBackend>();
                query = match user {
                    Some(user) => query.filter(deletions::user_id.eq(user.0)),
                    None => query.filter(deletions::user_id.is_null()),
                };
                let rows: Vec<(Row, Option<String>)> = query.load(conn)?;
                Ok(rows)
            })
            .await?;
        found.into_iter().map(|(row, thread)| row.of(thread)).collect()
    }

    async fn restore(
        &self,
        id: i64,
        user: Option<UserId>,
        event: Event,
    ) -> Result<Option<Deletion>> {
        let restored: Option<(Row, Option<String>)> = self
            .write(move |conn| {
                AdvisoryLock::People.acquire(conn)?;
                let Some((row, slug)) = found(conn, id, user)? else { return Ok(None) };
                let now = time(event.by.at);
                let chats = chats_of(conn, id)?;
                show(conn, &chats, true, now)?;
                if let Some(thread) = row.thread_id.filter(|_| chats.is_empty()) {
                    diesel::update(threads::table.find(thread))
                        .set(threads::deleted_at.eq(None::<NaiveDateTime>))
                        .execute(conn)?;
                }
                diesel::delete(deletions::table.find(id)).execute(conn)?;
                audit::record(conn, event)?;
                Ok::<_, TxError>(Some((row, slug)))
            })
            .await?;
        restored.map(|(row, slug)| row.of(slug)).transpose()
    }

    async fn purge(&self, before: DateTime<Utc>, event: Event) -> Result<u64> {
        let before = time(before);
        let is_any = self.read(move |conn| {
            let due = deletions::table.filter(deletions::deleted_at.lt(before));
            let first: Option<i64> = due.select(deletions::id).first(conn).optional()?;
            Ok(first.is_some())
        });
        if !is_any.await? {
            return Ok(0);
        }
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let due: Vec<(i64, String, Option<i32>)> = deletions::table
                .filter(deletions::deleted_at.lt(before))
                .order(deletions::id)
                .limit(AT_ONCE)
                .select((deletions::id, deletions::kind, deletions::thread_id))
                .load(conn)?;
            for (id, kind, thread) in &due {
                let chats = chats_of(conn, *id)?;
                diesel::delete(deletions::table.find(*id)).execute(conn)?;
                if kind == DeletionKind::Thread.as_str()
                    && let Some(thread) = thread
                {
                    let place = threads::table.find(*thread);
                    diesel::delete(place.filter(threads::deleted_at.is_not_null()))
                        .execute(conn)?;
                }
                // Exchanges of a cleared conversation stay in the log.
                if kind == DeletionKind::Exchange.as_str() {
                    for chat in chats {
                        let place = chats::table.find(chat).filter(chats::include.eq(false));
                        diesel::delete(place).execute(conn)?;
                    }
                }
            }
            audit::record(conn, event)?;
            Ok(due.len() as u64)
        })
        .await
    }
}
