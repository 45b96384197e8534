//! Checks that docs/SECURITY.md names a test for each row, and that every named test exists.
use std::path::Path;

use anyhow::Result;
use xshell::{Shell, cmd};

const PAGE: &str = "docs/SECURITY.md";

/// The last heading of tables whose rows need a test.
const COLUMN: &str = "test";

/// The path and the text of a Rust file.
type Source = (String, String);

pub fn problems(sh: &Shell) -> Result<Vec<String>> {
    let listed =
        cmd!(sh, "git ls-files --cached --others --exclude-standard crates tests fuzz xtask")
            .quiet()
            .read()?;
    let files = listed.lines().filter(|path| path.ends_with(".rs"));
    let sources: Vec<Source> =
        files.filter_map(|path| Some((path.to_owned(), sh.read_file(path).ok()?))).collect();
    Ok(faults(&sh.read_file(PAGE)?, &sources))
}

fn faults(page: &str, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (row, cell) in rows(page) {
        let names = cell.split('`').skip(1).step_by(2).filter(|name| is_path(name));
        let (found, missing): (Vec<_>, Vec<_>) = names.partition(|name| exists(name, sources));
        // A single word need not be a test.
        let missing: Vec<_> = missing.into_iter().filter(|name| is_test(name)).collect();
        let is_named = !found.is_empty() || !missing.is_empty();
        let faults_of_row =
            missing.into_iter().map(|name| format!("{PAGE}: there is no test `{name}`"));
        faults.extend(faults_of_row);
        if !is_named {
            faults.push(format!("{PAGE}: no test is named for `{row}`"));
        }
    }
    faults
}

/// Returns the first and the last cell of each row of the tables that end with [`COLUMN`].
fn rows(page: &str) -> Vec<(&str, &str)> {
    let mut rows = Vec::new();
    let mut is_of_tests = false;
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((first, last)) = cells(line) else {
            is_of_tests = false;
            continue;
        };
        let is_head = lines.peek().is_some_and(|next| next.starts_with("|---"));
        if is_head {
            is_of_tests = last == COLUMN;
        } else if is_of_tests && !line.starts_with("|---") {
            rows.push((first, last));
        }
    }
    rows
}

fn cells(line: &str) -> Option<(&str, &str)> {
    let inner = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    let (first, rest) = inner.split_once('|')?;
    Some((first.trim(), rest.rsplit('|').next().unwrap_or(rest).trim()))
}

/// Whether a name in code style names a function or a module, optionally with its modules.
fn is_path(name: &str) -> bool {
    let is_word = |part: &str| {
        part == "\u{2026}"
            || (!part.is_empty()
                && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_'))
    };
    name.split("::").all(is_word)
}

fn is_test(name: &str) -> bool {
    name.contains("::") || name.contains('_')
}

/// Whether a function or file of this name exists in the named modules.
fn exists(name: &str, sources: &[Source]) -> bool {
    let parts: Vec<_> = name.split("::").filter(|part| *part != "\u{2026}").collect();
    let Some((last, modules)) = parts.split_last() else { return false };
    let (plain, with_types) = (format!("fn {last}("), format!("fn {last}<"));
    sources.iter().any(|(path, text)| {
        let path = Path::new(path).with_extension("");
        let within: Vec<_> =
            path.components().filter_map(|part| part.as_os_str().to_str()).collect();
        let is_within = |module: &&str| {
            within.iter().any(|part| part == module) || text.contains(&format!("mod {module} {{"))
        };
        let is_there = within.contains(last) || text.contains(&plain) || text.contains(&with_types);
        is_there && modules.iter().all(is_within)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tests_and_rows_without_a_test_are_found() {
        let sources = [
            ("tests/tests/attacks/forms.rs".to_owned(), "async fn a_form() {".to_owned()),
            ("crates/a/src/b.rs".to_owned(), "mod tests {\n fn c_d(\n".to_owned()),
        ];
        let page = |cell: &str| format!("| a | test |\n|---|---|\n| row | {cell} |\n");
        for good in
            ["`attacks::forms`", "x `attacks::forms::a_form`, `b::c_d`", "`\u{2026}::a_form`"]
        {
            assert_eq!(faults(&page(good), &sources), [""; 0], "{good}");
        }
        for wrong in ["`attacks::form`", "`forms::c_d`", "`a_form_b`, `a_form`", "`nosniff`", ""] {
            assert_eq!(faults(&page(wrong), &sources).len(), 1, "{wrong}");
        }
        assert_eq!(faults("| a | b |\n|---|---|\n| row | none |\n", &sources), [""; 0]);
    }
}
