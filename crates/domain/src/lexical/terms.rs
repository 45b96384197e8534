//! The index terms of a passage.
use std::collections::{HashMap, HashSet};

use super::language::{self, Language};
use super::{fold, words};

/// The number of bytes of a text that are indexed, which bounds the size of the index.
const LONGEST_TEXT: usize = 256 << 10;

/// Returns the distinct terms of a passage and its document's title: each word as written without
/// accents, and its stem in the language of the passage. Terms consist of letters and digits.
pub fn index_terms(title: &str, text: &str) -> Vec<String> {
    let title = words::cut(&fold::plain(beginning(title, LONGEST_TEXT)), false);
    let text = words::cut(&fold::plain(beginning(text, LONGEST_TEXT)), false);
    let language = language::guess(text.iter().chain(&title).map(String::as_str));
    let (mut unique, mut terms) = (HashSet::new(), Vec::new());
    let mut cut = HashSet::new();
    for word in title.iter().chain(&text) {
        if !cut.insert(word) {
            continue;
        }
        let forms = forms(word, language.as_slice());
        // The language of a heading or a table cell is often undetectable. The `s` plural exists in
        // many languages.
        let single = language.is_none().then(|| singular(&forms[0]).to_owned());
        for term in forms.into_iter().chain(single) {
            if unique.insert(term.clone()) {
                terms.push(term);
            }
        }
    }
    terms
}

/// The number of characters kept of each word in [`rough_terms`].
const ROUGH: usize = 6;

/// The number of bytes of a text that [`rough_terms`] reads.
const LONGEST_COMPARED: usize = 8 << 10;

/// Returns the beginnings of the words of a passage and its title, with their counts. Forms of a
/// word usually begin alike in any language, so this is enough to estimate how similar two passages
/// are.
pub fn rough_terms(title: &str, text: &str) -> HashMap<String, u32> {
    let mut terms = HashMap::new();
    for part in [title, text] {
        for word in words::cut(&fold::plain(beginning(part, LONGEST_COMPARED)), true) {
            let word = if word.is_ascii() { word } else { fold::without_marks(&word) };
            let term = word.char_indices().nth(ROUGH).map_or(&*word, |(end, _)| &word[..end]);
            match terms.get_mut(term) {
                Some(count) => *count += 1,
                None => {
                    terms.insert(term.to_owned(), 1);
                }
            }
        }
    }
    terms
}

/// Returns a word as written, without accents, and its stems.
pub(super) fn forms(word: &str, languages: &[Language]) -> Vec<String> {
    let mut forms = vec![fold::without_marks(word)];
    if words::is_unspaced(word) {
        return forms;
    }
    forms.extend(fold::transcribed(word));
    for stem in languages.iter().flat_map(|language| language.stems(word)) {
        if !forms.contains(&stem) {
            forms.push(stem);
        }
    }
    forms
}

/// Removes the plural `s` from a word of four or more letters.
fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() >= 3 && !stem.ends_with(['s', 'u', 'i']) => stem,
        _ => word,
    }
}

pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_is_indexed_by_words_and_stems() {
        let terms = index_terms("Rules", "The hotels of the Müllers were booked.");
        for term in ["rules", "rule", "hotels", "hotel", "mullers", "muellers", "booked", "book"] {
            assert!(terms.contains(&term.to_owned()), "{term} is not among {terms:?}");
        }
        let once: HashSet<_> = terms.iter().collect();
        assert_eq!(once.len(), terms.len());
    }

    #[test]
    fn short_text_is_indexed_by_the_singular() {
        assert!(index_terms("", "Bees make honey").contains(&"bee".to_owned()));
        assert_eq!(index_terms("", "E0277 bus"), ["e0277", "bus"]);
    }

    #[test]
    fn the_language_of_the_passage_chooses_the_stemmer() {
        let terms = index_terms("", "Die Häuser in der Stadt und auf dem Land sind alt.");
        assert!(terms.contains(&"haus".to_owned()) && terms.contains(&"hauser".to_owned()));
        let terms = index_terms("", "قرأت الكتاب في المكتبة التي تقع في المدينة");
        assert!(terms.contains(&"كتاب".to_owned()), "{terms:?}");
    }

    #[test]
    fn rough_terms_group_forms_of_a_word_in_any_script() {
        let terms = rough_terms("Pressure", "pressures PRESSURIZED press");
        assert_eq!((terms["pressu"], terms["press"], terms.len()), (3, 1, 2));
        assert_eq!(rough_terms("", "Häuserzeile Haüserz")["hauser"], 2);
        assert_eq!(rough_terms("", "давления давлением")["давлен"], 2);
        assert_eq!(rough_terms("", "火星有").len(), 2);
        assert!(rough_terms("", &"word ".repeat(1 << 20))["word"] < 2000);
    }

    #[test]
    fn long_texts_are_truncated() {
        let marks = "a".to_owned() + &"\u{301}\u{323}".repeat(1 << 18);
        let mixed = "слово word 言葉 كلمة ".repeat(1 << 15);
        for text in
            [&*marks, &"😀".repeat(1 << 18), &"字".repeat(1 << 18), &"ß".repeat(1 << 19), &mixed]
        {
            assert!(index_terms("", text).len() < 200_000);
        }
    }
}
