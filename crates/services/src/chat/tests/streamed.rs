//! Streamed answers.
use super::*;

#[tokio::test]
async fn a_streamed_answer_is_stored_like_any_other() {
    let world = with_a_document("The sky is green.").await;
    let workspace = workspace("Sky");
    let mut events =
        world.conversations().stream(&workspace, question("Why?", None), &by()).await.unwrap();
    let (mut text, mut finished) = (String::new(), None);
    while let Some(event) = events.recv().await {
        match event {
            AnswerEvent::Text(part) => text.push_str(&part),
            AnswerEvent::Finished(answer) => finished = answer,
            event => panic!("{event:?}"),
        }
    }
    let finished = finished.unwrap();
    assert_eq!((text.as_str(), finished.sources.len()), ("You asked: Why?", 1));
    let chats = world.chats.lock().unwrap();
    assert_eq!(chats[0].id, finished.chat);
    assert_eq!(record::read_exchange(chats[0].clone()).unwrap().answer, text);
}

#[tokio::test]
async fn sources_are_sent_before_the_answer_if_the_question_announces_them() {
    let world = with_a_document("The sky is green.").await;
    let announcing = || Question { announces_sources: true, ..question("Why?", None) };
    let mut events =
        world.conversations().stream(&workspace("Sky"), announcing(), &by()).await.unwrap();
    let Some(AnswerEvent::Sources(sources)) = events.recv().await else { panic!("no sources") };
    let mut last = None;
    while let Some(event) = events.recv().await {
        last = Some(event);
    }
    let Some(AnswerEvent::Finished(Some(finished))) = last else { panic!("{last:?}") };
    assert_eq!((sources.len(), &sources), (1, &finished.sources));

    let empty = Arc::new(World::default());
    let mut events =
        empty.conversations().stream(&workspace("Sky"), announcing(), &by()).await.unwrap();
    assert!(matches!(events.recv().await, Some(AnswerEvent::Text(_))), "there are no sources");
}

#[tokio::test(start_paused = true)]
async fn saving_an_answer_is_retried_and_final_failures_are_reported() {
    let world = with_a_document("The sky is green.").await;
    let workspace = workspace("Sky");
    world.fail("append");
    let new_question = || question("Why?", None);
    let mut events = world.conversations().stream(&workspace, new_question(), &by()).await.unwrap();
    let mut log = Vec::new();
    while let Some(event) = events.recv().await {
        log.push(event);
    }
    assert!(matches!(log[0], AnswerEvent::Text(_)));
    let Some(AnswerEvent::Failed { error, begun: true }) = log.last() else { panic!("{log:?}") };
    assert!(error.to_string().contains("could not be saved"), "{error}");

    let repair = async {
        sleep(RETRY_DELAYS[0] + RETRY_DELAYS[1] / 2).await;
        world.repair("append");
    };
    let (reply, ()) = tokio::join!(ask(&world, &workspace, new_question()), repair);
    assert!(matches!(reply, Ok(Reply::Answered { .. })), "{reply:?}");
    assert_eq!(world.chats.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_partial_answer_is_stored_when_the_server_stops() {
    let world = Arc::new(World::default());
    let (workspace, conversations) = (workspace("Alpha"), world.conversations());
    let endless = question("endless", None);
    let mut events = conversations.stream(&workspace, endless, &by()).await.unwrap();
    assert!(matches!(events.recv().await, Some(AnswerEvent::Text(_))));
    let drain = async { while events.recv().await.is_some() {} };
    let finish = conversations.tasks.finish(Duration::ZERO, Duration::from_secs(60));
    let ((), unfinished) = tokio::join!(drain, finish);
    assert_eq!((unfinished, world.chats.lock().unwrap().len()), (0, 1));
}

#[tokio::test]
async fn a_streamed_question_is_refused_like_any_other() {
    let world = Arc::new(World::default());
    let workspace = workspace("Empty");
    let question = question("Hi", Some(ChatMode::Query));
    let mut events = world.conversations().stream(&workspace, question, &by()).await.unwrap();
    assert!(matches!(events.recv().await, Some(AnswerEvent::Refused(text)) if text == REFUSAL));
    assert!(events.recv().await.is_none());
    assert!(!world.chats.lock().unwrap()[0].include);
}
