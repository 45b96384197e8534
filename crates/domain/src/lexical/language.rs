//! Language detection, stop words and stemmers.
use std::collections::HashMap;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use super::fold;

/// A language with stop words. Most have a stemmer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Arabic,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hindi,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    Vietnamese,
}

use Language::*;

const ALL: [Language; 20] = [
    Arabic, Danish, Dutch, English, Finnish, French, German, Greek, Hindi, Hungarian, Italian,
    Norwegian, Portuguese, Romanian, Russian, Spanish, Swedish, Tamil, Turkish, Vietnamese,
];

/// Question and function words of languages missing from the stop word crate.
const HINDI: &str = "का के की को में से ने पर और है हैं था थे थी हो गया गई किया कि यह वह इस उस ये वे \
    जो एक भी ही तो या नहीं लिए द्वारा साथ तक कर करने क्या कौन किस किसने किसे कब कहाँ कितने कितना कितनी कैसे क्यों";
const VIETNAMESE: &str = "là của và có cho các những được trong một khi nào gì ai ở đâu thế như với từ \
    bởi này đó để về tại sao đã vào mà thì trên bao nhiêu không cũng ra đến theo sẽ bị do hay";
/// Question words missing from the stop word crate.
const MORE: [(Language, &str); 9] = [
    (
        German,
        "wer wen wem wessen wann warum weshalb wieso wieviel wieviele viele wurde wurden worden",
    ),
    (English, "many much"),
    (Spanish, "cuál cuáles cuánto cuánta cuántos cuántas cómo dónde cuándo quién quiénes qué"),
    (French, "quel quelle quels quelles combien comment où quand qui quoi pourquoi"),
    (
        Russian,
        "какой какая какое какие какого каком каким каких сколько где когда кто кого чем почему",
    ),
    (Arabic, "ما ماذا متى أين كيف كم من لماذا هل أي التي الذي"),
    (Turkish, "nedir hangi kaç kimdir nasıl olan olarak olduğu ne zaman tarafından"),
    (Romanian, "care ce cine când unde cum cât câți câte câtă"),
    (Greek, "ποιος ποια ποιο ποιοι ποιες πότε πού πώς πόσο πόσα πόσοι πόσες τι ποιον ποιου"),
];

/// The languages of each stop word, as a bit set.
static STOP_WORDS: LazyLock<HashMap<String, u32>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for language in ALL {
        let more =
            MORE.iter().filter(|(of, _)| *of == language).flat_map(|(_, words)| words.split(' '));
        let listed = language.listed().iter().copied().chain(more);
        // The lists contain phrases and clitics with apostrophes; the tokenizer splits at both.
        let single = listed.flat_map(|entry| entry.split(|c: char| !super::words::is_word(c)));
        for word in single.filter(|word| !word.is_empty()) {
            *words.entry(fold::without_marks(&fold::plain(word))).or_default() |= language.bit();
        }
    }
    words
});

impl Language {
    fn bit(self) -> u32 {
        1 << self as u32
    }

    fn listed(self) -> &'static [&'static str] {
        static OTHER: LazyLock<[Vec<&str>; 2]> =
            LazyLock::new(|| [HINDI, VIETNAMESE].map(|words| words.split_whitespace().collect()));
        stop_words::get(match self {
            Arabic => "ar",
            Danish => "da",
            Dutch => "nl",
            English => "en",
            Finnish => "fi",
            French => "fr",
            German => "de",
            Greek => "el",
            Hungarian => "hu",
            Italian => "it",
            Norwegian => "no",
            Portuguese => "pt",
            Romanian => "ro",
            Russian => "ru",
            Spanish => "es",
            Swedish => "sv",
            Tamil => "ta",
            Turkish => "tr",
            Hindi => return &OTHER[0],
            Vietnamese => return &OTHER[1],
        })
    }

    fn algorithm(self) -> Option<Algorithm> {
        Some(match self {
            Arabic => Algorithm::Arabic,
            Danish => Algorithm::Danish,
            Dutch => Algorithm::Dutch,
            English => Algorithm::English,
            Finnish => Algorithm::Finnish,
            French => Algorithm::French,
            German => Algorithm::German,
            Greek => Algorithm::Greek,
            Hungarian => Algorithm::Hungarian,
            Italian => Algorithm::Italian,
            Norwegian => Algorithm::Norwegian,
            Portuguese => Algorithm::Portuguese,
            Romanian => Algorithm::Romanian,
            Russian => Algorithm::Russian,
            Spanish => Algorithm::Spanish,
            Swedish => Algorithm::Swedish,
            Tamil => Algorithm::Tamil,
            Turkish => Algorithm::Turkish,
            Hindi | Vietnamese => return None,
        })
    }

    fn script(self) -> Script {
        match self {
            Arabic => Script::Arabic,
            Greek => Script::Greek,
            Hindi => Script::Devanagari,
            Russian => Script::Cyrillic,
            Tamil => Script::Tamil,
            _ => Script::Latin,
        }
    }

    /// Returns the minimum number of distinct stop words needed to detect the language. In a script
    /// used by many languages, a single one may be chance.
    fn fewest_voters(self) -> usize {
        if self.script() == Script::Latin { 2 } else { 1 }
    }

    /// Returns the folded stems of a lower-case word, including that of its spelling without
    /// umlauts.
    pub(super) fn stems(self, word: &str) -> impl Iterator<Item = String> {
        let transcribed = fold::transcribed(word).and_then(|word| self.stem(&word));
        self.stem(word).into_iter().chain(transcribed)
    }

    /// Returns `None` if the language has no stemmer or the word is in another script.
    fn stem(self, word: &str) -> Option<String> {
        if word.bytes().any(|byte| byte.is_ascii_digit()) || script(word) != Some(self.script()) {
            return None;
        }
        let stemmer = Stemmer::create(self.algorithm()?);
        let stem = fold::without_marks(&stemmer.stem(word));
        (!stem.is_empty()).then_some(stem)
    }

    /// Returns whether the language joins words into compounds without spaces.
    pub(super) fn joins_words(self) -> bool {
        matches!(self, Danish | Dutch | German | Norwegian | Swedish)
    }

    /// Returns whether stems begin like their words.
    pub(super) fn keeps_beginnings(self) -> bool {
        self != Arabic
    }
}

/// Returns whether a folded word is a stop word of a language.
pub(super) fn is_stop_word(word: &str, language: Language) -> bool {
    STOP_WORDS.get(word).is_some_and(|languages| languages & language.bit() != 0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Devanagari,
    Tamil,
}

fn script_of(c: char) -> Option<Script> {
    Some(match c {
        'a'..='z' | '\u{df}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{620}'..='\u{6ff}' => Script::Arabic,
        '\u{900}'..='\u{97f}' => Script::Devanagari,
        '\u{b80}'..='\u{bff}' => Script::Tamil,
        _ => return None,
    })
}

/// Returns the script of the first character that has one.
fn script(word: &str) -> Option<Script> {
    word.chars().find_map(script_of)
}

/// The number of words, and of characters if words are inconclusive, used to detect the language.
const WORDS_LOOKED_AT: usize = 300;
const CHARACTERS_LOOKED_AT: usize = 300;
/// The ratio by which the leading language must exceed the next one.
const LEAD: f32 = 1.2;
/// The minimum number of letters for detection by letters.
const FEWEST_CHARACTERS: usize = 40;

/// Returns whether a letter belongs to a known script but to none of the languages above.
fn is_foreign(c: char) -> bool {
    matches!(
        c,
        'і' | 'ї'
            | 'є'
            | 'ґ'
            | 'ў'
            | 'ђ'
            | 'ј'
            | 'љ'
            | 'њ'
            | 'ћ'
            | 'џ'
            | 'ѓ'
            | 'ќ'
            | 'ә'
            | 'қ'
            | 'ң'
            | 'ө'
            | 'ұ'
    ) || matches!(c, 'پ' | 'چ' | 'ژ' | 'گ' | 'ٹ' | 'ڈ' | 'ڑ' | 'ے' | 'ھ')
}

/// Detects the language of a text from its lower-case words. Returns `None` if it is uncertain.
///
/// Stop words decide, because nearly every sentence contains some and they differ between
/// languages. Without stop words, letters decide if they are conclusive.
pub(super) fn guess<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Option<Language> {
    let mut votes = [0f32; ALL.len()];
    let mut voters = [0; ALL.len()];
    let (mut letters, mut foreign) = (0, 0);
    for word in words.clone().take(WORDS_LOOKED_AT) {
        letters += 1;
        foreign += usize::from(word.chars().any(is_foreign));
        let Some(languages) = STOP_WORDS.get(&fold::without_marks(word)) else { continue };
        let share = 1.0 / languages.count_ones() as f32;
        for (index, language) in ALL.into_iter().enumerate() {
            if languages & language.bit() != 0 {
                votes[index] += share;
                voters[index] += 1;
            }
        }
    }
    if letters == 0 || foreign * 20 > letters {
        return None;
    }
    let mut ranked: Vec<_> = votes.into_iter().zip(voters).zip(ALL).collect();
    ranked.sort_by(|((one, _), _), ((other, _), _)| other.total_cmp(one));
    if let [((first, voters), language), ((second, _), _), ..] = ranked[..]
        && voters >= language.fewest_voters()
        && first > second * LEAD
    {
        return Some(language);
    }
    by_letters(words)
}

fn by_letters<'a>(words: impl Iterator<Item = &'a str>) -> Option<Language> {
    let mut text = String::new();
    let mut characters = 0;
    for word in words {
        text.push_str(word);
        text.push(' ');
        characters += word.chars().count();
        if characters > CHARACTERS_LOOKED_AT {
            break;
        }
    }
    if characters < FEWEST_CHARACTERS {
        return None;
    }
    let found = whatlang::detect(&text).filter(whatlang::Info::is_reliable)?;
    use whatlang::Lang;
    Some(match found.lang() {
        Lang::Ara => Arabic,
        Lang::Dan => Danish,
        Lang::Nld => Dutch,
        Lang::Eng => English,
        Lang::Fin => Finnish,
        Lang::Fra => French,
        Lang::Deu => German,
        Lang::Ell => Greek,
        Lang::Hin => Hindi,
        Lang::Hun => Hungarian,
        Lang::Ita => Italian,
        Lang::Nob => Norwegian,
        Lang::Por => Portuguese,
        Lang::Ron => Romanian,
        Lang::Rus => Russian,
        Lang::Spa => Spanish,
        Lang::Swe => Swedish,
        Lang::Tam => Tamil,
        Lang::Tur => Turkish,
        Lang::Vie => Vietnamese,
        _ => return None,
    })
}

/// Returns the languages that a word may belong to, judged by its script.
pub(super) fn possible(word: &str) -> impl Iterator<Item = Language> {
    let script = script(word);
    ALL.into_iter().filter(move |language| Some(language.script()) == script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Language> {
        let words: Vec<_> = text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        guess(words.iter().map(String::as_str))
    }

    #[test]
    fn sentences_and_questions_reveal_their_language() {
        for (text, language) in [
            ("Where is the office", English),
            ("Wo ist die Filiale", German),
            ("Où se trouve la filiale", French),
            ("Dónde está la oficina de ventas", Spanish),
            ("Dove si trova la filiale", Italian),
            ("Waar is het kantoor van de directeur", Dutch),
            ("Var ligger kontoret och vem är chef", Swedish),
            ("Где находится офис", Russian),
            ("أين يقع المكتب", Arabic),
            ("Ofis nerede ve kim yönetiyor", Turkish),
            ("Πού βρίσκεται το γραφείο", Greek),
            ("कार्यालय कहाँ है", Hindi),
            ("Văn phòng của công ty ở đâu và ai là giám đốc", Vietnamese),
            ("Unde este biroul și cine îl conduce", Romanian),
        ] {
            assert_eq!(of(text), Some(language), "{text}");
        }
    }

    #[test]
    fn inconclusive_text_has_no_language() {
        for text in [
            "",
            "EL-2648 0x1f",
            "😀 😀",
            "де знаходиться офіс і хто ним керує",
            "دفتر کجاست و چه کسی",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn words_of_another_script_and_codes_have_no_stem() {
        assert_eq!(English.stem("running").as_deref(), Some("run"));
        assert_eq!(Russian.stem("running"), None);
        assert_eq!(English.stem("e0277s"), None);
        assert_eq!(Vietnamese.stem("những"), None);
    }

    #[test]
    fn stemmers_accept_any_word() {
        let letters: Vec<char> = "aeioußäéñışğاالوهي\u{64b}ёйύςகா\u{bcd}'’-y".chars().collect();
        let mut state = 7u32;
        for _ in 0..20_000 {
            let mut word = String::new();
            for _ in 0..state % 12 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                word.push(letters[(state >> 16) as usize % letters.len()]);
            }
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            for language in possible(&word) {
                language.stem(&word);
            }
        }
    }
}
