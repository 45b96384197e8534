//! The base of the stubs: reads requests from real sockets, sends responses, and refuses requests
//! that violate the vendor's documentation.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

pub struct Request {
    pub method: String,
    /// The segments of the path.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    /// Headers by lower-case names.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    /// Length of the body, in bytes.
    pub length: usize,
}

impl Request {
    pub fn route(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.iter().map(String::as_str).collect())
    }

    /// Returns the first value of a parameter, if it is present.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.query.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// Null means no body.
    pub body: Value,
}

impl Response {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// Starts a server that runs until the process ends, and returns its address. It has its own
/// runtime, because the runtimes of tests end earlier.
pub fn start(handle: impl FnMut(&Request) -> Response + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(serve(listener, Arc::new(Mutex::new(handle))));
    });
    address
}

type Handler<H> = Arc<Mutex<H>>;

async fn serve<H: FnMut(&Request) -> Response + Send + 'static>(
    listener: std::net::TcpListener,
    handle: Handler<H>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(converse(stream, Arc::clone(&handle)));
    }
}

/// Responds to the requests of one connection until it is closed.
async fn converse<H: FnMut(&Request) -> Response>(
    stream: TcpStream,
    handle: Handler<H>,
) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    while let Some(request) = read(&mut stream).await? {
        let Response { status, headers, body } = (*handle.lock().unwrap())(&request);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

async fn read(stream: &mut BufStream<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let url = url::Url::parse("http://stub").unwrap().join(target).unwrap();
    let path = url.path_segments().unwrap().filter(|part| !part.is_empty()).map(str::to_owned);
    Ok(Some(Request {
        method: method.to_owned(),
        path: path.collect(),
        query: url.query_pairs().into_owned().collect(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        length,
    }))
}

/// A field of a body: its name, its check, and whether it is optional.
pub struct Field(&'static str, fn(&Value) -> bool, bool);

pub const fn needed(name: &'static str, is_right: fn(&Value) -> bool) -> Field {
    Field(name, is_right, true)
}

pub const fn optional(name: &'static str, is_right: fn(&Value) -> bool) -> Field {
    Field(name, is_right, false)
}

/// Checks the fields of an object. Returns the first error.
pub fn check(object: &Value, known: &[Field]) -> Result<(), String> {
    let fields = object.as_object().ok_or("the body is not an object")?;
    if let Some(name) = fields.keys().find(|name| known.iter().all(|field| field.0 != **name)) {
        return Err(format!("unknown field {name}"));
    }
    for Field(name, is_right, is_needed) in known {
        match fields.get(*name) {
            None if *is_needed => return Err(format!("{name} is missing")),
            Some(value) if !is_right(value) => return Err(format!("{name} is of a wrong type")),
            _ => {}
        }
    }
    Ok(())
}

pub fn text(value: &Value) -> bool {
    value.is_string()
}

pub fn whole(value: &Value) -> bool {
    value.is_u64()
}

pub fn flag(value: &Value) -> bool {
    value.is_boolean()
}

pub fn object(value: &Value) -> bool {
    value.is_object()
}

pub fn list(value: &Value) -> bool {
    value.is_array()
}

pub fn texts(value: &Value) -> bool {
    value.as_array().is_some_and(|all| all.iter().all(Value::is_string))
}

pub fn vector(value: &Value) -> bool {
    value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(Value::is_number))
}

/// Returns the numbers of a vector.
pub fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(Value::as_f64).collect()
}

/// Returns the cosine of the angle between two vectors.
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-30);
    a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / (length(a) * length(b))
}

/// Refuses every `every`-th request with "too many requests".
pub struct Rate {
    pub every: u64,
    pub seen: u64,
}

impl Rate {
    pub fn is_exceeded(&mut self) -> bool {
        self.seen += 1;
        self.every > 0 && self.seen.is_multiple_of(self.every)
    }
}
