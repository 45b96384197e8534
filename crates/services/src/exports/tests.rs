//! Tests of what an export reads, and when.
use std::pin::pin;
use std::sync::Mutex;

use async_trait::async_trait;
use carrel_domain::audit::{Actor, Event, LoggedEvent};
use carrel_domain::chat::{Bounded, Conversation, ImageSplitter};
use carrel_domain::chat_log::{DeletedChats, DeletionEvent, ExportOrder, LoggedChat};
use carrel_domain::export::{ExportRecord, Layout};
use carrel_domain::{ChatId, WorkspaceId};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use super::*;

const CHAT_COUNT: i64 = 1000;

/// A log of [`CHAT_COUNT`] exchanges that counts reads. The formatter writes the ids.
#[derive(Default)]
struct Log {
    read: Mutex<usize>,
    events: Mutex<Vec<&'static str>>,
}

fn exchange(id: i64) -> LoggedChat {
    let conversation =
        Conversation { workspace: WorkspaceId(1), user: None, thread: None, session: None };
    let chat = Chat {
        id: ChatId(id),
        conversation,
        prompt: String::new(),
        response: String::new(),
        images: Vec::new(),
        include: true,
        feedback: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    LoggedChat { chat, workspace: None, username: None }
}

#[async_trait]
impl ChatLog for Log {
    async fn page(&self, _: &ChatFilter, _: u64, _: Portion) -> Result<Bounded<LoggedChat>> {
        Ok(Bounded { items: Vec::new(), is_cut: false })
    }

    async fn move_images(&self, _: ImageSplitter) -> Result<bool> {
        Ok(false)
    }

    async fn export(
        &self,
        _: &ChatFilter,
        _: ExportOrder,
        cursor: Option<&ExportCursor>,
        at_most: Portion,
    ) -> Result<Vec<LoggedChat>> {
        let after = cursor.map_or(0, |cursor| cursor.last.id.0);
        let last = CHAT_COUNT.min(after + i64::from(at_most.exchanges));
        let page: Vec<_> = (after + 1..=last).map(exchange).collect();
        *self.read.lock().unwrap() += page.len();
        Ok(page)
    }

    async fn delete(&self, _: ChatId, _: Event) -> Result<bool> {
        Ok(false)
    }

    async fn clear(
        &self,
        _: &ChatFilter,
        _: Option<ChatId>,
        _: u32,
        _: DeletionEvent,
    ) -> Result<DeletedChats> {
        Ok(DeletedChats { chats: 0, last: None })
    }
}

#[async_trait]
impl AuditLog for Log {
    async fn add(&self, event: Event) -> Result<()> {
        self.events.lock().unwrap().push(event.name);
        Ok(())
    }

    async fn page(&self, _: Option<i64>, _: u64, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }

    async fn count(&self) -> Result<u64> {
        Ok(0)
    }

    async fn since(&self, _: i64, _: u32) -> Result<Vec<LoggedEvent>> {
        Ok(Vec::new())
    }
}

impl Formatters for Log {
    fn make(&self, choice: &FormatChoice) -> Option<Box<dyn Formatter>> {
        (choice.name == "numbers").then(|| Box::new(Numbers) as Box<dyn Formatter>)
    }

    fn names(&self) -> &'static [&'static str] {
        &["numbers"]
    }

    fn read(&self, chat: LoggedChat) -> ExportRecord {
        ExportRecord {
            chat,
            response: String::new(),
            sources: Vec::new(),
            attachments: Vec::new(),
            damaged: false,
            raw: false,
        }
    }

    fn redact(&self, _: &mut ExportRecord) {}
}

struct Numbers;

impl Formatter for Numbers {
    fn content_type(&self) -> &'static str {
        "text/plain"
    }

    fn order(&self) -> ExportOrder {
        ExportOrder::ByTime
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"begin\n");
    }

    fn record(&mut self, record: &ExportRecord, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{}\n", record.chat.chat.id.0).as_bytes());
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"end\n");
    }
}

fn exports(log: &Arc<Log>) -> Exports {
    Exports { chats: log.clone(), formatters: log.clone(), audit: log.clone() }
}

fn request(name: &str) -> ExportRequest {
    let choice = FormatChoice::new(name, Layout::Native, "");
    ExportRequest { choice, filter: ChatFilter::default(), redact: false }
}

fn author() -> By {
    By { actor: Actor::Server, address: None, at: Utc::now() }
}

#[tokio::test]
async fn an_export_contains_every_exchange_once() {
    let log = Arc::new(Log::default());
    let (_, chunks) = exports(&log).start(request("numbers"), &author()).await.unwrap();
    let text = String::from_utf8(chunks.try_concat().await.unwrap()).unwrap();
    let numbers: String = (1..=CHAT_COUNT).map(|number| format!("{number}\n")).collect();
    assert_eq!(text, format!("begin\n{numbers}end\n"));
    assert_eq!(*log.events.lock().unwrap(), ["exported_chats"]);
}

#[tokio::test]
async fn nothing_is_read_before_it_is_requested() {
    let log = Arc::new(Log::default());
    let read = || *log.read.lock().unwrap();
    {
        let (_, chunks) = exports(&log).start(request("numbers"), &author()).await.unwrap();
        let mut chunks = pin!(chunks);
        assert_eq!(read(), 0);
        for page in 1..=3 {
            chunks.try_next().await.unwrap().unwrap();
            assert_eq!(read(), page * PAGE.exchanges as usize);
        }
    }
    assert_eq!(read(), 3 * PAGE.exchanges as usize, "whoever leaves ends the reading");
}

#[tokio::test]
async fn an_unknown_format_is_refused_before_anything_happens() {
    let log = Arc::new(Log::default());
    let error = exports(&log).start(request("xml"), &author()).await.err().unwrap();
    assert_eq!(error.to_string(), "type: Invalid export type: xml. Must be one of numbers");
    assert!(log.events.lock().unwrap().is_empty());
}
