//! Generates the table of docs/compatibility.md from the marks of differences in the code.
//!
//! One mark of each difference defines it: what clients of `/api/v1` get, what the native API does,
//! and the test. Other marks only name it.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

pub const PAGE: &str = "docs/compatibility.md";
const HEAD: &str = "| id | at `/v1` | at `/api/v1` | in | test |\n|---|---|---|---|---|\n";
const BEGIN: &str = "<!-- made by `cargo xtask quirks` -->\n";
const END: &str = "<!-- end -->\n";

/// Joined from parts, so that this file does not contain it.
const MARK: &str = concat!("// quirk", "(");
const NATIVE: &str = "native:";
const TEST: &str = "test:";

/// The content of a mark.
#[derive(Clone, Debug, Default, PartialEq)]
struct Quirk {
    id: String,
    here: String,
    native: String,
    test: String,
    file: String,
}

/// Returns inconsistent marks, and whether the table is out of date.
pub fn problems(sh: &Shell) -> Result<Vec<String>> {
    let marks = marks(sh)?;
    let mut problems = misfits(&marks);
    let tests = cmd!(sh, "git grep -hoE 'fn [a-z0-9_]+|[a-z0-9_]{12,},' -- *.rs").quiet().read()?;
    let tests: BTreeSet<_> =
        tests.lines().map(|line| line.trim_start_matches("fn ").trim_end_matches(',')).collect();
    let defined = marks.iter().filter(|quirk| !quirk.native.is_empty());
    for quirk in defined {
        let named = quirk.test.split('`').skip(1).step_by(2);
        let missing = named.filter(|name| !exists(name, &tests));
        problems.extend(missing.map(|name| format!("{}: there is no test `{name}`", quirk.file)));
    }
    let page = sh.read_file(PAGE)?;
    if with_table(&page, &table(&marks))? != page {
        problems.push(format!("{PAGE} is not up to date: run `cargo xtask quirks`"));
    }
    Ok(problems)
}

/// Writes the table.
pub fn write(sh: &Shell) -> Result<()> {
    let page = sh.read_file(PAGE)?;
    Ok(sh.write_file(PAGE, with_table(&page, &table(&marks(sh)?))?)?)
}

/// Whether a test exists, by the last part of its name. Modules and chores are not checked.
fn exists(name: &str, tests: &BTreeSet<&str>) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name);
    !last.contains('_') || name.contains(' ') || tests.contains(last)
}

fn with_table(page: &str, table: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("the page has no place for the table")?;
    let (_, after) = rest.split_once(END).context("the table of the page does not end")?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

/// Returns the table, with a row for each definition, ordered by file.
fn table(marks: &[Quirk]) -> String {
    let rows = marks.iter().filter(|quirk| !quirk.native.is_empty()).map(|quirk| {
        let Quirk { id, here, native, test, file } = quirk;
        let place = file.trim_start_matches("crates/").replace("api/src/compat/", "");
        format!("| {id} | {native} | {here} | `{place}` | {test} |\n")
    });
    HEAD.to_owned() + &rows.collect::<String>()
}

/// Returns marks without a definition, and definitions that are duplicate or incomplete.
fn misfits(marks: &[Quirk]) -> Vec<String> {
    let mut defined = BTreeMap::<&str, usize>::new();
    for quirk in marks {
        *defined.entry(&quirk.id).or_default() += usize::from(!quirk.native.is_empty());
    }
    let miscounted = defined.iter().filter(|(_, times)| **times != 1);
    let miscounted =
        miscounted.map(|(id, times)| format!("the quirk `{id}` is defined {times} times"));
    let is_partial = |quirk: &&Quirk| {
        !quirk.native.is_empty() && (quirk.here.is_empty() || quirk.test.is_empty())
    };
    let partial = marks.iter().filter(is_partial);
    let partial = partial.map(|quirk| {
        format!("{}: the quirk `{}` says nothing or names no test", quirk.file, quirk.id)
    });
    miscounted.chain(partial).collect()
}

fn marks(sh: &Shell) -> Result<Vec<Quirk>> {
    let files =
        cmd!(sh, "git ls-files --cached --others --exclude-standard crates").quiet().read()?;
    let mut files: Vec<_> = files.lines().filter(|path| path.ends_with(".rs")).collect();
    files.sort_unstable();
    let mut marks = Vec::new();
    for path in files {
        if let Ok(text) = sh.read_file(path) {
            marks.extend(marks_in(path, &text));
        }
    }
    Ok(marks)
}

fn marks_in(path: &str, text: &str) -> Vec<Quirk> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let starts = (0..lines.len()).filter(|number| lines[*number].starts_with(MARK));
    starts.filter_map(|start| mark(path, &lines[start..])).collect()
}

/// Parses the mark at the start of a comment, up to the end of the comment or the next mark.
fn mark(path: &str, lines: &[&str]) -> Option<Quirk> {
    let (id, first) = lines.first()?.strip_prefix(MARK)?.split_once(')')?;
    let more = lines[1..].iter().map_while(|line| line.strip_prefix("// "));
    let more = more.take_while(|line| !format!("// {line}").starts_with(MARK));
    let mut quirk = Quirk { id: id.to_owned(), file: path.to_owned(), ..Quirk::default() };
    quirk.here = first.trim_start_matches(':').trim().to_owned();
    let mut part = &mut quirk.here;
    for line in more {
        let text = if let Some(text) = line.strip_prefix(NATIVE) {
            part = &mut quirk.native;
            text
        } else if let Some(text) = line.strip_prefix(TEST) {
            part = &mut quirk.test;
            text
        } else {
            line
        };
        if !part.is_empty() {
            part.push(' ');
        }
        part.push_str(text.trim());
    }
    Some(quirk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_defines_a_quirk_and_others_name_it() {
        let code = format!(
            "    {MARK}one): here it is\n    // so\n    // native: there\n    // test: `a::b_c`\n    \
             code();\n{MARK}two)\n{MARK}one): again\n"
        );
        let marks = marks_in("crates/api/src/compat/a.rs", &code);
        let one = Quirk {
            id: "one".into(),
            here: "here it is so".into(),
            native: "there".into(),
            test: "`a::b_c`".into(),
            file: "crates/api/src/compat/a.rs".into(),
        };
        assert_eq!(marks[0], one);
        assert!(table(&marks).ends_with("| one | there | here it is so | `a.rs` | `a::b_c` |\n"));
        assert_eq!(misfits(&marks), ["the quirk `two` is defined 0 times"]);
        assert_eq!(misfits(&[one.clone(), one]), ["the quirk `one` is defined 2 times"]);
    }

    #[test]
    fn the_table_stands_between_its_marks() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(
            with_table(&page, "new\n").unwrap(),
            format!("before\n{BEGIN}\nnew\n\n{END}after\n")
        );
        assert!(with_table("nothing", "new").is_err());
    }

    #[test]
    fn a_test_is_known_by_its_last_name() {
        let tests = BTreeSet::from(["it_works"]);
        assert!(exists("a::it_works", &tests) && !exists("a::it_fails", &tests));
        assert!(exists("silence", &tests) && exists("cargo xtask conformance", &tests));
    }
}
