//! Lists the tables of the source and how each is imported.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its rows are imported.
    Imported,
    /// This server does not use its rows yet; they are kept sealed in the storage directory.
    Kept,
    /// Its rows are not needed.
    Dropped,
}

const TABLES: &[(&str, Fate, &str)] = &[
    ("api_keys", Fate::Imported, "API keys, stored as digests"),
    (
        "browser_extension_api_keys",
        Fate::Imported,
        "keys of the browser extension, stored as digests",
    ),
    ("cache_data", Fate::Dropped, "a cache"),
    ("desktop_mobile_devices", Fate::Kept, "paired phones: not supported"),
    ("document_sync_executions", Fate::Dropped, "a log of past synchronisations"),
    (
        "document_sync_queues",
        Fate::Kept,
        "schedules for reading watched documents again: the documents keep their mark",
    ),
    ("document_vectors", Fate::Dropped, "vectors; jobs make new ones"),
    ("embed_chats", Fate::Imported, "exchanges of widgets"),
    ("embed_configs", Fate::Imported, "widgets, with their keys"),
    ("event_logs", Fate::Imported, "events of the audit log, by the actor `imported`"),
    ("external_communication_connectors", Fate::Kept, "bots: not supported"),
    ("invites", Fate::Imported, "invites, with their codes"),
    ("memories", Fate::Imported, "notes about people, which they can change and delete"),
    ("model_router_rules", Fate::Kept, "rules of model routers: not supported"),
    ("model_routers", Fate::Kept, "model routers: their workspaces use the fallback model"),
    ("password_reset_tokens", Fate::Dropped, "short-lived"),
    ("prompt_history", Fate::Imported, "earlier instructions of workspaces"),
    ("recovery_codes", Fate::Dropped, "recovery codes: an administrator sets a new password"),
    ("scheduled_job_runs", Fate::Kept, "runs of scheduled prompts"),
    ("scheduled_jobs", Fate::Kept, "scheduled prompts: none runs"),
    ("slash_command_presets", Fate::Imported, "slash commands"),
    ("system_prompt_variables", Fate::Imported, "variables of instructions"),
    ("system_settings", Fate::Imported, "preferences; those that are unknown here are kept"),
    ("temporary_auth_tokens", Fate::Dropped, "short-lived"),
    ("users", Fate::Imported, "users, with their passwords"),
    ("welcome_messages", Fate::Kept, "welcome messages"),
    ("workspace_agent_invocations", Fate::Dropped, "ended agent sessions"),
    ("workspace_chats", Fate::Imported, "exchanges"),
    ("workspace_documents", Fate::Imported, "documents in workspaces; jobs embed them"),
    ("workspace_parsed_files", Fate::Imported, "files that stay with threads, with their texts"),
    ("workspace_suggested_messages", Fate::Imported, "suggested messages"),
    ("workspace_threads", Fate::Imported, "threads"),
    ("workspace_users", Fate::Imported, "members"),
    ("workspaces", Fate::Imported, "workspaces"),
];

/// Returns how a table is imported, with a description for the report. Unknown tables are kept.
pub fn treatment_of(table: &str) -> (Fate, &'static str) {
    let known = TABLES.iter().find(|(name, _, _)| *name == table);
    known.map_or((Fate::Kept, "unknown to this version"), |(_, fate, words)| (*fate, words))
}
