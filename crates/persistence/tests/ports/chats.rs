use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::user::Users;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Error, ThreadId, UserId, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, done, new_user, workspace};

on_both_databases! {
    history_is_the_newest_exchanges_oldest_first,
    conversations_are_kept_apart,
    excluded_exchanges_are_not_history,
    a_conversation_needs_its_workspace,
    conversations_are_deleted_with_their_workspace,
    session_names_have_a_length_limit,
}

fn talk(workspace: WorkspaceId) -> Conversation {
    Conversation { workspace, user: None, thread: None, session: None }
}

fn chat(conversation: &Conversation, prompt: &str) -> NewChat {
    NewChat {
        conversation: conversation.clone(),
        prompt: prompt.into(),
        response: format!("{{\"text\":\"{prompt}!\"}}"),
        images: Vec::new(),
        include: true,
        created_at: at(0),
        usage: None,
    }
}

async fn prompts(db: &Database, of: &Conversation, limit: u32) -> Vec<String> {
    db.history(of, limit).await.unwrap().into_iter().map(|chat| chat.prompt).collect()
}

async fn history_is_the_newest_exchanges_oldest_first(scratch: Scratch) {
    let db = scratch.open();
    let here = talk(workspace(&db, "Here").await.id);
    let mut ids = Vec::new();
    for prompt in ["one", "two", "three\0"] {
        ids.push(db.append(chat(&here, prompt), done(0)).await.unwrap());
    }
    assert!(ids.is_sorted());
    assert_eq!(prompts(&db, &here, 20).await, ["one", "two", "three\u{FFFD}"]);
    assert_eq!(prompts(&db, &here, 2).await, ["two", "three\u{FFFD}"]);
    assert!(prompts(&db, &here, 0).await.is_empty());
    let first = &db.history(&here, u32::MAX).await.unwrap()[0];
    assert_eq!((first.id, &first.conversation), (ids[0], &here));
    assert_eq!((first.response.as_str(), first.feedback), ("{\"text\":\"one!\"}", None));
    assert_eq!((first.include, first.created_at, first.updated_at), (true, at(0), at(0)));
}

async fn conversations_are_kept_apart(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let user = Users::create(&db, new_user("somebody"), done(0)).await.unwrap().id;
    scratch.execute(&format!(
        "INSERT INTO threads (id, slug, name, workspace_id, created_at, updated_at)
         VALUES (5, 't', 'T', {one}, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
    ));
    let session = |name: &str| Some(name.to_owned());
    let conversations = [
        talk(one),
        talk(two),
        Conversation { user: Some(user), ..talk(one) },
        Conversation { thread: Some(ThreadId(5)), ..talk(one) },
        Conversation { thread: Some(ThreadId(5)), user: Some(user), ..talk(one) },
        Conversation { session: session("s"), ..talk(one) },
        Conversation { session: session(""), ..talk(one) },
        Conversation { session: session("s"), user: Some(user), ..talk(one) },
    ];
    for (number, conversation) in conversations.iter().enumerate() {
        db.append(chat(conversation, &number.to_string()), done(0)).await.unwrap();
    }
    for (number, conversation) in conversations.iter().enumerate() {
        assert_eq!(prompts(&db, conversation, 20).await, [number.to_string()]);
    }
}

async fn excluded_exchanges_are_not_history(scratch: Scratch) {
    let db = scratch.open();
    let here = talk(workspace(&db, "Here").await.id);
    db.append(chat(&here, "kept"), done(0)).await.unwrap();
    db.append(NewChat { include: false, ..chat(&here, "left out") }, done(0)).await.unwrap();
    assert_eq!(prompts(&db, &here, 1).await, ["kept"]);
}

async fn a_conversation_needs_its_workspace(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for missing in [
        talk(WorkspaceId(77)),
        Conversation { user: Some(UserId(77)), ..talk(here) },
        Conversation { thread: Some(ThreadId(77)), ..talk(here) },
    ] {
        let refused = db.append(chat(&missing, "lost"), done(0)).await;
        assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
        assert!(prompts(&db, &missing, 20).await.is_empty());
    }
}

async fn conversations_are_deleted_with_their_workspace(scratch: Scratch) {
    let db = scratch.open();
    let (gone, kept) = (workspace(&db, "Gone").await.id, workspace(&db, "Kept").await.id);
    let last = db.append(chat(&talk(gone), "gone"), done(0)).await.unwrap();
    Workspaces::delete(&db, gone, done(0)).await.unwrap();
    assert!(prompts(&db, &talk(gone), 20).await.is_empty());
    assert!(db.append(chat(&talk(kept), "kept"), done(0)).await.unwrap() > last);
}

async fn session_names_have_a_length_limit(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    // The name has no repetitions, so that the database cannot compress it.
    let mut noise = 1u32;
    let name: String = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + (noise >> 24) as u8 % 90)
    })
    .take(10_000)
    .collect();
    let longest = Conversation { session: Some(name[..1024].to_owned()), ..talk(here) };
    db.append(chat(&longest, "fits"), done(0)).await.unwrap();
    assert_eq!(prompts(&db, &longest, 20).await, ["fits"]);
    let longer = Conversation { session: Some(name), ..talk(here) };
    let refused = db.append(chat(&longer, "does not"), done(0)).await;
    assert!(
        matches!(&refused, Err(Error::Invalid { field, .. }) if field == "session"),
        "{refused:?}"
    );
    assert!(prompts(&db, &longer, 20).await.is_empty());
}
