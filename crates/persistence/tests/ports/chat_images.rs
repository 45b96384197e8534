//! Images stored apart from their exchanges, and byte limits on what is loaded at once.
use carrel_domain::ChatId;
use carrel_domain::chat::{
    Bounded, Chat, ChatRange, ChatScope, Chats, Conversation, MAX_BYTES, NewChat,
};
use carrel_domain::chat_edit::ChatEdits;
use carrel_domain::chat_log::{ChatFilter, ChatLog, Portion};
use carrel_domain::workspace::Workspaces;
use carrel_persistence::Database;

use crate::support::{Scratch, at, done, workspace};

on_both_databases! {
    images_are_loaded_only_on_request,
    loads_are_limited_in_bytes,
    a_cut_page_of_the_log_continues_after_its_last_exchange,
    images_are_deleted_with_their_exchanges,
    images_within_the_answers_of_earlier_versions_are_moved,
}

const NAMED: &str = r#"{"text":"","attachments":[{"name":"a.png","mime":"image/png"}]}"#;

fn talk(here: &carrel_domain::workspace::Workspace) -> Conversation {
    Conversation { workspace: here.id, user: None, thread: None, session: None }
}

async fn say(db: &Database, of: &Conversation, response: &str, images: &[&str]) -> ChatId {
    let new = NewChat {
        conversation: of.clone(),
        prompt: "?".into(),
        response: response.into(),
        images: images.iter().map(|image| (*image).to_owned()).collect(),
        include: true,
        created_at: at(0),
        usage: None,
    };
    db.append(new, done(0)).await.unwrap()
}

fn all(offset: u32) -> ChatRange {
    ChatRange { newest_first: false, offset, limit: 10_000 }
}

async fn logged(db: &Database, at_most: Portion) -> Vec<Chat> {
    let Bounded { items, .. } = db.page(&ChatFilter::default(), 0, at_most).await.unwrap();
    items.into_iter().map(|logged| logged.chat).collect()
}

async fn images_are_loaded_only_on_request(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await;
    let of = talk(&here);
    let id = say(&db, &of, NAMED, &["AAAA", "BB\0B"]).await;
    say(&db, &of, "{}", &[]).await;
    let whole = ["AAAA", "BB\u{FFFD}B"];

    let scope = ChatScope::Workspace(here.id);
    let page = db.history_page(&scope, all(0)).await.unwrap();
    assert!(!page.is_cut);
    assert_eq!(
        (page.items[0].images.clone(), page.items[1].images.len()),
        (whole.map(String::from).to_vec(), 0)
    );
    assert_eq!(page.items[0].response, NAMED);
    assert_eq!(Chats::images(&db, id).await.unwrap(), whole);
    let with = Portion { images: true, ..Portion::of(20) };
    assert_eq!(logged(&db, with).await[1].images, whole);

    assert!(db.history(&of, 20).await.unwrap().iter().all(|chat| chat.images.is_empty()));
    assert!(logged(&db, Portion::of(20)).await.iter().all(|chat| chat.images.is_empty()));
    assert!(ChatEdits::chat(&db, here.id, id).await.unwrap().unwrap().images.is_empty());
}

async fn loads_are_limited_in_bytes(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await;
    let (of, scope) = (talk(&here), ChatScope::Workspace(here.id));
    let image = "A".repeat(MAX_BYTES / 3 - 1000);
    for _ in 0..6 {
        say(&db, &of, NAMED, &[&image]).await;
    }
    // The first three are slightly below the limit together, so the fourth one reaches it.
    let first = db.history_page(&scope, all(0)).await.unwrap();
    assert_eq!((first.items.len(), first.is_cut), (4, true));
    let rest = db.history_page(&scope, all(4)).await.unwrap();
    assert_eq!((rest.items.len(), rest.is_cut), (2, false));
    assert_eq!(db.history(&of, 20).await.unwrap().len(), 6);

    let other = workspace(&db, "Other").await;
    let (of, long) = (talk(&other), "a".repeat(MAX_BYTES));
    for _ in 0..3 {
        say(&db, &of, &long, &[]).await;
    }
    let past = db.history(&of, 20).await.unwrap();
    assert_eq!(past.len(), 1, "at least one, the newest, and no more");
    let page = db.history_page(&ChatScope::Workspace(other.id), all(0)).await.unwrap();
    assert!(past[0].id > page.items[0].id);
}

async fn a_cut_page_of_the_log_continues_after_its_last_exchange(scratch: Scratch) {
    let db = scratch.open();
    let of = talk(&workspace(&db, "Here").await);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(say(&db, &of, &"a".repeat(100), &[&"B".repeat(100)]).await);
    }
    ids.reverse();
    let mut at_most = Portion { exchanges: 20, bytes: 150, images: false };
    let (mut filter, mut read) = (ChatFilter::default(), Vec::new());
    loop {
        let page = db.page(&filter, 0, at_most).await.unwrap();
        assert!(page.items.len() <= 2);
        read.extend(page.items.iter().map(|logged| logged.chat.id));
        filter.before = read.last().copied();
        if !page.is_cut {
            break;
        }
    }
    assert_eq!(read, ids);
    at_most.images = true;
    let page = db.page(&ChatFilter::default(), 0, at_most).await.unwrap();
    assert_eq!((page.items.len(), page.is_cut), (1, true), "images count where they are loaded");
}

async fn images_are_deleted_with_their_exchanges(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await;
    let id = say(&db, &talk(&here), NAMED, &["AAAA"]).await;
    say(&db, &talk(&here), NAMED, &["AAAA"]).await;
    assert!(db.remove_chat(here.id, id, done(0)).await.unwrap());
    assert_eq!(scratch.rows_in("chat_images"), 1);
    Workspaces::delete(&db, here.id, done(0)).await.unwrap();
    assert_eq!(scratch.rows_in("chat_images"), 0);
}

/// A small version of the service's function that splits answers.
fn split(response: &str) -> Option<(String, Vec<String>)> {
    let (image, rest) = response.strip_prefix("{\"contentString\":\"")?.split_once('"')?;
    Some((rest.to_owned(), vec![image.to_owned()]))
}

async fn images_within_the_answers_of_earlier_versions_are_moved(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await;
    let of = talk(&here);
    let mut old = Vec::new();
    for number in 0..150 {
        old.push(say(&db, &of, &format!("{{\"contentString\":\"{number}\"left"), &[]).await);
    }
    let damaged = say(&db, &of, "x\"contentString\"", &[]).await;
    // The state in which the migration leaves a database of an earlier version.
    scratch.execute("UPDATE chat_image_backlog SET up_to = (SELECT MAX(id) FROM chats)");
    let mut steps = 1;
    while db.move_images(split).await.unwrap() {
        steps += 1;
    }
    assert!(steps > 1, "a single step would block other writers for long");
    let with = Portion { images: true, ..Portion::of(200) };
    let moved = logged(&db, with).await;
    assert_eq!((moved[0].id, moved[0].response.as_str()), (damaged, "x\"contentString\""));
    for (number, chat) in moved.iter().skip(1).rev().enumerate() {
        assert_eq!(chat.id, old[number]);
        assert_eq!((chat.response.as_str(), &chat.images), ("left", &vec![number.to_string()]));
    }
    assert!(!db.move_images(split).await.unwrap(), "it is done once");
}
