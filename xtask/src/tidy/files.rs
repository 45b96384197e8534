//! Rules for single files, and for the two trees of migrations.
use std::collections::BTreeSet;

use anyhow::Result;
use xshell::{Shell, cmd};

/// Maximum length of a file in lines; a longer file likely has a second subject.
const LONGEST: usize = 400;

/// Marks the first line of a generated file, which may have any length.
const MADE: &str = "made by `";

/// Joined from parts, so that this file does not contain them.
const UNFINISHED: [&str; 4] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("#[ig", "nore"),
];
const MACHINE_PATHS: [&str; 3] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Returns the problems in the files that git tracks or would add.
pub fn problems(sh: &Shell) -> Result<Vec<String>> {
    let listed = cmd!(sh, "git ls-files --cached --others --exclude-standard").quiet().read()?;
    let mut problems = Vec::new();
    for path in listed.lines().filter(|path| !path.ends_with(".lock")) {
        // Deleted files that are not committed yet are listed too. Binary files are not checked.
        if let Ok(text) = sh.read_file(path) {
            problems.extend(faults(path, &text));
        }
    }
    Ok(problems)
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let rust = path.ends_with(".rs");
    let lines = text.lines().count();
    let written = !text.lines().next().is_some_and(|line| line.contains(MADE));
    if rust && written && lines > LONGEST {
        faults.push(format!("{path}: {lines} lines; split it by subject (at most {LONGEST})"));
    }
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if let Some(mark) = UNFINISHED.iter().find(|mark| rust && line.contains(**mark)) {
            faults.push(format!("{path}:{number}: `{mark}` is not finished work"));
        }
        if let Some(place) = MACHINE_PATHS.iter().find(|place| names_path(line, place)) {
            faults.push(format!("{path}:{number}: `{place}` is a path of somebody's machine"));
        }
    }
    faults
}

/// Whether `line` contains `path` from the root on, not as the middle of a longer path.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_.-~$}".contains(c))
    })
}

/// Returns the problems of the migrations: each must exist for both databases, up and down.
pub fn migrations(sh: &Shell) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for database in ["sqlite", "postgres"] {
        for folder in sh.read_dir(format!("migrations/{database}"))? {
            names.extend(folder.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    let mut problems = Vec::new();
    for name in names {
        for database in ["sqlite", "postgres"] {
            for direction in ["up", "down"] {
                let path = format!("migrations/{database}/{name}/{direction}.sql");
                if !sh.read_file(&path).is_ok_and(|sql| !sql.trim().is_empty()) {
                    problems.push(format!("{path} is missing or empty"));
                }
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_is_found_in_code_only() {
        let line = format!("    {}\"later\")", UNFINISHED[0]);
        assert_eq!(faults("a.rs", &line).len(), 1);
        assert!(faults("a.md", &line).is_empty());
    }

    #[test]
    fn paths_of_a_machine_are_found_in_every_file() {
        for path in MACHINE_PATHS {
            assert_eq!(faults("a.md", &format!("see {path}x")).len(), 1);
            assert_eq!(faults("a.sh", &format!("cd '{path}x'")).len(), 1);
            assert!(faults("a.md", &format!("https://example.com{path}x")).is_empty());
        }
    }

    #[test]
    fn long_files_are_found() {
        assert!(faults("a.rs", &"\n".repeat(LONGEST)).is_empty());
        let long = "\n".repeat(LONGEST + 1);
        assert_eq!(faults("a.rs", &long).len(), 1);
        assert!(faults("a.rs", &format!("//! Tables, {MADE}tables.py`.{long}")).is_empty());
    }
}
