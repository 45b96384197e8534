//! Texts of the interface, by key, in the language of the request.
use crate::view::language;

/// Returns the text of a key. A missing text shows its key, which a test detects.
pub fn t(key: &str) -> &str {
    find(key).unwrap_or(key)
}

/// Returns a text with a count: the plural form that the language uses for the count, with `{n}`
/// replaced.
pub fn plural(key: &str, count: usize) -> String {
    let form = language::current().plural(count);
    let text = find(&format!("{key}.{form}")).or_else(|| find(&format!("{key}.other")));
    text.unwrap_or("{n}").replace("{n}", &crate::view::filters::group_digits(&count.to_string()))
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

    fn sources(directory: &Path, text: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => sources(&path, text),
                false => text.push_str(&fs::read_to_string(&path).unwrap_or_default()),
            }
        }
    }

    /// Returns the keys between `start` and a quotation mark.
    fn keys<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
        text.match_indices(start)
            .filter_map(move |(index, _)| text[index + start.len()..].split('"').next())
    }

    #[test]
    fn every_text_in_use_exists_and_every_text_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        sources(&root.join("src"), &mut text);
        sources(&root.join("templates"), &mut text);
        let filter_keys = text
            .match_indices("\"|t")
            .map(|(index, _)| text[..index].rsplit('"').next().unwrap_or_default());
        let call_keys = keys(&text, " t(\"").chain(keys(&text, "(t(\""));
        let used_keys: BTreeSet<_> =
            filter_keys.chain(call_keys).filter(|key| key.contains('.')).collect();
        let missing: Vec<_> = used_keys.iter().filter(|key| find(key).is_none()).collect();
        assert!(missing.is_empty(), "without a text: {missing:?}");
        let unused: Vec<_> =
            language::english().texts().keys().filter(|key| !text.contains(**key)).collect();
        let prefixes = [
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
        let unused: Vec<_> = unused
            .iter()
            .filter(|key| !prefixes.iter().any(|prefix| key.starts_with(prefix)))
            .collect();
        assert!(unused.is_empty(), "shown nowhere: {unused:?}");
    }
}
