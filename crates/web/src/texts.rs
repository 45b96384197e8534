//! Every text of the interface, by key, in `texts/`. Another language is another set of these files.
use std::collections::HashMap;
use std::sync::LazyLock;

/// The files, by subject. A line is a key, ` = `, and the text.
const FILES: [&str; 8] = [
    include_str!("../texts/common.txt"),
    include_str!("../texts/entrance.txt"),
    include_str!("../texts/workspaces.txt"),
    include_str!("../texts/conversations.txt"),
    include_str!("../texts/documents.txt"),
    include_str!("../texts/search.txt"),
    include_str!("../texts/administration.txt"),
    include_str!("../texts/system.txt"),
];

static TEXTS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = FILES.iter().flat_map(|file| file.lines());
    lines.filter_map(|line| line.split_once(" = ")).collect()
});

/// The text of a key. A key without one shows itself, which a test looks for.
pub fn t(key: &str) -> &str {
    TEXTS.get(key).copied().unwrap_or(key)
}

/// A number of things in words: the text of a key with `.one` or `.other`, in which `{n}` is the number.
pub fn counted(key: &str, count: usize) -> String {
    let form = if count == 1 { "one" } else { "other" };
    let text = find(&format!("{key}.{form}")).unwrap_or("{n}");
    text.replace("{n}", &crate::filters::in_thousands(&count.to_string()))
}

/// As [`t`], if there is such a text.
pub fn find(key: &str) -> Option<&'static str> {
    TEXTS.get(key).copied()
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

    /// Keys between `start` and a quotation mark.
    fn keys<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
        text.match_indices(start)
            .filter_map(move |(at, _)| text[at + start.len()..].split('"').next())
    }

    #[test]
    fn every_text_that_is_shown_is_there_and_every_one_there_is_shown() {
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
        let unused: Vec<_> = TEXTS.keys().filter(|key| !text.contains(**key)).collect();
        let made = [
            "done.",
            "chat.passages.",
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

    #[test]
    fn a_key_stands_once() {
        let lines: Vec<_> = FILES.iter().flat_map(|file| file.lines()).collect();
        let keys = lines.iter().filter_map(|line| Some(line.split_once(" = ")?.0));
        assert_eq!(keys.count(), TEXTS.len());
    }
}
