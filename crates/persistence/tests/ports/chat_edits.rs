use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::chat_edit::{ChatChange, ChatEdits, ChatSession};
use carrel_domain::thread::{NewThread, Threads};
use carrel_domain::{ChatId, Slug, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, done, workspace};

on_both_databases! {
    an_exchange_is_changed_and_removed_in_its_workspace,
    sessions_are_paged_by_name,
    an_exchange_touches_its_thread,
    a_conversation_is_read_up_to_an_exchange,
}

async fn append(db: &Database, workspace: WorkspaceId, session: Option<&str>, time: i64) -> ChatId {
    let session = session.map(str::to_owned);
    let conversation = Conversation { workspace, user: None, thread: None, session };
    let new = NewChat {
        conversation,
        prompt: "Why?".into(),
        response: "{\"text\":\"Because.\"}".into(),
        images: Vec::new(),
        include: true,
        created_at: at(time),
        usage: None,
    };
    db.append(new, done(time)).await.unwrap()
}

async fn a_conversation_is_read_up_to_an_exchange(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let there = workspace(&db, "There").await.id;
    let mut ids = Vec::new();
    for time in 1..=5 {
        ids.push(append(&db, here, None, time).await);
        append(&db, here, Some("other"), time).await;
        append(&db, there, None, time).await;
    }
    // Later exchanges do not count towards the limit.
    let third = db.chat(here, ids[2]).await.unwrap().unwrap();
    for (limit, expected) in [(2, &ids[1..3]), (100, &ids[..3])] {
        let found = db.chats_up_to(&third, limit).await.unwrap();
        assert_eq!(found.iter().map(|chat| chat.id).collect::<Vec<_>>(), expected);
    }
}

async fn an_exchange_is_changed_and_removed_in_its_workspace(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let there = workspace(&db, "There").await.id;
    let id = append(&db, here, None, 1).await;
    let before = db.chat(here, id).await.unwrap().unwrap();
    assert_eq!(db.chat(there, id).await.unwrap(), None);

    let liked = ChatChange { feedback: Some(Some(true)), ..ChatChange::default() };
    assert!(!db.change_chat(there, id, liked.clone(), done(2)).await.unwrap());
    assert!(db.change_chat(here, id, liked, done(2)).await.unwrap());
    let other = ChatChange {
        prompt: Some("How?\0".into()),
        response: Some("{\"text\":\"So.\"}".into()),
        feedback: None,
    };
    assert!(db.change_chat(here, id, other, done(3)).await.unwrap());
    let after = db.chat(here, id).await.unwrap().unwrap();
    assert_eq!((after.prompt.as_str(), after.feedback), ("How?\u{FFFD}", Some(true)));
    assert_eq!((after.updated_at, after.created_at), (at(3), before.created_at));
    let neither = ChatChange { feedback: Some(None), ..ChatChange::default() };
    assert!(db.change_chat(here, id, neither, done(4)).await.unwrap());
    assert_eq!(db.chat(here, id).await.unwrap().unwrap().feedback, None);

    assert!(!db.remove_chat(there, id, done(5)).await.unwrap());
    assert!(db.remove_chat(here, id, done(5)).await.unwrap());
    assert!(!db.remove_chat(here, id, done(5)).await.unwrap());
    assert_eq!(db.chat(here, id).await.unwrap(), None);
    assert_eq!(scratch.miscounted_blocks(), 0);
}

async fn sessions_are_paged_by_name(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let there = workspace(&db, "There").await.id;
    for (session, time) in [("b", 1), ("a", 2), ("b", 3), ("c", 4)] {
        append(&db, here, Some(session), time).await;
    }
    append(&db, here, None, 5).await;
    append(&db, there, Some("z"), 6).await;
    let page = db.sessions(here, None, 2).await.unwrap();
    let names: Vec<_> = page.iter().map(|session| session.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let b = ChatSession { name: "b".into(), chats: 2, first_at: at(1), last_at: at(3) };
    assert_eq!(page[1], b);
    let rest = db.sessions(here, Some("b"), 2).await.unwrap();
    assert_eq!((rest.len(), rest[0].name.as_str()), (1, "c"));
}

async fn an_exchange_touches_its_thread(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let new = NewThread {
        slug: Slug::of("one"),
        name: "One".into(),
        workspace: here,
        user: None,
        created_at: at(0),
    };
    let thread = Threads::create(&db, new, done(0)).await.unwrap().id;
    let conversation =
        Conversation { workspace: here, user: None, thread: Some(thread), session: None };
    let new = NewChat {
        conversation,
        prompt: "Why?".into(),
        response: "{}".into(),
        images: Vec::new(),
        include: true,
        created_at: at(9),
        usage: None,
    };
    db.append(new, done(9)).await.unwrap();
    let thread = Threads::by_slug(&db, here, "one").await.unwrap().unwrap();
    assert_eq!((thread.created_at, thread.updated_at), (at(0), at(9)));
}
