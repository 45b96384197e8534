//! Normalizes words so that their forms can be compared, in any script.
use unicode_normalization::UnicodeNormalization;

/// Returns the terms of `text`: words in lower case, or pairs of adjacent characters in scripts
/// without spaces.
pub(super) fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut word = String::new();
    let mut run: Vec<char> = Vec::new();
    for character in text.nfkc().flat_map(char::to_lowercase).chain([' ']) {
        if is_unspaced(character) {
            terms.extend(take(&mut word));
            run.push(character);
        } else {
            match run.as_slice() {
                [] => {}
                [single] => terms.push(single.to_string()),
                pairs => terms.extend(pairs.windows(2).map(|pair| pair.iter().collect())),
            }
            run.clear();
            if character.is_alphanumeric() {
                word.push(character);
            } else {
                terms.extend(take(&mut word));
            }
        }
    }
    terms
}

/// Returns the similarity of two terms: 1 if they are equal, less if they look like forms of one
/// word (`open`, `opens`, `opening`), otherwise 0.
pub(super) fn term_similarity(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let ending = |word: &str| word.chars().count() - shared;
    let is_word = a.starts_with(char::is_alphabetic);
    if is_word && shared >= 4 && ending(a) <= 3 && ending(b) <= 3 { 0.7 } else { 0.0 }
}

fn take(word: &mut String) -> Option<String> {
    (!word.is_empty()).then(|| std::mem::take(word))
}

/// True for scripts without spaces between words, and for Hangul, whose words carry particles.
fn is_unspaced(character: char) -> bool {
    matches!(u32::from(character),
        0x0E00..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F // Burmese
        | 0x1780..=0x17FF // Khmer
        | 0x3041..=0x30FF // Hiragana, Katakana
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF // Han
        | 0xAC00..=0xD7AF) // Hangul
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lowered_and_unspaced_scripts_are_paired() {
        assert_eq!(terms("The Ｌibrary's café"), ["the", "library", "s", "café"]);
        assert_eq!(terms("図書館は9時"), ["図書", "書館", "館は", "9", "時"]);
        assert_eq!(terms("Ёлка"), ["ёлка"]);
        assert!(terms(" …!? ").is_empty());
    }

    #[test]
    fn forms_of_a_word_are_similar_and_numbers_are_not() {
        assert_eq!(term_similarity("open", "opening"), 0.7);
        assert_eq!(term_similarity("library", "libraries"), 0.7);
        assert_eq!(term_similarity("open", "operate"), 0.0);
        assert_eq!(term_similarity("20231", "20232"), 0.0);
        assert_eq!(term_similarity("7", "7"), 1.0);
    }
}
