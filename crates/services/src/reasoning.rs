//! Marks that separate a model's reasoning from its answer within one text, as in stored answers
//! and native streams.

/// Precedes reasoning in a stored answer.
pub const OPEN: &str = "<think>";
/// Follows reasoning in a stored answer.
pub const CLOSE: &str = "</think>";

/// Combines reasoning and answer into one text, with marks if there is reasoning.
pub fn join(reasoning: &str, answer: &str) -> String {
    match reasoning {
        "" => answer.to_owned(),
        reasoning => format!("{OPEN}{reasoning}{CLOSE}{answer}"),
    }
}

/// Splits a text written by [`join`] or an older version, in which a model may have closed its
/// reasoning without opening it. Unclosed reasoning leaves an empty answer.
pub fn split(text: &str) -> (Option<&str>, &str) {
    if let Some(rest) = text.trim_start().strip_prefix(OPEN) {
        return match rest.split_once(CLOSE) {
            Some((reasoning, answer)) => (Some(reasoning.trim()), answer.trim_start()),
            None => (Some(rest.trim()), ""),
        };
    }
    match text.split_once(CLOSE) {
        Some((reasoning, answer)) if is_on_own_line(reasoning, answer) => {
            (Some(reasoning.trim()), answer.trim_start())
        }
        _ => (None, text),
    }
}

/// Removes the reasoning, as for later requests to a model.
pub fn strip(text: &str) -> &str {
    split(text).1
}

/// Returns whether a closing mark between these texts is on its own line. Answers can mention the
/// mark.
fn is_on_own_line(before: &str, after: &str) -> bool {
    before.ends_with('\n') && (after.is_empty() || after.starts_with(['\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_separated_from_the_answer() {
        for (text, expected) in [
            ("<think>hm</think>yes", (Some("hm"), "yes")),
            ("\n<think>\nhm\n</think>\n\nyes", (Some("hm"), "yes")),
            ("<think>hm", (Some("hm"), "")),
            ("hm\n</think>\n\nyes", (Some("hm"), "yes")),
            ("hm\n</think>", (Some("hm"), "")),
            ("yes <think>", (None, "yes <think>")),
            ("The mark </think> ends it.", (None, "The mark </think> ends it.")),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
        assert_eq!(split(&join("hm", "yes")), (Some("hm"), "yes"));
        assert_eq!(join("", "yes"), "yes");
    }
}
