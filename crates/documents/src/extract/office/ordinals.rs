//! Formats numbers as in lists: `3`, `iii`, `c`, `③`.

const ROMAN: [(u32, &str); 13] = [
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
];
const CHINESE: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
const RUSSIAN: &str = "абвгдежзиклмнопрстуфхцчшщыэюя";
const HEBREW: [(u32, char); 22] = [
    (400, 'ת'),
    (300, 'ש'),
    (200, 'ר'),
    (100, 'ק'),
    (90, 'צ'),
    (80, 'פ'),
    (70, 'ע'),
    (60, 'ס'),
    (50, 'נ'),
    (40, 'מ'),
    (30, 'ל'),
    (20, 'כ'),
    (10, 'י'),
    (9, 'ט'),
    (8, 'ח'),
    (7, 'ז'),
    (6, 'ו'),
    (5, 'ה'),
    (4, 'ד'),
    (3, 'ג'),
    (2, 'ב'),
    (1, 'א'),
];

/// Formats `number` in a format of WordprocessingML (`w:numFmt`); in digits if the format is
/// unknown.
pub fn write(number: u32, format: &str) -> String {
    match format {
        "none" => String::new(),
        "decimalZero" => format!("{number:02}"),
        "lowerLetter" => letters(number, "abcdefghijklmnopqrstuvwxyz"),
        "upperLetter" => letters(number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        "lowerRoman" => roman(number),
        "upperRoman" => roman(number).to_uppercase(),
        "russianLower" => letters(number, RUSSIAN),
        "russianUpper" => letters(number, RUSSIAN).to_uppercase(),
        "ordinal" => ordinal(number),
        "cardinalText" => words(number),
        "ordinalText" => ordinal_words(number),
        "decimalEnclosedCircle" | "decimalEnclosedCircleChinese" => {
            let circled = (1..=20).contains(&number).then(|| char::from_u32(0x245f + number));
            circled.flatten().map_or_else(|| number.to_string(), String::from)
        }
        "chineseCounting"
        | "chineseCountingThousand"
        | "ideographDigital"
        | "japaneseCounting"
        | "taiwaneseCounting"
        | "taiwaneseCountingThousand"
        | "japaneseDigitalTenThousand" => chinese(number),
        "hebrew1" => hebrew(number),
        "decimalFullWidth" => {
            let wide = |digit: char| char::from_u32(u32::from(digit) + 0xfee0);
            number.to_string().chars().filter_map(wide).collect()
        }
        _ => number.to_string(),
    }
}

/// Counts `a` to `z`, then `aa`, `bb`: letters repeat, as in word processors.
fn letters(number: u32, alphabet: &str) -> String {
    let count = u32::try_from(alphabet.chars().count()).unwrap_or(1);
    let Some(at) = number.checked_sub(1) else { return String::new() };
    let letter = alphabet.chars().nth((at % count) as usize).unwrap_or_default();
    std::iter::repeat_n(letter, (at / count + 1).min(30) as usize).collect()
}

fn roman(mut number: u32) -> String {
    let mut text = String::new();
    if number > 32_767 {
        return number.to_string();
    }
    for (value, sign) in ROMAN {
        while number >= value {
            text.push_str(sign);
            number -= value;
        }
    }
    text
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

const SMALL: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];
const TENS: [&str; 10] =
    ["", "", "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"];

fn words(number: u32) -> String {
    match (number, number % 10) {
        (0..=19, _) => SMALL[number as usize].to_owned(),
        (20..=99, 0) => TENS[number as usize / 10].to_owned(),
        (20..=99, ones) => {
            format!("{}-{}", TENS[number as usize / 10], SMALL[ones as usize].to_lowercase())
        }
        _ => number.to_string(),
    }
}

fn ordinal_words(number: u32) -> String {
    let first = [
        "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth",
        "Tenth", "Eleventh", "Twelfth",
    ];
    match number.checked_sub(1).and_then(|at| first.get(at as usize)) {
        Some(word) => (*word).to_owned(),
        None => ordinal(number),
    }
}

fn chinese(number: u32) -> String {
    let digit = |number: u32| CHINESE[(number % 10) as usize];
    match number {
        0..=9 => digit(number).to_string(),
        10..=99 => {
            let mut text = String::new();
            if number >= 20 {
                text.push(digit(number / 10));
            }
            text.push('十');
            if !number.is_multiple_of(10) {
                text.push(digit(number));
            }
            text
        }
        _ => number.to_string(),
    }
}

fn hebrew(mut number: u32) -> String {
    if number > 999 {
        return number.to_string();
    }
    let mut text = String::new();
    for (value, letter) in HEBREW {
        // 15 and 16 are written as 9 + 6 and 9 + 7.
        if matches!(number, 15 | 16) && value == 10 {
            continue;
        }
        while number >= value {
            text.push(letter);
            number -= value;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_every_format() {
        for (number, format, expected) in [
            (3, "decimal", "3"),
            (3, "decimalZero", "03"),
            (28, "lowerLetter", "bb"),
            (4, "upperRoman", "IV"),
            (1994, "lowerRoman", "mcmxciv"),
            (22, "ordinal", "22nd"),
            (21, "cardinalText", "Twenty-one"),
            (3, "ordinalText", "Third"),
            (3, "decimalEnclosedCircle", "③"),
            (21, "chineseCounting", "二十一"),
            (15, "hebrew1", "טו"),
            (7, "none", ""),
            (7, "unheard-of", "7"),
        ] {
            assert_eq!(write(number, format), expected, "{format}");
        }
    }
}
