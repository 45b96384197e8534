//! Imports workspaces, their threads and their widgets.
use std::collections::{BTreeMap, BTreeSet};

use carrel_domain::import::ImportedWorkspace;
use carrel_domain::thread::Thread;
use carrel_domain::widget::{WebOrigin, Widget, WidgetSettings};
use carrel_domain::workspace::{ChatMode, SearchMode, Workspace, WorkspaceSettings};
use carrel_domain::{Slug, ThreadId, UserId, WidgetId, WorkspaceId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::plan::Known;
use crate::report::Report;
use crate::row::Row;

/// A provider that selects other providers by rules. This server does not have it.
const ROUTER: &str = "anythingllm-router";

/// Converts the rows of workspaces. `routers` are the fallback provider and model of each router.
pub fn workspaces(
    rows: Vec<Row>,
    routers: &BTreeMap<i32, (Option<String>, Option<String>)>,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<ImportedWorkspace> {
    let (mut workspaces, mut slugs) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let Some(id) = row.id() else {
            report.leave_out("workspaces: a row without an id");
            continue;
        };
        let mut slug = row.filled("slug").unwrap_or_else(|| format!("workspace-{id}"));
        if !slugs.insert(slug.clone()) {
            report.change(format!("workspaces {id}: the slug `{slug}` is taken; its id is added"));
            slug = format!("{slug}-{id}");
            slugs.insert(slug.clone());
        }
        let created_at = row.time("createdAt").unwrap_or(now);
        workspaces.push(ImportedWorkspace {
            workspace: Workspace {
                id: WorkspaceId(id),
                settings: settings(id, &slug, &row, routers, report),
                slug: Slug::from_stored(slug),
                picture: row.filled("pfpFilename"),
                created_at,
                updated_at: row.time("lastUpdatedAt").unwrap_or(created_at),
            },
            vector_tag: row.filled("vectorTag"),
        });
    }
    workspaces
}

fn settings(
    id: i32,
    slug: &str,
    row: &Row,
    routers: &BTreeMap<i32, (Option<String>, Option<String>)>,
    report: &mut Report,
) -> WorkspaceSettings {
    let mode = row.filled("chatMode");
    // In AnythingLLM, the default mode is `chat`.
    let chat_mode = mode.as_deref().map_or(Some(ChatMode::Chat), ChatMode::parse);
    let chat_mode = chat_mode.unwrap_or_else(|| {
        report.change(format!("workspaces {id}: the chat mode {mode:?} is unknown; it is `chat`"));
        ChatMode::Chat
    });
    let search = row.filled("vectorSearchMode");
    let search_mode = search.as_deref().map_or(Some(SearchMode::Default), SearchMode::parse);
    let search_mode = search_mode.unwrap_or_else(|| {
        report.change(format!(
            "workspaces {id}: the search mode {search:?} is unknown; it is `default`"
        ));
        SearchMode::Default
    });
    if search_mode == SearchMode::Default {
        report.differ(
            "Workspaces whose search mode is `default` search by meaning and by words; before, by \
             meaning alone.",
        );
    }
    if chat_mode == ChatMode::Automatic {
        report.differ("Workspaces in mode `automatic` answer without agent tools.");
    }
    let router = row.int("router_id");
    let (mut provider, mut model) = (row.filled("chatProvider"), row.filled("chatModel"));
    if provider.as_deref() == Some(ROUTER) {
        (provider, model) = router.and_then(|id| routers.get(&id).cloned()).unwrap_or_default();
        report.change(format!(
            "workspaces {id}: it used a model router, which this server does not have; it uses {}",
            provider.as_deref().unwrap_or("the model of the server")
        ));
    }
    let within = |value: f64| (0.0..=1.0).contains(&value);
    WorkspaceSettings {
        name: row.filled("name").unwrap_or_else(|| slug.to_owned()),
        temperature: row.real("openAiTemp").filter(|value| *value >= 0.0),
        history: row.int("openAiHistory").unwrap_or(WorkspaceSettings::HISTORY).max(0),
        prompt: row.text("openAiPrompt"),
        least_similarity: row
            .real("similarityThreshold")
            .filter(|value| within(*value))
            .unwrap_or(WorkspaceSettings::LEAST_SIMILARITY),
        passages: row.int("topN").filter(|n| *n > 0).unwrap_or(WorkspaceSettings::PASSAGES),
        chat_mode,
        search_mode,
        chat_provider: provider,
        chat_model: model,
        agent_provider: row.filled("agentProvider"),
        agent_model: row.filled("agentModel"),
        refusal: row.filled("queryRefusalResponse"),
        router,
    }
}

pub fn threads(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<Thread> {
    let (mut threads, mut slugs) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let (Some(id), workspace) = (row.id(), row.int("workspace_id").unwrap_or(0)) else {
            report.leave_out("workspace_threads: a row without an id");
            continue;
        };
        if !known.workspaces.contains(&workspace) {
            report
                .leave_out(format!("workspace_threads {id}: workspace {workspace} does not exist"));
            continue;
        }
        let owner = row.int("user_id");
        let user = owner.filter(|user| known.users.contains_key(user));
        if owner.is_some() && user.is_none() && !known.users.is_empty() {
            report.change(format!(
                "workspace_threads {id}: its user does not exist; it has no owner"
            ));
        }
        let slug = row.filled("slug").filter(|slug| slugs.insert(slug.clone()));
        let slug = slug.map_or_else(Slug::random, Slug::from_stored);
        let created_at = row.time("createdAt").unwrap_or(now);
        threads.push(Thread {
            id: ThreadId(id),
            slug,
            name: row.filled("name").unwrap_or_else(|| "Thread".to_owned()),
            workspace: WorkspaceId(workspace),
            user: user.map(UserId),
            created_at,
            updated_at: row.time("lastUpdatedAt").unwrap_or(created_at),
            archived_at: None,
        });
    }
    threads
}

/// Creates a thread for each workspace and user with exchanges of deleted threads. `used` are the
/// workspace, user and thread of exchanges; ids above `last` are free.
pub fn recovered(
    used: &[Row],
    known: &mut Known,
    last: i64,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<Thread> {
    let mut threads = Vec::new();
    for row in used {
        let (workspace, Some(thread)) = (row.int("workspaceId").unwrap_or(0), row.int("thread_id"))
        else {
            continue;
        };
        if known.threads.contains(&thread) || !known.workspaces.contains(&workspace) {
            continue;
        }
        let user = row.int("user_id").filter(|user| known.users.contains_key(user));
        if known.recovered.contains_key(&(workspace, user)) {
            continue;
        }
        let Ok(id) = i32::try_from(last + 1 + threads.len() as i64) else { break };
        known.recovered.insert((workspace, user), id);
        threads.push(Thread {
            id: ThreadId(id),
            slug: Slug::random(),
            name: "Recovered".to_owned(),
            workspace: WorkspaceId(workspace),
            user: user.map(UserId),
            created_at: now,
            updated_at: now,
            archived_at: None,
        });
    }
    if !threads.is_empty() {
        report.differ(
            "Exchanges of threads that were deleted are in threads called `Recovered`. Delete \
             those to delete the exchanges.",
        );
    }
    threads
}

pub fn widgets(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<Widget> {
    let (mut widgets, mut keys) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let id = row.id().unwrap_or(0);
        let workspace = row.int("workspace_id").unwrap_or(0);
        if !known.workspaces.contains(&workspace) {
            report.leave_out(format!("embed_configs {id}: workspace {workspace} does not exist"));
            continue;
        }
        let key = row.text("uuid").and_then(|key| Uuid::parse_str(key.trim()).ok());
        let Some(key) = key.filter(|key| keys.insert(*key)) else {
            report.leave_out(format!("embed_configs {id}: its key is not a UUID, or is taken"));
            continue;
        };
        let mode = row.text("chat_mode").as_deref().and_then(ChatMode::parse);
        let limit = |column: &str| row.int(column).filter(|limit| *limit > 0);
        let flag = |column: &str| row.flag(column).unwrap_or(false);
        let creator = row.int("createdBy").filter(|user| known.users.contains_key(user));
        widgets.push(Widget {
            id: WidgetId(id),
            key,
            settings: WidgetSettings {
                workspace: WorkspaceId(workspace),
                enabled: flag("enabled"),
                mode: mode.filter(|mode| *mode == ChatMode::Chat).unwrap_or(ChatMode::Query),
                origins: origins(id, &row, report),
                allows_model: flag("allow_model_override"),
                allows_temperature: flag("allow_temperature_override"),
                allows_prompt: flag("allow_prompt_override"),
                day_limit: limit("max_chats_per_day"),
                session_limit: limit("max_chats_per_session"),
                history: limit("message_limit"),
            },
            created_by: creator.map(UserId),
            created_at: row.time("createdAt").unwrap_or(now),
        });
    }
    widgets
}

/// Returns the origins that may use a widget; `None` allows any. An unreadable list allows none.
fn origins(id: i32, row: &Row, report: &mut Report) -> Option<Vec<WebOrigin>> {
    let text = row.filled("allowlist_domains")?;
    let Ok(list) = serde_json::from_str::<Vec<String>>(&text) else {
        report.change(format!(
            "embed_configs {id}: the list of pages that may use it cannot be read; no page may"
        ));
        return Some(Vec::new());
    };
    let origin = |entry: &String| match WebOrigin::parse(entry) {
        Ok(origin) => Some(origin),
        Err(error) => {
            report.change(format!("embed_configs {id}: {error}, and is removed from the list"));
            None
        }
    };
    Some(list.iter().filter_map(origin).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(value: Value) -> Row {
        let Value::Object(map) = value else { unreachable!() };
        Row(map)
    }

    #[test]
    fn a_widget_with_unreadable_origins_is_allowed_on_no_page() {
        let known = Known { workspaces: [4].into(), ..Known::default() };
        let key = |n: u8| format!("0a2b34ab-1c4e-40ca-8adb-1515426a520{n}");
        let widget = |n: u8, list: Value| {
            row(json!({ "id": n, "uuid": key(n), "workspace_id": 4, "allowlist_domains": list }))
        };
        let rows = vec![
            widget(1, json!(null)),
            widget(2, json!("[\"https://a.test\",\"https://*.b.test\"]")),
            widget(3, json!("[\"*\"]")),
            widget(4, json!("a.test")),
            widget(5, json!("")),
            row(json!({ "id": 6, "uuid": "x", "workspace_id": 4 })),
            row(json!({ "id": 7, "uuid": key(7), "workspace_id": 9 })),
        ];
        let mut report = Report::default();
        let widgets = widgets(rows, &known, Utc::now(), &mut report);
        let counts: Vec<_> =
            widgets.iter().map(|w| w.settings.origins.as_ref().map(Vec::len)).collect();
        assert_eq!(counts, [None, Some(1), Some(0), Some(0), None]);
        assert_eq!((report.left_out.len(), report.changed.len()), (2, 3));
    }

    #[test]
    fn zero_is_a_value_and_null_is_not() {
        let rows = vec![
            row(json!({ "id": 1, "name": "a", "slug": "a", "openAiHistory": 0,
                "similarityThreshold": 0.0, "topN": 2, "chatMode": "automatic" })),
            row(json!({ "id": 2, "name": "b", "slug": "b", "similarityThreshold": null,
                "topN": null, "chatMode": null, "chatProvider": ROUTER, "router_id": 1 })),
        ];
        let routers = [(1, (Some("openai".to_owned()), Some("m".to_owned())))].into();
        let mut report = Report::default();
        let workspaces = workspaces(rows, &routers, Utc::now(), &mut report);
        let of = |at: usize| &workspaces[at].workspace.settings;
        assert_eq!((of(0).history, of(0).least_similarity, of(0).passages), (0, 0.0, 2));
        assert_eq!((of(1).history, of(1).least_similarity, of(1).passages), (20, 0.25, 4));
        assert_eq!((of(0).chat_mode, of(1).chat_mode), (ChatMode::Automatic, ChatMode::Chat));
        assert_eq!(of(1).chat_provider.as_deref(), Some("openai"));
        assert_eq!(report.changed.len(), 1);
    }

    #[test]
    fn exchanges_of_deleted_threads_get_a_thread_for_each_user() {
        let mut known = Known {
            users: [(1, false), (2, false)].into(),
            workspaces: [4].into(),
            threads: [7].into(),
            ..Known::default()
        };
        let used = [
            (4, Some(7), Some(1)),
            (4, Some(5), Some(2)),
            (4, Some(9999), Some(2)),
            (4, Some(5), None),
            (6, Some(5), Some(1)),
            (4, None, Some(1)),
        ];
        let used = used.map(|(workspace, thread, user)| {
            row(json!({ "workspaceId": workspace, "thread_id": thread, "user_id": user }))
        });
        let mut report = Report::default();
        let threads = recovered(&used, &mut known, 25, Utc::now(), &mut report);
        let ids: Vec<_> = threads.iter().map(|t| (t.id.0, t.user.map(|user| user.0))).collect();
        assert_eq!(ids, [(26, Some(2)), (27, None)]);
    }
}
