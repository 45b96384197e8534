//! Workspaces and their settings.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::workspace::{
    ChatMode, NewWorkspace, SearchMode, Workspace, WorkspaceSettings, Workspaces,
};
use carrel_domain::{Error, Result, Slug, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyConnection, columns};
use crate::database::convert::{some_text, text, time, unreadable};
use crate::database::schema::{chats, workspace_documents, workspaces};
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::{parts, vector_versions};
use crate::prompts::history;

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspaces)]
struct Row {
    id: i32,
    slug: String,
    #[diesel(embed)]
    settings: SettingsRow,
    pfp_filename: Option<String>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = workspaces, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct SettingsRow {
    name: String,
    temperature: Option<f64>,
    history: i32,
    prompt: Option<String>,
    least_similarity: f64,
    passages: i32,
    chat_mode: String,
    search_mode: String,
    chat_provider: Option<String>,
    chat_model: Option<String>,
    agent_provider: Option<String>,
    agent_model: Option<String>,
    refusal: Option<String>,
    router_id: Option<i32>,
}

impl From<WorkspaceSettings> for SettingsRow {
    fn from(settings: WorkspaceSettings) -> Self {
        let WorkspaceSettings {
            name,
            temperature,
            history,
            prompt,
            least_similarity,
            passages,
            chat_mode,
            search_mode,
            chat_provider,
            chat_model,
            agent_provider,
            agent_model,
            refusal,
            router,
        } = settings;
        Self {
            name: text(name),
            temperature,
            history,
            prompt: some_text(prompt),
            least_similarity,
            passages,
            chat_mode: chat_mode.as_str().to_owned(),
            search_mode: search_mode.as_str().to_owned(),
            chat_provider: some_text(chat_provider),
            chat_model: some_text(chat_model),
            agent_provider: some_text(agent_provider),
            agent_model: some_text(agent_model),
            refusal: some_text(refusal),
            router_id: router,
        }
    }
}

impl TryFrom<SettingsRow> for WorkspaceSettings {
    type Error = Error;

    fn try_from(row: SettingsRow) -> Result<Self> {
        Ok(Self {
            name: row.name,
            temperature: row.temperature,
            history: row.history,
            prompt: row.prompt,
            least_similarity: row.least_similarity,
            passages: row.passages,
            chat_mode: ChatMode::parse(&row.chat_mode).ok_or_else(|| unreadable("chat mode"))?,
            search_mode: SearchMode::parse(&row.search_mode)
                .ok_or_else(|| unreadable("search mode"))?,
            chat_provider: row.chat_provider,
            chat_model: row.chat_model,
            agent_provider: row.agent_provider,
            agent_model: row.agent_model,
            refusal: row.refusal,
            router: row.router_id,
        })
    }
}

impl TryFrom<Row> for Workspace {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: WorkspaceId(row.id),
            slug: Slug::from_stored(row.slug),
            settings: row.settings.try_into()?,
            picture: row.pfp_filename,
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        })
    }
}

pub(crate) fn by_id(
    conn: &mut AnyConnection,
    id: WorkspaceId,
) -> Result<Option<Workspace>, TxError> {
    let row: Option<Row> =
        workspaces::table.find(id.0).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(Workspace::try_from).transpose()?)
}

/// Locks the workspace and its settings against concurrent changes. Returns [`Error::NotFound`] if
/// the workspace does not exist.
pub(crate) fn lock(conn: &mut AnyConnection, id: WorkspaceId) -> Result<(), TxError> {
    let row = workspaces::table.find(id.0);
    let unchanged = workspaces::updated_at.eq(workspaces::updated_at);
    match diesel::update(row).set(unchanged).execute(conn)? {
        0 => Err(Error::not_found("workspace", id).into()),
        _ => Ok(()),
    }
}

#[async_trait]
impl Workspaces for Database {
    async fn create(&self, new: NewWorkspace, event: Event) -> Result<Workspace> {
        let NewWorkspace { slug, settings, created_at } = new;
        self.write(move |conn| {
            let now = time(created_at);
            let row: Row = diesel::insert_into(workspaces::table)
                .values((
                    workspaces::slug.eq(text(slug.as_str())),
                    SettingsRow::from(settings),
                    workspaces::created_at.eq(now),
                    workspaces::updated_at.eq(now),
                ))
                .returning(columns::<Row>())
                .get_result(conn)
                .or_taken("workspace", &slug)?;
            vector_versions::create(conn, row.id)?;
            audit::record(conn, event)?;
            Ok(row.try_into()?)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Workspace>> {
        self.read(|conn| {
            let rows: Vec<Row> =
                workspaces::table.select(Row::as_select()).order(workspaces::id).load(conn)?;
            Ok(rows.into_iter().map(Workspace::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn by_id(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        self.read_inline(move |conn| {
            let found = workspaces::table.find(id.0).select(Row::as_select());
            let row: Option<Row> = found.first(conn).optional()?;
            Ok(row.map(Workspace::try_from).transpose()?)
        })
        .await
    }

    async fn by_slug(&self, slug: &str) -> Result<Option<Workspace>> {
        let slug = text(slug);
        self.read_inline(move |conn| {
            let found =
                workspaces::table.filter(workspaces::slug.eq(slug)).select(Row::as_select());
            let row: Option<Row> = found.first(conn).optional()?;
            Ok(row.map(Workspace::try_from).transpose()?)
        })
        .await
    }

    async fn update(
        &self,
        id: WorkspaceId,
        settings: WorkspaceSettings,
        event: Event,
    ) -> Result<Workspace> {
        self.write(move |conn| {
            history::record(conn, id, settings.prompt.as_deref(), &event)?;
            let row: Option<Row> = diesel::update(workspaces::table.find(id.0))
                .set((SettingsRow::from(settings), workspaces::updated_at.eq(time(event.by.at))))
                .returning(columns::<Row>())
                .get_result(conn)
                .optional()?;
            let row = row.ok_or_else(|| Error::not_found("workspace", id))?;
            audit::record(conn, event)?;
            Ok(row.try_into()?)
        })
        .await
    }

    async fn delete(&self, id: WorkspaceId, event: Event) -> Result<bool> {
        let places = self.read(move |conn| {
            let places = workspace_documents::table
                .filter(workspace_documents::workspace_id.eq(id.0))
                .select((workspace_documents::workspace_id, workspace_documents::id));
            Ok(places.load(conn)?)
        });
        parts::remove_passages_first(self, places.await?).await?;
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            vector_versions::delete(conn, id.0)?;
            // The workspace is deleted before its exchanges, because transactions that add
            // exchanges lock it.
            if diesel::delete(workspaces::table.find(id.0)).execute(conn)? == 0 {
                return Ok(false);
            }
            diesel::delete(chats::table.filter(chats::workspace_id.eq(id.0))).execute(conn)?;
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
