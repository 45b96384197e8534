//! Texts of the interface, by key, in the language of the request.
use crate::view::language;

/// Returns the text of a key. A missing text shows its key, which a test detects.
pub fn t(key: &str) -> &str {
    find(key).unwrap_or(key)
}

/// Returns a text with a count: the plural form that the language uses for the count, with `{n}`
/// replaced.
pub fn counted(key: &str, count: usize) -> String {
    let form = language::current().plural(count);
    let text = find(&format!("{key}.{form}")).or_else(|| find(&format!("{key}.other")));
    text.unwrap_or("{n}").replace("{n}", &crate::view::filters::in_thousands(&count.to_string()))
}

/// Like [`t`], if the text exists.
pub fn find(key: &str) -> Option<&'static str> {
    language::current().text(key).or_else(|| language::english().text(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn sources(directory: &Path, into: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => sources(&path, into),
                false => into.push_str(&fs::read_to_string(&path).unwrap_or_default()),
            }
        }
    }

    /// Returns the keys between `start` and a quotation mark.
    fn keys<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
        text.match_indices(start)
            .filter_map(move |(at, _)| text[at + start.len()..].split('"').next())
    }

    #[test]
    fn every_text_in_use_exists_and_every_text_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        sources(&root.join("src"), &mut text);
        sources(&root.join("templates"), &mut text);
        let piped = text
            .match_indices("\"|t")
            .map(|(at, _)| text[..at].rsplit('"').next().unwrap_or_default());
        let called = keys(&text, " t(\"").chain(keys(&text, "(t(\""));
        let used: BTreeSet<_> = piped.chain(called).filter(|key| key.contains('.')).collect();
        let missing: Vec<_> = used.iter().filter(|key| find(key).is_none()).collect();
        assert!(missing.is_empty(), "without a text: {missing:?}");
        let unused: Vec<_> =
            language::english().texts().keys().filter(|key| !text.contains(**key)).collect();
        let made = [
            "done.",
            "chat.passages.",
            "audit.events.",
            "shelf.warnings.",
            "shelf.documents.",
            "bin.",
            "provider.",
            "field.",
            "field-hint.",
            "shelf.words.",
            "home.people.",
            "role.",
            "mode.",
            "scope.",
            "status.",
            "settings.",
            "search-mode.",
            "search-way.",
        ];
        let unused: Vec<_> =
            unused.iter().filter(|key| !made.iter().any(|start| key.starts_with(start))).collect();
        assert!(unused.is_empty(), "shown nowhere: {unused:?}");
    }
}
