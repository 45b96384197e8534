//! Fetching pages from well-behaved and misbehaving servers on real sockets, with names that each
//! test resolves as it needs.
use std::collections::HashMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Mutex;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::testing::{Reply, Server, response};

/// Resolves each name to the next of its results, and repeats the last one.
#[derive(Default)]
struct Names {
    answers: Mutex<HashMap<&'static str, Vec<Vec<IpAddr>>>>,
    lookups: Mutex<Vec<String>>,
}

#[async_trait]
impl Lookup for Names {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.lookups.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let known = answers.get_mut(name).ok_or_else(|| std::io::Error::other("no such name"))?;
        Ok(if known.len() > 1 { known.remove(0) } else { known[0].clone() })
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1));

fn names(answers: &[(&'static str, &[&[IpAddr]])]) -> Arc<Names> {
    let answers = answers
        .iter()
        .map(|(name, each)| (*name, each.iter().map(|addresses| addresses.to_vec()).collect()));
    Arc::new(Names { answers: Mutex::new(answers.collect()), ..Names::default() })
}

const LIMITS: LinkLimits = LinkLimits { bytes: 100_000, time: Duration::from_secs(30) };

fn fetcher(names: &Arc<Names>, exempt: &[&str]) -> WebFetcher {
    let exempt = exempt.iter().map(|text| text.parse().unwrap()).collect();
    WebFetcher::new(names.clone(), exempt, LIMITS)
}

/// Returns a fetcher that may reach this machine, with names that resolve to it.
fn local() -> WebFetcher {
    fetcher(&names(&[("a.test", &[&[HERE]]), ("b.test", &[&[HERE]])]), &["127.0.0.1"])
}

fn link(url: &str) -> Link {
    Link { url: url.to_owned(), ..Link::default() }
}

/// Returns the server's URL with another host name.
fn named(server: &Server, name: &str) -> String {
    server.url.replace("127.0.0.1", name)
}

/// Returns why a link was refused.
async fn refusal(fetcher: &WebFetcher, url: &str) -> String {
    match fetcher.fetch(&link(url)).await {
        Err(error @ (Error::Invalid { .. } | Error::Unprocessable { .. })) => error.to_string(),
        other => panic!("{url}: {other:?}"),
    }
}

fn redirection(to: &str) -> Reply {
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    Reply::Bytes(head.into_bytes())
}

/// A server that no request may reach.
struct Canary(TcpListener);

impl Canary {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn assert_alive(&self) {
        let visit = self.0.accept();
        assert!(visit.is_err(), "{visit:?}");
    }
}

#[tokio::test]
async fn a_page_is_fetched_with_its_type() {
    let page = response("200 OK", "Text/HTML; Charset=\"ISO-8859-1\"", "<p>x");
    let server = Server::start(vec![page]).await;
    let mut request = link(&format!("{}/page?x=1", server.url));
    request.headers = vec![("X-Token".into(), "secret".into())];
    let fetched = local().fetch(&request).await.unwrap();
    assert_eq!(
        (fetched.media_type.as_str(), fetched.content.as_slice()),
        ("text/html", &b"<p>x"[..])
    );
    assert_eq!(fetched.charset.as_deref(), Some("ISO-8859-1"));
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /page?x=1 HTTP/1.1"), "{requests:?}");
    assert!(requests[0].contains("x-token: secret"), "{requests:?}");
}

#[tokio::test]
async fn hosts_that_are_not_public_are_never_connected_to() {
    let canary = Canary::start();
    let port = canary.address().port();
    let inside = names(&[
        ("localhost", &[&[HERE]]),
        ("localhost.", &[&[HERE]]),
        ("inside.test", &[&["10.9.9.9".parse().unwrap()]]),
        ("mixed.test", &[&[PUBLIC, HERE]]),
        ("mapped.test", &[&["::ffff:127.0.0.1".parse().unwrap()]]),
        ("none.test", &[&[]]),
    ]);
    let fetcher = fetcher(&inside, &[]);
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "0",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "①②⑦.0.0.1",
        "169.254.169.254",
        "inside.test",
        "mixed.test",
        "mapped.test",
    ] {
        let reason = refusal(&fetcher, &format!("http://{host}:{port}/")).await;
        assert!(reason.contains("not public"), "{host}: {reason}");
    }
    for url in ["http://[fe80::1%25lo]/", "http://public@127.0.0.1/", "file:///etc/passwd"] {
        assert!(refusal(&fetcher, url).await.contains("Not a valid URL"), "{url}");
    }
    for unknown in ["http://none.test/", "http://unknown.test/"] {
        assert!(refusal(&fetcher, unknown).await.contains("cannot be resolved"), "{unknown}");
    }
    canary.assert_alive();
}

#[tokio::test]
async fn each_redirect_is_checked_like_the_link() {
    let canary = Canary::start();
    for to in [
        format!("http://inside.test:{}/", canary.address().port()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[::1]/".to_owned(),
        "//10.0.0.1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://a.test/".to_owned(),
        "http://user:secret@a.test/".to_owned(),
    ] {
        let server = Server::start(vec![redirection(&to)]).await;
        let names = names(&[("a.test", &[&[HERE]]), ("inside.test", &[&[HERE]])]);
        let fetcher = fetcher(&names, &["a.test"]);
        refusal(&fetcher, &named(&server, "a.test")).await;
    }
    canary.assert_alive();
}

#[tokio::test]
async fn a_name_that_changes_after_the_check_is_not_followed() {
    // The first result is checked; the second, which points elsewhere, is never requested.
    let server = Server::start(vec![response("200 OK", "text/plain", "here")]).await;
    let names = names(&[("a.test", &[&[HERE], &["127.9.9.9".parse().unwrap()]])]);
    let fetcher = fetcher(&names, &["127.0.0.1"]);
    let fetched = fetcher.fetch(&link(&named(&server, "a.test"))).await.unwrap();
    assert_eq!(fetched.content, b"here");
    assert_eq!(*names.lookups.lock().unwrap(), ["a.test"]);
    // A redirect to the same name is resolved and checked again.
    let server = Server::start(vec![redirection("/next")]).await;
    let reason = refusal(&fetcher, &named(&server, "a.test")).await;
    assert!(reason.contains("not public"), "{reason}");
}

#[tokio::test]
async fn the_number_of_redirects_is_limited() {
    let around = (0..10).map(|_| redirection("/again")).collect();
    let server = Server::start(around).await;
    let reason = refusal(&local(), &server.url).await;
    assert!(reason.contains("too many times"), "{reason}");
    assert_eq!(server.requests().len(), MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn headers_are_sent_to_one_host_only() {
    let second = Server::start(vec![response("200 OK", "text/plain", "x")]).await;
    let first = Server::start(vec![redirection(&named(&second, "b.test"))]).await;
    let mut request = link(&named(&first, "a.test"));
    request.headers = vec![("cookie".into(), "secret".into())];
    local().fetch(&request).await.unwrap();
    assert!(first.requests()[0].contains("secret"));
    assert!(!second.requests()[0].contains("secret"), "{:?}", second.requests());
    for wrong in [("Host", "x"), ("Transfer-Encoding", "chunked"), ("a b", "x"), ("x", "a\nb")] {
        request.headers = vec![(wrong.0.into(), wrong.1.into())];
        let refused = local().fetch(&request).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{wrong:?}: {refused:?}");
    }
}

#[tokio::test]
async fn oversized_responses_are_refused_early() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    let endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![0; 50_000_000]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < LIMITS.bytes as usize);
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n";
    for reply in [
        Reply::ThenSilence(announced),
        Reply::Endless(endless, vec![b'x'; 10_000]),
        Reply::Bytes([head.as_bytes(), &bomb].concat()),
    ] {
        let mut server = Server::start(vec![reply]).await;
        let refused = local().fetch(&link(&server.url)).await;
        assert!(matches!(refused, Err(Error::TooLarge { limit: 100_000, .. })), "{refused:?}");
        server.client_gone().await;
    }
}

#[tokio::test]
async fn compressed_pages_are_decompressed_once() {
    let pack = |content: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(content).unwrap();
        packed.finish().unwrap()
    };
    let answer = |encoding: &str, content: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n");
        Reply::Bytes([head.as_bytes(), content].concat())
    };
    let server = Server::start(vec![answer("gzip", &pack(b"text"))]).await;
    assert_eq!(local().fetch(&link(&server.url)).await.unwrap().content, b"text");
    for (encoding, content) in [
        ("br", pack(b"x")),
        ("gzip, gzip", pack(&pack(b"x"))),
        ("gzip", b"no gzip".to_vec()),
        ("gzip", pack(b"cut off")[..12].to_vec()),
    ] {
        let server = Server::start(vec![answer(encoding, &content)]).await;
        refusal(&local(), &server.url).await;
    }
}

#[tokio::test]
async fn slow_hosts_time_out() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx".to_vec();
    for start in [Vec::new(), b"HTTP/1.1 200".to_vec(), head] {
        let mut server = Server::start(vec![Reply::ThenSilence(start)]).await;
        let time = Duration::from_millis(200);
        let limits = LinkLimits { time, ..LIMITS };
        let impatient = WebFetcher::new(names(&[]), vec!["127.0.0.1".parse().unwrap()], limits);
        let reason = refusal(&impatient, &server.url).await;
        assert!(reason.contains("in time"), "{reason}");
        server.client_gone().await;
    }
}

#[tokio::test]
async fn error_texts_of_hosts_are_not_passed_on() {
    let secret = || response("403 Forbidden", "text/plain", "the secret of the intranet");
    let server = Server::start(vec![secret(), secret()]).await;
    let reason = refusal(&local(), &server.url).await;
    assert!(reason.contains("403") && !reason.contains("secret"), "{reason}");
    let with_errors = Link { take_errors: true, ..link(&server.url) };
    let fetched = local().fetch(&with_errors).await.unwrap();
    assert_eq!((fetched.media_type.as_str(), fetched.content.len()), ("text/plain", 26));
    let not_http = Server::start(vec![Reply::Bytes(b"SSH-2.0-internal\r\n".to_vec())]).await;
    let reason = refusal(&local(), &not_http.url).await;
    assert!(reason.contains("could not be read") && !reason.contains("SSH"), "{reason}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reason = refusal(&local(), &format!("http://{closed}/")).await;
    assert!(reason.contains("cannot be reached"), "{reason}");
}
