//! PDF files.
use carrel_domain::document::Extracted;
use pdf_oxide::PdfDocument;
use pdf_oxide::object::Object;

use super::Input;
use super::fault::Fault;

const WHAT: &str = "a PDF file";
/// With fewer characters than this on a page, in the mean, another reader is asked as well: the
/// first passes over text that lies outside of the page.
const FEW: usize = 16;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let bytes = input.bytes()?;
    if !bytes.iter().take(1_024).any(|byte| *byte == b'%') {
        return Err(Fault::damaged(WHAT));
    }
    let opened = PdfDocument::from_bytes(bytes.clone());
    if let Ok(document) = &opened
        && !document.is_authenticated()
    {
        return Err(Fault::protected());
    }
    let pages = opened.as_ref().ok().and_then(|document| document.page_count().ok());
    // What a file says about their number is not believed: each page is an object.
    let objects = opened.as_ref().map_or(0, |document| document.all_object_ids().len());
    let pages = pages.unwrap_or(0).min(objects);
    let mut text = match &opened {
        Ok(document) => text(document, pages, input.limits.text)?,
        Err(_) => String::new(),
    };
    if text.trim().len() < FEW * pages.max(1) {
        match by_another(&bytes, input.limits.text) {
            Ok(other) if other.trim().len() > 2 * text.trim().len() => text = other,
            Ok(_) => {}
            Err(fault) if opened.is_err() => return Err(fault),
            Err(_) => {}
        }
    }
    if text.trim().is_empty() {
        return Err(Fault::Empty(Some(
            "If its pages are images: reading text in images (OCR) is not configured on this \
             server."
                .to_owned(),
        )));
    }
    let said = |key| opened.as_ref().ok().and_then(|document| information(document, key));
    let author = said("Author").or_else(|| said("Creator"));
    Ok(vec![Extracted {
        part: None,
        title: None,
        author: author.unwrap_or_else(|| "no author found".to_owned()),
        description: said("Title").unwrap_or_else(|| "No description found.".to_owned()),
        source: "pdf file uploaded by the user.".to_owned(),
        text,
    }])
}

fn text(document: &PdfDocument, pages: usize, limit: u64) -> Result<String, Fault> {
    let mut text = String::new();
    for page in 0..pages {
        // A page that cannot be read does not keep the others out.
        let Ok(more) = document.extract_text(page) else { continue };
        append(&mut text, &more);
        if text.len() as u64 > limit {
            return Err(Fault::TextTooLarge);
        }
    }
    Ok(text)
}

/// What `lopdf` makes of the file.
fn by_another(bytes: &[u8], limit: u64) -> Result<String, Fault> {
    let document = match lopdf::Document::load_mem(bytes) {
        Ok(document) => document,
        Err(lopdf::Error::InvalidPassword) => return Err(Fault::protected()),
        Err(_) => return Err(Fault::damaged(WHAT)),
    };
    if document.is_encrypted() {
        return Err(Fault::protected());
    }
    let mut text = String::new();
    for page in document.get_pages().into_keys() {
        let Ok(more) = document.extract_text(&[page]) else { continue };
        append(&mut text, &more);
        if text.len() as u64 > limit {
            return Err(Fault::TextTooLarge);
        }
    }
    Ok(text)
}

fn append(text: &mut String, page: &str) {
    let page = page.trim();
    if !text.is_empty() && !page.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(page);
}

/// What the file says of itself under `key`.
fn information(document: &PdfDocument, key: &str) -> Option<String> {
    let follow = |object: &Object| document.resolve_object(object).ok();
    let information = follow(document.trailer().as_dict()?.get("Info")?)?;
    let value = follow(information.as_dict()?.get(key)?)?;
    let text = decoded(value.as_string()?);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// A text in UTF-16 or UTF-8 when it begins with their marks, else byte by byte.
fn decoded(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => {
            encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned()
        }
        None => encoding_rs::mem::decode_latin1(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_of_itself_is_in_one_of_three_encodings() {
        assert_eq!(decoded(b"caf\xe9"), "café");
        assert_eq!(decoded(b"\xfe\xff\x65\xe5\x67\x2c"), "日本");
        assert_eq!(decoded(b"\xef\xbb\xbf\xe6\x97\xa5"), "日");
    }
}
