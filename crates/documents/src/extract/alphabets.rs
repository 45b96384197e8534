//! Texts in alphabets whose encodings the detector does not know or often misses.
use encoding_rs::{Encoding, WINDOWS_874, WINDOWS_1255};

/// Characters beyond ASCII that a text must have for its alphabet to be certain.
const FEWEST: i64 = 8;
/// How many of a thousand letters of Russian text are each of these, and roughly so for the letters
/// of other languages.
const CYRILLIC: &str = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґјљњћђџўѓќѕ";
const SHARES: [i64; 47] = [
    109, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17, 16, 16, 14, 12,
    10, 9, 7, 6, 5, 4, 3, 3, 5, 1, 20, 6, 6, 1, 20, 5, 5, 5, 3, 2, 3, 1, 1, 1,
];
/// The least average of these shares in a text, and how much more than in its other reading.
const LEAST_SHARE: i64 = 42;
const AHEAD: (i64, i64) = (6, 5);
/// Taken away for what no text in the alphabet has.
const MISTAKE: i64 = -150;

/// Whether `text` is Cyrillic, and more likely than `guess`, another reading of the same bytes.
pub fn is_cyrillic(text: &str, guess: &str) -> bool {
    let (score, letters) = cyrillic_score(text);
    letters >= FEWEST
        && score >= letters * LEAST_SHARE
        && score * AHEAD.1 > cyrillic_score(guess).0 * AHEAD.0
}

/// How usual the Cyrillic letters of a text are in sum, and the characters beyond ASCII.
fn cyrillic_score(text: &str) -> (i64, i64) {
    let (mut score, mut count, mut before) = (0, 0, ' ');
    for c in text.chars() {
        let is_cyrillic = ('\u{400}'..='\u{45f}').contains(&c) || c == 'ґ' || c == 'Ґ';
        if is_cyrillic {
            count += 1;
            // Letters of two alphabets stand side by side only by chance, and so do capitals
            // behind small letters.
            let is_mistake =
                before.is_ascii_alphabetic() || (c.is_uppercase() && before.is_lowercase());
            let small = c.to_lowercase().next().unwrap_or(c);
            let at = CYRILLIC.chars().position(|letter| letter == small);
            score += if is_mistake { MISTAKE } else { at.map_or(0, |at| SHARES[at]) };
        } else if !c.is_ascii() {
            count += 1;
            score += if before.is_alphabetic() { MISTAKE } else { 0 };
        } else if c.is_ascii_alphabetic() && !before.is_ascii() && before.is_alphabetic() {
            score += MISTAKE;
        }
        before = c;
    }
    (score, count)
}

/// The encoding of a text, however short, if its letters stand as only Thai or Hebrew has them.
pub fn by_rules_of_script(bytes: &[u8]) -> Option<&'static Encoding> {
    if is_thai(bytes) {
        return Some(WINDOWS_874);
    }
    is_hebrew(bytes).then_some(WINDOWS_1255)
}

/// Whether it is Hebrew in windows-1255, of which ISO-8859-8 is a part: five letters have forms that
/// stand at the end of a word and nowhere else.
fn is_hebrew(bytes: &[u8]) -> bool {
    let is_letter = |byte: &u8| (0xe0..=0xfa).contains(byte);
    let (mut letters, mut finals, mut before) = (0, 0, b' ');
    for (byte, next) in bytes.iter().zip(bytes.iter().skip(1).chain(b" ")) {
        let is_final = matches!(byte, 0xea | 0xed | 0xef | 0xf3 | 0xf5);
        let is_mixed = before.is_ascii_alphabetic() || next.is_ascii_alphabetic();
        if is_letter(byte) {
            letters += 1;
            finals += i64::from(is_final);
        }
        if !byte.is_ascii() && (!is_letter(byte) || is_mixed || (is_final && is_letter(next))) {
            return false;
        }
        before = *byte;
    }
    letters >= FEWEST && finals * 30 >= letters
}

/// Whether it is Thai in windows-874, of which TIS-620 is a part: marks stand behind consonants, and
/// vowels that are written first before them.
fn is_thai(bytes: &[u8]) -> bool {
    let (text, has_errors) = WINDOWS_874.decode_without_bom_handling(bytes);
    if has_errors {
        return false;
    }
    let (mut letters, mut marks, mut before) = (0, 0, ' ');
    for c in text.chars() {
        let is_mark = matches!(c, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}');
        let is_thai = ('\u{e01}'..='\u{e5b}').contains(&c);
        let is_behind_first_vowel = ('เ'..='ไ').contains(&before);
        let is_possible = match c {
            _ if is_mark => is_thai_letter(before),
            'ก'..='ฮ' => !before.is_ascii_alphabetic(),
            _ if is_behind_first_vowel => false,
            _ => !(is_thai && before.is_ascii_alphabetic()),
        };
        if !is_possible || ('\u{80}'..='\u{9f}').contains(&c) {
            return false;
        }
        letters += i64::from(is_thai);
        marks += i64::from(is_mark);
        before = c;
    }
    letters >= FEWEST && marks * 6 >= letters
}

/// What a mark can stand behind: a consonant or another mark.
fn is_thai_letter(c: char) -> bool {
    matches!(c, 'ก'..='ฮ' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

#[cfg(test)]
mod tests {
    use encoding_rs::X_MAC_CYRILLIC;
    use oem_cp::code_table::DECODING_TABLE_CP855;

    use super::*;
    use crate::extract::encoding::by_table;

    /// The bytes of a text, by a table of 128 characters.
    fn in_table(text: &str, table: &[char; 128]) -> Vec<u8> {
        let byte = |c: char| match c.is_ascii() {
            true => c as u8,
            false => 128 + table.iter().position(|other| *other == c).unwrap() as u8,
        };
        text.chars().map(byte).collect()
    }

    #[test]
    fn cyrillic_text_is_recognized_beside_its_other_readings() {
        let text = "Договор аренды заключён на три года. The text in English is not binding.";
        let bytes = in_table(text, &DECODING_TABLE_CP855);
        let read = by_table(&bytes, &DECODING_TABLE_CP855);
        assert_eq!(read, text);
        for guess in ["", "ҐАЖАЦАа", &encoding_rs::WINDOWS_1251.decode(&bytes).0] {
            assert!(is_cyrillic(text, guess), "{guess}");
        }
        // The same in encodings that the detector knows, and text in Latin letters.
        for encoding in [encoding_rs::WINDOWS_1251, encoding_rs::KOI8_R, encoding_rs::IBM866] {
            let (bytes, ..) = encoding.encode(text);
            for other in [by_table(&bytes, &DECODING_TABLE_CP855), in_mac(&bytes)] {
                assert!(!is_cyrillic(&other, text), "{}", encoding.name());
            }
        }
        let (french, ..) = encoding_rs::WINDOWS_1252.encode("Été à la forêt, où règnent les fées.");
        for other in [by_table(&french, &DECODING_TABLE_CP855), in_mac(&french)] {
            assert!(!is_cyrillic(&other, ""), "{other}");
        }
    }

    fn in_mac(bytes: &[u8]) -> String {
        X_MAC_CYRILLIC.decode_without_bom_handling(bytes).0.into_owned()
    }

    #[test]
    fn a_few_words_of_thai_and_hebrew_are_recognized() {
        for (encoding, text) in [
            (WINDOWS_874, "รหัสสำหรับอักขระไทยที่ใช้กับคอมพิวเตอร์"),
            (WINDOWS_1255, "שלום לכולם, זה מבחן (test) של הקידוד"),
        ] {
            let (bytes, ..) = encoding.encode(text);
            assert_eq!(by_rules_of_script(&bytes), Some(encoding));
        }
        for (encoding, other) in [
            (encoding_rs::WINDOWS_1251, "Договор аренды заключён на три года."),
            (encoding_rs::WINDOWS_1253, "Η σύμβαση ισχύει για τρία χρόνια."),
            (encoding_rs::WINDOWS_1252, "Le visa dépend à la fois de la durée du séjour envisagé."),
            (encoding_rs::EUC_JP, "ログイン"),
            (encoding_rs::GBK, "租赁合同的期限为三年。"),
        ] {
            assert_eq!(by_rules_of_script(&encoding.encode(other).0), None, "{other}");
        }
    }
}
