use std::collections::BTreeMap;

use actix_web::http::header::{COOKIE as COOKIES, HeaderValue};

use super::*;

/// Texts with a count.
const COUNTED: [&str; 6] = [
    "audit.events",
    "chat.passages",
    "home.people",
    "shelf.documents",
    "shelf.warnings",
    "shelf.words",
];

fn is_counted(key: &str) -> bool {
    COUNTED.iter().any(|counted| key.rsplit_once('.').is_some_and(|(start, _)| start == *counted))
}

/// Returns the placeholders in braces, including repetitions.
fn placeholders(text: &str) -> Vec<&str> {
    let mut found: Vec<_> =
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    found.sort_unstable();
    found
}

#[test]
fn every_language_has_every_text_with_its_placeholders() {
    let english = english().texts();
    let mut faults = BTreeMap::new();
    for language in all() {
        for (key, text) in english.iter().filter(|(key, _)| !is_counted(key)) {
            let there = language.text(key).unwrap_or_default();
            if there.is_empty() || placeholders(there) != placeholders(text) {
                faults.insert((language.code, *key), there);
            }
        }
        for key in language.texts().keys().filter(|key| !is_counted(key)) {
            if !english.contains_key(key) {
                faults.insert((language.code, *key), "is in no English file");
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
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn counts_follow_the_plural_rules_of_each_language() {
    for language in all() {
        for count in 0..=200 {
            let form = language.plural(count);
            for key in COUNTED {
                let text = language.text(&format!("{key}.{form}"));
                assert!(text.is_some(), "{}: {key}.{form} for {count}", language.code);
            }
        }
    }
    let said = |code: &str, count| by_code(code).map(|language| language.plural(count));
    assert_eq!(said("en", 1), Some("one"));
    assert_eq!(
        [said("ru", 1), said("ru", 3), said("ru", 11)],
        [Some("one"), Some("few"), Some("many")]
    );
    assert_eq!([said("ar", 0), said("ar", 2)], [Some("zero"), Some("two")]);
    assert_eq!(said("ja", 1), Some("other"));
}

#[test]
fn the_preferred_language_of_the_browser_is_used() {
    for (wanted, code) in [
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
        assert_eq!(best(wanted).map(|language| language.code), code, "{wanted}");
    }
}

#[test]
fn the_choice_of_the_reader_overrides_the_browsers_preference() {
    let mut headers = HeaderMap::new();
    assert_eq!(of(&headers).code, "en");
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("fr"));
    assert_eq!(of(&headers).code, "fr");
    headers.insert(COOKIES, HeaderValue::from_static("a=b; carrel_language=de"));
    assert_eq!(of(&headers).code, "de");
    headers.insert(COOKIES, HeaderValue::from_static("carrel_language=nonsense"));
    assert_eq!(of(&headers).code, "fr");
}

#[test]
fn only_arabic_is_written_right_to_left() {
    let from_the_right: Vec<_> = all().iter().filter(|one| one.direction() == "rtl").collect();
    assert_eq!(from_the_right.iter().map(|one| one.code).collect::<Vec<_>>(), ["ar"]);
}

#[tokio::test]
async fn the_language_is_passed_on_to_other_tasks_and_threads() {
    let Some(german) = by_code("de") else { panic!("there is no German") };
    assert_eq!(current().code, "en");
    let told = spoken(german, async {
        let task = tokio::spawn(kept(async { current().code }));
        let lost = tokio::spawn(async { current().code });
        (current().code, task.await.unwrap(), lost.await.unwrap())
    });
    assert_eq!(told.await, ("de", "de", "en"));
    assert_eq!(within(german, || current().code), "de");
}

#[test]
fn english_texts_are_in_plain_english() {
    // What the texts said before, and what a reader stumbled over.
    let private = [
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
    let faults: Vec<_> = english()
        .texts()
        .iter()
        .filter(|(_, text)| private.iter().any(|word| text.to_lowercase().contains(word)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
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
