//! Splits texts into sentences and sentences into clauses, which are spoken in one breath.

/// A longer sentence is cut at a space, in characters.
const LONGEST: usize = 400;
/// Abbreviations, whose period does not end a sentence.
const ABBREVIATIONS: [&str; 16] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "no", "nr", "fig", "e.g", "i.e", "z.b", "bzw",
    "ca", "approx",
];

/// A clause and the sign that ends it: one of `. ! ? , ; :`.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    pub text: String,
    pub sign: char,
}

/// Splits a text into sentences that contain a letter or digit.
pub fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\n' {
            finish_sentence(&mut sentence, &mut sentences);
            continue;
        }
        sentence.push(letter);
        let next = letters.peek().copied();
        let is_end = match letter {
            '.' => next.is_none_or(char::is_whitespace) && !ends_with_abbreviation(&sentence),
            '!' | '?' | '…' => next.is_none_or(char::is_whitespace),
            '。' | '！' | '？' | '।' => true,
            _ => false,
        };
        let is_long = sentence.chars().count() >= LONGEST && letter.is_whitespace();
        if is_end || is_long {
            finish_sentence(&mut sentence, &mut sentences);
        }
    }
    finish_sentence(&mut sentence, &mut sentences);
    sentences
}

fn finish_sentence(sentence: &mut String, sentences: &mut Vec<String>) {
    let whole = std::mem::take(sentence);
    let whole = whole.trim();
    if whole.chars().any(char::is_alphanumeric) {
        sentences.push(whole.to_owned());
    }
}

fn ends_with_abbreviation(sentence: &str) -> bool {
    let word =
        sentence.trim_end_matches('.').rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(['(', '"']).to_lowercase();
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    is_initial || ABBREVIATIONS.contains(&word.as_str())
}

/// Splits a sentence into clauses that contain a letter or digit.
pub fn clauses(sentence: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut text = String::new();
    let mut letters = sentence.chars().peekable();
    while let Some(letter) = letters.next() {
        let sign = match letter {
            ',' | '、' | '،' => Some(','),
            ';' => Some(';'),
            ':' => Some(':'),
            '—' | '–' if text.ends_with(' ') => Some(','),
            '!' | '！' => Some('!'),
            '?' | '？' | '؟' => Some('?'),
            '。' | '।' => Some('.'),
            _ => None,
        };
        // A sign within a number or a time does not end a clause.
        let is_within = matches!(letter, ',' | ':' | ';' | '!' | '?')
            && letters.peek().is_some_and(|next| !next.is_whitespace());
        match sign.filter(|_| !is_within) {
            Some(sign) => clauses.extend(clause(&mut text, sign)),
            None => text.push(letter),
        }
    }
    clauses.extend(clause(&mut text, '.'));
    clauses
}

fn clause(text: &mut String, sign: char) -> Option<Clause> {
    let whole = std::mem::take(text);
    let whole = whole.trim().trim_end_matches('.').trim();
    whole.chars().any(char::is_alphanumeric).then(|| Clause { text: whole.to_owned(), sign })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_a_sentence_unless_it_is_within_a_number_or_a_title() {
        let text = "Dr. Smith paid 3.50 at 12:30. Why? \"No.\"\n\n- Next point\n…";
        let expected = ["Dr. Smith paid 3.50 at 12:30.", "Why?", "\"No.\"", "- Next point"];
        assert_eq!(sentences(text), expected);
        assert_eq!(sentences("今日は。元気？"), ["今日は。", "元気？"]);
        assert_eq!(sentences(" \n … "), Vec::<String>::new());
    }

    #[test]
    fn text_without_an_end_is_cut_at_a_space() {
        let sentences = sentences(&"word ".repeat(500));
        assert!(
            sentences.len() > 5 && sentences.iter().all(|one| one.chars().count() <= LONGEST + 5)
        );
    }

    #[test]
    fn clauses_keep_the_sign_that_ends_them() {
        let clause = |text: &str, sign| Clause { text: text.to_owned(), sign };
        let found = clauses("At 12:30, 1,000 people came; why so many?");
        let expected =
            [clause("At 12:30", ','), clause("1,000 people came", ';'), clause("why so many", '?')];
        assert_eq!(found, expected);
    }
}
