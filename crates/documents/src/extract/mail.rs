//! Mails, alone or in mailboxes.
use carrel_domain::document::{Extracted, Part};
use mail_parser::{Address, Message, MessageParser, PartType};

use super::fault::Fault;
use super::{Input, html};

/// Mails of one mailbox; each becomes a document.
const MOST_MAILS: usize = 10_000;

/// Each mail of a mailbox on its own.
pub fn read_mailbox(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let bytes = input.bytes()?;
    let mails = split(&bytes);
    if mails.is_empty() && !bytes.trim_ascii().is_empty() {
        return Err(Fault::damaged("a mailbox (.mbox)"));
    }
    if mails.len() > MOST_MAILS {
        return Err(Fault::refused(format!(
            "holds more than {MOST_MAILS} mails. Send it in several pieces."
        )));
    }
    let documents = mails.into_iter().zip(1..).filter_map(|(mail, number)| {
        let mut document = document(&unquoted(mail), "Mbox message file uploaded by the user.")?;
        document.part = Some(Part::Mail(number));
        Some(document)
    });
    Ok(documents.collect())
}

pub fn read_mail(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let document = document(&input.bytes()?, "Mail file uploaded by the user.");
    Ok(vec![document.ok_or_else(|| Fault::damaged("a mail (.eml)"))?])
}

/// The mails of a mailbox, without the lines between them. A mail begins at a line that begins
/// with `From ` and is the first, or follows an empty one; elsewhere such a line is text.
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

/// A mail with one `>` less before each `From ` that a mailbox has quoted.
fn unquoted(mail: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(mail.len());
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        let marks = line.iter().take_while(|byte| **byte == b'>').count();
        let is_quoted = marks > 0 && line[marks..].starts_with(b"From ");
        plain.extend_from_slice(if is_quoted { &line[1..] } else { line });
    }
    plain
}

/// `None` when it is no mail or there is nothing in it.
fn document(mail: &[u8], source: &str) -> Option<Extracted> {
    let message = MessageParser::default().parse(mail)?;
    let subject = message.subject().map(one_line).filter(|subject| !subject.is_empty());
    let author = message.from().map(people).filter(|from| !from.is_empty());
    let mut text = String::new();
    let recipients = message.to().map(people).filter(|to| !to.is_empty());
    let date = message.date().map(|date| date.to_rfc822());
    for (name, value) in
        [("Subject", &subject), ("From", &author), ("To", &recipients), ("Date", &date)]
    {
        text.extend(value.as_ref().map(|value| format!("{name}: {value}\n")));
    }
    for body in bodies(&message) {
        text.push('\n');
        text.push_str(body.trim());
        text.push('\n');
    }
    (!text.is_empty()).then(|| Extracted {
        part: None,
        title: subject,
        author: author.unwrap_or_else(|| "no author found".to_owned()),
        description: "No description found.".to_owned(),
        source: source.to_owned(),
        text,
    })
}

/// What is read of a mail: its text, made of HTML where that is all there is.
fn bodies(message: &Message<'_>) -> Vec<String> {
    let parts = message.text_body.iter().filter_map(|id| message.part(*id));
    let texts = parts.filter_map(|part| match &part.body {
        PartType::Text(text) => Some(text.replace("\r\n", "\n")),
        PartType::Html(page) => Some(html::readable(page).0),
        _ => None,
    });
    texts.filter(|text| !text.trim().is_empty()).collect()
}

/// `Ann Lee <ann@example.com>, bob@example.com`
fn people(address: &Address<'_>) -> String {
    let one = |person: &mail_parser::Addr<'_>| match (&person.name, &person.address) {
        (Some(name), Some(address)) => format!("{} <{address}>", one_line(name)),
        (Some(name), None) => one_line(name),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    };
    let people: Vec<_> = address.iter().map(one).filter(|person| !person.is_empty()).collect();
    people.join(", ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_cut_at_the_lines_between_its_mails() {
        let mailbox = b"From a\nSubject: 1\n\nFrom here on\nx\nFrom there\n>From me\n\nFrom b\n\
            Subject: 2\n\ny\n";
        // The line after the head is text, however it looks: a mail has a head first.
        let mails = split(mailbox);
        assert_eq!(mails.last().unwrap(), b"Subject: 2\n\ny\n");
        assert!(split(b"no mail at all\n").is_empty());
        assert_eq!(unquoted(b">From me\n>>From you\n> From\n"), b"From me\n>From you\n> From\n");
    }

    #[test]
    fn heads_and_bodies_are_decoded() {
        let mail = "From: =?utf-8?q?Andr=C3=A9?= <a@example.com>\r\nTo: b@example.com\r\n\
            Subject: =?utf-8?b?5pel5pys?=\r\n plan\r\nDate: Tue, 3 Feb 2026 10:11:12 +0100\r\n\
            Content-Type: text/html; charset=iso-8859-1\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Caf=E9<p>zwei\r\n";
        let document = document(mail.as_bytes(), "s").unwrap();
        assert_eq!(document.title.as_deref(), Some("日本 plan"));
        assert_eq!(document.author, "André <a@example.com>");
        let expected = "Subject: 日本 plan\nFrom: André <a@example.com>\nTo: b@example.com\n\
            Date: Tue, 3 Feb 2026 10:11:12 +0100\n\nCafé\n\nzwei\n";
        assert_eq!(document.text, expected);
    }
}
