use super::*;
use crate::fakes::world::Words;

fn words(word: &str, number: usize) -> String {
    vec![word; number].join(" ")
}

fn context(word: &str, number: usize) -> Context {
    Context { title: word.into(), text: words(word, number), similarity: None }
}

async fn fit(request: ChatRequest, window: u64) -> ChatRequest {
    apply(Arc::new(Words), request, window).await.unwrap()
}

/// Returns an upper bound on what the model would count.
fn size(request: &ChatRequest) -> usize {
    let count = |text: &str| text.split_whitespace().count();
    let context: usize = request.context.iter().map(|part| count(&part.text)).sum();
    let history: usize = request.history.iter().map(|turn| count(&turn.text)).sum();
    count(&request.instructions) + context + history + count(&request.question)
}

#[tokio::test]
async fn a_request_that_fits_is_unchanged() {
    let request = ChatRequest {
        instructions: words("i", 500),
        context: vec![context("c", 500)],
        history: vec![Message::user(words("q", 100)), Message::assistant(words("a", 100))],
        question: words("?", 500),
        ..ChatRequest::default()
    };
    assert_eq!(fit(request.clone(), 4096).await, request);
}

#[tokio::test]
async fn the_newest_turns_and_the_question_stay() {
    let turns = (0..40).map(|n| match n % 2 {
        0 => Message::user(format!("q{n} {}", words("x", 100))),
        _ => Message::assistant(format!("a{n} {}", words("y", 100))),
    });
    let request = ChatRequest {
        instructions: "Be brief.".into(),
        context: (0..10).map(|n| context(&format!("c{n}"), 500)).collect(),
        history: turns.collect(),
        question: "What now?".into(),
        ..ChatRequest::default()
    };
    let request = fit(request, 4096).await;
    assert_eq!(
        (request.question.as_str(), request.instructions.as_str()),
        ("What now?", "Be brief.")
    );
    assert!(size(&request) <= 4096 - ANSWER_TOKENS, "{}", size(&request));
    assert!(request.history.len() >= 6, "{}", request.history.len());
    assert!(request.history[request.history.len() - 1].text.starts_with("a39"));
    assert!(request.history[0].text.starts_with('q'));
    assert!(request.context.len() >= 4, "{}", request.context.len());
    assert_eq!(request.context[0].title, "c0");
}

#[tokio::test]
async fn a_question_longer_than_the_window_keeps_both_its_ends() {
    let question = format!("begin {} end", words("x", 9000));
    let request = ChatRequest {
        instructions: words("i", 9000),
        context: vec![context("c", 9000)],
        history: vec![Message::user(words("q", 9000)), Message::assistant(words("a", 9000))],
        question,
        ..ChatRequest::default()
    };
    let request = fit(request, 4096).await;
    assert!(request.question.starts_with("begin") && request.question.ends_with("end"));
    assert!(request.question.contains(CUT_MARK) && request.instructions.contains(CUT_MARK));
    assert!(size(&request) <= 4096 - ANSWER_TOKENS, "{}", size(&request));
}

#[tokio::test]
async fn context_and_history_share_unused_room() {
    let request = || ChatRequest { question: "What now?".into(), ..ChatRequest::default() };
    let only_context = ChatRequest { context: vec![context("c", 9000)], ..request() };
    let fitted_context = fit(only_context, 4096).await;
    assert!(size(&fitted_context) > 3000, "{}", size(&fitted_context));
    let turns = vec![Message::user(words("q", 9000)), Message::assistant(words("a", 9000))];
    let fitted_turns = fit(ChatRequest { history: turns, ..request() }, 4096).await;
    assert_eq!(fitted_turns.history.len(), 2);
    assert!(size(&fitted_turns) > 3000, "{}", size(&fitted_turns));
}

#[tokio::test]
async fn the_smallest_window_still_has_room_for_something() {
    for window in [0, 1, 10, 100, 700] {
        let request = ChatRequest {
            instructions: words("i", 900),
            context: vec![context("c", 900)],
            history: vec![Message::user(words("q", 900))],
            question: words("?", 900),
            longest_answer: Some(u32::MAX),
            ..ChatRequest::default()
        };
        let request = fit(request, window).await;
        assert!(size(&request) <= window as usize, "{window}: {}", size(&request));
    }
}
