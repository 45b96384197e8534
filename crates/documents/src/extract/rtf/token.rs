//! The tokens of rich text.

pub enum Token<'a> {
    Open,
    Close,
    /// Bytes of text, without line ends.
    Text(&'a [u8]),
    /// `\'e9`
    Escaped(u8),
    /// `\par`, `\fs22`
    Word(&'a str, Option<i32>),
    /// `\~`
    Symbol(u8),
}

pub struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        if first == b'\'' {
            let digits = self.rest.get(1..3).and_then(|digits| str::from_utf8(digits).ok());
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            self.rest = &self.rest[if byte.is_some() { 3 } else { 1 }..];
            return Some(byte.map_or(Token::Symbol(b'\''), Token::Escaped));
        }
        if !first.is_ascii_alphabetic() {
            self.rest = &self.rest[1..];
            return Some(Token::Symbol(first));
        }
        let end = |bytes: &[u8], is_part: fn(&u8) -> bool| {
            bytes.iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len())
        };
        let length = end(self.rest, u8::is_ascii_alphabetic).min(32);
        let (word, rest) = self.rest.split_at(length);
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = end(&rest[sign..], u8::is_ascii_digit).min(10);
        let length = if digits > 0 { sign + digits } else { 0 };
        let number = str::from_utf8(&rest[..length]).ok().and_then(|number| number.parse().ok());
        let rest = &rest[length..];
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let word = str::from_utf8(word).unwrap_or_default();
        if word == "bin" {
            let length = usize::try_from(number.unwrap_or(0)).unwrap_or(0).min(self.rest.len());
            self.rest = &self.rest[length..];
        }
        Some(Token::Word(word, number))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (first, rest) = self.rest.split_first()?;
            match first {
                b'\r' | b'\n' | b'\0' => self.rest = rest,
                b'{' => {
                    self.rest = rest;
                    return Some(Token::Open);
                }
                b'}' => {
                    self.rest = rest;
                    return Some(Token::Close);
                }
                b'\\' => {
                    self.rest = rest;
                    return self.control();
                }
                _ => {
                    let is_end =
                        |byte: &u8| matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | b'\0');
                    let end = self.rest.iter().position(is_end).unwrap_or(self.rest.len());
                    let (text, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    return Some(Token::Text(text));
                }
            }
        }
    }
}
