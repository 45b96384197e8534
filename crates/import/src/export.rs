//! Exports documents in AnythingLLM's format and everything else as JSON Lines, to a folder that
//! people and programs can read.
//!
//! A server may be running on the same database. Lists are read page by page, so memory grows with
//! the number of users, workspaces and threads, not with documents and exchanges.
mod access;
mod documents;
mod prompts;
mod rows;
mod server;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::chat::ChatRange;
use carrel_domain::chat_log::{ChatFilter, ExportCursor, ExportOrder, Portion};
use carrel_domain::document::DocumentFiles;
use carrel_domain::{Error, Result, Slug, ThreadId, UserId, WorkspaceId};
use carrel_services::Ports;
use carrel_services::target_folder::{JsonLines, TargetFolder};
use serde_json::json;

/// The portion of exchanges read at once.
const EXCHANGES: Portion = Portion { exchanges: 50, bytes: 224 << 10, images: true };

/// Threads, or exchanges of a widget, in one page.
const PAGE: u32 = 500;

/// Explains the files of the folder.
const README: &str = include_str!("export/README.md");

/// Opens a folder for documents.
pub type OpenFiles = fn(&Path) -> Result<Arc<dyn DocumentFiles>>;

/// The result of an export.
#[derive(Debug, Default)]
pub struct ExportSummary {
    /// Names of files and folders, each with the number of its documents or lines.
    pub counts: Vec<(&'static str, u64)>,
    /// Number of documents that `left-out.jsonl` lists.
    pub left_out: u64,
    /// Data that an export never contains, as `not-exported.jsonl` lists it.
    pub not_exported: Vec<NotExported>,
}

/// Data that is not exported.
#[derive(Debug)]
pub struct NotExported {
    /// A column, a table or a setting.
    pub what: String,
    /// The number of values.
    pub number: u64,
    pub reason: &'static str,
}

/// Exports everything to `folder`, which must be absent or empty. `root` is the storage directory of this
/// server.
///
/// # Errors
/// Returns [`Error::Unprocessable`] if the folder cannot be used. After any other error,
/// `folder.partial` holds the files written so far.
pub async fn export(
    ports: &Ports,
    root: &Path,
    folder: &Path,
    open_files: OpenFiles,
    by: &By,
) -> Result<ExportSummary> {
    let destination = TargetFolder::begin(folder)?;
    let details = json!({ "kind": "anythingllm" }).to_string();
    ports.audit.add(by.event("data_exported", details)).await?;
    let mut export = Export { ports, destination, summary: ExportSummary::default() };
    let users = export.users().await?;
    let workspaces = export.workspaces().await?;
    export.members(&workspaces).await?;
    let threads = export.threads(&workspaces).await?;
    documents::documents(&mut export, &workspaces, open_files).await?;
    export.exchanges(&threads).await?;
    export.widgets().await?;
    prompts::prompts(&mut export, &workspaces).await?;
    access::memories(&mut export, &users).await?;
    server::thread_files(&mut export, &threads).await?;
    access::invites(&mut export).await?;
    access::keys(&mut export).await?;
    server::settings(&mut export).await?;
    server::events(&mut export).await?;
    server::pictures(&mut export, &workspaces).await?;
    server::generated_files(&mut export, root)?;
    export.not_exported()?;
    let Export { destination, summary, .. } = export;
    destination.finish(README)?;
    Ok(summary)
}

type Slugs<Id> = HashMap<Id, Slug>;

/// An export in progress.
struct Export<'a> {
    ports: &'a Ports,
    destination: TargetFolder,
    summary: ExportSummary,
}

impl Export<'_> {
    fn count(&mut self, name: &'static str, number: u64) {
        self.summary.counts.push((name, number));
    }

    /// Finishes a file and returns the number of its lines.
    fn close(&mut self, lines: JsonLines) -> Result<u64> {
        let name = lines.name();
        let number = lines.finish()?;
        self.count(name, number);
        Ok(number)
    }

    /// Records data that cannot be exported, if there is any.
    fn add_not_exported(&mut self, what: &str, number: u64, reason: &'static str) {
        if number > 0 {
            self.summary.not_exported.push(NotExported { what: what.to_owned(), number, reason });
        }
    }

    fn not_exported(&mut self) -> Result<()> {
        let mut lines = self.destination.lines("not-exported.jsonl")?;
        for NotExported { what, number, reason } in &self.summary.not_exported {
            lines.add(&json!({ "what": what, "number": number, "reason": reason }))?;
        }
        lines.finish().map(drop)
    }

    async fn users(&mut self) -> Result<Vec<UserId>> {
        let mut lines = self.destination.lines("users.jsonl")?;
        let (mut ids, mut recovery_codes) = (Vec::new(), 0);
        for user in self.ports.users.list_with_profiles().await? {
            ids.push(user.id);
            recovery_codes += self.ports.recovery.remaining_codes(user.id).await?;
            lines.add(&rows::user(user))?;
        }
        let number = self.close(lines)?;
        self.add_not_exported("users.password", number, "only hashes of passwords are stored");
        self.add_not_exported("recovery_codes", recovery_codes, "only digests of them are stored");
        Ok(ids)
    }

    async fn workspaces(&mut self) -> Result<Slugs<WorkspaceId>> {
        let mut lines = self.destination.lines("workspaces.jsonl")?;
        let mut slugs = Slugs::new();
        for workspace in self.ports.workspaces.list().await? {
            slugs.insert(workspace.id, workspace.slug.clone());
            let suggested = self.ports.suggested_messages.of(workspace.id).await?;
            lines.add(&rows::workspace(workspace, suggested))?;
        }
        self.close(lines)?;
        Ok(slugs)
    }

    async fn members(&mut self, workspaces: &Slugs<WorkspaceId>) -> Result<()> {
        let mut lines = self.destination.lines("workspace-users.jsonl")?;
        for (id, slug) in in_order(workspaces) {
            // A workspace deleted during the export has no members.
            let members = match self.ports.members.of(id).await {
                Err(Error::NotFound { .. }) => continue,
                members => members?,
            };
            for member in members {
                lines.add(&rows::member(id, slug, member))?;
            }
        }
        self.close(lines).map(drop)
    }

    async fn threads(&mut self, workspaces: &Slugs<WorkspaceId>) -> Result<Slugs<ThreadId>> {
        let mut lines = self.destination.lines("threads.jsonl")?;
        let mut slugs = Slugs::new();
        for (id, slug) in in_order(workspaces) {
            let mut after = None;
            loop {
                let page = self.ports.threads.page(id, "", after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                for thread in page {
                    slugs.insert(thread.id, thread.slug.clone());
                    lines.add(&rows::thread(thread, slug))?;
                }
            }
        }
        self.close(lines)?;
        Ok(slugs)
    }

    async fn exchanges(&mut self, threads: &Slugs<ThreadId>) -> Result<()> {
        let mut lines = self.destination.lines("chats.jsonl")?;
        let (filter, order) = (ChatFilter::default(), ExportOrder::ByTime);
        let mut cursor: Option<ExportCursor> = None;
        loop {
            let log = &self.ports.chat_log;
            let page = log.export(&filter, order, cursor.as_ref(), EXCHANGES).await?;
            let Some(last) = page.last() else { break };
            cursor = Some(ExportCursor { last: rows::without_texts(&last.chat) });
            for logged in page {
                let thread = logged.chat.conversation.thread.and_then(|id| threads.get(&id));
                lines.add(&rows::exchange(logged, thread))?;
            }
        }
        self.close(lines).map(drop)
    }

    async fn widgets(&mut self) -> Result<()> {
        let mut lines = self.destination.lines("embeds.jsonl")?;
        let mut chats = self.destination.lines("embed-chats.jsonl")?;
        for listed in self.ports.widgets.widgets.list().await? {
            let (id, key) = (listed.widget.id, listed.widget.key);
            lines.add(&rows::widget(listed.widget))?;
            let mut offset = 0;
            loop {
                let part = ChatRange { newest_first: false, offset, limit: PAGE };
                let page = self.ports.widgets.chats.page(id, None, part).await?.items;
                let Some(more) = u32::try_from(page.len()).ok().filter(|more| *more > 0) else {
                    break;
                };
                offset += more;
                for chat in page {
                    chats.add(&rows::widget_exchange(chat, key))?;
                }
            }
        }
        self.close(lines)?;
        self.close(chats).map(drop)
    }
}

fn in_order(workspaces: &Slugs<WorkspaceId>) -> Vec<(WorkspaceId, &Slug)> {
    let mut all: Vec<_> = workspaces.iter().map(|(id, slug)| (*id, slug)).collect();
    all.sort_by_key(|(id, _)| *id);
    all
}
