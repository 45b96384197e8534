//! Widgets and their settings.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::widget::{ListedWidget, NewWidget, WebOrigin, Widget, WidgetSettings, Widgets};
use carrel_domain::workspace::{ChatMode, Workspace};
use carrel_domain::{Error, Result, UserId, WidgetId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::dsl::count_star;
use diesel::prelude::*;
use uuid::Uuid;

use crate::Database;
use crate::audit;
use crate::chats::exchanges;
use crate::database::connection::columns;
use crate::database::convert::{time, unreadable};
use crate::database::schema::{embed_chats, embeds, workspaces as workspace_table};
use crate::database::tx_error::OrRefused;
use crate::workspaces;

#[derive(Queryable, Selectable)]
#[diesel(table_name = embeds)]
struct Row {
    id: i32,
    key: String,
    #[diesel(embed)]
    settings: SettingsRow,
    created_by: Option<i32>,
    created_at: NaiveDateTime,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = embeds, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct SettingsRow {
    workspace_id: i32,
    enabled: bool,
    chat_mode: String,
    origins: Option<String>,
    allow_model: bool,
    allow_temperature: bool,
    allow_prompt: bool,
    day_limit: Option<i32>,
    session_limit: Option<i32>,
    history: Option<i32>,
}

impl From<WidgetSettings> for SettingsRow {
    fn from(settings: WidgetSettings) -> Self {
        let WidgetSettings {
            workspace,
            enabled,
            mode,
            origins,
            allows_model,
            allows_temperature,
            allows_prompt,
            day_limit,
            session_limit,
            history,
        } = settings;
        let lines = |origins: Vec<WebOrigin>| {
            origins.iter().map(WebOrigin::as_str).collect::<Vec<_>>().join("\n")
        };
        Self {
            workspace_id: workspace.0,
            enabled,
            chat_mode: mode.as_str().to_owned(),
            origins: origins.map(lines),
            allow_model: allows_model,
            allow_temperature: allows_temperature,
            allow_prompt: allows_prompt,
            day_limit,
            session_limit,
            history,
        }
    }
}

impl TryFrom<SettingsRow> for WidgetSettings {
    type Error = Error;

    fn try_from(row: SettingsRow) -> Result<Self> {
        // An unreadable list must not become an absent one, which would admit every site.
        let origins = |lines: String| {
            let origins = lines.lines().map(WebOrigin::parse).collect::<Result<Vec<_>>>();
            origins.map_err(|_| unreadable("origin"))
        };
        Ok(Self {
            workspace: WorkspaceId(row.workspace_id),
            enabled: row.enabled,
            mode: ChatMode::parse(&row.chat_mode).ok_or_else(|| unreadable("chat mode"))?,
            origins: row.origins.map(origins).transpose()?,
            allows_model: row.allow_model,
            allows_temperature: row.allow_temperature,
            allows_prompt: row.allow_prompt,
            day_limit: row.day_limit,
            session_limit: row.session_limit,
            history: row.history,
        })
    }
}

impl TryFrom<Row> for Widget {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: WidgetId(row.id),
            key: Uuid::parse_str(&row.key).map_err(|_| unreadable("widget key"))?,
            settings: row.settings.try_into()?,
            created_by: row.created_by.map(UserId),
            created_at: row.created_at.and_utc(),
        })
    }
}

#[async_trait]
impl Widgets for Database {
    async fn create(&self, new: NewWidget, event: Event) -> Result<Widget> {
        let NewWidget { key, settings, created_by, created_at } = new;
        self.write(move |conn| {
            let workspace = settings.workspace;
            if !exchanges::lock(conn, workspace, created_by)? {
                return Err(Error::not_found("workspace", workspace).into());
            }
            let row: Row = diesel::insert_into(embeds::table)
                .values((
                    embeds::key.eq(key.to_string()),
                    SettingsRow::from(settings),
                    embeds::created_by.eq(created_by.map(|user| user.0)),
                    embeds::created_at.eq(time(created_at)),
                ))
                .returning(columns::<Row>())
                .get_result(conn)
                .or_taken("embed", key)
                .or_not_found("user", created_by.map_or(0, |user| user.0))?;
            audit::record(conn, event)?;
            Ok(row.try_into()?)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<ListedWidget>> {
        self.snapshot(|conn| {
            let rows: Vec<(Row, String)> = embeds::table
                .inner_join(workspace_table::table)
                .order(embeds::id)
                .select((Row::as_select(), workspace_table::name))
                .load(conn)?;
            let counts: Vec<(i32, i64)> = embed_chats::table
                .group_by(embed_chats::embed_id)
                .order(embed_chats::embed_id)
                .select((embed_chats::embed_id, count_star()))
                .load(conn)?;
            let listed = |(row, workspace): (Row, String)| {
                let place = counts.binary_search_by_key(&row.id, |(id, _)| *id);
                let chats = place.map_or(0, |place| counts[place].1);
                let chats = u64::try_from(chats).unwrap_or(0);
                Ok(ListedWidget { widget: row.try_into()?, workspace, chats })
            };
            Ok(rows.into_iter().map(listed).collect::<Result<_>>()?)
        })
        .await
    }

    async fn by_key(&self, key: Uuid) -> Result<Option<(Widget, Workspace)>> {
        self.snapshot(move |conn| {
            let row: Option<Row> = embeds::table
                .filter(embeds::key.eq(key.to_string()))
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            let Some(widget) = row.map(Widget::try_from).transpose()? else { return Ok(None) };
            let workspace = workspaces::by_id(conn, widget.settings.workspace)?;
            Ok(workspace.map(|workspace| (widget, workspace)))
        })
        .await
    }

    async fn update(&self, id: WidgetId, settings: WidgetSettings, event: Event) -> Result<()> {
        self.write(move |conn| {
            let workspace = settings.workspace;
            // Locked before the widget, because the deletion of a workspace reaches its widgets
            // last.
            if !exchanges::lock(conn, workspace, None)? {
                return Err(Error::not_found("workspace", workspace).into());
            }
            let row = SettingsRow::from(settings);
            if diesel::update(embeds::table.find(id.0)).set(row).execute(conn)? == 0 {
                return Err(Error::not_found("embed", id).into());
            }
            audit::record(conn, event)
        })
        .await
    }

    async fn delete(&self, id: WidgetId, event: Event) -> Result<bool> {
        self.write(move |conn| {
            if diesel::delete(embeds::table.find(id.0)).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
