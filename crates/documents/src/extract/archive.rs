//! Reads ZIP archives, such as office documents and books, within limits.
//!
//! Entries are looked up by name and read as streams. No file is ever written under an entry's
//! name, so hostile names do no harm.
use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::{self, BufReader, Read, Seek};

use zip::ZipArchive;

use super::extract_error::ExtractError;
use super::input::{Input, InputReader};
use super::xml::{self, Visitor};

/// Maximum number of entries; no document needs more.
const MAX_ENTRIES: usize = 20_000;
/// Maximum expansion of Deflate.
const DEFLATE_AT_MOST: u64 = 1_032;
/// The first bytes of files in Office's old binary format, or encrypted with a password.
const COMPOUND_FILE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The bytes of such a file that are searched for the name of its encrypted package.
const DIRECTORY_WITHIN: u64 = 4 << 20;

pub struct Archive<'a> {
    zip: ZipArchive<InputReader<'a>>,
    /// The entries by [`plain_name`], built when a part is not found under its exact name.
    plain_names: OnceCell<HashMap<String, usize>>,
    /// The kind of file as users call it: `a Word document`.
    what: &'static str,
    /// Counts the bytes that may still be unpacked.
    input: Input<'a>,
}

impl<'a> Archive<'a> {
    pub fn open(input: &Input<'a>, what: &'static str) -> Result<Self, ExtractError> {
        let mut file = input.reader()?;
        let mut start = [0; 8];
        let is_compound = file.read_exact(&mut start).is_ok() && start == COMPOUND_FILE;
        if is_compound {
            return Err(compound_file(input)?);
        }
        file.rewind()?;
        let zip = ZipArchive::new(file).map_err(|_| ExtractError::damaged(what))?;
        if zip.len() > MAX_ENTRIES {
            return Err(ExtractError::too_many_entries(MAX_ENTRIES));
        }
        Ok(Self { zip, plain_names: OnceCell::new(), what, input: input.clone() })
    }

    /// Returns the limit of extracted text, in bytes.
    pub fn text_limit(&self) -> u64 {
        self.input.limits.text
    }

    /// Returns the names of all parts, with slashes between folders.
    pub fn names(&self) -> Vec<String> {
        self.zip.file_names().flatten().map(|name| name.replace('\\', "/")).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    /// Finds the entry called `name`, or one whose name differs only in spelling: some programs
    /// write backslashes, another case or percent escapes.
    fn index(&self, name: &str) -> Option<usize> {
        let plain_names = || {
            let names = self.zip.file_names().enumerate();
            let plain = names.filter_map(|(at, name)| Some((plain_name(&name.ok()?), at)));
            // Of several entries, the first one wins.
            plain.collect::<Vec<_>>().into_iter().rev().collect()
        };
        self.zip
            .index_for_name(name)
            .or_else(|| self.plain_names.get_or_init(plain_names).get(&plain_name(name)).copied())
    }

    /// Returns the declared size of a part in bytes; 0 if it does not exist.
    pub fn size(&mut self, name: &str) -> u64 {
        let index = self.index(name);
        index.and_then(|index| Some(self.zip.by_index_raw(index).ok()?.size())).unwrap_or(0)
    }

    /// Streams an XML part to `visitor`; returns whether the part exists.
    pub fn visit(&mut self, name: &str, visitor: &mut impl Visitor) -> Result<bool, ExtractError> {
        let Some(part) = self.part(name)? else { return Ok(false) };
        let walked = xml::walk(BufReader::new(part), visitor);
        walked.map_err(|error| self.fault(error))?;
        Ok(true)
    }

    /// Works like [`Archive::visit`], but fails if the part does not exist.
    pub fn visit_needed(
        &mut self,
        name: &str,
        visitor: &mut impl Visitor,
    ) -> Result<(), ExtractError> {
        let is_there = self.visit(name, visitor)?;
        if is_there { Ok(()) } else { Err(ExtractError::damaged(self.what)) }
    }

    /// Returns the content of a part.
    pub fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let Some(mut part) = self.part(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = part.read_to_end(&mut bytes);
        drop(part);
        if read.is_ok() { Ok(Some(bytes)) } else { Err(self.fault(xml::Wrong::Unread)) }
    }

    /// Unpacks everything and discards it if it might exceed the limit, for readers that unpack
    /// without a limit. The declared sizes are not trusted.
    pub fn measure(mut self) -> Result<(), ExtractError> {
        let packed: u64 = (0..self.zip.len())
            .filter_map(|index| Some(self.zip.by_index_raw(index).ok()?.compressed_size()))
            .fold(0, u64::saturating_add);
        if packed.saturating_mul(DEFLATE_AT_MOST) <= self.input.inflatable() {
            return Ok(());
        }
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index(index).map_err(|_| ExtractError::damaged(self.what))?;
            let mut part = Metered { entry, input: self.input.clone() };
            if io::copy(&mut part, &mut io::sink()).is_err() {
                drop(part);
                return Err(self.fault(xml::Wrong::Unread));
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        name: &str,
    ) -> Result<Option<Metered<'a, impl Read + use<'_, 'a>>>, ExtractError> {
        let Some(index) = self.index(name) else { return Ok(None) };
        match self.zip.by_index(index) {
            Ok(entry) if entry.encrypted() => Err(ExtractError::protected()),
            Ok(entry) => Ok(Some(Metered { entry, input: self.input.clone() })),
            Err(_) => Err(ExtractError::damaged(self.what)),
        }
    }

    fn fault(&self, error: xml::Wrong) -> ExtractError {
        match error {
            _ if self.input.inflatable() == 0 => {
                ExtractError::inflates_too_far(self.input.limits.inflated)
            }
            xml::Wrong::TooDeep => ExtractError::unreadable(format!(
                "is nested more than {} elements deep, which is too deep.",
                xml::DEEPEST
            )),
            xml::Wrong::Unread | xml::Wrong::Malformed => ExtractError::damaged(self.what),
        }
    }
}

/// Normalises the spelling of a name.
fn plain_name(name: &str) -> String {
    resolve("", &unescaped(name)).to_lowercase()
}

/// Resolves `target`, as referenced by a part in `folder`, to the name of a part.
pub fn resolve(folder: &str, target: &str) -> String {
    let (target, folder) = match target.strip_prefix(['/', '\\']) {
        Some(absolute) => (absolute, ""),
        None => (target, folder),
    };
    let mut segments: Vec<&str> = folder.split('/').collect();
    for segment in target.split(['/', '\\']) {
        match segment {
            ".." => _ = segments.pop(),
            "." => {}
            _ => segments.push(segment),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments.join("/")
}

/// Decodes percent escapes.
pub fn unescaped(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| *first == b'%');
        let escaped = escaped.and_then(|digits| str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK")
}

/// Returns why a file in Office's binary format is refused.
fn compound_file(input: &Input<'_>) -> Result<ExtractError, ExtractError> {
    let bytes = input.start(DIRECTORY_WITHIN)?;
    let sealed: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    if bytes.windows(sealed.len()).any(|window| window == sealed) {
        return Ok(ExtractError::protected());
    }
    Ok(ExtractError::unreadable(
        "is in the binary format of Office before 2007. Save it in the current format and send it \
         again.",
    ))
}

/// A reader that fails once the limit is reached.
struct Metered<'a, R> {
    entry: R,
    input: Input<'a>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.entry.read(buffer)?;
        match self.input.inflatable().checked_sub(read as u64).filter(|room| *room > 0) {
            Some(room) => {
                self.input.set_inflatable(room);
                Ok(read)
            }
            None => {
                self.input.set_inflatable(0);
                Err(io::Error::other("there is no more room"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_relative_to_their_part() {
        assert_eq!(resolve("ppt/slides", "../notesSlides/n1.xml"), "ppt/notesSlides/n1.xml");
        assert_eq!(resolve("ppt/slides", "..\\media\\a.png"), "ppt/media/a.png");
        assert_eq!(resolve("ppt", "/ppt/slides/s1.xml"), "ppt/slides/s1.xml");
        assert_eq!(resolve("", "../../word/./document.xml"), "word/document.xml");
    }

    #[test]
    fn escapes_in_names_are_resolved() {
        assert_eq!(unescaped("chapter%201%E6%97%A5.xhtml"), "chapter 1日.xhtml");
        assert_eq!(unescaped("100%.xhtml%2"), "100%.xhtml%2");
        assert_eq!(plain_name("\\XL\\a%20b/./C.xml"), "xl/a b/c.xml");
    }
}
