//! Exports: the log of exchanges as a file, written while it is read.
use std::sync::Arc;

use carrel_domain::audit::{AuditLog, By};
use carrel_domain::chat::Chat;
use carrel_domain::chat_log::{ChatFilter, ChatLog, ExportCursor, Portion};
use carrel_domain::export::{FormatChoice, Formatter, Formatters};
use carrel_domain::{Error, Result};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde_json::json;

use crate::record;

/// The amount read at a time. An export holds at most this plus one exchange in memory.
const PAGE: Portion = Portion { exchanges: 50, bytes: 224 << 10, images: true };

/// Exports the log of exchanges. Cheap to clone.
#[derive(Clone)]
pub struct Exports {
    /// Reads the exchanges.
    pub chats: Arc<dyn ChatLog>,
    /// Creates formatters.
    pub formatters: Arc<dyn Formatters>,
    /// Records an event for each export.
    pub audit: Arc<dyn AuditLog>,
}

/// The exchanges to export, and the format.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The format and its options.
    pub choice: FormatChoice,
    /// The exchanges to export.
    pub filter: ChatFilter,
    /// Whether to remove personal data.
    pub redact: bool,
}

/// An export in progress.
struct Export {
    exports: Exports,
    filter: ChatFilter,
    redact: bool,
    formatter: Box<dyn Formatter>,
    cursor: Option<ExportCursor>,
    state: State,
    /// The size of the largest piece, in bytes. Allocating it at once avoids fragmentation by
    /// growing buffers.
    max_chunk: usize,
    count: u64,
    damaged: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotStarted,
    Reading,
    Done,
}

impl Exports {
    /// Starts an export and returns the content type and a stream of bytes. Each piece is read from
    /// the database when the client asks for it.
    pub async fn start(
        &self,
        request: ExportRequest,
        by: &By,
    ) -> Result<(&'static str, impl Stream<Item = Result<Vec<u8>>> + Send + 'static)> {
        let ExportRequest { choice, filter, redact } = request;
        let formatter = self.formatters.make(&choice);
        let formatter = formatter.ok_or_else(|| self.unknown_type(&choice.name))?;
        let details = json!({ "type": choice.name, "redact": redact }).to_string();
        self.audit.add(by.event("exported_chats", details)).await?;
        let content_type = formatter.content_type();
        let export = Export {
            exports: self.clone(),
            filter,
            redact,
            formatter,
            cursor: None,
            state: State::NotStarted,
            max_chunk: 0,
            count: 0,
            damaged: 0,
        };
        let chunks = try_unfold(export, |mut export| async move {
            let chunk = export.next().await?;
            Ok(chunk.map(|chunk| (chunk, export)))
        });
        Ok((content_type, chunks))
    }

    /// Returns the error for an unknown export type.
    pub fn unknown_type(&self, name: &str) -> Error {
        let names = self.formatters.names().join(", ");
        Error::invalid("type", format!("Invalid export type: {name}. Must be one of {names}"))
    }
}

impl Export {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut chunk = Vec::with_capacity(self.max_chunk);
        match self.state {
            State::Done => return Ok(None),
            State::NotStarted => self.formatter.begin(&mut chunk),
            State::Reading => {}
        }
        self.state = State::Reading;
        let (filter, order) = (&self.filter, self.formatter.order());
        let cursor = self.cursor.as_ref();
        let chats = self.exports.chats.export(filter, order, cursor, PAGE).await?;
        let is_last = chats.is_empty();
        if let Some(last) = chats.last() {
            self.cursor = Some(ExportCursor { last: without_texts(&last.chat) });
        }
        for mut chat in chats {
            record::join_images(&mut chat.chat);
            let mut record = self.exports.formatters.read(chat);
            if self.redact {
                self.exports.formatters.redact(&mut record);
            }
            self.count += 1;
            self.damaged += u64::from(record.damaged);
            self.formatter.record(&record, &mut chunk);
        }
        if is_last {
            self.formatter.end(&mut chunk);
            self.state = State::Done;
            tracing::info!(chats = self.count, damaged = self.damaged, "exported conversations");
        }
        self.max_chunk = self.max_chunk.max(chunk.len());
        Ok(Some(chunk))
    }
}

/// Returns an exchange without its texts, to remember the position of an export.
fn without_texts(chat: &Chat) -> Chat {
    let (prompt, response) = (String::new(), String::new());
    let conversation = chat.conversation.clone();
    Chat { conversation, prompt, response, images: Vec::new(), ..*chat }
}

#[cfg(test)]
mod tests;
