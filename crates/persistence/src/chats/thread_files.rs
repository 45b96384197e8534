//! Files that stay with a thread and are sent with its questions.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::thread_file::{NewThreadFile, ThreadFile, ThreadFiles};
use carrel_domain::{Error, Result, ThreadFileId, ThreadId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyConnection, columns};
use crate::database::convert::{rows, text, time};
use crate::database::schema::{thread_files, threads};
use crate::database::tx_error::{OrRefused, TxError};

#[derive(Queryable, Selectable)]
#[diesel(table_name = thread_files)]
pub(crate) struct Row {
    id: i32,
    name: String,
    tokens: i32,
    created_at: NaiveDateTime,
}

impl From<Row> for ThreadFile {
    fn from(row: Row) -> Self {
        let Row { id, name, tokens, created_at } = row;
        Self { id: ThreadFileId(id), name, tokens, created_at: created_at.and_utc() }
    }
}

/// Locks the thread against concurrent additions of files until the transaction ends.
fn lock(conn: &mut AnyConnection, thread: ThreadId) -> Result<(), TxError> {
    let row = threads::table.find(thread.0).filter(threads::deleted_at.is_null());
    let found: Option<i32> = match conn {
        AnyConnection::Postgres(conn) => {
            row.select(threads::id).for_update().first(conn).optional()?
        }
        AnyConnection::Sqlite(conn) => row.select(threads::id).first(conn).optional()?,
    };
    found.map(drop).ok_or_else(|| Error::not_found("thread", thread).into())
}

pub(crate) fn insert(conn: &mut AnyConnection, new: NewThreadFile) -> Result<Row, TxError> {
    let NewThreadFile { thread, name, text: words, tokens, created_at } = new;
    diesel::insert_into(thread_files::table)
        .values((
            thread_files::thread_id.eq(thread.0),
            thread_files::name.eq(text(name)),
            thread_files::text.eq(text(words)),
            thread_files::tokens.eq(tokens),
            thread_files::created_at.eq(time(created_at)),
        ))
        .returning(columns::<Row>())
        .get_result(conn)
        .or_not_found("thread", thread)
}

#[async_trait]
impl ThreadFiles for Database {
    async fn of(&self, thread: ThreadId) -> Result<Vec<ThreadFile>> {
        self.read_inline(move |conn| {
            let rows: Vec<Row> = thread_files::table
                .filter(thread_files::thread_id.eq(thread.0))
                .order(thread_files::id)
                .select(Row::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(ThreadFile::from).collect())
        })
        .await
    }

    async fn texts(&self, thread: ThreadId) -> Result<Vec<(ThreadFile, String)>> {
        self.read(move |conn| {
            let rows: Vec<(Row, String)> = thread_files::table
                .filter(thread_files::thread_id.eq(thread.0))
                .order(thread_files::id)
                .select((Row::as_select(), thread_files::text))
                .load(conn)?;
            Ok(rows.into_iter().map(|(row, text)| (row.into(), text)).collect())
        })
        .await
    }

    async fn add(&self, new: NewThreadFile, most: usize, event: Event) -> Result<ThreadFile> {
        self.write(move |conn| {
            let thread = new.thread;
            lock(conn, thread)?;
            let there: i64 = thread_files::table
                .filter(thread_files::thread_id.eq(thread.0))
                .count()
                .get_result(conn)?;
            if there >= rows(most) {
                let reason = format!("A thread holds at most {most} files. Remove some first.");
                return Err(Error::exhausted(reason).into());
            }
            let row = insert(conn, new)?;
            audit::record(conn, event)?;
            Ok(row.into())
        })
        .await
    }

    async fn remove(&self, thread: ThreadId, id: ThreadFileId, event: Event) -> Result<bool> {
        self.write(move |conn| {
            let file = thread_files::table.find(id.0).filter(thread_files::thread_id.eq(thread.0));
            if diesel::delete(file).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
