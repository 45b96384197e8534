use std::collections::BTreeMap;

use actix_web::http::header::{COOKIE as COOKIES, HeaderValue};

use super::*;

/// Texts with a count.
const PLURAL_TEXTS: [&str; 6] = [
    "audit.events",
    "chat.passages",
    "home.people",
    "shelf.documents",
    "shelf.warnings",
    "shelf.words",
];

fn is_plural(key: &str) -> bool {
    PLURAL_TEXTS
        .iter()
        .any(|plural| key.rsplit_once('.').is_some_and(|(start, _)| start == *plural))
}

/// Returns the placeholders in braces, including repetitions.
fn placeholders(text: &str) -> Vec<&str> {
    let mut names: Vec<_> =
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    names.sort_unstable();
    names
}

#[test]
fn every_language_has_every_text_with_its_placeholders() {
    let english = english().texts();
    let mut differences = BTreeMap::new();
    for language in all() {
        for (key, text) in english.iter().filter(|(key, _)| !is_plural(key)) {
            let translation = language.text(key).unwrap_or_default();
            if translation.is_empty() || placeholders(translation) != placeholders(text) {
                differences.insert((language.code, *key), translation);
            }
        }
        for key in language.texts().keys().filter(|key| !is_plural(key)) {
            if !english.contains_key(key) {
                differences.insert((language.code, *key), "is in no English file");
            }
        }
        assert_eq!(
            language.lines().count(),
            language.texts().len(),
            "{}: keys twice",
            language.code
        );
        assert_eq!(language.text("language"), Some(language.code));
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn counts_follow_the_plural_rules_of_each_language() {
    for language in all() {
        for count in 0..=200 {
            let form = language.plural(count);
            for key in PLURAL_TEXTS {
                let text = language.text(&format!("{key}.{form}"));
                assert!(text.is_some(), "{}: {key}.{form} for {count}", language.code);
            }
        }
    }
    let form = |code: &str, count| by_code(code).map(|language| language.plural(count));
    assert_eq!(form("en", 1), Some("one"));
    assert_eq!(
        [form("ru", 1), form("ru", 3), form("ru", 11)],
        [Some("one"), Some("few"), Some("many")]
    );
    assert_eq!([form("ar", 0), form("ar", 2)], [Some("zero"), Some("two")]);
    assert_eq!(form("ja", 1), Some("other"));
}

#[test]
fn the_preferred_language_of_the_browser_is_used() {
    for (header, code) in [
        ("de", Some("de")),
        ("de-CH, en;q=0.9", Some("de")),
        ("xx, fr;q=0.3, es;q=0.8", Some("es")),
        ("pt-PT", Some("pt-BR")),
        ("zh-TW,zh;q=0.9", Some("zh-Hans")),
        ("EN-gb", Some("en")),
        ("fr;q=0, en;q=0.1", Some("en")),
        ("*", None),
        ("", None),
        ("de;q=nonsense", None),
    ] {
        assert_eq!(best_match(header).map(|language| language.code), code, "{header}");
    }
}

#[test]
fn the_choice_of_the_reader_overrides_the_browsers_preference() {
    let mut headers = HeaderMap::new();
    assert_eq!(negotiate(&headers).code, "en");
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("fr"));
    assert_eq!(negotiate(&headers).code, "fr");
    headers.insert(COOKIES, HeaderValue::from_static("a=b; carrel_language=de"));
    assert_eq!(negotiate(&headers).code, "de");
    headers.insert(COOKIES, HeaderValue::from_static("carrel_language=nonsense"));
    assert_eq!(negotiate(&headers).code, "fr");
}

#[test]
fn only_arabic_is_written_right_to_left() {
    let right_to_left: Vec<_> =
        all().iter().filter(|language| language.direction() == "rtl").collect();
    assert_eq!(right_to_left.iter().map(|language| language.code).collect::<Vec<_>>(), ["ar"]);
}

#[tokio::test]
async fn the_language_is_passed_on_to_other_tasks_and_threads() {
    let Some(german) = by_code("de") else { panic!("there is no German") };
    assert_eq!(current().code, "en");
    let results = scope(german, async {
        let task = tokio::spawn(inherit(async { current().code }));
        let plain_task = tokio::spawn(async { current().code });
        (current().code, task.await.unwrap(), plain_task.await.unwrap())
    });
    assert_eq!(results.await, ("de", "de", "en"));
    assert_eq!(sync_scope(german, || current().code), "de");
}

#[test]
fn english_texts_are_in_plain_english() {
    // Words of earlier texts that readers stumbled over.
    let unusual_words = [
        "anew",
        "whoever",
        "take out",
        "taken in",
        "take in",
        "put in",
        "call off",
        "called off",
        "look again",
        "make it",
        "they join",
        "good for days",
        "ranked anew",
        "light or dark",
        "bears on",
        "without boundaries",
        "it remembers",
        "tick ",
        "ticked",
        "reword",
    ];
    let findings: Vec<_> = english()
        .texts()
        .iter()
        .filter(|(_, text)| unusual_words.iter().any(|word| text.to_lowercase().contains(word)))
        .collect();
    assert!(findings.is_empty(), "{findings:#?}");
    // The words that were agreed on.
    for (key, text) in [
        ("chat.reset", "Clear conversation…"),
        ("chat.again", "Regenerate"),
        ("chat.reword", "Edit question"),
        ("chat.thinking", "Reasoning"),
        ("shelf.withdraw", "Remove from workspace"),
        ("shelf.pin", "Always include"),
        ("status.job-failed", "Finished with problems"),
        ("jobs.cancel", "Cancel"),
        ("models.more", "Advanced options"),
        ("models.use", "Save and use"),
        ("layout.theme", "Theme"),
        ("error.forbidden", "You don’t have access"),
        ("new.do", "Create workspace"),
    ] {
        assert_eq!(english().text(key), Some(text), "{key}");
    }
}
