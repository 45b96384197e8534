use carrel_domain::document::Document;
use carrel_domain::filter::{FilterHint, FilterRows};
use carrel_domain::lexical::{Lexical, LexicalQuery, Postings, PostingsQuery};
use carrel_domain::library::{Documents, IndexedDocument, NewPassage, WorkspaceDocuments};
use carrel_domain::provenance::Provenance;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{DocumentSelection, Error, WorkspaceDocumentId, WorkspaceId};
use carrel_persistence::Database;

use crate::indexing_together::Place;
use crate::support::{Scratch, document, done, path, vector, workspace};

on_both_databases! {
    passages_are_found_by_words_of_one_workspace,
    passages_are_found_by_the_title_and_in_every_script,
    postings_are_limited_and_restricted_to_documents,
    removed_passages_are_not_found,
    replacing_a_document_replaces_its_words,
    passages_of_earlier_versions_are_found_after_an_upgrade,
    any_text_of_any_length_is_a_valid_query,
    filter_rows_are_found_by_any_name,
    only_documents_with_a_metadata_key_are_read_for_it,
}

fn saying(workspace: WorkspaceId, texts: &[&str]) -> IndexedDocument {
    let passage = |text: &&str| NewPassage {
        text: (*text).to_owned(),
        span: None,
        provenance: Provenance::default(),
        vector: vector(1),
    };
    let passages = texts.iter().map(passage).collect();
    IndexedDocument { workspace, recipe: "r".into(), passages }
}

async fn add(db: &Database, name: &str, places: Vec<IndexedDocument>) {
    Documents::create(db, document(name), places, done(0)).await.unwrap();
}

async fn passages_with(
    db: &Database,
    within: WorkspaceId,
    groups: &[Vec<String>],
    among: DocumentSelection<&[WorkspaceDocumentId]>,
) -> Vec<Postings> {
    let query = PostingsQuery { workspace: within, groups, most: 3, among };
    db.postings(query).await.unwrap().1
}

/// Returns the first term of each word of a question.
fn of_query(text: &str) -> Vec<String> {
    let words = LexicalQuery::of(text).words.into_iter();
    words.filter_map(|word| word.terms.into_iter().next()).collect()
}

/// Returns the texts of the passages that contain every word of `query`.
async fn found(db: &Database, within: WorkspaceId, query: &str) -> Vec<String> {
    let found = passages_with(db, within, &[of_query(query)], DocumentSelection::All).await;
    let passages = db.passages(within, &found[0].chunks).await.unwrap();
    assert_eq!(passages.len(), found[0].chunks.len(), "the index holds what is not there");
    passages.into_iter().map(|passage| passage.text).collect()
}

async fn passages_are_found_by_words_of_one_workspace(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    let (bees, wax) = ("Bees make honey.", "Honey comes with wax.");
    add(&db, "a", vec![saying(here, &[bees, wax]), saying(other, &["Honey elsewhere."])]).await;
    assert_eq!(found(&db, here, "HONEY").await, [bees, wax]);
    assert_eq!(found(&db, here, "wax honey").await, [wax]);
    assert_eq!(found(&db, here, "elsewhere").await, [""; 0]);
    assert_eq!(found(&db, WorkspaceId(77), "honey").await, [""; 0]);
    let groups = [of_query("bee"), Vec::new(), of_query("nothing"), of_query("honey")];
    let query =
        PostingsQuery { workspace: here, groups: &groups, most: 10, among: DocumentSelection::All };
    let (passages, lists) = db.postings(query).await.unwrap();
    let lengths: Vec<_> = lists.iter().map(|list| list.chunks.len()).collect();
    assert_eq!((passages, lengths), (2, vec![1, 0, 0, 2]));
}

async fn passages_are_found_by_the_title_and_in_every_script(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let texts = ["私は東京都に住む。", "Съешь ещё этих булок", "Ça coûte cent €", "กรุงเทพมหานคร"];
    add(&db, "almanac", vec![saying(here, &texts[..2])]).await;
    add(&db, "b", vec![saying(here, &texts[2..])]).await;
    for (query, text) in [("東京", 0), ("住", 0), ("ЕЩЕ", 1), ("coute", 2), ("กรุงเทพ", 3)]
    {
        assert_eq!(found(&db, here, query).await, [texts[text]], "{query}");
    }
    assert_eq!(found(&db, here, "Almanac").await, texts[..2]);
}

async fn postings_are_limited_and_restricted_to_documents(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for name in ["a", "b", "c"] {
        add(&db, name, vec![saying(here, &["one word", "two words"])]).await;
    }
    let word = [of_query("word")];
    let all = passages_with(&db, here, &word, DocumentSelection::All).await;
    assert_eq!((all[0].chunks.len(), all[0].cut), (3, true));
    let places: Vec<_> =
        db.in_workspace(here).await.unwrap().into_iter().map(|place| place.id).collect();
    let some = passages_with(&db, here, &word, DocumentSelection::Only(&places[1..2])).await;
    assert_eq!((some[0].chunks.len(), some[0].cut), (2, false));
    let passages = db.passages(here, &some[0].chunks).await.unwrap();
    assert!(passages.iter().all(|passage| passage.place == places[1]));
    assert_eq!(
        passages_with(&db, here, &word, DocumentSelection::Only(&[])).await,
        [Postings::default()]
    );
    let gone = [WorkspaceDocumentId(777)];
    assert_eq!(
        passages_with(&db, here, &word, DocumentSelection::Only(&gone)).await,
        [Postings::default()]
    );
    for (left_out, expected) in [
        (&places[..1], (3, true)),
        (&[places[2], gone[0], places[0], places[2]], (2, false)),
        (&places, (0, false)),
        (&gone, (3, true)),
        (&[], (3, true)),
    ] {
        let rest = passages_with(&db, here, &word, DocumentSelection::Except(left_out)).await;
        assert_eq!((rest[0].chunks.len(), rest[0].cut), expected, "{left_out:?}");
        let passages = db.passages(here, &rest[0].chunks).await.unwrap();
        assert!(passages.iter().all(|passage| !left_out.contains(&passage.place)));
    }
}

async fn removed_passages_are_not_found(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    for name in ["a", "b", "c"] {
        let text = [&*format!("honey {name}")];
        add(&db, name, vec![saying(here, &text), saying(other, &text)]).await;
    }
    db.withdraw(here, &[path("a")], done(0)).await.unwrap();
    assert_eq!(found(&db, here, "honey").await, ["honey b", "honey c"]);
    assert_eq!(found(&db, other, "honey").await.len(), 3);
    db.remove(&[path("b")], done(0)).await.unwrap();
    assert_eq!(found(&db, here, "honey").await, ["honey c"]);
    assert_eq!(found(&db, other, "honey").await, ["honey a", "honey c"]);
    Workspaces::delete(&db, other, done(0)).await.unwrap();
    let words = [of_query("honey")];
    assert_eq!(
        passages_with(&db, other, &words, DocumentSelection::All).await,
        [Postings::default()]
    );
}

async fn replacing_a_document_replaces_its_words(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, "a", vec![saying(here, &["old honey"])]).await;
    db.place(&path("a"), saying(here, &["new wax"]), done(0)).await.unwrap();
    assert_eq!(found(&db, here, "honey").await, [""; 0]);
    assert_eq!(found(&db, here, "wax").await, ["new wax"]);
    db.place(&path("a"), saying(here, &["newer pollen"]), done(0)).await.unwrap();
    assert_eq!(found(&db, here, "wax").await, [""; 0]);
    assert_eq!(found(&db, here, "pollen").await, ["newer pollen"]);
    let lost = db.place(&path("nowhere"), saying(here, &["lost"]), done(0)).await;
    assert!(matches!(lost, Err(Error::NotFound { .. })));
    assert_eq!(found(&db, here, "lost").await, [""; 0]);
}

async fn passages_of_earlier_versions_are_found_after_an_upgrade(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let texts: Vec<_> = (0..700).map(|number| format!("passage number{number}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    add(&db, "a", vec![saying(here, &texts)]).await;
    let emptied = match scratch.is_sqlite() {
        true => "INSERT INTO passage_words (passage_words) VALUES ('delete-all')",
        false => "DELETE FROM passage_words",
    };
    scratch.execute(emptied);
    scratch.execute("UPDATE lexical_version SET version = 0");
    assert_eq!(found(&db, here, "number3").await, [""; 0]);
    for _ in 0..2 {
        let db = scratch.open();
        assert_eq!(found(&db, here, "number3").await, [texts[3]]);
        assert_eq!(found(&db, here, "number699").await, [texts[699]]);
        assert_eq!(
            passages_with(&db, here, &[of_query("passage")], DocumentSelection::All).await[0]
                .chunks
                .len(),
            3
        );
    }
    db.remove(&[path("a")], done(0)).await.unwrap();
    assert_eq!(found(&db, here, "number3").await, [""; 0]);
}

async fn any_text_of_any_length_is_a_valid_query(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let han: String = (0..300_000u32)
        .filter_map(|n| char::from_u32(0x4e00 + n.wrapping_mul(2_654_435_761) % 20_000))
        .collect();
    let special = "a\0b \"x\" * NEAR(y) ' \\ | & ! <-> 'quoted' --";
    add(&db, "a", vec![saying(here, &[special, &han, "", "…"])]).await;
    for query in ["\"x\"", "NEAR", "y)", "' quoted", "a b", "x OR -- \\"] {
        let words = of_query(query);
        let expected = if query.contains("OR") { 0 } else { 1 };
        assert_eq!(
            passages_with(&db, here, &[words], DocumentSelection::All).await[0].chunks.len(),
            expected,
            "{query}"
        );
    }
    let first: String = han.chars().take(2).collect();
    assert_eq!(found(&db, here, &first).await.len(), 1);
}

async fn filter_rows_are_found_by_any_name(scratch: Scratch) {
    let db = scratch.open();
    let (here, other) = (workspace(&db, "Here").await.id, workspace(&db, "Other").await.id);
    for name in ["a", "b", "c"] {
        add(&db, name, vec![saying(here, &["x"]), saying(other, &["x"])]).await;
    }
    let all = db.filter_rows(here, FilterHint::default(), None, 10).await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].title, "a.txt");
    assert_eq!(all[0].published.as_deref().map(str::len), Some(20));
    assert_eq!(
        db.filter_rows(here, FilterHint::default(), Some(all[0].id), 1).await.unwrap(),
        all[1..2]
    );
    let names = [all[2].path.clone(), all[0].document.to_string(), all[0].key.clone(), "?".into()];
    let by_name = |names| FilterHint { named: Some(names), keys: &[] };
    let named = db.filter_rows(here, by_name(&names), None, 10).await.unwrap();
    assert_eq!(named, [all[0].clone(), all[2].clone()]);
    let elsewhere = db.filter_rows(other, by_name(&names[2..3]), None, 10).await.unwrap();
    assert_eq!(elsewhere, []);
}

async fn only_documents_with_a_metadata_key_are_read_for_it(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    for (name, metadata) in
        [("a", r#"{"year":2024,"team":"x"}"#), ("b", r#"{"team":"year"}"#), ("c", "{}")]
    {
        let document = Document { metadata: metadata.into(), ..document(name) };
        let places = vec![saying(here, &["x"])];
        Documents::create(&db, document, places, done(0)).await.unwrap();
    }
    let keys = ["team", "year"].map(str::to_owned);
    let mut titles = Vec::new();
    for keys in [&keys[..0], &keys[..1], &keys[..]] {
        let places =
            db.filter_rows(here, FilterHint { named: None, keys }, None, 10).await.unwrap();
        titles.push(places.into_iter().map(|place| place.title).collect::<String>());
    }
    // Rows that merely contain the quoted key may be returned too.
    assert_eq!(titles, ["a.txtb.txtc.txt", "a.txtb.txt", "a.txtb.txt"]);
}
