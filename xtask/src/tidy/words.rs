//! Checks names: refuses retired words, and two public types with the same name.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use xshell::{Shell, cmd};

/// Identifiers that `docs/GLOSSARY.md` replaces, each with its replacement. Whole identifiers only.
const RETIRED: &[(&str, &str)] = &[
    ("Among", "DocumentSelection or DocumentScope"),
    ("Sought", "DocumentQuery"),
    ("Shelf", "Page<DocumentSummary>"),
    ("Shelved", "DocumentSummary"),
    ("Shelves", "DocumentList"),
    ("Catalogue", "Folders"),
    ("Placements", "WorkspaceDocuments"),
    ("Kin", "RelatedDocuments"),
    ("Put", "UpsertOutcome"),
    ("Repeats", "IdempotencyKeys"),
    ("Repeatable", "IdempotentRequest"),
    ("RememberedMode", "CachedMultiUserMode"),
    ("Mirror", "SyncedIndex"),
    ("Trouble", "CircuitBreaker"),
    ("Doomed", "Tombstones"),
    ("Driver", "Worker"),
    ("BEAT", "HEARTBEAT"),
    ("Follow", "JobWatcher"),
    ("Confines", "ResourceLimits"),
    ("Fault", "ExtractError"),
    ("Trial", "ConnectionTest"),
    ("TrialIndex", "IndexConnectionTest"),
    ("HandBack", "Requeue"),
    ("Keeping", "WidgetChatStore"),
    ("Moment", "StoredTimestamp"),
    ("EmbedId", "WidgetId"),
    ("NewEmbed", "NewWidget"),
    ("glance", "read_inline"),
    ("hand_back", "requeue"),
    ("expect_files", "record_intent"),
    ("place_also", "add_to_workspaces"),
    ("make_room", "evict"),
    ("take_doomed", "take_tombstones"),
    ("TakenToken", "RedeemedToken"),
    ("may_enter", "may_access_workspace"),
    ("may_make", "may_create"),
    ("may_listen", "is_admitted"),
    ("entered_by", "workspaces_of_user"),
    ("list_whole", "list_with_profiles"),
    ("note_uses", "flush_uses"),
    ("strengthen", "rehash_password"),
    ("Wishes", "TranscriptionOptions"),
    ("KeptFiles", "GeneratedFiles"),
    ("Teller", "EventWriter"),
    ("Telling", "StreamState or TranscriptEvents"),
    ("HeardSoFar", "ProgressSnapshot"),
    ("ListeningProgress", "TranscriptionProgress"),
    ("HeardPart", "TranscribedPart"),
    ("Listening", "TranscriptionMode"),
    ("Arrival", "PreparedUpload"),
    ("AskedQuestion", "QuestionRequest"),
    ("look_on", "monitor_progress"),
    ("looking_on", "monitor"),
    ("rehearse", "dry_run"),
    ("hand_in", "upload"),
    ("known_asker", "require_user"),
    ("mended", "repaired"),
];

/// Public types that may share a name: conventional names, distinguished by their module.
const SHARED: &[&str] = &["Row", "Options", "Limits", "Error", "Result"];

pub fn problems(sh: &Shell) -> Result<Vec<String>> {
    let listed = cmd!(sh, "git ls-files --cached --others --exclude-standard crates xtask")
        .quiet()
        .read()?;
    let mut files = Vec::new();
    for path in listed.lines().filter(|path| path.ends_with(".rs")) {
        if let Ok(text) = sh.read_file(path) {
            files.push((path.to_owned(), text));
        }
    }
    let mut problems: Vec<_> = files.iter().flat_map(|(path, text)| retired(path, text)).collect();
    problems.extend(shared(&files));
    Ok(problems)
}

/// Returns retired identifiers in a file. Comments and string literals are not checked.
fn retired(path: &str, text: &str) -> Vec<String> {
    if path.ends_with("tidy/words.rs") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for word in identifiers(code) {
            let Some((_, instead)) = RETIRED.iter().find(|(retired, _)| *retired == word) else {
                continue;
            };
            let number = number + 1;
            found.push(format!("{path}:{number}: `{word}` is retired; write {instead}"));
        }
    }
    found
}

/// Returns the identifiers of a line outside of its string literals.
fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    let outside = code.split('"').step_by(2);
    outside.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'))
}

/// Returns public types of the same name in the library crates.
fn shared(files: &[(String, String)]) -> Vec<String> {
    let mut types: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, text) in files {
        // Types of the adapter share the names of the native API's types that they replace.
        let is_adapter = path.starts_with(super::adapter::FOLDER);
        if !path.starts_with("crates/") || !path.contains("/src/") || is_adapter {
            continue;
        }
        for line in text.lines() {
            let Some(name) = public_type(line) else { continue };
            types.entry(name).or_default().insert(path);
        }
    }
    let doubled = types.into_iter().filter(|(name, at)| at.len() > 1 && !SHARED.contains(name));
    doubled
        .map(|(name, at)| {
            let at: Vec<_> = at.into_iter().collect();
            format!("two public types are called `{name}`: {}", at.join(", "))
        })
        .collect()
}

/// Returns the name of the public type that a line declares.
fn public_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let kinds = ["struct ", "enum ", "trait ", "type ", "union "];
    let rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_words_are_refused_in_identifiers_only() {
        assert_eq!(retired("a.rs", "let x: Kin = y;").len(), 1);
        assert!(retired("a.rs", "// Kin\nlet kin = \"Kin\"; // Kin").is_empty());
        assert!(retired("a.rs", "struct Kinship;").is_empty());
    }

    #[test]
    fn two_public_types_of_the_same_name_are_found() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let one = file("crates/a/src/x.rs", "pub struct Thing {");
        let two = file("crates/b/src/y.rs", "pub enum Thing<T> {\npub struct Row {");
        let row = file("crates/b/src/z.rs", "pub struct Row;\npub(crate) struct Thing;");
        assert_eq!(shared(&[one.clone(), row.clone()]), [""; 0]);
        let problems = shared(&[one, two, row]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("`Thing`: crates/a/src/x.rs, crates/b/src/y.rs"));
    }
}
