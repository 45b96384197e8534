//! Imports workspaces, their conversations, and widgets with theirs.
use carrel_domain::chat::{Chat, Conversation};
use carrel_domain::import::{ImportedChat, ImportedWidgetChat, ImportedWorkspace};
use carrel_domain::thread::Thread;
use carrel_domain::widget::{Widget, WidgetChat};
use carrel_domain::workspace::Workspace;
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::chats::bounds;
use crate::chats::usage::tokens;
use crate::chats::widgets::SettingsRow as WidgetRow;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{some_text, text, time};
use crate::database::schema::{chats, embed_chats, embeds, threads, workspaces};
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::title_search::normalized_title;
use crate::documents::vector_versions;
use crate::workspaces::SettingsRow;

/// Rows per statement. Each binds about a dozen values.
const ROWS_AT_ONCE: usize = 250;

pub(super) fn workspaces(
    conn: &mut AnyConnection,
    rows: Vec<ImportedWorkspace>,
) -> Result<(), TxError> {
    for ImportedWorkspace { workspace, vector_tag } in rows {
        let Workspace { id, slug, settings, picture, created_at, updated_at } = workspace;
        diesel::insert_into(workspaces::table)
            .values((
                workspaces::id.eq(id.0),
                workspaces::slug.eq(text(slug.as_str())),
                SettingsRow::from(settings),
                workspaces::vector_tag.eq(some_text(vector_tag)),
                workspaces::pfp_filename.eq(some_text(picture)),
                workspaces::created_at.eq(time(created_at)),
                workspaces::updated_at.eq(time(updated_at)),
            ))
            .execute(conn)
            .or_taken("workspace", slug)?;
        vector_versions::create(conn, id.0)?;
    }
    Ok(())
}

pub(super) fn threads(conn: &mut AnyConnection, rows: Vec<Thread>) -> Result<(), TxError> {
    for Thread { id, slug, name, workspace, user, created_at, updated_at, archived_at } in rows {
        diesel::insert_into(threads::table)
            .values((
                threads::id.eq(id.0),
                threads::slug.eq(text(slug.as_str())),
                threads::sought.eq(normalized_title(&name)),
                threads::name.eq(text(name)),
                threads::workspace_id.eq(workspace.0),
                threads::user_id.eq(user.map(|user| user.0)),
                threads::created_at.eq(time(created_at)),
                threads::updated_at.eq(time(updated_at)),
                threads::archived_at.eq(archived_at.map(time)),
            ))
            .execute(conn)
            .or_taken("thread", slug)?;
    }
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = chats, treat_none_as_default_value = false)]
struct ChatRow {
    id: i64,
    workspace_id: i32,
    thread_id: Option<i32>,
    user_id: Option<i32>,
    session: Option<String>,
    include: bool,
    feedback: Option<bool>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    prompt: String,
    response: String,
    prompt_tokens: Option<i32>,
    completion_tokens: Option<i32>,
}

impl From<ImportedChat> for ChatRow {
    fn from(ImportedChat { chat, usage }: ImportedChat) -> Self {
        let Chat {
            id,
            conversation,
            prompt,
            response,
            images: _,
            include,
            feedback,
            created_at,
            updated_at,
        } = chat;
        let Conversation { workspace, user, thread, session } = conversation;
        let (prompt_tokens, completion_tokens) = tokens(usage);
        Self {
            id: id.0,
            workspace_id: workspace.0,
            thread_id: thread.map(|thread| thread.0),
            user_id: user.map(|user| user.0),
            session: some_text(session),
            include,
            feedback,
            created_at: time(created_at),
            updated_at: time(updated_at),
            prompt: text(prompt),
            response: text(response),
            prompt_tokens,
            completion_tokens,
        }
    }
}

pub(super) fn chats(conn: &mut AnyConnection, mut rows: Vec<ImportedChat>) -> Result<(), TxError> {
    let images = rows
        .iter_mut()
        .map(|ImportedChat { chat, .. }| (chat.id, std::mem::take(&mut chat.images)));
    let images: Vec<_> = images.collect();
    let rows: Vec<ChatRow> = rows.into_iter().map(ChatRow::from).collect();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_each_backend!(conn => diesel::insert_into(chats::table).values(rows).execute(conn))
            .or_taken("chat", "this one")?;
    }
    for (id, images) in images {
        let images: Vec<_> = images.into_iter().map(text).collect();
        bounds::store_images(conn, id.0, &images)?;
    }
    Ok(())
}

pub(super) fn widgets(conn: &mut AnyConnection, rows: Vec<Widget>) -> Result<(), TxError> {
    for Widget { id, key, settings, created_by, created_at } in rows {
        diesel::insert_into(embeds::table)
            .values((
                embeds::id.eq(id.0),
                embeds::key.eq(key.to_string()),
                WidgetRow::from(settings),
                embeds::created_by.eq(created_by.map(|user| user.0)),
                embeds::created_at.eq(time(created_at)),
            ))
            .execute(conn)
            .or_taken("widget", key)?;
    }
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = embed_chats, treat_none_as_default_value = false)]
struct WidgetChatRow {
    id: i64,
    embed_id: i32,
    session: String,
    include: bool,
    created_at: NaiveDateTime,
    connection: Option<String>,
    prompt: String,
    response: String,
    prompt_tokens: Option<i32>,
    completion_tokens: Option<i32>,
}

impl From<ImportedWidgetChat> for WidgetChatRow {
    fn from(ImportedWidgetChat { chat, usage }: ImportedWidgetChat) -> Self {
        let WidgetChat { id, widget, session, prompt, response, include, connection, created_at } =
            chat;
        let (prompt_tokens, completion_tokens) = tokens(usage);
        Self {
            id: id.0,
            embed_id: widget.0,
            session: text(session),
            include,
            created_at: time(created_at),
            connection: some_text(connection),
            prompt: text(prompt),
            response: text(response),
            prompt_tokens,
            completion_tokens,
        }
    }
}

pub(super) fn widget_chats(
    conn: &mut AnyConnection,
    rows: Vec<ImportedWidgetChat>,
) -> Result<(), TxError> {
    let rows: Vec<WidgetChatRow> = rows.into_iter().map(WidgetChatRow::from).collect();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_each_backend!(conn => diesel::insert_into(embed_chats::table)
            .values(rows)
            .execute(conn))
        .or_taken("chat of a widget", "this one")?;
    }
    Ok(())
}
