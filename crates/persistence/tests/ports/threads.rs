use carrel_domain::chat::{ChatRange, ChatScope, Chats, Conversation, NewChat};
use carrel_domain::thread::{NewThread, Thread, Threads};
use carrel_domain::{Error, Slug, ThreadId, UserId, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, done, user, workspace};

on_both_databases! {
    a_thread_is_found_in_its_workspace_only,
    a_threads_slug_is_unique_across_workspaces,
    a_thread_needs_its_workspace_and_its_user,
    threads_are_paged,
    threads_are_found_by_a_part_of_their_name,
    names_stored_by_earlier_versions_are_found,
    exchanges_are_deleted_with_their_thread,
    shared_views_show_the_exchanges_of_all_users,
    a_reset_affects_only_its_conversation,
}

const ALL: ChatRange = ChatRange { newest_first: false, offset: 0, limit: 100 };

fn new(workspace: WorkspaceId, name: &str) -> NewThread {
    let slug = Slug::chosen(name);
    NewThread { slug, name: name.into(), workspace, user: None, created_at: at(0) }
}

async fn thread(db: &Database, workspace: WorkspaceId, name: &str) -> Thread {
    Threads::create(db, new(workspace, name), done(0)).await.unwrap()
}

async fn say(db: &Database, conversation: &Conversation, prompt: &str) {
    let chat = NewChat {
        conversation: conversation.clone(),
        prompt: prompt.into(),
        response: "{}".into(),
        images: Vec::new(),
        include: true,
        created_at: at(0),
        usage: None,
    };
    db.append(chat, done(0)).await.unwrap();
}

async fn prompts(db: &Database, of: &ChatScope, part: ChatRange) -> Vec<String> {
    db.history_page(of, part).await.unwrap().items.into_iter().map(|chat| chat.prompt).collect()
}

async fn a_thread_is_found_in_its_workspace_only(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let made = thread(&db, one, "My.Thread").await;
    assert_eq!((made.slug.as_str(), made.name.as_str()), ("My-dot-Thread", "My.Thread"));
    assert_eq!(Threads::by_slug(&db, one, "My-dot-Thread").await.unwrap(), Some(made.clone()));
    assert_eq!(Threads::by_slug(&db, two, "My-dot-Thread").await.unwrap(), None);
    let renamed = db.rename(made.id, "Other".into(), done(3)).await.unwrap();
    assert_eq!((renamed.name.as_str(), &renamed.slug), ("Other", &made.slug));
    assert_eq!((renamed.created_at, renamed.updated_at), (at(0), at(3)));
    let missing = db.rename(ThreadId(99), "X".into(), done(4)).await;
    assert!(matches!(missing, Err(Error::NotFound { kind: "thread", .. })), "{missing:?}");
}

async fn a_threads_slug_is_unique_across_workspaces(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    thread(&db, one, "same").await;
    for place in [one, two] {
        let again = Threads::create(&db, new(place, "same"), done(0)).await;
        assert!(matches!(again, Err(Error::AlreadyExists { kind: "thread", .. })), "{again:?}");
    }
    assert_eq!(Threads::all(&db).await.unwrap().len(), 1);
}

async fn a_thread_needs_its_workspace_and_its_user(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let lost = Threads::create(&db, new(WorkspaceId(77), "a"), done(0)).await;
    assert!(matches!(lost, Err(Error::NotFound { kind: "workspace", .. })), "{lost:?}");
    let nobody = NewThread { user: Some(UserId(77)), ..new(here, "b") };
    let nobody = Threads::create(&db, nobody, done(0)).await;
    assert!(matches!(nobody, Err(Error::NotFound { kind: "user", .. })), "{nobody:?}");
    let sam = user(&db, "sam").await.id;
    let made = Threads::create(&db, NewThread { user: Some(sam), ..new(here, "c") }, done(0)).await;
    assert_eq!(made.unwrap().user, Some(sam));
}

async fn threads_are_paged(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(thread(&db, here, &format!("t{number}")).await);
        thread(&db, other, &format!("o{number}")).await;
    }
    assert_eq!(Threads::page(&db, here, "", None, 100).await.unwrap(), made);
    assert_eq!(Threads::page(&db, here, "", Some(made[1].id), 2).await.unwrap(), made[2..4]);
    assert_eq!(Threads::page(&db, here, "", Some(made[4].id), 2).await.unwrap(), []);
}

async fn found(db: &Database, here: WorkspaceId, name: &str) -> Vec<String> {
    let found = Threads::page(db, here, name, None, 100).await.unwrap();
    found.into_iter().map(|thread| thread.name).collect()
}

async fn threads_are_found_by_a_part_of_their_name(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    for name in ["Über Ärger", "100 % sure", "a_b", "axb", r"back\slash", "ΟΔΟΣ"] {
        let new = NewThread { slug: Slug::random(), ..new(here, name) };
        Threads::create(&db, new, done(0)).await.unwrap();
    }
    thread(&db, other, "Ärger elsewhere").await;
    assert_eq!(found(&db, here, "").await.len(), 6);
    for (name, expected) in [
        ("ÄRGER", "Über Ärger"),
        ("über ä", "Über Ärger"),
        ("%", "100 % sure"),
        ("A_B", "a_b"),
        (r"K\S", r"back\slash"),
        ("οδο", "ΟΔΟΣ"),
    ] {
        assert_eq!(found(&db, here, name).await, [expected], "{name}");
    }
    assert!(found(&db, here, "elsewhere").await.is_empty());
    let named = Threads::page(&db, here, "a", None, 100).await.unwrap();
    assert_eq!(named.len(), 3, "a_b, axb, back\\slash");
    let rest = Threads::page(&db, here, "a", Some(named[0].id), 1).await.unwrap();
    assert_eq!(rest, named[1..2]);
    db.rename(named[0].id, "ZORN".into(), done(1)).await.unwrap();
    assert_eq!(found(&db, here, "zorn").await, ["ZORN"]);
    assert!(found(&db, here, "a_b").await.is_empty());
}

async fn names_stored_by_earlier_versions_are_found(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    thread(&db, here, "ÄRGER").await;
    scratch.execute("UPDATE threads SET sought = NULL");
    drop(db);
    let db = scratch.open();
    assert_eq!(found(&db, here, "ärger").await, ["ÄRGER"]);
}

async fn exchanges_are_deleted_with_their_thread(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let (gone, kept) = (thread(&db, here, "gone").await, thread(&db, here, "kept").await);
    let talk = |thread: Option<ThreadId>| Conversation {
        workspace: here,
        user: None,
        thread,
        session: None,
    };
    for place in [None, Some(gone.id), Some(kept.id)] {
        say(&db, &talk(place), "hello").await;
    }
    assert_eq!(Threads::delete(&db, &[gone.id], done(0)).await.unwrap(), 1);
    assert_eq!(Threads::delete(&db, &[gone.id], done(0)).await.unwrap(), 0);
    assert_eq!(scratch.rows_in("chats"), 2);
    assert_eq!(scratch.miscounted_blocks(), 0);
    assert_eq!(Threads::all(&db).await.unwrap(), [kept]);
}

/// Conversations of every kind in one workspace, each with a question that names it.
async fn talks(db: &Database) -> (WorkspaceId, ThreadId, UserId) {
    let here = workspace(db, "Here").await.id;
    let other = workspace(db, "Other").await.id;
    let thread = thread(db, here, "thread").await.id;
    let sam = user(db, "sam").await.id;
    let plain = Conversation { workspace: here, user: None, thread: None, session: None };
    let session = Some("s".to_owned());
    let (user, thread) = (Some(sam), Some(thread));
    say(db, &plain, "plain").await;
    say(db, &Conversation { user, ..plain.clone() }, "sam").await;
    say(db, &Conversation { session: session.clone(), ..plain.clone() }, "session").await;
    say(db, &Conversation { session, user, ..plain.clone() }, "session of sam").await;
    say(db, &Conversation { thread, ..plain.clone() }, "thread").await;
    say(db, &Conversation { thread, user, ..plain.clone() }, "thread of sam").await;
    say(db, &Conversation { workspace: other, ..plain }, "elsewhere").await;
    (here, thread.unwrap(), sam)
}

async fn shared_views_show_the_exchanges_of_all_users(scratch: Scratch) {
    let db = scratch.open();
    let (here, thread, _) = talks(&db).await;
    let workspace = ChatScope::Workspace(here);
    assert_eq!(prompts(&db, &workspace, ALL).await, ["plain", "sam"]);
    let newest = ChatRange { newest_first: true, limit: 1, ..ALL };
    assert_eq!(prompts(&db, &workspace, newest).await, ["sam"]);
    assert_eq!(prompts(&db, &workspace, ChatRange { offset: 1, ..ALL }).await, ["sam"]);
    assert_eq!(prompts(&db, &ChatScope::Session(here, "s".into()), ALL).await, ["session"]);
    assert_eq!(prompts(&db, &ChatScope::Thread(thread), ALL).await, ["thread", "thread of sam"]);
}

async fn a_reset_affects_only_its_conversation(scratch: Scratch) {
    let db = scratch.open();
    let (here, thread, sam) = talks(&db).await;
    let plain = Conversation { workspace: here, user: None, thread: None, session: None };
    assert_eq!(db.reset(&plain, done(1)).await.unwrap(), 1);
    assert_eq!(db.reset(&plain, done(1)).await.unwrap(), 0);
    assert_eq!(prompts(&db, &ChatScope::Workspace(here), ALL).await, ["sam"]);
    assert_eq!(prompts(&db, &ChatScope::Thread(thread), ALL).await.len(), 2);
    let session = Conversation { session: Some("s".into()), ..plain.clone() };
    assert_eq!(db.history(&session, 9).await.unwrap().len(), 1);
    assert_eq!(db.reset(&session, done(2)).await.unwrap(), 1);
    assert!(db.history(&session, 9).await.unwrap().is_empty());
    // Reset exchanges are still shown to clients that name the session.
    assert_eq!(prompts(&db, &ChatScope::Session(here, "s".into()), ALL).await, ["session"]);
    let own = Conversation { user: Some(sam), thread: Some(thread), ..plain.clone() };
    assert_eq!(db.reset(&own, done(3)).await.unwrap(), 1);
    assert_eq!(prompts(&db, &ChatScope::Thread(thread), ALL).await, ["thread"]);
    assert_eq!(db.reset(&Conversation { user: None, ..own }, done(4)).await.unwrap(), 1);
    assert_eq!(scratch.number("SELECT COUNT(*) AS n FROM chats WHERE include"), 3);
}
