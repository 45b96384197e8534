//! Reads calendars (iCalendar) and address cards (vCard): lines of names and values.
use carrel_domain::document::Extracted;

use crate::extract::Input;
use crate::extract::encoding::decode;
use crate::extract::extract_error::ExtractError;
use crate::extract::text;

pub fn read_calendar(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let source = decode(&text::text_bytes(input)?, None);
    let text = entries_text(&source);
    Ok(vec![text::document(if text.is_empty() { source } else { text }, None)])
}

pub fn read_cards(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    read_calendar(input)
}

/// The labels of properties, by name.
const SHOWN: [(&str, &str); 29] = [
    ("SUMMARY", "Summary"),
    ("DTSTART", "Start"),
    ("DTEND", "End"),
    ("DUE", "Due"),
    ("DURATION", "Duration"),
    ("RRULE", "Repeats"),
    ("LOCATION", "Location"),
    ("ORGANIZER", "Organizer"),
    ("ATTENDEE", "Attendee"),
    ("DESCRIPTION", "Description"),
    ("COMMENT", "Comment"),
    ("CONTACT", "Contact"),
    ("STATUS", "Status"),
    ("CATEGORIES", "Categories"),
    ("URL", "URL"),
    ("X-WR-CALNAME", "Calendar"),
    ("FN", "Name"),
    ("N", "Full name"),
    ("NICKNAME", "Nickname"),
    ("ORG", "Organization"),
    ("TITLE", "Title"),
    ("ROLE", "Role"),
    ("TEL", "Telephone"),
    ("EMAIL", "Email"),
    ("ADR", "Address"),
    ("BDAY", "Birthday"),
    ("ANNIVERSARY", "Anniversary"),
    ("NOTE", "Note"),
    ("IMPP", "Messaging"),
];

/// Formats the entries of a calendar or the cards of an address book, one paragraph each.
pub fn entries_text(source: &str) -> String {
    let mut out = String::new();
    for line in unfolded(source) {
        let Some((name, value)) = divided(&line) else { continue };
        let mut parts = name.split(';');
        let key = parts.next().unwrap_or_default();
        // A card may group its lines: `item1.TEL`.
        let key = key.rsplit('.').next().unwrap_or_default().to_ascii_uppercase();
        let parameters: Vec<_> = parts.collect();
        if key == "BEGIN" && !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
        let Some((_, label)) = SHOWN.iter().find(|(known, _)| *known == key) else { continue };
        let value = match () {
            () if parameters
                .iter()
                .any(|known| known.eq_ignore_ascii_case("ENCODING=QUOTED-PRINTABLE")) =>
            {
                quoted(value)
            }
            () if key.starts_with("DT") || matches!(&*key, "DUE" | "BDAY") => {
                time(value, &parameters)
            }
            () => unescaped(value),
        };
        let value = value.trim().trim_start_matches("mailto:").trim_start_matches("MAILTO:");
        if value.trim_matches([',', ' ']).is_empty() {
            continue;
        }
        let person = parameters.iter().find_map(|known| known.strip_prefix("CN="));
        match person {
            Some(person) => {
                out.push_str(&format!("{label}: {} <{value}>\n", person.trim_matches('"')))
            }
            None => out.push_str(&format!("{label}: {value}\n")),
        }
    }
    out.trim().to_owned()
}

/// Joins each line with its continuation lines.
fn unfolded(source: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in source.lines() {
        let continues = lines
            .last()
            .is_some_and(|last| last.ends_with('=') && last.contains("QUOTED-PRINTABLE"));
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            (None, Some(last)) if continues => {
                last.pop();
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Splits a line into the name with its parameters, and the value. A quoted parameter may contain a
/// colon.
fn divided(line: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let at = line.bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b':' && !is_quoted
    })?;
    Some((&line[..at], &line[at + 1..]))
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(c) => out.push(c),
                None => {}
            },
            // Separates the parts of names and addresses.
            ';' => out.push_str(", "),
            c => out.push(c),
        }
    }
    let parts: Vec<_> = out.split(", ").filter(|part| !part.trim().is_empty()).collect();
    parts.join(", ")
}

fn quoted(value: &str) -> String {
    let decoded =
        mail_parser::decoders::quoted_printable::quoted_printable_decode(value.as_bytes());
    unescaped(&decoded.map_or_else(|| value.to_owned(), |bytes| decode(&bytes, None)))
}

/// Formats `20260401T080000Z` as `2026-04-01 08:00 UTC`.
fn time(value: &str, parameters: &[&str]) -> String {
    let digits = |from: usize, to: usize| {
        value.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (Some(year), Some(month), Some(day)) = (digits(0, 4), digits(4, 6), digits(6, 8)) else {
        return unescaped(value);
    };
    let mut out = format!("{year}-{month}-{day}");
    if let (Some(hour), Some(minute)) = (digits(9, 11), digits(11, 13)) {
        out.push_str(&format!(" {hour}:{minute}"));
        let zone = parameters.iter().find_map(|known| known.strip_prefix("TZID="));
        match zone {
            Some(zone) => out.push_str(&format!(" {zone}")),
            None if value.ends_with('Z') => out.push_str(" UTC"),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_read_by_its_lines() {
        let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Budget\\, round 2\r\n\
            DTSTART;TZID=Europe/Berlin:20260401T080000\r\nATTENDEE;CN=\"Ann: L\":mailto:a@b.c\r\n\
            DESCRIPTION:first\\nsec\r\n ond\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let expected = "Summary: Budget, round 2\nStart: 2026-04-01 08:00 Europe/Berlin\n\
            Attendee: Ann: L <a@b.c>\nDescription: first\nsecond";
        assert_eq!(entries_text(calendar), expected);
    }

    #[test]
    fn a_card_is_read_by_its_lines() {
        let card = "BEGIN:VCARD\nVERSION:2.1\nN:Lee;Ann;;;\nitem1.TEL;TYPE=work:+49 30 1\n\
            NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=\n=C3=9Fe\nPHOTO:AAAA\nEND:VCARD";
        assert_eq!(entries_text(card), "Full name: Lee, Ann\nTelephone: +49 30 1\nNote: Grüße");
    }
}
