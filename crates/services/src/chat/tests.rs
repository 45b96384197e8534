use std::path::PathBuf;

use carrel_domain::UserId;
use carrel_domain::document::IncomingFile;

use super::*;
use crate::fakes::world::World;
use crate::fakes::{by, workspace};
use crate::library::{Details, Unembedded};

fn question(text: &str, mode: Option<ChatMode>) -> Question {
    Question { text: text.into(), mode, ..Question::default() }
}

async fn with_a_document(text: &str) -> Arc<World> {
    let world = Arc::new(World::default());
    let library = world.library();
    let file = IncomingFile { name: "sky.txt".into(), content: PathBuf::from(text) };
    let into = vec![workspace("Sky")];
    library.add_file(file, Details::default(), into, Unembedded::Refuse, &by()).await.unwrap();
    world
}

async fn ask(world: &Arc<World>, workspace: &Workspace, question: Question) -> Result<Reply> {
    world.conversations().ask(workspace, question, &by()).await
}

#[tokio::test]
async fn the_model_sees_what_was_found_and_what_was_said() {
    let world = with_a_document("The sky is green.").await;
    let workspace = workspace("Sky");
    for text in ["What colour is the sky?", "Why?"] {
        let asked = ask(&world, &workspace, question(text, None)).await;
        let Reply::Answered { sources, text: answer, .. } = asked.unwrap() else {
            panic!("refused")
        };
        assert_eq!((sources.len(), answer), (1, format!("You asked: {text}")));
    }
    let asked = world.asked.lock().unwrap();
    assert!(asked[0].history.is_empty());
    assert!(asked[1].system_prompt().contains("sourceDocument: sky.txt"));
    assert!(asked[1].system_prompt().contains("The sky is green."));
    let said: Vec<_> = asked[1].history.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(said, ["What colour is the sky?", "You asked: What colour is the sky?"]);
}

#[tokio::test]
async fn query_mode_refuses_without_a_passage_and_the_refusal_is_not_history() {
    let world = Arc::new(World::default());
    let mut workspace = workspace("Empty");
    workspace.settings.refusal = Some("Ask me about the sky.".into());
    let asked = ask(&world, &workspace, question("Hi", Some(ChatMode::Query)));
    assert_eq!(
        asked.await.unwrap(),
        Reply::Refused { chat: ChatId(1), text: "Ask me about the sky.".into() }
    );
    assert!(!world.chats.lock().unwrap()[0].include);
    assert!(world.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn sessions_do_not_see_one_another() {
    let world = Arc::new(World::default());
    let workspace = workspace("Alpha");
    for session in [None, Some("s-1"), Some("s-2")] {
        let question = Question { session: session.map(str::to_owned), ..question("Hi", None) };
        ask(&world, &workspace, question).await.unwrap();
    }
    assert!(world.asked.lock().unwrap().iter().all(|request| request.history.is_empty()));
}

#[tokio::test]
async fn what_a_client_brings_along_takes_the_place_of_what_is_kept() {
    let world = Arc::new(World::default());
    let mut workspace = workspace("Alpha");
    workspace.settings.temperature = Some(0.1);
    ask(&world, &workspace, question("Hi", None)).await.unwrap();
    let earlier = Message { role: Role::Assistant, text: "Welcome.".into() };
    let given = Given {
        instructions: Some("Say {date}.".into()),
        history: Some(vec![earlier.clone()]),
        temperature: Some(0.9),
        longest_answer: Some(7),
    };
    ask(&world, &workspace, Question { given, ..question("Go on", None) }).await.unwrap();
    let asked = world.asked.lock().unwrap();
    assert_eq!((asked[0].temperature, asked[0].longest_answer), (Some(0.1), None));
    assert_eq!((asked[1].temperature, asked[1].longest_answer), (Some(0.9), Some(7)));
    assert_eq!(asked[1].instructions, "Say {date}.");
    assert_eq!(asked[1].history, [earlier]);
}

#[tokio::test]
async fn a_reset_makes_the_model_forget_one_conversation() {
    let world = Arc::new(World::default());
    let workspace = workspace("Alpha");
    let other = || Question { session: Some("s".into()), ..question("Hi", None) };
    ask(&world, &workspace, question("Hi", None)).await.unwrap();
    ask(&world, &workspace, other()).await.unwrap();
    world.conversations().reset(&workspace, &question("", None), &by()).await.unwrap();
    ask(&world, &workspace, question("Again", None)).await.unwrap();
    ask(&world, &workspace, other()).await.unwrap();
    let asked = world.asked.lock().unwrap();
    assert_eq!((asked[2].history.len(), asked[3].history.len()), (0, 2));
}

#[tokio::test]
async fn a_streamed_answer_is_kept_as_a_whole_one_is() {
    let world = with_a_document("The sky is green.").await;
    let workspace = workspace("Sky");
    let mut pieces =
        world.conversations().stream(&workspace, question("Why?", None), &by()).await.unwrap();
    let (mut text, mut finished) = (String::new(), None);
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Text(more) => text.push_str(&more),
            Piece::Finished(end) => finished = end,
            other => panic!("{other:?}"),
        }
    }
    let finished = finished.unwrap();
    assert_eq!((text.as_str(), finished.sources.len()), ("You asked: Why?", 1));
    let chats = world.chats.lock().unwrap();
    assert_eq!(chats[0].id, finished.chat);
    assert_eq!(record::text_of(&chats[0].response).unwrap(), text);
}

#[tokio::test]
async fn a_streamed_question_is_refused_as_any_other() {
    let world = Arc::new(World::default());
    let workspace = workspace("Empty");
    let hi = question("Hi", Some(ChatMode::Query));
    let mut pieces = world.conversations().stream(&workspace, hi, &by()).await.unwrap();
    assert!(matches!(pieces.recv().await, Some(Piece::Refused(text)) if text == REFUSAL));
    assert!(pieces.recv().await.is_none());
    assert!(!world.chats.lock().unwrap()[0].include);
}

#[tokio::test]
async fn an_empty_or_endless_question_is_refused() {
    let world = Arc::new(World::default());
    for text in ["", " \n", &"x".repeat(LONGEST_QUESTION + 1)] {
        assert!(ask(&world, &workspace("A"), question(text, None)).await.is_err());
    }
    assert!(world.chats.lock().unwrap().is_empty());
}

fn user(id: i32, role: user::Role, daily_message_limit: Option<i32>) -> User {
    User {
        id: UserId(id),
        username: format!("user-{id}"),
        role,
        suspended: false,
        daily_message_limit,
        bio: String::new(),
        picture: None,
        seen_recovery_codes: false,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn a_user_who_has_met_the_daily_limit_is_refused_before_the_model_is_asked() {
    let world = Arc::new(World::default());
    let limited = user(1, user::Role::Manager, Some(2));
    for (user, times) in [
        (Some(limited.clone()), 2),
        (Some(user(2, user::Role::Default, None)), 3),
        (Some(user(3, user::Role::Admin, Some(1))), 3),
        (None, 3),
    ] {
        for _ in 0..times {
            let question = Question { user: user.clone(), ..question("Hi", None) };
            ask(&world, &workspace("A"), question).await.unwrap();
        }
    }
    let asked = world.asked.lock().unwrap().len();
    let one_more = Question { user: Some(limited), ..question("Hi", None) };
    let refused = ask(&world, &workspace("A"), one_more).await.unwrap_err();
    assert!(matches!(&refused, Error::Exhausted { .. }), "{refused:?}");
    assert!(refused.to_string().contains("24 hour chat quota"), "{refused}");
    assert_eq!(world.asked.lock().unwrap().len(), asked);
    let users: Vec<_> =
        world.chats.lock().unwrap().iter().map(|chat| chat.conversation.user).collect();
    let ids = [1, 1, 2, 2, 2, 3, 3, 3].map(|id| Some(UserId(id)));
    assert_eq!(users, [&ids[..], &[None; 3]].concat());
}

#[tokio::test]
async fn a_question_that_is_none_does_not_count() {
    let world = Arc::new(World::default());
    let limited = Some(user(1, user::Role::Default, Some(1)));
    let empty = Question { user: limited.clone(), ..question(" ", None) };
    assert!(ask(&world, &workspace("A"), empty).await.is_err());
    let first = Question { user: limited, ..question("Hi", None) };
    assert!(ask(&world, &workspace("A"), first).await.is_ok());
}
