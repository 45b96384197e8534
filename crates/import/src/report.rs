//! The report of an import: the numbers of found and imported rows of each table, and a line for
//! everything omitted, changed or kept elsewhere.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// A table of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableReport {
    pub found: u64,
    pub imported: u64,
    /// Rows kept sealed in the storage directory, because this server does not use them yet.
    pub kept: u64,
    /// The kind of data its rows become, or why they are not imported.
    pub becomes: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub kind: String,
    /// The source, without a password.
    pub origin: String,
    /// The newest migration of the source's database.
    pub version: String,
    pub multi_user: bool,
    pub dry_run: bool,
    pub tables: BTreeMap<String, TableReport>,
    /// Rows, files and settings that are not imported, each with the reason.
    pub left_out: Vec<String>,
    /// Imported data that was changed.
    pub changed: Vec<String>,
    /// Differences to AnythingLLM, and what to do about them.
    pub differs: Vec<String>,
}

impl Report {
    pub fn found(&mut self, table: &str, becomes: &str, count: u64) {
        let entry = self.tables.entry(table.to_owned()).or_default();
        entry.found = count;
        entry.becomes = becomes.to_owned();
    }

    pub fn imported(&mut self, table: &str, count: u64) {
        self.tables.entry(table.to_owned()).or_default().imported += count;
    }

    pub fn count_kept(&mut self, table: &str, count: u64) {
        self.tables.entry(table.to_owned()).or_default().kept += count;
    }

    pub fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    pub fn change(&mut self, what: impl Into<String>) {
        self.changed.push(what.into());
    }

    pub fn differ(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.differs.contains(&what) {
            self.differs.push(what);
        }
    }

    /// Formats the report for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let verb = if self.dry_run { "would be imported" } else { "imported" };
        let mode = if self.multi_user { "multi-user" } else { "single-user" };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{} from {}\n{mode} mode, newest migration {}\n",
            self.kind, self.origin, self.version
        );
        let width = self.tables.keys().map(String::len).max().unwrap_or(0);
        let _ = writeln!(text, "{:width$}  {:>8}  {:>8}  {:>6}", "table", "found", "comes", "kept");
        for (name, table) in &self.tables {
            let TableReport { found, imported, kept, becomes } = table;
            let _ =
                writeln!(text, "{name:width$}  {found:>8}  {imported:>8}  {kept:>6}  {becomes}");
        }
        for (title, lines) in [
            ("Left out", &self.left_out),
            ("Changed", &self.changed),
            ("Differs from before", &self.differs),
        ] {
            if !lines.is_empty() {
                let _ = writeln!(text, "\n{title}:");
            }
            for line in lines {
                let _ = writeln!(text, "- {line}");
            }
        }
        let rows: u64 = self.tables.values().map(|table| table.imported).sum();
        let _ = writeln!(text, "\n{rows} rows and documents {verb}");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_a_line_for_every_table_and_every_omission() {
        let mut report = Report { dry_run: true, ..Report::default() };
        report.found("users", "users", 3);
        report.imported("users", 2);
        report.leave_out("users 7: it has no password");
        report.differ("Everybody signs in again.");
        report.differ("Everybody signs in again.");
        let text = report.text();
        assert!(text.contains("users         3         2       0  users"), "{text}");
        assert!(text.contains("- users 7: it has no password"));
        assert_eq!(text.matches("Everybody").count(), 1);
        assert!(text.contains("2 rows and documents would be imported"));
    }
}
