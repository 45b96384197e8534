//! Johab, the Korean encoding of DOS whose units name the letters of a syllable.
use encoding_rs::EUC_KR;

/// Syllables that a text must have for its encoding to be certain.
const FEWEST_SYLLABLES: usize = 8;
const FIRST_SYLLABLE: u32 = 0xac00;
/// The letters alone: initial consonants, vowels, and final consonants, by their position.
const INITIALS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const FIRST_VOWEL: u32 = 0x314f;
const FINALS: &str = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";

/// The text of `bytes` if they are Johab: all of them have a meaning there, and the syllables are
/// those that Korean uses. Of the syllables that chance makes, four of five are never written.
pub fn decoded(bytes: &[u8]) -> Option<String> {
    let text = decode(bytes)?;
    let not_ascii = text.chars().filter(|c| !c.is_ascii()).count();
    let (mut syllables, mut usual) = (0, 0);
    for c in text.chars().filter(|c| ('가'..='힣').contains(c)) {
        syllables += 1;
        usual += usize::from(is_usual(c));
    }
    let is_korean = syllables >= FEWEST_SYLLABLES
        && usual * 100 >= syllables * 95
        && syllables * 2 >= not_ascii;
    is_korean.then_some(text)
}

/// Whether it is one of the 2,350 syllables of the national standard, which EUC-KR has in its first
/// version: both bytes are above 0xA0.
fn is_usual(syllable: char) -> bool {
    let mut buffer = [0; 4];
    let (bytes, ..) = EUC_KR.encode(syllable.encode_utf8(&mut buffer));
    matches!(&*bytes, [0xa1..=0xff, 0xa1..=0xff])
}

fn decode(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len() * 2);
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        if first.is_ascii() {
            text.push(char::from(*first));
            rest = tail;
            continue;
        }
        let (second, others) = tail.split_first()?;
        text.push(character(*first, *second)?);
        rest = others;
    }
    Some(text)
}

fn character(first: u8, second: u8) -> Option<char> {
    match first {
        0x84..=0xd3 => syllable(u16::from_be_bytes([first, second])),
        0xd9..=0xde | 0xe0..=0xf9 => symbol(first, second),
        _ => None,
    }
}

/// Five bits each for the initial consonant, the vowel and the final consonant; one value of each
/// means that there is none.
fn syllable(unit: u16) -> Option<char> {
    let part = |shift: u16| u32::from(unit >> shift & 0x1f);
    let initial = match part(10) {
        1 => None,
        code @ 2..=20 => Some(code - 2),
        _ => return None,
    };
    let vowel = match part(5) {
        2 => None,
        code @ 3..=7 => Some(code - 3),
        code @ 10..=15 => Some(code - 5),
        code @ 18..=23 => Some(code - 7),
        code @ 26..=29 => Some(code - 9),
        _ => return None,
    };
    let last = match part(0) {
        1 => None,
        code @ 2..=17 => Some(code - 1),
        code @ 19..=29 => Some(code - 2),
        _ => return None,
    };
    match (initial, vowel, last) {
        (Some(initial), Some(vowel), last) => {
            char::from_u32(FIRST_SYLLABLE + (initial * 21 + vowel) * 28 + last.unwrap_or(0))
        }
        (Some(initial), None, None) => INITIALS.chars().nth(initial as usize),
        (None, Some(vowel), None) => char::from_u32(FIRST_VOWEL + vowel),
        (None, None, Some(last)) => FINALS.chars().nth(last as usize - 1),
        _ => None,
    }
}

/// Symbols and Chinese characters, two rows of the national standard for each first byte.
fn symbol(first: u8, second: u8) -> Option<char> {
    let row = match first {
        0xe0.. => 2 * (first - 0xe0) + 0x29,
        _ => 2 * (first - 0xd9),
    };
    let column = match second {
        0x31..=0x7e => second - 0x31,
        0x91..=0xfe => second - 0x43,
        _ => return None,
    };
    let (row, column) = (row + column / 0x5e, column % 0x5e);
    let standard = [row + 0xa1, column + 0xa1];
    let (text, has_errors) = EUC_KR.decode_without_bom_handling(&standard);
    text.chars().next().filter(|_| !has_errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `"한글은 조합형으로도 쓴다.".encode("johab")` in Python.
    const KOREAN: &[u8] = b"\xd0\x65\x8b\x69\xb7\x65 \xb9\xa1\xd0\x73\xd1\x77\xb7\x61\x9d\xa1\x95\xa1 \xb3\x65\x94\x61.";

    #[test]
    fn korean_text_is_recognized_by_its_syllables() {
        assert_eq!(decoded(KOREAN).as_deref(), Some("한글은 조합형으로도 쓴다."));
        assert_eq!(decoded(b"plain"), None);
        let (other, ..) = EUC_KR.encode("한글은 완성형으로도 쓴다, 그리고 그것이 보통이다.");
        assert_eq!(decoded(&other), None);
        let (chinese, ..) = encoding_rs::BIG5.encode("這是一份以繁體中文寫成的文件，請仔細閱讀。");
        assert_eq!(decoded(&chinese), None);
    }

    #[test]
    fn letters_alone_and_chinese_characters_have_their_places() {
        assert_eq!(decode(b"\x88\x41\x84\x61\x84\x42\xf7\xd3").as_deref(), Some("ㄱㅏㄱ漢"));
        assert_eq!(decode(b"\x88"), None);
        for first in 0x80..=0xff {
            for second in 0..=0xff {
                character(first, second);
            }
        }
    }
}
