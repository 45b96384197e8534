//! `cargo xtask routes`: lists every operation with its method, path, scope and handler.
use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::Shell;

const DOCUMENT: &str = "docs/openapi.json";
const SCOPES: &str = "tests/access.tsv";

/// Prints the table, sorted by path. The tests compare both files with the server's router.
pub fn print(sh: &Shell) -> Result<()> {
    let document: Value = serde_json::from_str(&sh.read_file(DOCUMENT)?).context(DOCUMENT)?;
    let scopes = sh.read_file(SCOPES)?;
    println!("{}", table(&document, &scopes)?.join("\n"));
    Ok(())
}

fn table(document: &Value, scopes: &str) -> Result<Vec<String>> {
    let rows = scopes.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        Some(((fields.next()?, fields.next()?), fields.next()?))
    });
    let scopes: HashMap<_, _> = rows.collect();
    let paths = document["paths"].as_object().context("no paths")?;
    let mut table = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().context("no operations")? {
            let method = method.to_uppercase();
            let scope = scopes.get(&(method.as_str(), path.as_str())).unwrap_or(&"?");
            let handler = operation["operationId"].as_str().unwrap_or_default();
            table.push(format!("{method:<7}{path:<60}{scope:<11}{handler}"));
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_names_method_path_scope_and_handler() {
        let document =
            json!({ "paths": { "/v1/auth": { "get": { "operationId": "authenticate" } } } });
        let table = table(&document, "GET\t/v1/auth\tread\n").unwrap();
        let words: Vec<_> = table[0].split_whitespace().collect();
        assert_eq!(words, ["GET", "/v1/auth", "read", "authenticate"]);
    }
}
