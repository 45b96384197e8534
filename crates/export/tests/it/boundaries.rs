//! Streamed exports: any chunking gives the same file, and chunks stay small.
use carrel_domain::export::{Formatters, Layout};
use carrel_export::{ExportFormats, record_of};

use crate::support::{choice, export, in_thread, logged_chat};

#[test]
fn draining_the_buffer_at_any_point_changes_nothing() {
    let chats: Vec<_> = (0..40)
        .map(|id| {
            in_thread(logged_chat(id, "question", "answer"), (id / 16) as i32, (id / 4) as i32)
        })
        .collect();
    for name in ExportFormats.names() {
        for layout in [Layout::Native, Layout::Compat] {
            for by_thread in [false, true] {
                let mut choice = choice(name, layout);
                choice.by_thread = by_thread;
                let mut whole = Vec::new();
                let mut formatter = ExportFormats.make(&choice).unwrap();
                formatter.begin(&mut whole);
                for chat in &chats {
                    formatter.record(&record_of(chat.clone()), &mut whole);
                }
                formatter.end(&mut whole);
                assert_eq!(export(&choice, &chats), String::from_utf8(whole).unwrap());
            }
        }
    }
}

#[test]
fn a_long_conversation_is_written_as_it_arrives() {
    for name in ExportFormats.names() {
        for layout in [Layout::Native, Layout::Compat] {
            let mut formatter = ExportFormats.make(&choice(name, layout)).unwrap();
            let mut buffer = Vec::new();
            formatter.begin(&mut buffer);
            formatter.record(&record_of(logged_chat(0, "question", "answer")), &mut buffer);
            for id in 1..1000 {
                buffer.clear();
                formatter.record(&record_of(logged_chat(id, "question", "answer")), &mut buffer);
                assert!(buffer.windows(6).any(|part| part == b"answer"));
                assert!(buffer.len() < 600);
            }
            buffer.clear();
            formatter.end(&mut buffer);
            assert!(buffer.len() < 10);
        }
    }
}
