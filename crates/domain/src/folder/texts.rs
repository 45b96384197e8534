//! The texts of a document in a list, stored in one buffer.
use std::fmt;

/// The texts of a document in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts<'a> {
    /// See [`crate::DocumentPath::folder`].
    pub folder: &'a str,
    /// See [`crate::DocumentPath::name`].
    pub name: &'a str,
    /// See [`crate::document::Document::title`].
    pub title: &'a str,
    /// See [`crate::document::Document::url`].
    pub url: &'a str,
    /// See [`crate::document::Document::author`].
    pub author: &'a str,
    /// See [`crate::document::Document::description`].
    pub description: &'a str,
    /// See [`crate::document::Document::source`].
    pub source: &'a str,
    /// See [`crate::document::Document::chunk_source`].
    pub chunk_source: &'a str,
    /// See [`crate::document::Document::metadata`].
    pub metadata: &'a str,
    /// See [`crate::Warnings::as_lines`].
    pub warnings: &'a str,
    /// See [`crate::document::DocumentOrigin::key`].
    pub key: Option<&'a str>,
}

/// The number of texts that every document has: all except the key.
const ALWAYS: usize = 10;

impl<'a> Texts<'a> {
    /// Creates the texts from an array in field order.
    pub const fn new(always: [&'a str; ALWAYS], key: Option<&'a str>) -> Self {
        let [folder, name, title, url, author, description, source, rest @ ..] = always;
        let [chunk_source, metadata, warnings] = rest;
        Self {
            folder,
            name,
            title,
            url,
            author,
            description,
            source,
            chunk_source,
            metadata,
            warnings,
            key,
        }
    }

    const fn always(&self) -> [&'a str; ALWAYS] {
        let Self { folder, name, title, url, author, description, source, .. } = *self;
        let Self { chunk_source, metadata, warnings, .. } = *self;
        [folder, name, title, url, author, description, source, chunk_source, metadata, warnings]
    }
}

/// [`Texts`] in a single allocation. Lists are long, and one allocation per text costs more than
/// copying.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed {
    /// The concatenated texts, with the key at the end.
    all: Box<str>,
    /// The end of each text except the key, in bytes.
    ends: [u32; ALWAYS],
    has_key: bool,
}

impl Packed {
    /// Returns the texts, borrowed.
    pub fn texts(&self) -> Texts<'_> {
        let mut start = 0;
        let always = self.ends.map(|end| {
            let text = self.all.get(start..end as usize).unwrap_or_default();
            start = end as usize;
            text
        });
        let key = self.all.get(start..).unwrap_or_default();
        Texts::new(always, self.has_key.then_some(key))
    }
}

impl From<Texts<'_>> for Packed {
    fn from(texts: Texts<'_>) -> Self {
        let always = texts.always();
        let key = texts.key.unwrap_or_default();
        let length = always.iter().map(|text| text.len()).sum::<usize>() + key.len();
        let mut all = String::with_capacity(length);
        let ends = always.map(|text| {
            all.push_str(text);
            u32::try_from(all.len()).unwrap_or(u32::MAX)
        });
        all.push_str(key);
        Self { all: all.into_boxed_str(), ends, has_key: texts.key.is_some() }
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.texts().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_texts_survive_a_round_trip() {
        let all = Texts {
            folder: "ä",
            name: "b.json",
            title: "",
            url: "d",
            author: "é",
            description: "",
            source: "𝄞",
            chunk_source: "h",
            metadata: "{}",
            warnings: "w",
            key: Some("k"),
        };
        for texts in
            [all, Texts { key: None, ..all }, Texts { key: Some(""), ..all }, Texts::default()]
        {
            assert_eq!(Packed::from(texts).texts(), texts);
        }
    }
}
