//! Answers of the extractive answerer.
use carrel_domain::model::Message;
use futures_util::StreamExt;

use super::*;

fn context(title: &str, text: &str) -> Context {
    Context { title: title.into(), text: text.into(), similarity: None }
}

fn request(question: &str, context: Vec<Context>) -> ChatRequest {
    ChatRequest {
        instructions: "Be brief.".into(),
        context,
        question: question.into(),
        ..ChatRequest::default()
    }
}

async fn deltas(request: ChatRequest) -> Vec<Delta> {
    let answer = Extractive.answer(request).await.unwrap();
    answer.map(|delta| delta.unwrap()).collect().await
}

async fn text(request: ChatRequest) -> String {
    let text = |delta| match delta {
        Delta::Text(text) => text,
        _ => String::new(),
    };
    deltas(request).await.into_iter().map(text).collect()
}

fn library() -> Vec<Context> {
    vec![
        context(
            "House rules",
            "<document_metadata>\nsourceDocument: House rules\n</document_metadata>\n\n\
             Food is not allowed in the reading room. The reading room opens at nine in the \
             morning and closes at six. Dogs must wait outside.",
        ),
        context("Staff handbook", "Returned books are shelved before noon. Ask Mina about keys."),
    ]
}

#[tokio::test]
async fn the_sentence_that_answers_is_quoted_with_its_source() {
    let answer = text(request("When does the reading room open?", library())).await;
    assert!(
        answer.contains("> The reading room opens at nine in the morning and closes at six. [1]"),
        "{answer}"
    );
    assert!(answer.ends_with("[1] — House rules"), "{answer}");
    assert!(answer.starts_with("This is an extractive answer"), "{answer}");
    assert!(!answer.contains("document_metadata") && !answer.contains("Dogs"), "{answer}");
}

#[tokio::test]
async fn a_quotation_has_the_number_of_its_passage_among_the_sources() {
    let both = request("Who has keys to the reading room, and is food allowed?", library());
    let answer = text(both).await;
    assert!(answer.contains("Mina about keys. [2] — Staff handbook"), "{answer}");
    assert!(answer.contains(" at six. [1] — House rules"), "{answer}");
}

#[tokio::test]
async fn questions_in_scripts_without_spaces_find_their_sentence() {
    let rules = context("規則", "食べ物は禁止です。閲覧室は午前九時に開きます。犬は外で待ちます。");
    let answer = text(request("閲覧室は何時に開きますか", vec![rules])).await;
    assert!(answer.contains("> 閲覧室は午前九時に開きます。"), "{answer}");
    assert!(answer.ends_with("[1] — 規則"), "{answer}");
}

#[tokio::test]
async fn without_context_it_says_that_there_is_nothing_to_quote() {
    let answer = text(request("When?", vec![])).await;
    assert_eq!(answer, NOTHING);
    let blank = vec![context("Blank", " \n\n --- ")];
    assert_eq!(text(request("When?", blank)).await, NOTHING);
}

#[tokio::test]
async fn when_no_word_is_shared_it_says_so_and_quotes_the_nearest() {
    let answer = text(request("Wann?", library())).await;
    assert!(answer.starts_with("This is an extractive answer, which only quotes."), "{answer}");
    assert!(answer.contains("> Food is not allowed in the reading room."), "{answer}");
}

#[tokio::test]
async fn a_conversation_is_introduced_once() {
    let history =
        vec![Message::user("When?"), Message::assistant(format!("{INTRODUCTION}\n\n> Six."))];
    let again =
        |question: &str| ChatRequest { history: history.clone(), ..request(question, library()) };
    let answer = text(again("When does the reading room open?")).await;
    assert!(answer.starts_with("> The reading room opens at nine"), "{answer}");
    let answer = text(again("Wann?")).await;
    assert!(answer.starts_with("No sentence found shares a word"), "{answer}");
    // A question that quotes the introduction is not one.
    let history = vec![Message::user(INTRODUCTION)];
    let follow_up =
        ChatRequest { history, ..request("When does the reading room open?", library()) };
    assert!(text(follow_up).await.starts_with(BEGINNING));
}

#[tokio::test]
async fn a_heading_is_quoted_with_the_sentence_below_it() {
    let rules =
        context("Rules", "# Opening hours\n\nNine to six, Monday to Friday.\n\n# Dogs\n\nOutside.");
    let answer = text(request("opening hours", vec![rules])).await;
    assert!(answer.contains("> Opening hours Nine to six, Monday to Friday. [1]"), "{answer}");
}

#[tokio::test]
async fn a_passage_that_only_repeats_the_question_is_not_quoted() {
    let examples = "| file | try asking |\n|---|---|\n| `a.md` | How long do the batteries of the lamp last? |\n\
        | `b.md` | Who feeds the cat? |";
    let informative =
        "If the main lamp fails, another takes over. It runs on batteries that last for 36 hours.";
    let answer = text(request(
        "How long do the batteries of the lamp last?",
        vec![context("List", examples), context("Handbook", informative)],
    ))
    .await;
    assert!(answer.contains("It runs on batteries that last for 36 hours. [2]"), "{answer}");
    assert!(!answer.contains("How long"), "{answer}");
}

#[tokio::test]
async fn a_question_in_a_list_is_quoted_with_its_answer() {
    let faq = "Which telescope may visitors use?\n\nThey look through the small reflector in the south \
        dome, which is opened every Friday.\n\nWhen are the evenings?\n\nOn Fridays.";
    let answer = text(request("which telescope may visitors use", vec![context("FAQ", faq)])).await;
    assert!(answer.contains("> Which telescope may visitors use? They look through"), "{answer}");
}

#[tokio::test]
async fn the_more_similar_passage_comes_first() {
    let passage = |title: &str, text: &str, similarity| Context {
        similarity: Some(similarity),
        ..context(title, text)
    };
    let both = vec![
        passage("Far", "The lamp stands in the hall beside the stairs.", 0.2),
        passage("Near", "The lamp stands in the tower above the stairs.", 0.8),
    ];
    let answer = text(request("Where does the lamp stand?", both)).await;
    let (before, _) = answer.split_once("tower above the stairs. [2] — Near").unwrap();
    assert!(!before.contains("in the hall"), "{answer}");
}

#[tokio::test]
async fn the_same_sentence_of_two_overlapping_passages_is_quoted_once() {
    let passage = "The key hangs behind the door.";
    let overlapping = vec![context("Keys", passage), context("Keys", passage)];
    let answer = text(request("Where is the key?", overlapping)).await;
    assert_eq!(answer.matches("behind the door").count(), 1, "{answer}");
}

#[tokio::test]
async fn an_answer_is_streamed_and_ends_with_its_usage() {
    let deltas = deltas(request("When does it open?", library())).await;
    let texts = deltas.iter().filter(|delta| matches!(delta, Delta::Text(_))).count();
    assert!(texts >= 2, "{deltas:?}");
    let Some(Delta::Usage(usage)) = deltas.last() else { panic!("{deltas:?}") };
    assert!(usage.prompt_tokens > 0 && usage.completion_tokens > 0);
}

#[tokio::test]
async fn any_text_gives_an_answer() {
    for text in
        ["", "\u{0}", "<document_metadata>", "...", "🙂🙂🙂", "a\u{301}\u{94d}", "\u{202e}.\r\r\n"]
    {
        let context = vec![context(text, text), context("", &text.repeat(100))];
        let answer = self::text(request(text, context)).await;
        assert!(answer.contains("extractive"), "{text:?}: {answer}");
    }
}
