//! Terminal input and output: messages on standard error, results on standard output, password
//! prompts.
use std::fmt;
use std::io::{self, IsTerminal, Read, Write};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};

/// The maximum read from standard input, in bytes.
const LONGEST_INPUT: u64 = 64 * 1024;

/// Writes one line to standard error, which may be closed.
pub fn say(words: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Standard output did not take what was written to it.
#[derive(Debug)]
pub struct Unwritten(pub io::Error);

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to write to standard output: {}", self.0)
    }
}

impl std::error::Error for Unwritten {}

/// Writes a result to standard output and ends it with a line break.
pub fn print(text: &str) -> Result<(), Unwritten> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{text}{end}").and_then(|()| out.flush()).map_err(Unwritten)
}

/// Removes the control characters with which a document or a name could take over the reader's
/// terminal. Keeps line breaks and tabs.
pub fn plain(text: &str) -> String {
    let is_safe = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(is_safe).collect()
}

/// Works like [`plain`], but returns one line.
pub fn one_line(text: &str) -> String {
    plain(&text.replace(['\n', '\t'], " "))
}

/// Reads the first line of standard input.
pub fn first_line() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(LONGEST_INPUT).read_to_string(&mut text);
    read.context("failed to read from standard input")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Prompts for a password twice without echo, or reads the first line of standard input.
pub fn password(from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        return first_line();
    }
    if !io::stdin().is_terminal() {
        bail!("failed to ask for a password: there is no terminal; use --password-stdin");
    }
    let ask =
        |prompt: &str| rpassword::prompt_password(prompt).context("failed to ask for a password");
    let password = ask("Password: ")?;
    if ask("Password again: ")? != password {
        bail!("the two passwords differ");
    }
    Ok(password)
}

/// Formats a time to the minute, in UTC.
pub fn format_time(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%dT%H:%MZ").to_string())
}

/// Formats rows under headings. Each column is as wide as its longest cell.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(&mut headings.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_with_their_headings() {
        let rows = [vec!["1".to_owned(), "é".to_owned()], vec!["20".to_owned(), String::new()]];
        assert_eq!(table(&["ID", "NAME"], &rows), "ID  NAME\n1   é\n20\n");
    }

    #[test]
    fn text_cannot_take_over_a_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\r\n\tc\u{9b}"), "a[31mb\n\tc");
        assert_eq!(one_line("a\nb\u{7}"), "a b");
    }
}
