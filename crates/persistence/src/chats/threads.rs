//! Threads of workspaces.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::thread::{NewThread, Thread, ThreadFilter, Threads};
use carrel_domain::{Error, Result, Slug, ThreadId, UserId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::chats::exchanges;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyBackend, columns};
use crate::database::convert::{text, time};
use crate::database::schema::threads;
use crate::database::tx_error::OrRefused;
use crate::documents::title_search::{normalized_title, pattern};

#[derive(Queryable, Selectable)]
#[diesel(table_name = threads)]
struct Row {
    id: i32,
    slug: String,
    name: String,
    workspace_id: i32,
    user_id: Option<i32>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    archived_at: Option<NaiveDateTime>,
}

impl From<Row> for Thread {
    fn from(row: Row) -> Self {
        let Row { id, slug, name, workspace_id, user_id, created_at, updated_at, archived_at } =
            row;
        Self {
            id: ThreadId(id),
            slug: Slug::from_stored(slug),
            name,
            workspace: WorkspaceId(workspace_id),
            user: user_id.map(UserId),
            created_at: created_at.and_utc(),
            updated_at: updated_at.and_utc(),
            archived_at: archived_at.map(|at| at.and_utc()),
        }
    }
}

#[async_trait]
impl Threads for Database {
    async fn create(&self, new: NewThread, event: Event) -> Result<Thread> {
        let NewThread { slug, name, workspace, user, created_at } = new;
        self.write(move |conn| {
            if !exchanges::lock(conn, workspace, user)? {
                return Err(Error::not_found("workspace", workspace).into());
            }
            let now = time(created_at);
            let row: Row = diesel::insert_into(threads::table)
                .values((
                    threads::slug.eq(text(slug.as_str())),
                    threads::sought.eq(normalized_title(&name)),
                    threads::name.eq(text(name)),
                    threads::workspace_id.eq(workspace.0),
                    threads::user_id.eq(user.map(|user| user.0)),
                    threads::created_at.eq(now),
                    threads::updated_at.eq(now),
                ))
                .returning(columns::<Row>())
                .get_result(conn)
                .or_taken("thread", &slug)
                .or_not_found("user", user.map(|user| user.to_string()).unwrap_or_default())?;
            audit::record(conn, event)?;
            Ok(row.into())
        })
        .await
    }

    async fn by_slug(&self, workspace: WorkspaceId, slug: &str) -> Result<Option<Thread>> {
        let slug = text(slug);
        self.read(move |conn| {
            let row: Option<Row> = threads::table
                .filter(threads::slug.eq(slug))
                .filter(threads::deleted_at.is_null())
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(Thread::from).filter(|thread| thread.workspace == workspace))
        })
        .await
    }

    async fn all(&self) -> Result<Vec<Thread>> {
        self.read(|conn| {
            let rows: Vec<Row> = threads::table
                .filter(threads::deleted_at.is_null())
                .select(Row::as_select())
                .order(threads::id)
                .load(conn)?;
            Ok(rows.into_iter().map(Thread::from).collect())
        })
        .await
    }

    async fn page(
        &self,
        workspace: WorkspaceId,
        name: &str,
        after: Option<ThreadId>,
        limit: u32,
    ) -> Result<Vec<Thread>> {
        let pattern = pattern(name);
        self.read(move |conn| {
            let mut query = threads::table
                .filter(threads::workspace_id.eq(workspace.0))
                .filter(threads::deleted_at.is_null())
                .order(threads::id)
                .limit(i64::from(limit))
                .select(Row::as_select())
                .into_boxed::<AnyBackend>();
            if let Some(after) = after {
                query = query.filter(threads::id.gt(after.0));
            }
            if let Some(pattern) = pattern {
                query = query.filter(threads::sought.like(pattern).escape('\\'));
            }
            let rows: Vec<Row> = query.load(conn)?;
            Ok(rows.into_iter().map(Thread::from).collect())
        })
        .await
    }

    async fn latest(
        &self,
        workspace: WorkspaceId,
        user: Option<UserId>,
        query: &ThreadFilter,
    ) -> Result<Vec<Thread>> {
        let ThreadFilter { archived, before, limit, ref name } = *query;
        let pattern = pattern(name);
        self.read(move |conn| {
            let mut query = threads::table
                .filter(threads::workspace_id.eq(workspace.0))
                .filter(threads::deleted_at.is_null())
                .filter(threads::archived_at.is_not_null().eq(archived))
                .order(threads::id.desc())
                .limit(i64::from(limit))
                .select(Row::as_select())
                .into_boxed::<AnyBackend>();
            query = match user {
                Some(user) => query.filter(threads::user_id.eq(user.0)),
                None => query.filter(threads::user_id.is_null()),
            };
            if let Some(before) = before {
                query = query.filter(threads::id.lt(before.0));
            }
            if let Some(pattern) = pattern {
                query = query.filter(threads::sought.like(pattern).escape('\\'));
            }
            let rows: Vec<Row> = query.load(conn)?;
            Ok(rows.into_iter().map(Thread::from).collect())
        })
        .await
    }

    async fn archive(&self, ids: &[ThreadId], is_archived: bool, event: Event) -> Result<u64> {
        let ids: Vec<i32> = ids.iter().map(|id| id.0).collect();
        let at = is_archived.then(|| time(event.by.at));
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let named = threads::table
                .filter(threads::id.eq_any(ids))
                .filter(threads::archived_at.is_not_null().eq(!is_archived));
            let changed = diesel::update(named).set(threads::archived_at.eq(at)).execute(conn)?;
            if changed > 0 {
                audit::record(conn, event)?;
            }
            Ok(changed as u64)
        })
        .await
    }

    async fn rename(&self, id: ThreadId, name: String, event: Event) -> Result<Thread> {
        self.write(move |conn| {
            let row: Option<Row> = diesel::update(threads::table.find(id.0))
                .set((
                    threads::sought.eq(normalized_title(&name)),
                    threads::name.eq(text(name)),
                    threads::updated_at.eq(time(event.by.at)),
                ))
                .returning(columns::<Row>())
                .get_result(conn)
                .optional()?;
            let row = row.ok_or_else(|| Error::not_found("thread", id))?;
            audit::record(conn, event)?;
            Ok(row.into())
        })
        .await
    }

    async fn delete(&self, ids: &[ThreadId], event: Event) -> Result<u64> {
        let ids: Vec<i32> = ids.iter().map(|id| id.0).collect();
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let named = threads::table.filter(threads::id.eq_any(ids));
            let deleted = diesel::delete(named).execute(conn)?;
            if deleted > 0 {
                audit::record(conn, event)?;
            }
            Ok(deleted as u64)
        })
        .await
    }
}
