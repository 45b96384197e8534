//! Counts passed tests from the output of their runner.

/// Counts from the output of `cargo nextest run` or `cargo test`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    /// Counts the tests reported in a line of output. Returns false if it reports none.
    pub fn read(&mut self, line: &str) -> bool {
        let line = plain(line);
        let parts = if let Some((_, result)) = line.split_once("test result: ") {
            result.split_once(". ").map(|(_, counts)| counts.to_owned())
        } else if line.trim_start().starts_with("Summary [") {
            // The summary covers the whole run, whose failures were counted one by one before.
            *self = Self::default();
            // Parentheses contain details of the count before them.
            line.split_once("run: ").map(|(_, counts)| without_parentheses(counts))
        } else {
            None
        };
        let Some(parts) = parts else { return false };
        for part in parts.split([',', ';']) {
            let Some((number, what)) = part.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what.trim() {
                "passed" => self.passed += number,
                "failed" | "exec failed" | "timed out" => self.failed += number,
                "skipped" | "ignored" => self.skipped += number,
                _ => {}
            }
        }
        true
    }
}

/// A check failed, as opposed to could not be run.
#[derive(Debug)]
pub struct Failed(pub String);

impl std::fmt::Display for Failed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Removes colour sequences from a line.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut parts = line.split("\u{1b}[");
    text.extend(parts.next());
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0;
    let outside = |character: &char| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => return depth == 0,
        }
        false
    };
    text.chars().filter(outside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| assert!(tally.read(line), "{line}"));
        tally
    }

    #[test]
    fn the_summary_of_nextest_is_understood() {
        let plain = "     Summary [   4.512s] 49 tests run: 46 passed, 3 failed, 1 skipped";
        assert_eq!(tally(&[plain]), Tally { passed: 46, failed: 3, skipped: 1 });
        let detailed = "\u{1b}[32;1m     Summary\u{1b}[0m [ 1.0s] \u{1b}[1m9/12\u{1b}[0m tests run: \
            5 \u{1b}[32mpassed\u{1b}[0m (2 slow, 1 flaky), 2 failed, 1 exec failed, 1 timed out, 3 skipped";
        assert_eq!(tally(&[detailed]), Tally { passed: 5, failed: 4, skipped: 3 });
    }

    #[test]
    fn the_results_of_cargo_test_are_added_up() {
        let lines = [
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        ];
        assert_eq!(tally(&lines), Tally { passed: 7, failed: 1, skipped: 1 });
        assert_eq!(tally(&lines).to_string(), "7 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn other_lines_report_nothing() {
        let mut tally = Tally::default();
        for line in ["", "test a ... ok", "running 5 tests", "Summary", "test result: "] {
            assert!(!tally.read(line), "{line}");
        }
        assert_eq!(tally, Tally::default());
    }
}
