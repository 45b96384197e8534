//! A parser for server-sent events with limits.
//!
//! Follows the HTML standard (section "Server-sent events"). Fields other than `data` and `event`
//! are ignored, with one exception: llama-server reported errors in a field `error` until 2025.
use std::collections::VecDeque;

/// Longest event, in bytes.
const LONGEST_EVENT: usize = 4 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An event exceeds [`LONGEST_EVENT`].
#[derive(Debug, PartialEq)]
pub struct TooLong;

/// A server-sent event.
#[derive(Debug, Default, PartialEq)]
pub struct ParsedEvent {
    pub data: Vec<u8>,
    /// True if its type is `error`, or its data came in a field of that name.
    pub is_error: bool,
}

/// Parses chunks of any size into events.
#[derive(Default)]
pub struct EventParser {
    line: Vec<u8>,
    event: Option<ParsedEvent>,
    is_error: bool,
    after_return: bool,
    has_started: bool,
    ready: VecDeque<ParsedEvent>,
}

impl EventParser {
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end_line(),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.event.as_ref().map_or(0, |event| event.data.len())
                > LONGEST_EVENT
            {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// Returns the next complete event.
    pub fn next_event(&mut self) -> Option<ParsedEvent> {
        self.ready.pop_front()
    }

    /// Ends the stream. An unfinished event counts, because some servers omit the last empty line.
    pub fn finish(&mut self) {
        self.end_line();
        self.end_event();
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.has_started, true) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if line.is_empty() {
            self.end_event();
        } else if let Some(value) = field(&line, b"data:") {
            self.add(value);
        } else if let Some(value) = field(&line, b"error:") {
            self.is_error = true;
            self.add(value);
        } else if let Some(name) = field(&line, b"event:") {
            self.is_error |= name.trim_ascii().eq_ignore_ascii_case(b"error");
        }
    }

    fn add(&mut self, value: &[u8]) {
        match &mut self.event {
            Some(event) => {
                event.data.push(b'\n');
                event.data.extend_from_slice(value);
            }
            None => self.event = Some(ParsedEvent { data: value.to_vec(), is_error: false }),
        }
    }

    fn end_event(&mut self) {
        let is_error = std::mem::take(&mut self.is_error);
        // An event without data is returned only if it reports an error.
        let event = self.event.take().or_else(|| is_error.then(ParsedEvent::default));
        self.ready.extend(event.map(|event| ParsedEvent { is_error, ..event }));
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> Vec<(String, bool)> {
        let mut events = EventParser::default();
        pieces.iter().for_each(|piece| events.feed(piece.as_bytes()).unwrap());
        events.finish();
        let text = |event: ParsedEvent| (String::from_utf8(event.data).unwrap(), event.is_error);
        std::iter::from_fn(|| events.next_event()).map(text).collect()
    }

    fn events(pieces: &[&str]) -> Vec<String> {
        read(pieces).into_iter().map(|(data, _)| data).collect()
    }

    #[test]
    fn events_end_at_an_empty_line_however_lines_end() {
        for end in ["\n", "\r\n", "\r"] {
            let stream =
                format!("data: a{end}data:b{end}{end}: comment{end}{end}data: c{end}{end}");
            assert_eq!(events(&[&stream]), ["a\nb", "c"], "{end:?}");
        }
    }

    #[test]
    fn chunk_boundaries_make_no_difference() {
        let stream = "\u{feff}event: x\r\ndata: é\r\n\r\ndata: last";
        let single: Vec<_> = stream.chars().map(String::from).collect();
        let single: Vec<_> = single.iter().map(String::as_str).collect();
        assert_eq!(events(&single), ["é", "last"]);
    }

    #[test]
    fn a_byte_order_mark_before_the_first_field_is_ignored() {
        assert_eq!(events(&["\u{feff}data: a\n\ndata: b\n\n"]), ["a", "b"]);
    }

    #[test]
    fn errors_are_distinguished_from_data() {
        let stream =
            "data: a\n\nevent: error\ndata: b\n\nerror: {\"c\":1}\n\nevent: error\n\ndata: d";
        let expected = [("a", false), ("b", true), ("{\"c\":1}", true), ("", true), ("d", false)];
        let expected = expected.map(|(data, is_error)| (data.to_owned(), is_error));
        assert_eq!(read(&[stream]), expected);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = EventParser::default();
        let piece = vec![b'x'; 1 << 20];
        let outcome = (0..5).try_for_each(|_| parser.feed(&piece));
        assert_eq!(outcome, Err(TooLong));
    }
}
