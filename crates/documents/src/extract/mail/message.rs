//! Converts a mail to a document: its headers, its text, and the names of its attachments.
use carrel_domain::document::Extracted;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{DEEPEST, MAX_ATTACHMENTS, TOO_DEEP, calendar, tnef, too_many_attachments, uuencoded};
use crate::extract::Input;
use crate::extract::embedded::Embedded;
use crate::extract::extract_error::ExtractError;
use crate::extract::{html, pictures, text};

/// The plain text of a mail is preferred if it has this many tenths of the words of the HTML.
const RICHER: usize = 13;

/// Converts a mail. Returns `None` if it is not a mail or is empty. Its attachments are added to
/// `attached`.
pub fn document(
    input: &Input<'_>,
    mail: &[u8],
    source: &str,
    attached: &mut Embedded,
) -> Result<Option<Extracted>, ExtractError> {
    let Some(message) = MessageParser::default().parse(mail) else { return Ok(None) };
    let subject = message.subject().map(one_line).filter(|subject| !subject.is_empty());
    let author = message.from().map(people).filter(|from| !from.is_empty());
    let mut writing = Writing { input, attached, text: String::new() };
    writing.message(&message, 0)?;
    let text = writing.text;
    Ok((!text.trim().is_empty()).then(|| Extracted {
        part: None,
        title: subject,
        author: author.unwrap_or_else(|| "no author found".to_owned()),
        description: "No description found.".to_owned(),
        source: source.to_owned(),
        text,
        warnings: Vec::new(),
    }))
}

/// Reads a page that a browser has saved, with its resources, as a mail.
pub fn read_archived_page(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = input.bytes()?;
    let damaged = || ExtractError::damaged("an archived page (.mhtml)");
    let message = MessageParser::default().parse(&bytes).ok_or_else(damaged)?;
    let (mut texts, mut title) = (Vec::new(), message.subject().map(one_line));
    for part in &message.parts {
        if let PartType::Html(page) = &part.body {
            let (text, own) = html::readable(page, input.limits.text)?;
            title = title.or(own);
            texts.push(text);
        }
    }
    if texts.is_empty() && message.content_type().is_none() {
        return Err(damaged());
    }
    if texts.is_empty() {
        texts.extend(message.body_text(0).map(|text| text.into_owned()));
    }
    Ok(vec![text::document(texts.join("\n\n"), title)])
}

struct Writing<'a, 'b> {
    input: &'a Input<'b>,
    attached: &'a mut Embedded,
    text: String,
}

impl Writing<'_, '_> {
    fn message(&mut self, message: &Message<'_>, depth: usize) -> Result<(), ExtractError> {
        let heads = [
            ("Subject", message.subject().map(one_line)),
            ("From", message.from().map(people)),
            ("To", message.to().map(people)),
            ("Cc", message.cc().map(people)),
            ("Date", message.date().map(|date| date.to_rfc822())),
        ];
        for (name, value) in heads {
            let value = value.filter(|value| !value.is_empty());
            self.text.extend(value.map(|value| format!("{name}: {value}\n")));
        }
        let mut names = Vec::new();
        let body = self.body(message)?;
        let body = self.without_files(body, &mut names);
        self.push(&body);
        if message.attachments().nth(MAX_ATTACHMENTS).is_some() {
            self.input.warn(too_many_attachments());
        }
        for part in message.attachments().take(MAX_ATTACHMENTS) {
            if let PartType::Message(inner) = &part.body {
                self.push("Forwarded message:");
                match depth < DEEPEST {
                    true => self.message(inner, depth + 1)?,
                    false => self.input.warn(TOO_DEEP),
                }
            } else {
                names.extend(self.attachment(part)?);
            }
        }
        if !names.is_empty() {
            self.push(&format!("Attachments: {}", names.join(", ")));
        }
        Ok(())
    }

    fn push(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.text.push('\n');
            self.text.push_str(text.trim());
            self.text.push('\n');
        }
    }

    /// Returns the text of a mail: the richer of its plain text and its HTML.
    fn body(&self, message: &Message<'_>) -> Result<String, ExtractError> {
        let limit = self.input.limits.text;
        let texts = |ids: &[u32]| -> Result<String, ExtractError> {
            let mut texts = Vec::new();
            for part in ids.iter().filter_map(|id| message.part(*id)) {
                match &part.body {
                    PartType::Text(text) if is_kind(part, "calendar") => {
                        texts.push(calendar::entries_text(text))
                    }
                    PartType::Text(text) => texts.push(text.replace("\r\n", "\n")),
                    PartType::Html(page) => texts.push(html::readable(page, limit)?.0),
                    _ => {}
                }
            }
            texts.retain(|text| !text.trim().is_empty());
            Ok(texts.iter().map(|text| text.trim()).collect::<Vec<_>>().join("\n\n"))
        };
        let plain = texts(&message.text_body)?;
        if message.text_body == message.html_body {
            return Ok(plain);
        }
        let page = texts(&message.html_body)?;
        let words = |text: &str| text.split_whitespace().count();
        let is_richer = words(&plain) * 10 > words(&page) * RICHER;
        Ok(if page.is_empty() || (is_richer && !plain.is_empty()) { plain } else { page })
    }

    /// Reads the files that a program without attachments has written into the text.
    fn without_files(&mut self, text: String, names: &mut Vec<String>) -> String {
        if !text.contains("begin ") {
            return text;
        }
        let (files, rest) = uuencoded::extract(text.as_bytes());
        for file in files {
            self.attached.add(self.input, &file.name, &file.bytes);
            names.push(file.name);
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Reads an attachment. Returns its name, unless it is part of the text.
    fn attachment(&mut self, part: &MessagePart<'_>) -> Result<Option<String>, ExtractError> {
        let name = part.attachment_name().map(one_line).filter(|name| !name.is_empty());
        if is_kind(part, "calendar") {
            let invitation = calendar::entries_text(&String::from_utf8_lossy(part.contents()));
            self.push(&invitation);
            return Ok(name);
        }
        if is_kind(part, "ms-tnef") || name.as_deref() == Some("winmail.dat") {
            let text = tnef::read(self.input, part.contents(), self.attached)?;
            self.push(&text);
            return Ok(None);
        }
        // The names of inline pictures are meaningless.
        let is_inline = part.content_disposition().is_some_and(|how| how.is_inline());
        let is_picture = part.content_type().is_some_and(|kind| kind.ctype() == "image");
        let is_attached = part.content_disposition().is_some_and(|how| how.is_attachment());
        if (is_inline || !is_attached) && is_picture && name.is_none() {
            let name = part.content_id().unwrap_or("within the text");
            if let Some(text) = pictures::embedded_text(self.input, name, part.contents()) {
                self.push(&format!("[Text in a picture: {text}]"));
            }
            return Ok(None);
        }
        let encoded = match is_uuencoded(part) {
            true => uuencoded::extract(part.contents()).0.into_iter().next(),
            false => None,
        };
        if let Some(file) = encoded {
            let name = name.unwrap_or(file.name);
            self.attached.add(self.input, &name, &file.bytes);
            return Ok(Some(name));
        }
        let name = name.unwrap_or_else(|| usual_name(part));
        match is_broken_message(part) {
            true => self.attached.add(self.input, &format!("{name}.txt"), part.contents()),
            false => self.attached.add(self.input, &name, part.contents()),
        }
        Ok(Some(name))
    }
}

fn is_kind(part: &MessagePart<'_>, kind: &str) -> bool {
    let subtype = part.content_type().and_then(|known| known.subtype());
    subtype.is_some_and(|subtype| subtype.eq_ignore_ascii_case(kind))
}

fn is_of_messages(part: &MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("message"))
}

/// Whether a part is said to be a message but has none of its usual headers, so that it is read as text.
fn is_broken_message(part: &MessagePart<'_>) -> bool {
    let has_headers = |mail: Message<'_>| {
        mail.subject().is_some() || mail.from().is_some() || mail.content_type().is_some()
    };
    is_of_messages(part)
        && is_kind(part, "rfc822")
        && !MessageParser::default().parse(part.contents()).is_some_and(has_headers)
}

fn is_uuencoded(part: &MessagePart<'_>) -> bool {
    let encodings = ["x-uuencode", "uuencode", "x-uue"];
    part.content_transfer_encoding()
        .is_some_and(|encoding| encodings.iter().any(|known| encoding.eq_ignore_ascii_case(known)))
}

/// Returns a name for an unnamed attachment, by its type. Reports about messages are text.
fn usual_name(part: &MessagePart<'_>) -> String {
    let subtype = part.content_type().and_then(|known| known.subtype()).unwrap_or("bin");
    let extension = match subtype.to_ascii_lowercase().as_str() {
        "plain" => "txt",
        "rfc822" | "global" | "partial" => "eml",
        _ if is_of_messages(part) => "txt",
        "html" => "html",
        "pdf" => "pdf",
        "csv" => "csv",
        "rtf" => "rtf",
        _ => "bin",
    };
    format!("attachment.{extension}")
}

/// Formats addresses: `Ann Lee <ann@example.com>, bob@example.com`.
pub fn people(address: &Address<'_>) -> String {
    let one = |person: &mail_parser::Addr<'_>| match (&person.name, &person.address) {
        (Some(name), Some(address)) => format!("{} <{address}>", one_line(name)),
        (Some(name), None) => one_line(name),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    };
    let people: Vec<_> = address.iter().map(one).filter(|person| !person.is_empty()).collect();
    people.join(", ")
}

pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn read(mail: &str) -> Vec<Extracted> {
        let file = tempfile::tempfile().unwrap();
        let input = Input::new(&file, Limits::text(1 << 20), pictures::Pictures::none());
        let mut attached = Embedded::default();
        let document = document(&input, mail.as_bytes(), "s", &mut attached).unwrap().unwrap();
        [document].into_iter().chain(attached.into_documents()).collect()
    }

    #[test]
    fn headers_and_bodies_are_decoded() {
        let mail = "From: =?utf-8?q?Andr=C3=A9?= <a@example.com>\r\nTo: b@example.com\r\n\
            Subject: =?utf-8?b?5pel5pys?=\r\n plan\r\nDate: Tue, 3 Feb 2026 10:11:12 +0100\r\n\
            Content-Type: text/html; charset=iso-8859-1\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Caf=E9<p>zwei\r\n";
        let document = &read(mail)[0];
        assert_eq!(document.title.as_deref(), Some("日本 plan"));
        assert_eq!(document.author, "André <a@example.com>");
        let expected = "Subject: 日本 plan\nFrom: André <a@example.com>\nTo: b@example.com\n\
            Date: Tue, 3 Feb 2026 10:11:12 +0100\n\nCafé\n\nzwei\n";
        assert_eq!(document.text, expected);
    }

    #[test]
    fn files_in_the_encoding_of_unix_are_read() {
        let file = "begin 644 terms.txt\r\n44&%Y86)L92!I;B`S,\"!D87ES+@H`\r\n`\r\nend\r\n";
        let within = format!("Subject: Offer\r\n\r\nSee below.\r\n\r\n{file}");
        let attached = format!(
            "Subject: Offer\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
             --x\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n\
             --x\r\nContent-Type: application/octet-stream\r\n\
             Content-Transfer-Encoding: x-uuencode\r\n\
             Content-Disposition: attachment; filename=terms.txt\r\n\r\n{file}\r\n--x--\r\n"
        );
        for mail in [within, attached] {
            let documents = read(&mail);
            let expected = "Subject: Offer\n\nSee below.\n\nAttachments: terms.txt\n";
            assert_eq!(documents[0].text, expected);
            assert_eq!(documents[1].text.trim(), "Payable in 30 days.");
        }
    }

    #[test]
    fn reports_and_broken_messages_are_read_as_text() {
        let mail = "Subject: Undelivered\r\n\
            Content-Type: multipart/report; boundary=x\r\n\r\n\
            --x\r\nContent-Type: text/plain\r\n\r\nIt was not delivered.\r\n\
            --x\r\nContent-Type: message/delivery-status\r\n\r\n\
            Reporting-MTA: dns; mx.example.com\r\nStatus: 5.1.1\r\n\
            --x\r\nContent-Type: message/rfc822\r\n\
            Content-Disposition: attachment; filename=it.eml\r\n\r\n\
            this is no message, sorry\r\n--x--\r\n";
        let documents = read(mail);
        let texts: Vec<_> = documents.iter().map(|document| document.text.trim()).collect();
        assert!(texts[0].contains("It was not delivered."), "{texts:?}");
        assert!(texts[1..].iter().any(|text| text.contains("Status: 5.1.1")), "{texts:?}");
        assert!(texts[1..].contains(&"this is no message, sorry"), "{texts:?}");
    }
}
