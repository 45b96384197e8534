//! Starting, renaming and removing threads.
use carrel_domain::audit::By;
use carrel_domain::chat::{Chat, Chats, Conversation, NewChat};
use carrel_domain::model::Usage;
use carrel_domain::thread::{NewThread, Thread, Threads};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result, Slug, UserId};
use serde_json::json;

/// The name of a thread without one.
pub const UNNAMED: &str = "Thread";

/// The options of a new thread.
#[derive(Clone, Debug, Default)]
pub struct ThreadChoice {
    /// Its display name; a default one when absent.
    pub name: Option<String>,
    /// Its words become the slug. Random when absent.
    pub slug: Option<String>,
    /// The owner; absent for programs and on a server without users.
    pub user: Option<UserId>,
}

/// Starts a thread. [`Error::AlreadyExists`] when the slug is taken, in whichever workspace.
pub async fn create(
    threads: &dyn Threads,
    workspace: &Workspace,
    choice: ThreadChoice,
    by: &By,
) -> Result<Thread> {
    let ThreadChoice { name, slug, user } = choice;
    let new = NewThread {
        slug: slug.map_or_else(Slug::random, |slug| Slug::chosen(&slug)),
        name: name.unwrap_or_else(|| UNNAMED.to_owned()),
        workspace: workspace.id,
        user,
        created_at: by.at,
    };
    let details = json!({ "workspaceName": workspace.settings.name }).to_string();
    threads.create(new, by.event("api_workspace_thread_created", details)).await
}

/// The thread of a workspace that a slug names. Another workspace's is as if there were none.
pub async fn by_slug(threads: &dyn Threads, workspace: &Workspace, slug: &str) -> Result<Thread> {
    let found = threads.by_slug(workspace.id, slug).await?;
    found.ok_or_else(|| Error::not_found("thread", slug))
}

/// Gives a thread another display name.
pub async fn rename(
    threads: &dyn Threads,
    thread: &Thread,
    name: String,
    by: &By,
) -> Result<Thread> {
    let details = json!({ "threadName": name }).to_string();
    threads.rename(thread.id, name, by.event("api_workspace_thread_renamed", details)).await
}

/// Starts a thread with copies of exchanges, oldest first. Nothing of it is left where one cannot be copied.
pub async fn branch(
    threads: &dyn Threads,
    chats: &dyn Chats,
    workspace: &Workspace,
    choice: ThreadChoice,
    copied: Vec<Chat>,
    by: &By,
) -> Result<Thread> {
    let thread = create(threads, workspace, choice, by).await?;
    for chat in copied {
        let new = NewChat {
            conversation: Conversation { thread: Some(thread.id), ..chat.conversation },
            prompt: chat.prompt,
            response: chat.response,
            images: chats.images(chat.id).await?,
            include: true,
            created_at: by.at,
            usage: Some(Usage::default()),
        };
        let details = json!({ "chatId": chat.id.0 }).to_string();
        if let Err(error) = chats.append(new, by.event("chat_copied", details)).await {
            delete(threads, &thread, by).await?;
            return Err(error);
        }
    }
    Ok(thread)
}

/// Removes a thread with its exchanges.
pub async fn delete(threads: &dyn Threads, thread: &Thread, by: &By) -> Result<()> {
    let details = json!({ "threadName": thread.name }).to_string();
    match threads.delete(thread.id, by.event("api_workspace_thread_deleted", details)).await? {
        true => Ok(()),
        false => Err(Error::not_found("thread", &thread.slug)),
    }
}
