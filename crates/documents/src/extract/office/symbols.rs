//! Maps characters of symbol fonts, which show other characters than the stored letters.

/// The private-use range in which symbol fonts encode their characters.
const PRIVATE: std::ops::RangeInclusive<u32> = 0xf020..=0xf0ff;

/// Returns the character that `code` shows in `font`, if it is known.
pub fn in_font(font: &str, code: u32) -> Option<char> {
    let font = font.to_lowercase();
    let is_symbolic =
        font.contains("wingding") || font.contains("symbol") || font.contains("webding");
    let place = match code {
        code if PRIVATE.contains(&code) => code - 0xf000,
        code if is_symbolic && code < 0x100 => code,
        code => return char::from_u32(code).filter(|c| !c.is_control()),
    };
    let is_greek = font == "symbol" || font.contains("symbolmt") || font.contains("symbol mt");
    let is_dingbats = !is_greek && !font.contains("webding") && !font.contains(['2', '3']);
    let table: &[(u32, char)] = match () {
        () if font.contains("wingdings 2") || font.contains("wingdings2") => &WINGDINGS_2,
        () if font.contains("wingdings 3") || font.contains("wingdings3") => &WINGDINGS_3,
        () if is_greek => &SYMBOL,
        () if font.contains("webding") => &WEBDINGS,
        () => &WINGDINGS,
    };
    let found = table.iter().find(|(known, _)| *known == place).map(|(_, c)| *c);
    let digits = |first: u32, zero: char, one: u32| match place.checked_sub(first) {
        Some(0) => Some(zero),
        Some(number) if number <= 10 => char::from_u32(one + number - 1),
        _ => None,
    };
    match found {
        None if is_dingbats => digits(0x80, '⓪', 0x2460).or_else(|| digits(0x8b, '⓿', 0x2776)),
        None if is_greek && place < 0x7f => {
            char::from_u32(place).filter(|c| !c.is_ascii_alphabetic())
        }
        found => found,
    }
}

const WINGDINGS: [(u32, char); 57] = [
    (0x20, ' '),
    (0x21, '✏'),
    (0x22, '✂'),
    (0x28, '☎'),
    (0x29, '✆'),
    (0x2a, '✉'),
    (0x36, '⌛'),
    (0x3e, '✇'),
    (0x3f, '✍'),
    (0x41, '✌'),
    (0x45, '☜'),
    (0x46, '☞'),
    (0x47, '☝'),
    (0x48, '☟'),
    (0x4a, '☺'),
    (0x4c, '☹'),
    (0x4f, '⚐'),
    (0x52, '☼'),
    (0x56, '✞'),
    (0x59, '✡'),
    (0x5a, '☪'),
    (0x6c, '●'),
    (0x6d, '❍'),
    (0x6e, '■'),
    (0x6f, '☐'),
    (0x71, '❑'),
    (0x72, '❒'),
    (0x73, '⬧'),
    (0x74, '⧫'),
    (0x75, '◆'),
    (0x76, '❖'),
    (0x77, '⬥'),
    (0x78, '☒'),
    (0x9f, '•'),
    (0xa0, '▪'),
    (0xa1, '○'),
    (0xa4, '◉'),
    (0xa7, '▪'),
    (0xa8, '☐'),
    (0xaa, '✦'),
    (0xab, '★'),
    (0xb2, '✧'),
    (0xd8, '➢'),
    (0xdb, '⮊'),
    (0xdc, '➲'),
    (0xdf, '←'),
    (0xe0, '→'),
    (0xe1, '↑'),
    (0xe2, '↓'),
    (0xe7, '🡄'),
    (0xe8, '➔'),
    (0xe9, '⇧'),
    (0xf0, '⇨'),
    (0xfb, '✗'),
    (0xfc, '✓'),
    (0xfd, '☒'),
    (0xfe, '☑'),
];
const WINGDINGS_2: [(u32, char); 12] = [
    (0x4f, '✗'),
    (0x50, '✓'),
    (0x51, '☒'),
    (0x52, '☑'),
    (0x53, '☒'),
    (0x54, '☒'),
    (0x2a, '☐'),
    (0x98, '●'),
    (0xa2, '■'),
    (0xa3, '☐'),
    (0x99, '◦'),
    (0x97, '•'),
];
const WINGDINGS_3: [(u32, char); 8] = [
    (0x66, '←'),
    (0x67, '→'),
    (0x68, '↑'),
    (0x69, '↓'),
    (0x7d, '▶'),
    (0x7c, '◀'),
    (0x70, '▲'),
    (0x71, '▼'),
];
const WEBDINGS: [(u32, char); 5] =
    [(0x61, '✓'), (0x72, '✗'), (0x63, '☐'), (0x6e, '●'), (0x67, '■')];
const SYMBOL: [(u32, char); 93] = [
    (0x22, '∀'),
    (0x24, '∃'),
    (0x27, '∋'),
    (0x2a, '∗'),
    (0x2d, '−'),
    (0x40, '≅'),
    (0x41, 'Α'),
    (0x42, 'Β'),
    (0x43, 'Χ'),
    (0x44, 'Δ'),
    (0x45, 'Ε'),
    (0x46, 'Φ'),
    (0x47, 'Γ'),
    (0x48, 'Η'),
    (0x49, 'Ι'),
    (0x4a, 'ϑ'),
    (0x4b, 'Κ'),
    (0x4c, 'Λ'),
    (0x4d, 'Μ'),
    (0x4e, 'Ν'),
    (0x4f, 'Ο'),
    (0x50, 'Π'),
    (0x51, 'Θ'),
    (0x52, 'Ρ'),
    (0x53, 'Σ'),
    (0x54, 'Τ'),
    (0x55, 'Υ'),
    (0x56, 'ς'),
    (0x57, 'Ω'),
    (0x58, 'Ξ'),
    (0x59, 'Ψ'),
    (0x5a, 'Ζ'),
    (0x5c, '∴'),
    (0x5e, '⊥'),
    (0x61, 'α'),
    (0x62, 'β'),
    (0x63, 'χ'),
    (0x64, 'δ'),
    (0x65, 'ε'),
    (0x66, 'φ'),
    (0x67, 'γ'),
    (0x68, 'η'),
    (0x69, 'ι'),
    (0x6a, 'ϕ'),
    (0x6b, 'κ'),
    (0x6c, 'λ'),
    (0x6d, 'μ'),
    (0x6e, 'ν'),
    (0x6f, 'ο'),
    (0x70, 'π'),
    (0x71, 'θ'),
    (0x72, 'ρ'),
    (0x73, 'σ'),
    (0x74, 'τ'),
    (0x75, 'υ'),
    (0x76, 'ϖ'),
    (0x77, 'ω'),
    (0x78, 'ξ'),
    (0x79, 'ψ'),
    (0x7a, 'ζ'),
    (0xa0, '€'),
    (0xa2, '′'),
    (0xa3, '≤'),
    (0xa5, '∞'),
    (0xab, '↔'),
    (0xac, '←'),
    (0xad, '↑'),
    (0xae, '→'),
    (0xaf, '↓'),
    (0xb0, '°'),
    (0xb1, '±'),
    (0xb2, '″'),
    (0xb3, '≥'),
    (0xb4, '×'),
    (0xb5, '∝'),
    (0xb6, '∂'),
    (0xb7, '•'),
    (0xb8, '÷'),
    (0xb9, '≠'),
    (0xba, '≡'),
    (0xbb, '≈'),
    (0xbc, '…'),
    (0xc5, '⊕'),
    (0xc6, '∅'),
    (0xc7, '∩'),
    (0xc8, '∪'),
    (0xcc, '⊂'),
    (0xce, '∈'),
    (0xcf, '∉'),
    (0xd5, '∏'),
    (0xd6, '√'),
    (0xe5, '∑'),
    (0xf2, '∫'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_mapped_to_the_characters_of_their_font() {
        assert_eq!(in_font("Wingdings", 0xf0fe), Some('☑'));
        assert_eq!(in_font("Wingdings", 0xa8), Some('☐'));
        assert_eq!(in_font("Wingdings", 0xf082), Some('②'));
        assert_eq!(in_font("Wingdings 2", 0xf052), Some('☑'));
        assert_eq!(in_font("Symbol", 0xf06d), Some('μ'));
        assert_eq!(in_font("MS Gothic", 0x2612), Some('☒'));
    }
}
