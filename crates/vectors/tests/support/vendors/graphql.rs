//! Parses the GraphQL queries of Weaviate's clients: fields with arguments and nested fields.
use serde_json::{Map, Value};

#[derive(Debug)]
pub struct Field {
    pub name: String,
    /// Enum values are represented as texts.
    pub arguments: Value,
    pub fields: Vec<Field>,
}

struct Reader<'a> {
    rest: &'a str,
}

/// Returns the fields of a query.
pub fn parsed(text: &str) -> Result<Vec<Field>, String> {
    let mut reader = Reader { rest: text };
    let fields = reader.fields()?;
    match reader.peek() {
        None => Ok(fields),
        Some(_) => Err(reader.syntax_error()),
    }
}

impl<'a> Reader<'a> {
    fn syntax_error(&self) -> String {
        format!("Syntax Error GraphQL at {:?}", self.rest.chars().take(20).collect::<String>())
    }

    /// Returns the next significant character. Skips commas.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        self.rest.chars().next()
    }

    fn take(&mut self, sign: char) -> Result<(), String> {
        match self.peek() {
            Some(next) if next == sign => {
                self.rest = &self.rest[sign.len_utf8()..];
                Ok(())
            }
            _ => Err(self.syntax_error()),
        }
    }

    fn word(&mut self) -> Result<&'a str, String> {
        self.peek();
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || "_.+-".contains(c);
        let length = self.rest.find(|c| !is_of_word(c)).unwrap_or(self.rest.len());
        if length == 0 {
            return Err(self.syntax_error());
        }
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(word)
    }

    fn fields(&mut self) -> Result<Vec<Field>, String> {
        let mut fields = Vec::new();
        self.take('{')?;
        while self.peek() != Some('}') {
            let name = self.word()?.to_owned();
            let arguments = match self.peek() {
                Some('(') => self.object('(', ')')?,
                _ => Value::Object(Map::new()),
            };
            let inner = if self.peek() == Some('{') { self.fields()? } else { Vec::new() };
            fields.push(Field { name, arguments, fields: inner });
        }
        self.take('}')?;
        Ok(fields)
    }

    fn object(&mut self, open: char, close: char) -> Result<Value, String> {
        let mut object = Map::new();
        self.take(open)?;
        while self.peek() != Some(close) {
            let name = self.word()?.to_owned();
            self.take(':')?;
            object.insert(name, self.value()?);
        }
        self.take(close)?;
        Ok(Value::Object(object))
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some('{') => self.object('{', '}'),
            Some('[') => {
                let mut list = Vec::new();
                self.take('[')?;
                while self.peek() != Some(']') {
                    list.push(self.value()?);
                }
                self.take(']')?;
                Ok(Value::Array(list))
            }
            Some('"') => {
                let end = self.rest[1..].find('"').ok_or_else(|| self.syntax_error())? + 1;
                let text = self.rest[1..end].to_owned();
                self.rest = &self.rest[end + 1..];
                Ok(Value::String(text))
            }
            _ => {
                let word = self.word()?;
                Ok(serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned())))
            }
        }
    }
}
