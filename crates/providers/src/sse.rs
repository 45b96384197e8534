//! Server-sent events, read from bytes within limits.
//!
//! Follows the parsing rules of the HTML standard (section "Server-sent events"), of which the
//! protocols here use only the `data` field.
use std::collections::VecDeque;

/// The longest event accepted, in bytes.
const LONGEST_EVENT: usize = 4 << 20;

/// An event is longer than [`LONGEST_EVENT`].
#[derive(Debug, PartialEq)]
pub struct TooLong;

/// Takes bytes in pieces of any size, gives the data of whole events.
#[derive(Default)]
pub struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_return: bool,
    ready: VecDeque<Vec<u8>>,
}

impl Events {
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end_line(),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > LONGEST_EVENT {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// The data of the next whole event.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// Nothing more comes: what stands unfinished counts as an event, as some servers leave out
    /// the last empty line.
    pub fn finish(&mut self) {
        self.end_line();
        self.ready.extend(self.data.take());
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.ready.extend(self.data.take());
        } else if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&str]) -> Vec<String> {
        let mut events = Events::default();
        pieces.iter().for_each(|piece| events.feed(piece.as_bytes()).unwrap());
        events.finish();
        std::iter::from_fn(|| events.take()).map(|data| String::from_utf8(data).unwrap()).collect()
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
    fn where_the_bytes_are_cut_makes_no_difference() {
        let stream = "event: x\r\ndata: é\r\n\r\ndata: last";
        let single: Vec<_> = stream.chars().map(String::from).collect();
        let single: Vec<_> = single.iter().map(String::as_str).collect();
        assert_eq!(events(&single), ["é", "last"]);
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut parser = Events::default();
        let piece = vec![b'x'; 1 << 20];
        let outcome = (0..5).try_for_each(|_| parser.feed(&piece));
        assert_eq!(outcome, Err(TooLong));
    }
}
