use std::path::PathBuf;

use carrel_domain::Error;
use carrel_domain::document::IncomingFile;
use carrel_domain::model::{Image, Message};
use carrel_domain::workspace::SearchMode;

use super::*;
use crate::fakes::world::World;
use crate::fakes::{by, user, workspace};
use crate::ingestion::{Details, Indexing};

mod streamed;

fn question(text: &str, mode: Option<ChatMode>) -> Question {
    Question { text: text.into(), mode, ..Question::default() }
}

async fn with_a_document(text: &str) -> Arc<World> {
    let world = Arc::new(World::default());
    let ingestion = world.ingestion();
    let file = IncomingFile { name: "sky.txt".into(), content: PathBuf::from(text) };
    let into = vec![workspace("Sky")];
    ingestion.add_file(file, Details::default(), into, Indexing::Refuse, &by()).await.unwrap();
    world
}

async fn ask(world: &Arc<World>, workspace: &Workspace, question: Question) -> Result<Reply> {
    world.conversations().ask(workspace, question, &by()).await
}

#[tokio::test]
async fn the_model_sees_passages_and_history() {
    let world = with_a_document("The sky is green.").await;
    let workspace = workspace("Sky");
    for text in ["What colour is the sky?", "Why?"] {
        let reply = ask(&world, &workspace, question(text, None)).await;
        let Reply::Answered { sources, text: answer, .. } = reply.unwrap() else {
            panic!("refused")
        };
        assert_eq!((sources.len(), answer), (1, format!("You asked: {text}")));
    }
    let requests = world.requests.lock().unwrap();
    assert!(requests[0].history.is_empty());
    assert!(requests[1].system_prompt().contains("sourceDocument: sky.txt"));
    assert!(requests[1].system_prompt().contains("The sky is green."));
    let history: Vec<_> = requests[1].history.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(history, ["What colour is the sky?", "You asked: What colour is the sky?"]);
}

#[tokio::test]
async fn query_mode_refuses_without_a_passage_and_refusals_are_not_history() {
    let world = Arc::new(World::default());
    let mut workspace = workspace("Empty");
    workspace.settings.refusal = Some("Ask me about the sky.".into());
    let reply = ask(&world, &workspace, question("Hi", Some(ChatMode::Query)));
    assert_eq!(
        reply.await.unwrap(),
        Reply::Refused { chat: ChatId(1), text: "Ask me about the sky.".into() }
    );
    assert!(!world.chats.lock().unwrap()[0].include);
    assert!(world.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn sessions_are_separate() {
    let world = Arc::new(World::default());
    let workspace = workspace("Alpha");
    for session in [None, Some("s-1"), Some("s-2")] {
        let question = Question { session: session.map(str::to_owned), ..question("Hi", None) };
        ask(&world, &workspace, question).await.unwrap();
    }
    assert!(world.requests.lock().unwrap().iter().all(|request| request.history.is_empty()));
}

#[tokio::test]
async fn request_overrides_replace_stored_values() {
    let world = Arc::new(World::default());
    let mut workspace = workspace("Alpha");
    workspace.settings.temperature = Some(0.1);
    ask(&world, &workspace, question("Hi", None)).await.unwrap();
    let message = Message::assistant("Welcome.");
    let overrides = RequestOverrides {
        instructions: Some("Say {date}.".into()),
        history: Some(vec![message.clone()]),
        temperature: Some(0.9),
        longest_answer: Some(7),
        ..RequestOverrides::default()
    };
    ask(&world, &workspace, Question { overrides, ..question("Go on", None) }).await.unwrap();
    let requests = world.requests.lock().unwrap();
    assert_eq!((requests[0].temperature, requests[0].longest_answer), (Some(0.1), None));
    assert_eq!((requests[1].temperature, requests[1].longest_answer), (Some(0.9), Some(7)));
    assert_eq!(requests[1].instructions, "Say {date}.");
    assert_eq!(requests[1].history, [message]);
}

#[tokio::test]
async fn a_reset_makes_the_model_forget_one_conversation() {
    let world = Arc::new(World::default());
    let workspace = workspace("Alpha");
    let in_session = || Question { session: Some("s".into()), ..question("Hi", None) };
    ask(&world, &workspace, question("Hi", None)).await.unwrap();
    ask(&world, &workspace, in_session()).await.unwrap();
    world.conversations().reset(&workspace, &question("", None), &by()).await.unwrap();
    ask(&world, &workspace, question("Again", None)).await.unwrap();
    ask(&world, &workspace, in_session()).await.unwrap();
    let requests = world.requests.lock().unwrap();
    assert_eq!((requests[2].history.len(), requests[3].history.len()), (0, 2));
}

#[tokio::test]
async fn empty_and_oversized_questions_are_refused() {
    let world = Arc::new(World::default());
    for text in ["", " \n", &"x".repeat(MAX_QUESTION_BYTES + 1)] {
        assert!(ask(&world, &workspace("A"), question(text, None)).await.is_err());
    }
    assert!(world.chats.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_user_at_the_daily_limit_is_refused_before_the_model_is_called() {
    let world = Arc::new(World::default());
    let limited_user = user(1, user::Role::Manager, Some(2));
    for (user, times) in [
        (Some(limited_user.clone()), 2),
        (Some(user(2, user::Role::Default, None)), 3),
        (Some(user(3, user::Role::Admin, Some(1))), 3),
        (None, 3),
    ] {
        for _ in 0..times {
            let question = Question { user: user.clone(), ..question("Hi", None) };
            ask(&world, &workspace("A"), question).await.unwrap();
        }
    }
    let count = world.requests.lock().unwrap().len();
    let question = Question { user: Some(limited_user), ..question("Hi", None) };
    let error = ask(&world, &workspace("A"), question).await.unwrap_err();
    assert!(matches!(&error, Error::Exhausted { .. }), "{error:?}");
    assert!(error.to_string().contains("24 hour chat quota"), "{error}");
    assert_eq!(world.requests.lock().unwrap().len(), count);
    let users: Vec<_> =
        world.chats.lock().unwrap().iter().map(|chat| chat.conversation.user).collect();
    let ids = [1, 1, 2, 2, 2, 3, 3, 3].map(|id| Some(UserId(id)));
    assert_eq!(users, [&ids[..], &[None; 3]].concat());
}

#[tokio::test]
async fn an_invalid_question_does_not_count() {
    let world = Arc::new(World::default());
    let limited_user = Some(user(1, user::Role::Default, Some(1)));
    let empty = Question { user: limited_user.clone(), ..question(" ", None) };
    assert!(ask(&world, &workspace("A"), empty).await.is_err());
    let first = Question { user: limited_user, ..question("Hi", None) };
    assert!(ask(&world, &workspace("A"), first).await.is_ok());
}

async fn with_pins(texts: &[&str]) -> Arc<World> {
    let world = Arc::new(World::default());
    for (number, text) in texts.iter().enumerate() {
        let file = IncomingFile { name: format!("{number}.txt"), content: PathBuf::from(text) };
        let (ingestion, into) = (world.ingestion(), vec![workspace("Sky")]);
        ingestion.add_file(file, Details::default(), into, Indexing::Refuse, &by()).await.unwrap();
    }
    world
}

fn titles(sources: &[Source]) -> Vec<&str> {
    sources.iter().map(|source| source.document().title.as_str()).collect()
}

#[tokio::test]
async fn a_pinned_document_comes_first_in_full_and_once() {
    let world = with_pins(&["The sky is green.", "Grass is red."]).await;
    world.places.lock().unwrap()[1].pinned = true;
    let reply = ask(&world, &workspace("Sky"), question("Why?", None)).await.unwrap();
    let Reply::Answered { sources, .. } = reply else { panic!("refused") };
    assert_eq!(titles(&sources), ["1.txt", "0.txt"]);
    assert!(
        matches!(&sources[0], Source::Document { beginning, .. } if beginning == "Grass is red.")
    );
    let requests = world.requests.lock().unwrap();
    let context: Vec<_> = requests[0].context.iter().map(|context| context.text.as_str()).collect();
    assert_eq!((context.len(), context[0]), (2, "Grass is red."));
    assert!(context[1].contains("The sky is green."));
}

#[tokio::test]
async fn a_pinned_document_does_not_displace_passages() {
    for mode in [SearchMode::Vector, SearchMode::Lexical, SearchMode::Hybrid] {
        let world = with_pins(&["The sky is red.", "Grass is red."]).await;
        world.places.lock().unwrap()[0].pinned = true;
        let mut workspace = workspace("Sky");
        workspace.settings.search_mode = mode;
        let overrides = RequestOverrides { passages: Some(1), ..RequestOverrides::default() };
        let question = Question { overrides, ..question("Red?", None) };
        let Reply::Answered { sources, .. } = ask(&world, &workspace, question).await.unwrap()
        else {
            panic!("refused")
        };
        assert_eq!(titles(&sources), ["0.txt", "1.txt"], "{mode:?}");
    }
}

#[tokio::test]
async fn passages_of_earlier_answers_fill_the_gap() {
    let world = with_pins(&["The sky is green.", "Grass is red.", "Snow is blue."]).await;
    let workspace = workspace("Sky");
    ask(&world, &workspace, question("One?", None)).await.unwrap();
    let overrides = RequestOverrides { passages: Some(2), ..RequestOverrides::default() };
    world.blind.store(2, std::sync::atomic::Ordering::Relaxed);
    let reply = ask(&world, &workspace, Question { overrides, ..question("Two?", None) }).await;
    let Reply::Answered { sources, .. } = reply.unwrap() else { panic!("refused") };
    assert_eq!(titles(&sources), ["2.txt"]);
    let request = world.requests.lock().unwrap()[1].clone();
    let titles: Vec<_> = request.context.iter().map(|context| context.title.as_str()).collect();
    assert_eq!(titles, ["2.txt", "0.txt"]);
    // In query mode, they are enough to answer.
    world.blind.store(3, std::sync::atomic::Ordering::Relaxed);
    let reply = ask(&world, &workspace, question("Three?", Some(ChatMode::Query))).await.unwrap();
    assert!(matches!(reply, Reply::Answered { sources, .. } if sources.is_empty()));
}

fn attachment(name: &str, mime: &str, content: &str) -> Attachment {
    Attachment { name: name.into(), mime: mime.into(), content: content.into() }
}

#[tokio::test]
async fn attached_images_are_sent_and_documents_are_read() {
    let world = Arc::new(World::default());
    let workspace = workspace("Sky");
    let attachments = vec![
        attachment("sky.png", "image/png", "data:image/png;base64,iVBORw0KGgo="),
        attachment("sky.txt", "text/plain", "data:text/plain;base64,VGhlIHNreSBpcyBncmVlbi4="),
    ];
    let with_attachments = Question { attachments, ..question("Look", Some(ChatMode::Query)) };
    let Reply::Answered { sources, .. } = ask(&world, &workspace, with_attachments).await.unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(titles(&sources), ["sky.txt"]);
    ask(&world, &workspace, question("Again", None)).await.unwrap();
    let requests = world.requests.lock().unwrap();
    let image = Image::Inline { mime: "image/png".into(), data: "iVBORw0KGgo=".into() };
    assert_eq!(requests[0].images, std::slice::from_ref(&image));
    assert_eq!(requests[0].context[0].text, "The sky is green.");
    assert_eq!(requests[1].history[0].images, [image]);
    let chat = world.chats.lock().unwrap()[0].clone();
    assert!(chat.response.contains("sky.png") && !chat.response.contains("text/plain"));
    assert!(!chat.response.contains("iVBORw0KGgo"), "{}", chat.response);
    let record = record::read(&chat.response).unwrap();
    assert_eq!(record::images_of(chat)[0].bytes().unwrap(), b"\x89PNG\r\n\x1a\n");
    assert_eq!(record.documents, ["sky.txt"]);
}

#[tokio::test]
async fn unreadable_attachments_are_refused_or_skipped() {
    let world = Arc::new(World::default());
    // The test extractor refuses texts with a replacement character.
    let unreadable = || vec![attachment("a.bin", "application/x", "77+9")];
    let with_attachments = Question { attachments: unreadable(), ..question("Read", None) };
    let error = ask(&world, &workspace("A"), with_attachments).await.unwrap_err();
    assert!(error.to_string().contains("a.bin"), "{error}");
    let with_attachments =
        Question { attachments: unreadable(), skips_unreadable: true, ..question("Read", None) };
    ask(&world, &workspace("A"), with_attachments).await.unwrap();
    let attachments = vec![attachment("a.png", "image/png", "AAAA"); MAX_ATTACHMENTS + 1];
    let with_attachments = Question { attachments, ..question("Look", None) };
    assert!(ask(&world, &workspace("A"), with_attachments).await.is_err());
}

#[tokio::test]
async fn an_agent_call_is_stored_verbatim() {
    let world = Arc::new(World::default());
    let question =
        Question { can_call_agent: true, ..question("@agent count", Some(ChatMode::Chat)) };
    let reply = ask(&world, &workspace("A"), question).await.unwrap();
    assert!(matches!(reply, Reply::Answered { metrics, .. } if metrics.as_agent));
    assert_eq!(world.requests.lock().unwrap()[0].question, "count");
    let chats = world.chats.lock().unwrap();
    assert_eq!(chats[0].prompt, "@agent count");
    assert!(chats[0].response.contains("\"thoughts\":[]"));
}

#[tokio::test]
async fn a_regenerated_answer_does_not_see_the_one_it_replaces() {
    let world = Arc::new(World::default());
    let workspace = workspace("A");
    for text in ["One?", "Two?"] {
        ask(&world, &workspace, question(text, None)).await.unwrap();
    }
    let question = Question { replaced_chat: Some(ChatId(2)), ..question("Two, really?", None) };
    ask(&world, &workspace, question).await.unwrap();
    let requests = world.requests.lock().unwrap();
    let history: Vec<_> = requests[2].history.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(history, ["One?", "You asked: One?"]);
}

#[tokio::test]
async fn an_answer_stopped_before_it_begins_is_not_stored() {
    let world = Arc::new(World::default());
    let question = question("Hi", None);
    question.stop.stop();
    let events = world.conversations().stream(&workspace("A"), question, &by()).await;
    assert!(events.unwrap().recv().await.is_none());
    assert!(world.chats.lock().unwrap().is_empty());
}

#[tokio::test]
async fn reasoning_is_never_sent_to_the_model_again() {
    let world = Arc::new(World::default());
    let workspace = workspace("Sky");
    let overrides = RequestOverrides {
        history: Some(vec![Message::user("Hi"), Message::assistant("<think>plan</think>Hello")]),
        ..RequestOverrides::default()
    };
    ask(&world, &workspace, Question { overrides, ..question("Go on", None) }).await.unwrap();
    let request = world.requests.lock().unwrap().pop().unwrap();
    assert_eq!(request.history, [Message::user("Hi"), Message::assistant("Hello")]);
    // The fake model answers with its reasoning in the text.
    ask(&world, &workspace, question("<think>", None)).await.unwrap();
    let stored = "plan\n</think>\n\nHello".to_owned();
    world.chats.lock().unwrap().iter_mut().for_each(|chat| {
        chat.response = record::with_text(&chat.response, &stored).unwrap();
    });
    ask(&world, &workspace, question("And?", None)).await.unwrap();
    let request = world.requests.lock().unwrap().pop().unwrap();
    let answers: Vec<_> = request.history.iter().skip(1).step_by(2).collect();
    assert!(!answers.is_empty());
    assert!(answers.iter().all(|answer| answer.text == "Hello"), "{answers:?}");
}
