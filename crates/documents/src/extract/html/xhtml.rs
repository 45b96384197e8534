//! Converts XHTML, in which every element may close itself, to HTML.
use super::walk::is_void;

/// Bytes of a file that may declare that it is XHTML.
const TOLD_WITHIN: usize = 2_048;

/// Whether a page is written as XML.
pub fn is_xhtml(page: &str) -> bool {
    let start = &page[..page.floor_char_boundary(TOLD_WITHIN)];
    start.trim_start_matches('\u{feff}').trim_start().starts_with("<?xml")
        || start.contains("http://www.w3.org/1999/xhtml")
}

/// Adds an end tag for each self-closed element and turns CDATA sections into text.
pub fn expanded(page: &str) -> String {
    let mut out = String::with_capacity(page.len() + page.len() / 16);
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if rest.starts_with("<!--") {
            rest.find("-->").map_or(rest.len(), |end| end + 3)
        } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            push_escaped(&mut out, &data[..end]);
            rest = data.get(end + 3..).unwrap_or_default();
            continue;
        } else if rest.starts_with("<?") {
            // HTML would end it at the first `>`.
            let end = rest.find("?>").map_or(rest.len(), |end| end + 2);
            rest = &rest[end..];
            continue;
        } else {
            tag_length(rest)
        };
        let tag = &rest[..length];
        rest = &rest[length..];
        match closed_by_itself(tag) {
            Some((opening, name)) if !is_void(name.to_ascii_lowercase().as_bytes()) => {
                out.push_str(opening);
                out.push_str("></");
                out.push_str(name);
                out.push('>');
            }
            _ => out.push_str(tag),
        }
    }
    out.push_str(rest);
    out
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
}

/// Returns the length of the tag at the start of `rest`. Its attributes may contain `>`.
fn tag_length(rest: &str) -> usize {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') if rest.as_bytes()[1].is_ascii_alphabetic() => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    rest.len()
}

/// Returns a self-closed tag without its slash, and the element's name.
fn closed_by_itself(tag: &str) -> Option<(&str, &str)> {
    let opening = tag.strip_suffix("/>")?.trim_end();
    let name = opening.strip_prefix('<')?;
    let end = name.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(name.len());
    let name = &name[..end];
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some((opening, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn self_closed_elements_get_an_end_tag() {
        let page = "<?xml version='1.0'?><head><title/><script src=\"a>b\" /><br/></head><a id='x'/>y\
            <!-- <p/> --><![CDATA[a<b & c]]>";
        let expected = "<head><title></title><script src=\"a>b\"></script><br/></head><a id='x'></a>y\
            <!-- <p/> -->a&lt;b &amp; c";
        assert_eq!(expanded(page), expected);
        for malformed in ["<", "<a", "</>", "< />", "<!--", "<![CDATA[", "<?", "a<b"] {
            expanded(&malformed.repeat(1_000));
        }
    }
}
