//! Exchanges of question and answer: threads, edits, the log, exports, and chat widgets.
pub(crate) mod blocks;
pub(crate) mod bounds;
pub(crate) mod deletions;
pub(crate) mod edits;
pub(crate) mod exchanges;
pub(crate) mod export;
pub(crate) mod image_backlog;
pub(crate) mod log;
pub(crate) mod search;
pub(crate) mod shares;
pub(crate) mod thread_files;
pub(crate) mod threads;
pub(crate) mod usage;
pub(crate) mod widget_chats;
pub(crate) mod widgets;
