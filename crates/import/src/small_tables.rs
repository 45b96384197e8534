//! Reads the small tables, each as a whole, and collects the ids to which other rows refer.
use std::collections::BTreeMap;

use carrel_domain::Result;
use carrel_domain::import::{ImportedRows, Numbered};
use chrono::{DateTime, Utc};

use crate::extension_keys::extension_keys;
use crate::plan::Known;
use crate::report::Report;
use crate::row::Row;
use crate::source::SourceDatabase;
use crate::{people, prompts, workspaces};

pub fn version(source: &mut SourceDatabase) -> Result<String> {
    let rows = source.all("_prisma_migrations")?;
    let newest = rows.iter().filter_map(|row| row.text("migration_name")).max();
    Ok(newest.unwrap_or_else(|| "unknown".to_owned()))
}

pub fn last_ids(source: &mut SourceDatabase) -> Result<BTreeMap<Numbered, i64>> {
    let tables = [
        (Numbered::Users, "users"),
        (Numbered::ApiKeys, "api_keys"),
        (Numbered::Workspaces, "workspaces"),
        (Numbered::Members, "workspace_users"),
        (Numbered::Threads, "workspace_threads"),
        (Numbered::Chats, "workspace_chats"),
        (Numbered::Widgets, "embed_configs"),
        (Numbered::WidgetChats, "embed_chats"),
        (Numbered::Invites, "invites"),
    ];
    tables.into_iter().map(|(of, table)| Ok((of, source.last_id(table)?))).collect()
}

/// Returns the rows of the small tables, and the ids to which other rows may refer.
pub fn small_tables(
    source: &mut SourceDatabase,
    last_ids: &mut BTreeMap<Numbered, i64>,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Result<(Vec<ImportedRows>, Known)> {
    let users = people::users(source.all("users")?, now, report);
    let mut known = Known { users: people::by_id(&users), ..Known::default() };
    let keys = people::api_keys(source.all("api_keys")?, &known, now, report);
    let router = |row: &Row| {
        Some((row.id()?, (row.filled("fallback_provider"), row.filled("fallback_model"))))
    };
    let routers = source.all("model_routers")?.iter().filter_map(router).collect();
    let spaces = workspaces::workspaces(source.all("workspaces")?, &routers, now, report);
    known.workspaces = spaces.iter().map(|space| space.workspace.id.0).collect();
    let members = people::members(source.all("workspace_users")?, &known, now, report);
    let mut threads = workspaces::threads(source.all("workspace_threads")?, &known, now, report);
    known.threads = threads.iter().map(|thread| thread.id.0).collect();
    report.imported("workspace_threads", threads.len() as u64);
    let used = source.distinct("workspace_chats", &["workspaceId", "user_id", "thread_id"])?;
    // A workspace created later must not get the id of a deleted one, and with it the exchanges.
    let most = used.iter().filter_map(|row| row.int("workspaceId")).max().unwrap_or(0);
    let workspace_ids = last_ids.entry(Numbered::Workspaces).or_default();
    *workspace_ids = (*workspace_ids).max(i64::from(most));
    let last = last_ids.get(&Numbered::Threads).copied().unwrap_or(0);
    threads.extend(workspaces::recovered(&used, &mut known, last, now, report));
    let invites = people::invites(source.all("invites")?, &known, now, report);
    let widgets = workspaces::widgets(source.all("embed_configs")?, &known, now, report);
    known.widgets = widgets.iter().map(|widget| widget.id.0).collect();
    let presets = source.all("slash_command_presets")?;
    let commands = prompts::slash_commands(presets, &known, now, report);
    let variables = prompts::variables(source.all("system_prompt_variables")?, now, report);
    let suggested = source.all("workspace_suggested_messages")?;
    let suggested = prompts::suggested_messages(suggested, &known, report);
    let prompt_history =
        prompts::earlier_prompts(source.all("prompt_history")?, &known, now, report);
    let memories = prompts::memories(source.all("memories")?, &known, now, report);
    let extensions = source.all("browser_extension_api_keys")?;
    let extensions = extension_keys(extensions, &known, now, report);
    for (table, count) in [
        ("users", users.len()),
        ("api_keys", keys.len()),
        ("workspaces", spaces.len()),
        ("workspace_users", members.len()),
        ("invites", invites.len()),
        ("embed_configs", widgets.len()),
        ("slash_command_presets", commands.len()),
        ("system_prompt_variables", variables.len()),
        ("workspace_suggested_messages", suggested.len()),
        ("prompt_history", prompt_history.len()),
        ("memories", memories.len()),
        ("browser_extension_api_keys", extensions.len()),
    ] {
        report.imported(table, count as u64);
    }
    let rows = vec![
        ImportedRows::Users(users),
        ImportedRows::ApiKeys(keys),
        ImportedRows::Workspaces(spaces),
        ImportedRows::Members(members),
        ImportedRows::Threads(threads),
        ImportedRows::Invites(invites),
        ImportedRows::Widgets(widgets),
        ImportedRows::SlashCommands(commands),
        ImportedRows::PromptVariables(variables),
        ImportedRows::SuggestedMessages(suggested),
        ImportedRows::EarlierPrompts(prompt_history),
        ImportedRows::Memories(memories),
        ImportedRows::ExtensionKeys(extensions),
    ];
    Ok((rows, known))
}
