//! Checks that a type has its inherent methods in at most two files, so that a reader finds them.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use xshell::{Shell, cmd};

/// Maximum number of files with inherent methods of a type.
const MAX_FILES: usize = 2;

pub fn problems(sh: &Shell) -> Result<Vec<String>> {
    let listed = cmd!(sh, "git ls-files --cached --others --exclude-standard crates xtask tests")
        .quiet()
        .read()?;
    let paths = listed.lines().filter(|path| path.ends_with(".rs"));
    let files: Vec<_> =
        paths.filter_map(|path| Some((path.to_owned(), sh.read_file(path).ok()?))).collect();
    Ok(scattered(&files))
}

/// Returns the types whose methods are in too many files.
fn scattered(files: &[(String, String)]) -> Vec<String> {
    let mut definitions: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (path, text) in files {
        for name in text.lines().filter_map(defined) {
            definitions.entry((package(path), name)).or_default().insert(path);
        }
    }
    let mut methods: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (path, text) in files {
        for name in text.lines().filter_map(extended) {
            let definitions = definitions.get(&(package(path), name));
            // If several types share a name, a module extends the nearest one.
            let nearest = definitions
                .and_then(|paths| paths.iter().max_by_key(|other| shared_length(path, other)));
            if let Some(nearest) = nearest {
                methods.entry((*nearest, name)).or_default().insert(path);
            }
        }
    }
    let scattered = methods.into_iter().filter(|(_, paths)| paths.len() > MAX_FILES);
    scattered
        .map(|((definition, name), paths)| {
            let (count, paths) = (paths.len(), paths.into_iter().collect::<Vec<_>>().join(", "));
            format!(
                "{definition}: the methods of `{name}` are in {count} files ({paths}); write free \
                 functions, or move them (at most {MAX_FILES})"
            )
        })
        .collect()
}

/// Returns the folder of a file's package.
fn package(path: &str) -> &str {
    let end = path.find("/src/").or_else(|| path.find("/tests/"));
    end.map_or(path, |end| &path[..end])
}

/// Returns the length of the common module path of two files.
fn shared_length(one: &str, other: &str) -> usize {
    let module = |path: &str| -> Vec<String> {
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').map(str::to_owned).collect()
    };
    module(one).iter().zip(&module(other)).take_while(|(one, other)| one == other).count()
}

/// Returns the type that a line defines at module level.
fn defined(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.strip_prefix(' ')?,
        None => line,
    };
    let kinds = ["struct ", "enum ", "union "];
    name(kinds.iter().find_map(|kind| rest.strip_prefix(kind))?)
}

/// Returns the type to which the `impl` in a line adds inherent methods.
fn extended(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') { after_generics(rest)? } else { rest };
    if rest.contains(" for ") {
        return None;
    }
    let path = rest.trim_start().split(['<', ' ']).next()?;
    name(path.rsplit("::").next()?)
}

/// Returns the text after its leading `<…>`.
fn after_generics(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            // The arrow of a function type is not a closing bracket.
            '>' if !text[..at].ends_with('-') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&text[at + 1..]);
        }
    }
    None
}

fn name(text: &str) -> Option<&str> {
    let name = text.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    name.filter(|name| name.starts_with(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> (String, String) {
        (path.to_owned(), text.to_owned())
    }

    #[test]
    fn methods_in_three_files_are_found_however_the_type_is_written() {
        let two = [
            file("crates/a/src/x.rs", "pub(crate) struct Store<T> {\n}\nimpl<T> Store<T> {\n}"),
            file("crates/a/src/y.rs", "impl<T: Fn() -> u8> crate::x::Store<T> {\n}"),
            file("crates/a/src/z.rs", "impl Clone for Store<u8> {\n    impl Store {"),
        ];
        assert_eq!(scattered(&two), [""; 0]);
        let mut three = two.to_vec();
        three.push(file("crates/a/src/w.rs", "impl Store<u8> {\n}"));
        let problems = scattered(&three);
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("crates/a/src/x.rs: the methods of `Store` are in 3 files")
        );
    }

    #[test]
    fn types_of_the_same_name_are_distinguished() {
        let row = "struct Row;\nimpl Row {\n}";
        let files = [
            file("crates/a/src/one.rs", row),
            file("crates/a/src/one/more.rs", "impl Row {\n}"),
            file("crates/a/src/two/mod.rs", row),
            file("crates/a/src/two/more.rs", "impl Row {\n}"),
            file("crates/b/src/one.rs", row),
        ];
        assert_eq!(scattered(&files), [""; 0]);
    }
}
