//! The target of imports. Imported rows keep their ids, and an import is one transaction.
mod conversations;
mod library;
mod people;
mod prompts;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::import::{ImportTarget, ImportedRows, Numbered, PastImport, RowStream};
use carrel_domain::picture::PictureSubject;
use carrel_domain::settings::names;
use carrel_domain::{Error, Result};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::chats::thread_files;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{text, time};
use crate::database::last_ids;
use crate::database::schema::{
    chats, documents, embeds, imports, owner, owner_sessions, setup_links, users, workspaces,
};
use crate::database::tx_error::{OrRefused, TxError};
use crate::pictures;
use crate::settings::set;

#[derive(Queryable, Selectable)]
#[diesel(table_name = imports)]
struct Row {
    kind: String,
    origin: String,
    report: String,
    created_at: NaiveDateTime,
}

/// Returns the existing data that an import would mix with. API keys are allowed, because servers
/// are often given one first.
fn contents(conn: &mut AnyConnection) -> QueryResult<Vec<(&'static str, u64)>> {
    let counts: [(&'static str, i64); 5] = [
        ("users", users::table.count().get_result(conn)?),
        ("workspaces", workspaces::table.count().get_result(conn)?),
        ("documents", documents::table.count().get_result(conn)?),
        ("chats", chats::table.count().get_result(conn)?),
        ("widgets", embeds::table.count().get_result(conn)?),
    ];
    let there = counts.into_iter().filter(|(_, count)| *count > 0);
    Ok(there.map(|(name, count)| (name, count.unsigned_abs())).collect())
}

/// Deletes setup links and the owner's sessions, because the imported users sign in instead.
fn end_setup(conn: &mut AnyConnection) -> QueryResult<()> {
    diesel::delete(owner_sessions::table).execute(conn)?;
    diesel::delete(setup_links::table).execute(conn).map(drop)
}

fn table_of(kind: Numbered) -> &'static str {
    match kind {
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

/// Writes rows of one kind. Returns the report of the import, the last kind.
fn write(
    conn: &mut AnyConnection,
    rows: ImportedRows,
    now: NaiveDateTime,
) -> Result<Option<String>, TxError> {
    match rows {
        ImportedRows::Settings(values) => {
            for (key, value) in values {
                set(conn, key, value)?;
            }
        }
        ImportedRows::Owner(password) => {
            let row = (
                owner::id.eq(1),
                owner::password_hash.eq(text(password.0)),
                owner::updated_at.eq(now),
            );
            on_each_backend!(conn => diesel::insert_into(owner::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(conn))?;
            diesel::delete(setup_links::table).execute(conn)?;
        }
        ImportedRows::MultiUser => {
            set(conn, names::MULTI_USER_MODE.to_owned(), "true".to_owned())?;
            end_setup(conn)?;
        }
        ImportedRows::Users(rows) => people::users(conn, rows)?,
        ImportedRows::ApiKeys(rows) => people::api_keys(conn, rows)?,
        ImportedRows::Members(rows) => people::members(conn, rows)?,
        ImportedRows::Invites(rows) => people::invites(conn, rows)?,
        ImportedRows::SlashCommands(rows) => prompts::commands(conn, rows)?,
        ImportedRows::PromptVariables(rows) => prompts::set_variables(conn, rows)?,
        ImportedRows::SuggestedMessages(rows) => prompts::messages(conn, rows)?,
        ImportedRows::EarlierPrompts(rows) => prompts::prompt_history(conn, rows)?,
        ImportedRows::Memories(rows) => prompts::memories(conn, rows)?,
        ImportedRows::ExtensionKeys(rows) => people::extension_keys(conn, rows)?,
        ImportedRows::Events(rows) => people::events(conn, rows)?,
        ImportedRows::Workspaces(rows) => conversations::workspaces(conn, rows)?,
        ImportedRows::Pictures(rows) => {
            for (subject, picture) in rows {
                if subject == PictureSubject::Server {
                    set(conn, names::LOGO.to_owned(), picture.name.as_str().to_owned())?;
                }
                pictures::insert(conn, subject, picture, now)?;
            }
        }
        ImportedRows::Threads(rows) => conversations::threads(conn, rows)?,
        ImportedRows::ThreadFile(file) => thread_files::insert(conn, file).map(drop)?,
        ImportedRows::Chats(rows) => conversations::chats(conn, rows)?,
        ImportedRows::Widgets(rows) => conversations::widgets(conn, rows)?,
        ImportedRows::WidgetChats(rows) => conversations::widget_chats(conn, rows)?,
        ImportedRows::Folders(rows) => library::folders(conn, rows, now)?,
        ImportedRows::Documents(rows) => library::documents(conn, rows)?,
        ImportedRows::WorkspaceDocuments(rows) => library::placements(conn, rows, now)?,
        ImportedRows::LastIds(ids) => {
            for (of, last) in ids {
                last_ids::reserve(conn, table_of(of), last)?;
            }
        }
        ImportedRows::Report(report) => return Ok(Some(report)),
    }
    Ok(None)
}

fn not_empty(there: &[(&'static str, u64)]) -> Error {
    let there: Vec<_> = there.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let kind = "this server is in use; import into an empty storage directory";
    tracing::info!(there = there.join(", "), "the database is not empty");
    Error::AlreadyExists { kind, key: String::new() }
}

#[async_trait]
impl ImportTarget for Database {
    async fn contents(&self) -> Result<Vec<(&'static str, u64)>> {
        self.read(|conn| Ok(contents(conn)?)).await
    }

    async fn last_import(&self) -> Result<Option<PastImport>> {
        self.read(|conn| {
            let newest = imports::table.order(imports::id.desc()).select(Row::as_select());
            let row: Option<Row> = newest.first(conn).optional()?;
            Ok(row.map(|Row { kind, origin, report, created_at }| PastImport {
                kind,
                origin,
                report,
                created_at: created_at.and_utc(),
            }))
        })
        .await
    }

    async fn import(&self, kind: &str, origin: &str, rows: RowStream, event: Event) -> Result<()> {
        let (kind, origin) = (text(kind), text(origin));
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let there = contents(conn)?;
            if !there.is_empty() {
                return Err(not_empty(&there).into());
            }
            let now = time(event.by.at);
            let mut report = String::new();
            for rows in rows {
                if let Some(last) = write(conn, rows?, now)? {
                    report = last;
                }
            }
            diesel::insert_into(imports::table)
                .values((
                    imports::kind.eq(kind),
                    imports::origin.eq(origin),
                    imports::report.eq(text(report)),
                    imports::created_at.eq(now),
                ))
                .execute(conn)
                .or_taken("import", "this one")?;
            audit::record(conn, event)
        })
        .await
    }
}
