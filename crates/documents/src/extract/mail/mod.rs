//! Reads mails, single or in mailboxes, and their attachments.
mod calendar;
mod compressed;
mod message;
mod outlook;
mod properties;
mod tnef;
mod uuencoded;

use std::borrow::Cow;

use carrel_domain::document::{DocumentPart, Extracted};

use super::Input;
use super::embedded::Embedded;
use super::encoding::{decode, has_wide_units};
use super::extract_error::ExtractError;
pub use calendar::{read_calendar, read_cards};
pub use message::read_archived_page;
pub use outlook::read as read_outlook;

/// Maximum number of mails in a mailbox; each becomes a document.
const MAX_MAILS: usize = 10_000;
/// Maximum nesting of mails.
const DEEPEST: usize = 8;
/// Maximum number of attachments of a mail.
const MAX_ATTACHMENTS: usize = 500;

const TOO_DEEP: &str =
    "A message forwarded within forwarded messages was not read: it is nested too deep.";

fn too_many_attachments() -> String {
    format!("A mail in it has more than {MAX_ATTACHMENTS} attachments; the rest was not read.")
}

/// Reads each mail of a mailbox as a document.
pub fn read_mailbox(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = input.bytes()?;
    let bytes = in_bytes(&bytes);
    let mails = split(&bytes);
    if mails.is_empty() && !bytes.trim_ascii().is_empty() {
        return Err(ExtractError::damaged("a mailbox (.mbox)"));
    }
    if mails.len() > MAX_MAILS {
        return Err(ExtractError::unreadable(format!(
            "holds more than {MAX_MAILS} mails. Send it in several pieces."
        )));
    }
    let mut documents = Vec::new();
    for (mail, number) in mails.into_iter().zip(1..) {
        let mut attached = Embedded::default();
        let source = "Mbox message file uploaded by the user.";
        let found = message::document(input, &unquoted(mail), source, &mut attached)?;
        let Some(mut document) = found else { continue };
        document.part = Some(DocumentPart::Mail(number));
        document.warnings = input.take_warnings();
        documents.push(document);
        for mut file in attached.into_documents() {
            if let Some(DocumentPart::File(name)) = &mut file.part {
                *name = format!("{number}/{name}");
            }
            documents.push(file);
        }
    }
    Ok(documents)
}

/// Reads a mail and the files attached to it.
pub fn read_mail(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = input.bytes()?;
    let mut attached = Embedded::default();
    let source = "Mail file uploaded by the user.";
    let document = message::document(input, &in_bytes(&bytes), source, &mut attached)?;
    let mut documents = vec![document.ok_or_else(|| ExtractError::damaged("a mail (.eml)"))?];
    documents.extend(attached.into_documents());
    Ok(documents)
}

/// Converts a mail that a program has saved as UTF-16 to the bytes that were sent.
fn in_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    match has_wide_units(bytes) {
        true => Cow::Owned(decode(bytes, None).into_bytes()),
        false => Cow::Borrowed(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    }
}

/// Splits a mailbox into mails. A mail starts at a line that begins with `From ` and is the first
/// or follows an empty line; elsewhere such a line is text.
fn split(mailbox: &[u8]) -> Vec<&[u8]> {
    let (mut mails, mut start) = (Vec::new(), None);
    let (mut at, mut after_blank) = (0, true);
    for line in mailbox.split_inclusive(|byte| *byte == b'\n') {
        if after_blank && line.starts_with(b"From ") {
            mails.extend(start.map(|start| &mailbox[start..at]));
            start = Some(at + line.len());
        }
        after_blank = line.trim_ascii().is_empty();
        at += line.len();
    }
    mails.extend(start.map(|start| &mailbox[start..]));
    mails
}

/// Removes one `>` before each `From ` that the mailbox has quoted.
fn unquoted(mail: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(mail.len());
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        let marks = line.iter().take_while(|byte| **byte == b'>').count();
        let is_quoted = marks > 0 && line[marks..].starts_with(b"From ");
        plain.extend_from_slice(if is_quoted { &line[1..] } else { line });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_split_at_the_lines_between_its_mails() {
        let mailbox = b"From a\nSubject: 1\n\nFrom here on\nx\nFrom there\n>From me\n\nFrom b\n\
            Subject: 2\n\ny\n";
        // A mail begins with a header, so the line after the header is always text.
        let mails = split(mailbox);
        assert_eq!(mails.last().unwrap(), b"Subject: 2\n\ny\n");
        assert!(split(b"no mail at all\n").is_empty());
        assert_eq!(unquoted(b">From me\n>>From you\n> From\n"), b"From me\n>From you\n> From\n");
    }
}
