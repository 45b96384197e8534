//! The interface language of a request: the reader's choice, otherwise the browser's preference.
//!
//! A language is a folder in `texts/` and a line in [`LANGUAGES`]. Code that renders a response
//! reads the language from its task. [`inherit`] and [`sync_scope`] pass it on to other tasks and
//! threads, and [`TranslatedBody`] to a body that is streamed after its handler has returned.
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use actix_web::web::Bytes;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};

use crate::session::session_cookie;

/// Cookie with the selected language.
const COOKIE: &str = "carrel_language";
/// Lifetime of the cookie, in seconds.
const COOKIE_MAX_AGE: i64 = 400 * 24 * 60 * 60;
/// Maximum number of examined languages of a browser's list.
const MAX_PREFERENCES: usize = 20;

macro_rules! texts_of {
    ($code:literal) => {
        [
            include_str!(concat!("../../texts/", $code, "/common.txt")),
            include_str!(concat!("../../texts/", $code, "/entrance.txt")),
            include_str!(concat!("../../texts/", $code, "/workspaces.txt")),
            include_str!(concat!("../../texts/", $code, "/conversations.txt")),
            include_str!(concat!("../../texts/", $code, "/documents.txt")),
            include_str!(concat!("../../texts/", $code, "/search.txt")),
            include_str!(concat!("../../texts/", $code, "/administration.txt")),
            include_str!(concat!("../../texts/", $code, "/system.txt")),
        ]
    };
}

macro_rules! languages {
    ($(($code:literal, $name:literal)),+ $(,)?) => {
        /// English, which has every text, then the other languages by their own names.
        static LANGUAGES: [InterfaceLanguage; [$($code),+].len()] = [$(InterfaceLanguage {
            code: $code,
            name: $name,
            files: texts_of!($code),
            texts: OnceLock::new(),
        }),+];
    };
}

languages![
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("it", "Italiano"),
    ("pt-BR", "Português (Brasil)"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("ru", "Русский"),
    ("tr", "Türkçe"),
    ("ar", "العربية"),
    ("zh-Hans", "简体中文"),
    ("ja", "日本語"),
    ("ko", "한국어"),
];

/// A language of the interface.
pub struct InterfaceLanguage {
    /// Code in HTML.
    pub code: &'static str,
    /// Name of the language in itself.
    pub name: &'static str,
    /// Texts by subject. A line is a key, ` = `, and the text.
    files: [&'static str; 8],
    texts: OnceLock<HashMap<&'static str, &'static str>>,
}

impl InterfaceLanguage {
    /// Returns the text of a key, if this language has one.
    pub fn text(&self, key: &str) -> Option<&'static str> {
        self.texts().get(key).copied()
    }

    pub fn texts(&self) -> &HashMap<&'static str, &'static str> {
        let parse = || self.lines().filter_map(|line| line.split_once(" = ")).collect();
        self.texts.get_or_init(parse)
    }

    pub fn lines(&self) -> impl Iterator<Item = &'static str> {
        self.files.iter().flat_map(|file| file.lines())
    }

    /// Returns the suffix of the key for a count.
    pub fn plural(&self, count: usize) -> &'static str {
        // The rules are compiled in, so creating them is only a table lookup.
        let locale = self.code.parse::<Locale>().unwrap_or(Locale::UNKNOWN);
        let rules = PluralRules::try_new_cardinal(locale.into());
        let category = rules.map_or(PluralCategory::Other, |rules| rules.category_for(count));
        match category {
            PluralCategory::Zero => "zero",
            PluralCategory::One => "one",
            PluralCategory::Two => "two",
            PluralCategory::Few => "few",
            PluralCategory::Many => "many",
            PluralCategory::Other => "other",
        }
    }

    /// Returns the writing direction for HTML.
    pub fn direction(&self) -> &'static str {
        if self.code == "ar" { "rtl" } else { "ltr" }
    }
}

/// Returns all languages.
pub fn all() -> &'static [InterfaceLanguage] {
    &LANGUAGES
}

pub fn english() -> &'static InterfaceLanguage {
    &LANGUAGES[0]
}

tokio::task_local! {
    static CURRENT: &'static InterfaceLanguage;
}

/// Returns the language of the current task; English outside of requests.
pub fn current() -> &'static InterfaceLanguage {
    CURRENT.try_with(|language| *language).unwrap_or(english())
}

/// Runs `work` in a language.
pub fn sync_scope<T>(language: &'static InterfaceLanguage, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(language, work)
}

/// Returns a future that runs in a language, in any task.
pub fn scope<F: Future>(
    language: &'static InterfaceLanguage,
    work: F,
) -> impl Future<Output = F::Output> {
    CURRENT.scope(language, work)
}

/// Returns a future that runs in the current language, for another task.
pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    scope(current(), work)
}

/// A body that is rendered in a language while it is sent.
pub struct TranslatedBody {
    language: &'static InterfaceLanguage,
    body: BoxBody,
}

impl TranslatedBody {
    pub fn boxed(body: BoxBody, language: &'static InterfaceLanguage) -> BoxBody {
        match body.size() {
            BodySize::Stream => BoxBody::new(Self { language, body }),
            _ => body,
        }
    }
}

impl MessageBody for TranslatedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let language = self.language;
        sync_scope(language, || Pin::new(&mut self.body).poll_next(context))
    }
}

/// Returns the language of a request: the reader's choice, otherwise the browser's preference.
pub fn negotiate(headers: &HeaderMap) -> &'static InterfaceLanguage {
    if let Some(choice) = session_cookie::cookie_value(headers, COOKIE).and_then(by_code) {
        return choice;
    }
    let preferences = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    preferences.and_then(best_match).unwrap_or(english())
}

/// Returns the reader's choice, if there is one.
pub fn choice(request: &HttpRequest) -> Option<&'static InterfaceLanguage> {
    session_cookie::cookie_value(request.headers(), COOKIE).and_then(by_code)
}

/// Returns the cookie that stores a choice, or removes it if the code is unknown.
pub fn choice_cookie(request: &HttpRequest, code: &str) -> String {
    match by_code(code) {
        Some(language) => session_cookie::cookie(request, COOKIE, language.code, COOKIE_MAX_AGE),
        None => session_cookie::cookie(request, COOKIE, "", 0),
    }
}

fn by_code(code: &str) -> Option<&'static InterfaceLanguage> {
    LANGUAGES.iter().find(|language| language.code.eq_ignore_ascii_case(code))
}

/// Returns the language that best matches a browser's list: `pt` and `pt-PT` match Brazilian
/// Portuguese.
fn best_match(header: &str) -> Option<&'static InterfaceLanguage> {
    let mut preferences: Vec<_> =
        header.split(',').take(MAX_PREFERENCES).filter_map(parse_preference).collect();
    preferences.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    preferences.into_iter().find_map(|(tag, _)| {
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let is_same_language =
            |language: &&InterfaceLanguage| primary(language.code) == primary(tag);
        by_code(tag).or_else(|| LANGUAGES.iter().find(is_same_language))
    })
}

/// Parses an entry of such a list: a language and its weight.
fn parse_preference(part: &str) -> Option<(&str, f32)> {
    let (tag, weight) = match part.split_once(';') {
        Some((tag, weight)) => (tag, weight.trim().strip_prefix("q=")?.parse().ok()?),
        None => (part, 1.0),
    };
    (weight > 0.0).then_some((tag.trim(), weight))
}

#[cfg(test)]
mod tests;
