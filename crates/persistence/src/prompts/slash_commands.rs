//! Slash commands of everybody and of single users.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::slash_command::{CommandName, CommandText, SlashCommand, SlashCommands};
use carrel_domain::{Error, Result, SlashCommandId, UserId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyBackend, AnyConnection, columns};
use crate::database::convert::{text, time};
use crate::database::schema::slash_commands;
use crate::database::tx_error::{OrRefused, TxError};

#[derive(Queryable, Selectable)]
#[diesel(table_name = slash_commands)]
struct Row {
    id: i32,
    name: String,
    prompt: String,
    description: String,
    user_id: Option<i32>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl From<Row> for SlashCommand {
    fn from(row: Row) -> Self {
        Self {
            id: SlashCommandId(row.id),
            text: CommandText {
                name: CommandName::from_stored(row.name),
                prompt: row.prompt,
                description: row.description,
            },
            user: row.user_id.map(UserId),
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        }
    }
}

/// Inserts a command and assigns its id.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    command: CommandText,
    user: Option<UserId>,
    (created_at, updated_at): (NaiveDateTime, NaiveDateTime),
) -> Result<SlashCommand, TxError> {
    let CommandText { name, prompt, description } = command;
    let row: QueryResult<Row> = diesel::insert_into(slash_commands::table)
        .values((
            slash_commands::name.eq(name.as_str()),
            slash_commands::prompt.eq(text(prompt)),
            slash_commands::description.eq(text(description)),
            slash_commands::user_id.eq(user.map(|user| user.0)),
            slash_commands::created_at.eq(created_at),
            slash_commands::updated_at.eq(updated_at),
        ))
        .returning(columns::<Row>())
        .get_result(conn);
    let row = row.or_taken("slash command", format!("/{}", name.as_str()));
    let row = row.or_not_found("user", user.map_or(0, |user| user.0))?;
    Ok(row.into())
}

#[async_trait]
impl SlashCommands for Database {
    async fn list(&self) -> Result<Vec<SlashCommand>> {
        self.read(|conn| {
            let rows: Vec<Row> = slash_commands::table
                .select(Row::as_select())
                .order(slash_commands::name)
                .load(conn)?;
            let mut commands: Vec<SlashCommand> =
                rows.into_iter().map(SlashCommand::from).collect();
            commands.sort_by_key(|command| command.user);
            Ok(commands)
        })
        .await
    }

    async fn available(&self, user: Option<UserId>) -> Result<Vec<SlashCommand>> {
        self.read(move |conn| {
            let mut query = slash_commands::table
                .filter(slash_commands::user_id.is_null())
                .order(slash_commands::name)
                .select(Row::as_select())
                .into_boxed::<AnyBackend>();
            if let Some(user) = user {
                query = query.or_filter(slash_commands::user_id.eq(user.0));
            }
            let rows: Vec<Row> = query.load(conn)?;
            Ok(rows.into_iter().map(SlashCommand::from).collect())
        })
        .await
    }

    async fn by_id(&self, id: SlashCommandId) -> Result<Option<SlashCommand>> {
        self.read(move |conn| {
            let found = slash_commands::table.find(id.0).select(Row::as_select());
            let row: Option<Row> = found.first(conn).optional()?;
            Ok(row.map(SlashCommand::from))
        })
        .await
    }

    async fn create(
        &self,
        command: CommandText,
        user: Option<UserId>,
        event: Event,
    ) -> Result<SlashCommand> {
        self.write(move |conn| {
            let now = time(event.by.at);
            let created = insert(conn, command, user, (now, now))?;
            audit::record(conn, event)?;
            Ok(created)
        })
        .await
    }

    async fn update(&self, id: SlashCommandId, command: CommandText, event: Event) -> Result<()> {
        let CommandText { name, prompt, description } = command;
        self.write(move |conn| {
            let changed = diesel::update(slash_commands::table.find(id.0))
                .set((
                    slash_commands::name.eq(name.as_str()),
                    slash_commands::prompt.eq(text(prompt)),
                    slash_commands::description.eq(text(description)),
                    slash_commands::updated_at.eq(time(event.by.at)),
                ))
                .execute(conn)
                .or_taken("slash command", format!("/{}", name.as_str()))?;
            if changed == 0 {
                return Err(Error::not_found("slash command", id).into());
            }
            audit::record(conn, event)
        })
        .await
    }

    async fn delete(&self, id: SlashCommandId, event: Event) -> Result<bool> {
        self.write(move |conn| {
            if diesel::delete(slash_commands::table.find(id.0)).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
