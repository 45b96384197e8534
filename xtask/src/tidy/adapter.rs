//! Checks that `/api/v1` is an adapter: its folder can be deleted, because nothing else in the API
//! depends on it.
use anyhow::Result;
use xshell::{Shell, cmd};

const API: &str = "crates/api/src/";
pub const FOLDER: &str = "crates/api/src/compat";
/// The file that declares and registers the adapter.
pub const REGISTRY: &str = "crates/api/src/lib.rs";
pub const LINES: [&str; 2] = ["mod compat;", "&compat::FACE,"];

/// The names of the folder and of the mark of a quirk, joined from parts so that this file does not
/// contain them.
const NAME: &str = concat!("com", "pat");
const MARK: &str = concat!("quirk", "(");

/// Returns lines that depend on the folder, or that decide for its clients elsewhere.
pub fn problems(sh: &Shell) -> Result<Vec<String>> {
    let listed =
        cmd!(sh, "git ls-files --cached --others --exclude-standard {API}").quiet().read()?;
    let beneath = format!("{FOLDER}/");
    let mut problems = Vec::new();
    for path in listed.lines().filter(|path| path.ends_with(".rs") && !path.starts_with(&beneath)) {
        if let Ok(text) = sh.read_file(path) {
            problems.extend(faults(path, &text));
        }
    }
    Ok(problems)
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let is_registry = path == REGISTRY && LINES.contains(&line.trim());
        if !is_registry && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == NAME) {
            faults.push(format!("{path}:{number}: only {REGISTRY} may name the folder `{NAME}`"));
        }
        if line.contains(MARK) {
            faults.push(format!(
                "{path}:{number}: a quirk outside {FOLDER}; move it into the adapter"
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_registry_names_the_folder_and_no_quirk_is_outside() {
        let lines = LINES.map(|line| format!("    {line}\n")).concat();
        assert!(faults(REGISTRY, &lines).is_empty());
        assert_eq!(faults("crates/api/src/read.rs", &lines).len(), 2);
        assert_eq!(faults(REGISTRY, &format!("use crate::{NAME}::values;")).len(), 1);
        assert!(faults("a.rs", "// compatible with nothing").is_empty());
        assert_eq!(faults("a.rs", &format!("// {MARK}any)")).len(), 1);
    }
}
