//! What a file says about itself.
use hayro_syntax::Pdf;
use hayro_syntax::object::Dict;

/// The catalog, from which everything else is reached.
pub fn catalog(pdf: &Pdf) -> Dict<'_> {
    pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()).unwrap_or_default()
}

/// The author, or the program that made the file.
pub fn author(pdf: &Pdf) -> Option<String> {
    let told = pdf.metadata();
    line(told.author.as_deref()).or_else(|| line(told.creator.as_deref()))
}

pub fn title(pdf: &Pdf) -> Option<String> {
    line(pdf.metadata().title.as_deref())
}

fn line(told: Option<&[u8]>) -> Option<String> {
    let text = text_string(told?);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// A text in UTF-16 or UTF-8 when it begins with their marks, else in the encoding of PDF.
pub fn text_string(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => {
            encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned()
        }
        None => bytes.iter().map(|byte| standard(*byte)).collect(),
    }
}

/// PDFDocEncoding: Latin-1 with typographic characters where that has controls.
fn standard(byte: u8) -> char {
    const ACCENTS: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
    const TYPOGRAPHIC: [char; 31] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚',
        '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž',
    ];
    match byte {
        0x18..=0x1f => ACCENTS[usize::from(byte - 0x18)],
        0x80..=0x9e => TYPOGRAPHIC[usize::from(byte - 0x80)],
        0xa0 => '€',
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_strings_are_in_one_of_three_encodings() {
        assert_eq!(text_string(b"caf\xe9 \x84 \xa0"), "café — €");
        assert_eq!(text_string(b"\xfe\xff\x65\xe5\x67\x2c"), "日本");
        assert_eq!(text_string(b"\xef\xbb\xbf\xe6\x97\xa5"), "日");
    }
}
