//! Creates, branches, renames and deletes threads.
use carrel_domain::audit::By;
use carrel_domain::chat::{Chat, Conversation, NewChat};
use carrel_domain::model::Usage;
use carrel_domain::thread::{NewThread, Thread, Threads};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result, Slug, ThreadId, UserId};
use serde_json::json;

use crate::Ports;

/// The default name of a thread.
pub const DEFAULT_NAME: &str = "Thread";

/// The maximum number of exchanges that a branch copies.
pub const MAX_COPIED_CHATS: u32 = 500;

/// The number of characters of the first question used in the name of a branch.
const NAME_CHARS: usize = 40;

/// The options of a new thread.
#[derive(Clone, Debug, Default)]
pub struct ThreadOptions {
    /// The display name. [`DEFAULT_NAME`] if absent.
    pub name: Option<String>,
    /// A text from which the slug is derived. Random if absent.
    pub slug: Option<String>,
    /// The owner. Absent for programs and on a server without users.
    pub user: Option<UserId>,
}

/// Creates a thread. [`Error::AlreadyExists`] if the slug is taken in any workspace.
pub async fn create(
    threads: &dyn Threads,
    workspace: &Workspace,
    options: ThreadOptions,
    by: &By,
) -> Result<Thread> {
    let ThreadOptions { name, slug, user } = options;
    let thread = NewThread {
        slug: slug.map_or_else(Slug::random, |slug| Slug::chosen(&slug)),
        name: name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        workspace: workspace.id,
        user,
        created_at: by.at,
    };
    let details = json!({ "workspaceName": workspace.settings.name }).to_string();
    threads.create(thread, by.event("api_workspace_thread_created", details)).await
}

/// Returns the thread of a workspace with a slug. [`Error::NotFound`] if it does not exist or
/// belongs to another workspace.
pub async fn by_slug(threads: &dyn Threads, workspace: &Workspace, slug: &str) -> Result<Thread> {
    let thread = threads.by_slug(workspace.id, slug).await?;
    thread.ok_or_else(|| Error::not_found("thread", slug))
}

/// Renames a thread.
pub async fn rename(
    threads: &dyn Threads,
    thread: &Thread,
    name: String,
    by: &By,
) -> Result<Thread> {
    let details = json!({ "threadName": name }).to_string();
    threads.rename(thread.id, name, by.event("api_workspace_thread_renamed", details)).await
}

/// Creates a thread that starts with copies of a conversation up to and including `last`, at most
/// the newest [`MAX_COPIED_CHATS`]. If `options` has no name, the name consists of `untitled` and
/// the beginning of the first question. If an exchange cannot be copied, the thread is deleted.
pub async fn branch(
    ports: &Ports,
    workspace: &Workspace,
    last: &Chat,
    mut options: ThreadOptions,
    untitled: &str,
    by: &By,
) -> Result<Thread> {
    let chats = ports.chat_edits.chats_up_to(last, MAX_COPIED_CHATS).await?;
    if options.name.is_none() {
        let question =
            chats.first().and_then(|chat| chat.prompt.lines().next()).unwrap_or_default();
        let beginning: String = question.chars().take(NAME_CHARS).collect();
        options.name = Some(format!("{untitled} {}", beginning.trim()));
    }
    let thread = create(&*ports.threads, workspace, options, by).await?;
    for chat in chats {
        let conversation =
            Conversation { thread: Some(thread.id), session: None, ..chat.conversation };
        let copy = NewChat {
            conversation,
            prompt: chat.prompt,
            response: chat.response,
            images: ports.chats.images(chat.id).await?,
            include: true,
            created_at: by.at,
            usage: Some(Usage::default()),
        };
        let details = json!({ "chatId": chat.id.0 }).to_string();
        if let Err(error) = ports.chats.append(copy, by.event("chat_copied", details)).await {
            delete(&*ports.threads, &[thread], by).await?;
            return Err(error);
        }
    }
    Ok(thread)
}

/// Archives threads, or takes them out of the archive. Threads that are there already do not change.
pub async fn archive(
    threads: &dyn Threads,
    selection: &[Thread],
    is_archived: bool,
    by: &By,
) -> Result<()> {
    let name = match is_archived {
        true => "api_workspace_thread_archived",
        false => "api_workspace_thread_unarchived",
    };
    let (ids, details) = ids_and_details(selection);
    threads.archive(&ids, is_archived, by.event(name, details)).await.map(drop)
}

/// Deletes threads with their exchanges, all or none.
///
/// # Errors
/// [`Error::NotFound`] if none of them exists.
pub async fn delete(threads: &dyn Threads, selection: &[Thread], by: &By) -> Result<()> {
    let (ids, details) = ids_and_details(selection);
    let event = by.event("api_workspace_thread_deleted", details);
    match (threads.delete(&ids, event).await?, selection) {
        (0, [thread, ..]) => Err(Error::not_found("thread", &thread.slug)),
        _ => Ok(()),
    }
}

/// Returns the ids of threads, and the details of an event about them.
fn ids_and_details(threads: &[Thread]) -> (Vec<ThreadId>, String) {
    let (ids, names): (Vec<_>, Vec<_>) =
        threads.iter().map(|thread| (thread.id, thread.name.as_str())).unzip();
    let details = match names.as_slice() {
        [name] => json!({ "threadName": name }),
        names => json!({ "threadNames": names }),
    };
    (ids, details.to_string())
}
