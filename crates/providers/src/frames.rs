//! Splits a response body into frames: server-sent events, JSON, or JSON lines.
//!
//! The first byte tells the format. The content type is ignored, because servers send events as
//! `application/json` and JSON as `text/event-stream`.
use std::collections::VecDeque;

use serde_json::Value;

use crate::json;
use crate::refusal;
use crate::sse::{EventParser, ParsedEvent};

/// Texts that some servers send as data to keep a connection open.
const KEEP_ALIVE: [&[u8]; 5] = [b"ping", b"pong", b"keepalive", b"keep-alive", b"heartbeat"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A part of a response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    Json(Value),
    /// The end of the stream: `[DONE]`.
    Done,
    /// An error, as JSON or text, that only the stream format distinguishes from data.
    Error(Vec<u8>),
}

/// Why a body cannot be read.
#[derive(Debug, PartialEq)]
pub(crate) enum Broken {
    TooLong,
    WebPage,
    NotJson(String),
}

#[derive(Default)]
pub(crate) struct Frames {
    body: Body,
    ready: VecDeque<Frame>,
}

enum Body {
    /// Only white space so far.
    Unknown(Vec<u8>),
    Events(EventParser),
    Values(Values),
}

impl Default for Body {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Frames {
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if let Body::Unknown(start) = &mut self.body {
            start.extend_from_slice(bytes);
            let trimmed = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii_start();
            let mut body = match trimmed.first() {
                None => {
                    start.clear();
                    return Ok(());
                }
                Some(_) if BYTE_ORDER_MARK.starts_with(trimmed) => return Ok(()),
                Some(b'{' | b'[') => Body::Values(Values::default()),
                Some(b'<') => return Err(Broken::WebPage),
                Some(_) => Body::Events(EventParser::default()),
            };
            let trimmed = trimmed.to_vec();
            std::mem::swap(&mut self.body, &mut body);
            return self.feed(&trimmed);
        }
        match &mut self.body {
            Body::Events(events) => {
                events.feed(bytes).map_err(|_| Broken::TooLong)?;
                self.take_events()
            }
            Body::Values(values) => {
                values.feed(bytes);
                self.take_values()
            }
            Body::Unknown(_) => Ok(()),
        }
    }

    /// Ends the body. An unfinished frame counts if it is complete.
    pub fn finish(&mut self) -> Result<(), Broken> {
        match &mut self.body {
            Body::Events(events) => {
                events.finish();
                self.take_events()
            }
            Body::Values(values) => {
                values.finish();
                self.take_values()
            }
            Body::Unknown(_) => Ok(()),
        }
    }

    pub fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn take_events(&mut self) -> Result<(), Broken> {
        let Body::Events(events) = &mut self.body else { return Ok(()) };
        while let Some(ParsedEvent { data, is_error }) = events.next_event() {
            match is_error {
                true => self.ready.push_back(Frame::Error(data)),
                false => self.ready.extend(frames(&data)?),
            }
        }
        Ok(())
    }

    fn take_values(&mut self) -> Result<(), Broken> {
        let Body::Values(values) = &mut self.body else { return Ok(()) };
        while let Some(value) = values.ready.pop_front() {
            self.ready.extend(frames(&value)?);
        }
        Ok(())
    }
}

/// Returns the frames in the data of an event. Servers that omit the empty line between events
/// merge several into one.
fn frames(data: &[u8]) -> Result<Vec<Frame>, Broken> {
    let data = data.trim_ascii();
    if data.is_empty() || KEEP_ALIVE.iter().any(|word| data.eq_ignore_ascii_case(word)) {
        return Ok(Vec::new());
    }
    if data.eq_ignore_ascii_case(b"[DONE]") {
        return Ok(vec![Frame::Done]);
    }
    match json::parse(data) {
        Ok(Value::Null) => Ok(Vec::new()),
        Ok(value) => Ok(vec![Frame::Json(value)]),
        Err(_) if data.contains(&b'\n') => {
            let lines = data.split(|byte| *byte == b'\n').map(frames);
            Ok(lines.collect::<Result<Vec<_>, _>>()?.concat())
        }
        Err(_) if data.starts_with(b"<") => Err(Broken::WebPage),
        Err(error) => Err(Broken::NotJson(refusal::shortened(&error.to_string()))),
    }
}

/// Splits a body of concatenated JSON values.
#[derive(Default)]
struct Values {
    value: Vec<u8>,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    ready: VecDeque<Vec<u8>>,
}

impl Values {
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.value.push(byte);
            match byte {
                _ if std::mem::take(&mut self.is_escaped) => {}
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        self.finish();
                    }
                }
                _ => {}
            }
        }
    }

    fn finish(&mut self) {
        let value = std::mem::take(&mut self.value);
        if !value.trim_ascii().is_empty() {
            self.ready.push_back(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &[u8], size: usize) -> Result<Vec<Frame>, Broken> {
        let mut frames = Frames::default();
        body.chunks(size).try_for_each(|piece| frames.feed(piece))?;
        frames.finish()?;
        Ok(std::iter::from_fn(|| frames.next_frame()).collect())
    }

    #[test]
    fn the_first_byte_determines_the_format() {
        let value = |number: u8| Frame::Json(json!({ "a": number }));
        for (body, expected) in [
            ("data: {\"a\":1}\n\ndata: [DONE] \n\n", vec![value(1), Frame::Done]),
            ("\u{feff}data:{\"a\":1}\r\n\r\n", vec![value(1)]),
            (
                "data: \n\ndata:\n\ndata: null\n\ndata: ping\n\n: c\n\ndata: {\"a\":1}",
                vec![value(1)],
            ),
            (
                "data: {\"a\":1}\ndata: {\"a\":2}\ndata:  [DONE]\n",
                vec![value(1), value(2), Frame::Done],
            ),
            ("\u{feff}\n{\n \"a\": 1\n}\n", vec![value(1)]),
            ("{\"a\":1}\n{\"a\":2}", vec![value(1), value(2)]),
            ("{\"a\":\"}\\\"{\"}", vec![Frame::Json(json!({ "a": "}\"{" }))]),
            ("error: {\"a\":1}\n\n", vec![Frame::Error(b"{\"a\":1}".to_vec())]),
            ("event: ping\ndata: {\"a\":1}\n\n", vec![value(1)]),
            (" \n", vec![]),
            ("", vec![]),
        ] {
            for size in [1, 3, 1000] {
                assert_eq!(read(body.as_bytes(), size).as_ref(), Ok(&expected), "{body:?} {size}");
            }
        }
    }

    #[test]
    fn invalid_bodies_are_described() {
        assert_eq!(read(b"\n<html>", 100), Err(Broken::WebPage));
        assert_eq!(read(b"data: <html>\n\n", 100), Err(Broken::WebPage));
        for body in [&b"data: nonsense\n\n"[..], b"{\"a\":", b"data: {\"a\":"] {
            assert!(matches!(read(body, 2), Err(Broken::NotJson(_))), "{body:?}");
        }
        let long = vec![b'x'; 5 << 20];
        assert_eq!(read(&long, 1 << 20), Err(Broken::TooLong));
    }
}
