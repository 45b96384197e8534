//! The lines of an export. Field names are those of AnythingLLM's tables and API where these exist.
use carrel_domain::chat::Chat;
use carrel_domain::chat_log::LoggedChat;
use carrel_domain::folder::ListedDocument;
use carrel_domain::member::Member;
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::thread::Thread;
use carrel_domain::user::User;
use carrel_domain::widget::{WebOrigin, Widget, WidgetChat, WidgetSettings};
use carrel_domain::workspace::{Workspace, WorkspaceSettings};
use carrel_domain::{DocumentPath, Slug, WorkspaceId};
use carrel_services::record;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::surrogates::repair;

pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn text(slug: Option<&Slug>) -> Option<String> {
    slug.map(ToString::to_string)
}

/// Returns all fields of a user, except the password.
pub fn user(user: User) -> Value {
    let User {
        id,
        username,
        role,
        suspended,
        daily_message_limit,
        bio,
        picture,
        seen_recovery_codes: _,
        created_at,
        updated_at,
    } = user;
    json!({
        "id": id.0,
        "username": username,
        "role": role.as_str(),
        "suspended": u8::from(suspended),
        "dailyMessageLimit": daily_message_limit,
        "bio": bio,
        "pfpFilename": picture,
        "createdAt": time(created_at),
        "lastUpdatedAt": time(updated_at),
    })
}

pub fn workspace(workspace: Workspace, suggested: Vec<SuggestedMessage>) -> Value {
    let Workspace { id, slug, settings, picture, created_at, updated_at } = workspace;
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
    let suggested = suggested.into_iter().map(
        |SuggestedMessage { heading, message }| json!({ "heading": heading, "message": message }),
    );
    json!({
        "id": id.0,
        "name": name,
        "slug": slug.to_string(),
        "createdAt": time(created_at),
        "lastUpdatedAt": time(updated_at),
        "openAiTemp": temperature,
        "openAiHistory": history,
        "openAiPrompt": prompt,
        "similarityThreshold": least_similarity,
        "topN": passages,
        "chatMode": chat_mode.as_str(),
        "vectorSearchMode": search_mode.as_str(),
        "chatProvider": chat_provider,
        "chatModel": chat_model,
        "agentProvider": agent_provider,
        "agentModel": agent_model,
        "queryRefusalResponse": refusal,
        "router_id": router,
        "pfpFilename": picture,
        "suggestedMessages": suggested.collect::<Vec<_>>(),
    })
}

pub fn member(workspace: WorkspaceId, slug: &Slug, member: Member) -> Value {
    let Member { user, username, role: _, updated_at } = member;
    json!({
        "workspaceId": workspace.0,
        "workspace": slug.to_string(),
        "userId": user.0,
        "user": username,
        "lastUpdatedAt": time(updated_at),
    })
}

pub fn thread(thread: Thread, workspace: &Slug) -> Value {
    let Thread {
        id,
        slug,
        name,
        workspace: in_workspace,
        user,
        created_at,
        updated_at,
        archived_at,
    } = thread;
    json!({
        "id": id.0,
        "slug": slug.to_string(),
        "name": name,
        "workspaceId": in_workspace.0,
        "workspace": workspace.to_string(),
        "userId": user.map(|user| user.0),
        "createdAt": time(created_at),
        "lastUpdatedAt": time(updated_at),
        "archivedAt": archived_at.map(time),
    })
}

/// Returns the row of a document in a workspace.
pub fn placed(
    listed: &ListedDocument,
    path: &DocumentPath,
    workspace: WorkspaceId,
    slug: Option<&Slug>,
) -> Value {
    json!({
        "docpath": path.to_string(),
        "documentId": listed.id.to_string(),
        "workspaceId": workspace.0,
        "workspace": text(slug),
        "pinned": listed.pinned_in.contains(&workspace),
    })
}

/// Returns the parts of an exchange that identify the next page.
pub fn without_texts(chat: &Chat) -> Chat {
    let (prompt, response) = (String::new(), String::new());
    let conversation = chat.conversation.clone();
    Chat { conversation, prompt, response, images: Vec::new(), ..*chat }
}

pub fn exchange(logged: LoggedChat, thread: Option<&Slug>) -> Value {
    let LoggedChat { mut chat, workspace, username } = logged;
    record::join_images(&mut chat);
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
    let Answer { text: answer, sources, attachments, damaged } = Answer::of(response);
    json!({
        "id": id.0,
        "workspaceId": conversation.workspace.0,
        "workspace": workspace.map(|workspace| workspace.slug),
        "threadId": conversation.thread.map(|thread| thread.0),
        "thread": text(thread),
        "userId": conversation.user.map(|user| user.0),
        "user": username,
        "session": conversation.session,
        "question": prompt,
        "answer": answer,
        "sources": sources,
        "attachments": attachments,
        "feedback": feedback,
        "include": include,
        "damaged": damaged,
        "createdAt": time(created_at),
        "lastUpdatedAt": time(updated_at),
    })
}

pub fn widget(widget: Widget) -> Value {
    let Widget { id, key, settings, created_by, created_at } = widget;
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
    let origins = origins
        .map(|origins| origins.iter().map(WebOrigin::as_str).map(Value::from).collect::<Vec<_>>());
    json!({
        "id": id.0,
        "uuid": key.to_string(),
        "workspaceId": workspace.0,
        "enabled": enabled,
        "chat_mode": mode.as_str(),
        "allowlist_domains": origins,
        "allow_model_override": allows_model,
        "allow_temperature_override": allows_temperature,
        "allow_prompt_override": allows_prompt,
        "max_chats_per_day": day_limit,
        "max_chats_per_session": session_limit,
        "message_limit": history,
        "createdBy": created_by.map(|user| user.0),
        "createdAt": time(created_at),
    })
}

pub fn widget_exchange(chat: WidgetChat, key: Uuid) -> Value {
    let WidgetChat { id, widget, session, prompt, response, include, connection, created_at } =
        chat;
    let Answer { text: answer, sources, attachments: _, damaged } = Answer::of(response);
    json!({
        "id": id.0,
        "embedId": widget.0,
        "embed": key.to_string(),
        "session": session,
        "question": prompt,
        "answer": answer,
        "sources": sources,
        "include": include,
        "damaged": damaged,
        "connection": connection.as_deref().map(parsed),
        "createdAt": time(created_at),
    })
}

/// Parses stored JSON, or returns the text if it is not JSON.
fn parsed(stored: &str) -> Value {
    serde_json::from_str(stored).unwrap_or_else(|_| stored.into())
}

/// A stored answer.
struct Answer {
    text: String,
    sources: Value,
    attachments: Value,
    /// Whether the answer is unreadable; `text` is then the stored text.
    damaged: bool,
}

impl Answer {
    fn of(stored: String) -> Self {
        let record = serde_json::from_str::<Map<String, Value>>(&repair(&stored));
        let mut record = record.unwrap_or_default();
        let Some(Value::String(text)) = record.remove("text") else {
            return Self {
                text: stored,
                sources: json!([]),
                attachments: json!([]),
                damaged: true,
            };
        };
        let mut list =
            |name: &str| record.remove(name).filter(Value::is_array).unwrap_or_else(|| json!([]));
        let (sources, attachments) = (list("sources"), list("attachments"));
        Self { text, sources, attachments, damaged: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_answer_is_kept_unchanged() {
        let good = r#"{"text":"Yes \ud83d","sources":[{"title":"a"}]}"#;
        let Answer { text, sources, attachments, damaged } = Answer::of(good.to_owned());
        assert_eq!((text.as_str(), damaged), ("Yes \u{fffd}", false));
        assert_eq!((sources, attachments), (json!([{ "title": "a" }]), json!([])));
        for stored in ["", "{\"text\":", "null", r#"{"text":5}"#, "[1]"] {
            let Answer { text, damaged, .. } = Answer::of(stored.to_owned());
            assert_eq!((text.as_str(), damaged), (stored, true));
        }
    }
}
