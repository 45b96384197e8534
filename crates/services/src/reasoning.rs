//! The marks that keep a model's reasoning apart from its answer in one text, which is how answers
//! are stored and how clients of the native streams know them.

/// Stands before reasoning in a stored answer.
pub const OPEN: &str = "<think>";
/// Stands behind it.
pub const CLOSE: &str = "</think>";

/// Reasoning, if there is any, between marks before the answer.
pub fn marked(reasoning: &str, answer: &str) -> String {
    match reasoning {
        "" => answer.to_owned(),
        reasoning => format!("{OPEN}{reasoning}{CLOSE}{answer}"),
    }
}

/// Takes apart what [`marked`] made, or an answer of older versions, in which a model may have
/// closed its reasoning without opening it. Reasoning without end leaves no answer.
pub fn split(text: &str) -> (Option<&str>, &str) {
    if let Some(rest) = text.trim_start().strip_prefix(OPEN) {
        return match rest.split_once(CLOSE) {
            Some((reasoning, answer)) => (Some(reasoning.trim()), answer.trim_start()),
            None => (Some(rest.trim()), ""),
        };
    }
    match text.split_once(CLOSE) {
        Some((reasoning, answer)) if stands_alone(reasoning, answer) => {
            (Some(reasoning.trim()), answer.trim_start())
        }
        _ => (None, text),
    }
}

/// The answer without its reasoning, as later requests to a model repeat it.
pub fn strip(text: &str) -> &str {
    split(text).1
}

/// Whether a mark between these texts is on a line of its own. Answers may well speak of the mark.
fn stands_alone(before: &str, after: &str) -> bool {
    before.ends_with('\n') && (after.is_empty() || after.starts_with(['\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_told_from_the_answer() {
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
        assert_eq!(split(&marked("hm", "yes")), (Some("hm"), "yes"));
        assert_eq!(marked("", "yes"), "yes");
    }
}
