//! Finds the ends of sentences, in any script.
use unicode_segmentation::UnicodeSegmentation;

/// Abbreviations that a capital may follow within a sentence.
const ABBREVIATIONS: &[&str] = &[
    "abb", "abs", "art", "bzw", "ca", "cf", "co", "dr", "etc", "fig", "hr", "inc", "jr", "ltd",
    "mr", "mrs", "ms", "no", "nr", "op", "pp", "prof", "sec", "sr", "st", "tab", "tel", "vgl",
    "vol", "vs",
];

/// Returns the length in bytes of the first sentence with the white space after it, or of `text` if
/// there is no second sentence.
pub(super) fn first(text: &str) -> usize {
    let mut end = 0;
    for sentence in text.split_sentence_bounds() {
        end += sentence.len();
        if !is_abbreviated(&text[..end]) {
            break;
        }
    }
    end
}

/// Whether the text ends with the full stop of an abbreviation, an initial, or a short number.
fn is_abbreviated(text: &str) -> bool {
    let Some(text) = text.trim_end().strip_suffix('.') else { return false };
    let word = text.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_number = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_initial = word.chars().nth(1).is_none();
    !word.is_empty()
        && (is_number
            || is_initial && word.chars().all(char::is_alphabetic)
            || ABBREVIATIONS.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(mut text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        while !text.is_empty() {
            let (sentence, rest) = text.split_at(first(text));
            found.push(sentence.trim());
            text = rest;
        }
        found
    }

    #[test]
    fn sentences_end_in_any_script() {
        assert_eq!(
            sentences("One is. Two? \"Three!\" Four"),
            ["One is.", "Two?", "\"Three!\"", "Four"]
        );
        assert_eq!(sentences("今日は晴れ。明日は雨です。"), ["今日は晴れ。", "明日は雨です。"]);
        assert_eq!(sentences("यह एक है। यह दो है।"), ["यह एक है।", "यह दो है।"]);
        assert_eq!(sentences("no end"), ["no end"]);
    }

    #[test]
    fn abbreviations_and_dates_do_not_end_a_sentence() {
        assert_eq!(sentences("Dr. Smith came. He left."), ["Dr. Smith came.", "He left."]);
        assert_eq!(sentences("Am 3. Mai kam J. Doe. Gut."), ["Am 3. Mai kam J. Doe.", "Gut."]);
    }
}
