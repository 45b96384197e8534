use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::document::IncomingFile;
use carrel_domain::filter::DocumentFilter;
use carrel_domain::reranker::Reranker;

use super::*;
use crate::fakes::world::World;
use crate::fakes::{by, workspace};
use crate::ingestion::{Details, Indexing};

async fn world(texts: &[&str]) -> Arc<World> {
    let world = Arc::new(World::default());
    for text in texts {
        let file = IncomingFile { name: "a.txt".into(), content: PathBuf::from(text) };
        let into = vec![workspace("Alpha")];
        let refuse = Indexing::Refuse;
        world.ingestion().add_file(file, Details::default(), into, refuse, &by()).await.unwrap();
    }
    world
}

async fn search(world: &Arc<World>, text: &str, query: Query) -> Vec<Hit> {
    let query = Query { text: text.into(), ..query };
    world.search().nearest(&workspace("Alpha"), query).await.unwrap().unwrap()
}

fn texts(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| &*hit.passage.text).collect()
}

const TEXTS: [&str; 4] = ["nothing of it", "the red door", "a red red house", "a door"];

#[tokio::test]
async fn hybrid_search_uses_both_rankings() {
    // All passages are equally similar and stay in the order they were added.
    let world = world(&TEXTS).await;
    let vector = Query { mode: Some(SearchMode::Vector), ..Query::default() };
    let hits = search(&world, "red door", vector).await;
    assert_eq!(texts(&hits), TEXTS);
    assert_eq!((hits[1].ranking.vector_rank, hits[1].ranking.lexical), (Some(2), None));
    let hits = search(&world, "red door", Query::default()).await;
    assert_eq!(texts(&hits)[0], "the red door");
    assert_eq!(hits[0].ranking.lexical.map(|rank| (rank.rank, rank.share)), Some((1, 1.0)));
    let limited = search(&world, "red door", Query { limit: Some(2), ..Query::default() }).await;
    assert_eq!(limited, hits[..2]);
}

#[tokio::test]
async fn a_follow_up_uses_earlier_turns_and_a_new_subject_does_not() {
    let branches = [
        "The manager of the Vilnius branch is Jonas.",
        "The manager of the Riga branch is Anna.",
        "Opening hours in Riga are from nine to five.",
        "The canteen serves soup on Mondays.",
    ];
    let world = world(&branches).await;
    let turn = |question: &str, answer: &str| ConversationTurn {
        question: question.into(),
        answer: answer.into(),
    };
    let riga = vec![turn("Where is the Riga branch?", "In Elizabetes street.")];
    let largest = vec![turn("Which office is the largest?", "That is the one in Riga.")];
    for mode in [SearchMode::Lexical, SearchMode::Hybrid, SearchMode::Rerank] {
        for history in [&riga, &largest] {
            let query = Query { mode: Some(mode), history: history.clone(), ..Query::default() };
            let hits = search(&world, "Who is the manager there?", query).await;
            assert_eq!(texts(&hits)[0], branches[1], "{mode:?}");
            // The share refers to the question alone.
            assert_eq!(hits[0].ranking.lexical.map(|rank| rank.share), Some(1.0));
        }
        let query = Query { mode: Some(mode), history: riga.clone(), ..Query::default() };
        let hits = search(&world, "When does the canteen serve soup?", query).await;
        assert_eq!(texts(&hits)[0], branches[3], "{mode:?}");
    }
}

#[tokio::test]
async fn a_search_by_words_needs_no_embedder() {
    let world = world(&TEXTS).await;
    world.fail("embed");
    let lexical = Query { mode: Some(SearchMode::Lexical), ..Query::default() };
    let hits = search(&world, "RED door?", lexical.clone()).await;
    assert_eq!(texts(&hits), ["the red door", "a red red house", "a door"]);
    assert_eq!(hits[0].similarity, 1.0);
    let strict = Query { min_similarity: Some(0.9), ..lexical.clone() };
    assert_eq!(search(&world, "red door", strict).await.len(), 1);
    for text in ["…", "unheard"] {
        assert_eq!(search(&world, text, lexical.clone()).await, [], "{text}");
    }
    let result = world.search().nearest(&workspace("Alpha"), Query::default()).await;
    assert!(matches!(result, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn a_filter_without_matches_finds_nothing() {
    let world = world(&TEXTS).await;
    let filter =
        DocumentFilter { documents: Some(vec!["a/b.json".into()]), ..DocumentFilter::default() };
    let hits = search(&world, "red door", Query { filter, ..Query::default() }).await;
    assert_eq!(hits, []);
}

#[tokio::test]
async fn most_words_replace_similarity_unless_the_query_sets_a_minimum() {
    let world = world(&TEXTS).await;
    let mut strict = workspace("Alpha");
    // The fake index returns a similarity of 0.5 for every passage.
    strict.settings.least_similarity = 0.7;
    let search = async |query: Query| {
        let query = Query { text: "red door".into(), ..query };
        world.search().nearest(&strict, query).await.unwrap().unwrap()
    };
    let hits = search(Query::default()).await;
    assert_eq!((texts(&hits), hits[0].similarity), (vec!["the red door"], 0.5));
    let with_minimum = Query { min_similarity: Some(0.6), ..Query::default() };
    assert_eq!(search(with_minimum).await, []);
}

#[tokio::test]
async fn reranking_compares_the_text_of_passages() {
    let world = world(&["door of red", "a red door", "a house"]).await;
    let rerank = Query { mode: Some(SearchMode::Rerank), ..Query::default() };
    let hits = search(&world, "red door", rerank).await;
    assert_eq!(texts(&hits), ["a red door", "door of red", "a house"]);
    let scores: Vec<_> = hits.iter().filter_map(|hit| hit.ranking.rerank_score).collect();
    assert!(scores[0] > scores[1] && scores[1] > scores[2], "{scores:?}");
}

/// Prefers long texts. Does not score texts about doors; can fail.
struct LongFirst {
    fails: bool,
}

#[async_trait]
impl Reranker for LongFirst {
    fn name(&self) -> String {
        "long-first".into()
    }

    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>> {
        if self.fails {
            return Err(Error::unavailable("the reranker", "it is away"));
        }
        assert_eq!(query, "house");
        // Each text begins with its title.
        assert!(texts.iter().all(|text| text.starts_with("a.txt\n")), "{texts:?}");
        let score = |text: &String| text.len() as f32 / 100.0;
        Ok(texts.iter().map(|text| (!text.contains("door")).then(|| score(text))).collect())
    }
}

#[tokio::test]
async fn the_configured_reranker_decides_and_the_built_in_one_is_the_fallback() {
    let world =
        world(&["a house", "a house with a door", "a large house", "a house, and a lawn"]).await;
    let rerank = Query { mode: Some(SearchMode::Rerank), limit: Some(3), ..Query::default() };
    let built_in = search(&world, "house", rerank.clone()).await;
    let set_reranker =
        |fails: bool| *world.reranker.lock().unwrap() = Some(Arc::new(LongFirst { fails }));
    set_reranker(false);
    let hits = search(&world, "house", rerank.clone()).await;
    assert_eq!(texts(&hits), ["a house, and a lawn", "a large house", "a house"]);
    assert_eq!(hits[1].ranking.rerank_score, Some(0.19));
    let all = Query { limit: Some(9), ..rerank.clone() };
    let hit = search(&world, "house", all).await.pop().unwrap();
    assert_eq!((&*hit.passage.text, hit.ranking.rerank_score), ("a house with a door", None));
    // Other search modes do not use it.
    let hybrid = Query { mode: Some(SearchMode::Hybrid), ..rerank.clone() };
    assert_eq!(search(&world, "house", hybrid).await[0].ranking.rerank_score, None);
    set_reranker(true);
    assert_eq!(search(&world, "house", rerank.clone()).await, built_in);
    world.fail("reranker");
    assert_eq!(search(&world, "house", rerank).await, built_in);
}
