//! Every difference of the other dialect is marked in the code and listed in docs/compatibility.md.
use std::collections::BTreeSet;

use anyhow::Result;
use xshell::{Shell, cmd};

const PAGE: &str = "docs/compatibility.md";

/// Put together from parts, so that this file does not contain it.
const MARKER: &str = concat!("quirk", "(");

/// Ids that are marked and not listed, or listed and not marked.
pub fn problems(sh: &Shell) -> Result<Vec<String>> {
    let files =
        cmd!(sh, "git ls-files --cached --others --exclude-standard crates").quiet().read()?;
    let mut marked = BTreeSet::new();
    for path in files.lines().filter(|path| path.ends_with(".rs")) {
        if let Ok(text) = sh.read_file(path) {
            marked.extend(ids_in_code(&text));
        }
    }
    Ok(differences(&marked, &ids_in_table(&sh.read_file(PAGE)?)))
}

fn differences(marked: &BTreeSet<String>, listed: &BTreeSet<String>) -> Vec<String> {
    let unlisted = marked.difference(listed);
    let unlisted =
        unlisted.map(|id| format!("{PAGE}: the quirk `{id}` is marked in code, not listed"));
    let unmarked = listed.difference(marked);
    let unmarked =
        unmarked.map(|id| format!("{PAGE}: the quirk `{id}` is marked nowhere in the code"));
    unlisted.chain(unmarked).collect()
}

fn ids_in_code(text: &str) -> BTreeSet<String> {
    let starts = text.split(MARKER).skip(1);
    let ids = starts.filter_map(|rest| rest.split_once(')').map(|(id, _)| id));
    let is_id =
        |id: &&str| id.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
    ids.filter(is_id).map(str::to_owned).collect()
}

/// The first column of the table whose head is `id`; a row may hold several.
fn ids_in_table(page: &str) -> BTreeSet<String> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| id |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let ids = rows.filter_map(|row| row.split('|').nth(1)).flat_map(|ids| ids.split(','));
    ids.map(|id| id.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_listed_and_the_reverse() {
        let code = format!("// {MARKER}one): a reason\n/// {MARKER}two)\n");
        let page = "text\n\n| id | a |\n|---|---|\n| one, three | x |\n\n| four | y |\n";
        let said = differences(&ids_in_code(&code), &ids_in_table(page)).join("\n");
        assert!(
            said.contains("`two` is marked in code") && said.contains("`three` is marked nowhere")
        );
        assert!(!said.contains("one") && !said.contains("four"), "{said}");
    }
}
