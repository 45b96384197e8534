//! The metadata of a file.
use hayro_syntax::Pdf;
use hayro_syntax::object::{Dict, Stream};

use crate::extract::dublin_core::DublinCore;

/// Returns the catalog, the root of all objects.
pub fn catalog(pdf: &Pdf) -> Dict<'_> {
    pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()).unwrap_or_default()
}

/// The largest XMP packet, in bytes.
const LARGEST_PACKET: usize = 1 << 20;

/// Author and title of a file.
pub struct Info {
    /// The author, or the program that created the file.
    pub author: Option<String>,
    pub title: Option<String>,
}

/// Reads the file's dictionary, and its XMP packet for missing values.
pub fn of(pdf: &Pdf) -> Info {
    let (metadata, packet) = (pdf.metadata(), packet(pdf));
    let author = line(metadata.author.as_deref()).or_else(|| packet.author());
    Info {
        author: author.or_else(|| line(metadata.creator.as_deref())),
        title: line(metadata.title.as_deref()).or_else(|| packet.title()),
    }
}

fn packet(pdf: &Pdf) -> DublinCore {
    let stream = catalog(pdf).get::<Stream<'_>>("Metadata");
    let packet = stream.and_then(|stream| Some(stream.decoded().ok()?.into_owned()));
    let packet = packet.filter(|packet| packet.len() <= LARGEST_PACKET);
    packet.map(|packet| DublinCore::of_packet(&packet)).unwrap_or_default()
}

fn line(bytes: Option<&[u8]>) -> Option<String> {
    let text = text_string(bytes?);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// Decodes a text string: UTF-16 or UTF-8 if it has a byte order mark, otherwise PDFDocEncoding.
pub fn text_string(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => {
            encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned()
        }
        None => bytes.iter().map(|byte| standard(*byte)).collect(),
    }
}

/// Decodes PDFDocEncoding: Latin-1 with typographic characters in place of controls.
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
