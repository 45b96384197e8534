//! Encrypted connections to a real PostgreSQL server with its own certificate, and to servers that
//! do not match the URL. `cargo xtask test` starts PostgreSQL.
use std::io::{Read, Write};
use std::net::TcpListener;

use carrel_postgres::Connector;
use diesel::sql_types::Bool;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

#[derive(QueryableByName)]
struct Encrypted {
    #[diesel(sql_type = Bool)]
    ssl: bool,
}

/// Returns the port of the test server and the certificate to trust. `None` if the server is not
/// configured or does not support encryption.
fn server() -> Option<(u16, String)> {
    let authority = std::env::var("CARREL_TEST_POSTGRES_CA").ok()?;
    let url = std::env::var("CARREL_TEST_POSTGRES").ok()?;
    let (_, rest) = url.rsplit_once(':')?;
    let port = rest.split('/').next()?.parse().ok()?;
    Some((port, authority))
}

fn is_encrypted(url: &str) -> bool {
    let connector = Connector::new(url).expect("the URL can be read");
    // Opens several connections with one connector.
    let connections = [connector.connect(), connector.connect()];
    let mut states = connections.into_iter().map(|connection| {
        let query = sql_query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        let row: Encrypted = query
            .get_result(&mut connection.expect("the server is there"))
            .expect("the server tells");
        row.ssl
    });
    let first = states.next().expect("two connections");
    assert!(states.all(|state| state == first));
    first
}

fn refusal(url: &str) -> String {
    match Connector::new(url).and_then(|connector| connector.connect()) {
        Ok(_) => panic!("{url} was connected to"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn connections_are_encrypted_as_the_url_demands() {
    let Some((port, authority)) = server() else { return };
    let url = |host: &str, parameters: &str| {
        format!("postgres://postgres@{host}:{port}/postgres?{parameters}")
    };
    for parameters in [
        "sslmode=prefer".to_owned(),
        "sslmode=require".to_owned(),
        format!("sslmode=require&sslrootcert={authority}"),
        format!("sslmode=verify-ca&sslrootcert={authority}"),
        format!("sslmode=verify-full&sslrootcert={authority}"),
    ] {
        assert!(is_encrypted(&url("localhost", &parameters)), "{parameters}");
    }
    assert!(!is_encrypted(&url("127.0.0.1", "sslmode=disable")));
    assert!(!is_encrypted(&url("127.0.0.1", "connect_timeout=5")));
}

#[test]
fn large_results_pass_through_whole() {
    #[derive(QueryableByName)]
    struct Text {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let Some((port, _)) = server() else { return };
    let url = format!("postgres://postgres@localhost:{port}/postgres?sslmode=require");
    let mut connection = Connector::new(&url).unwrap().connect().unwrap();
    let row: Text = sql_query("SELECT repeat('0123456789', 1000000) AS text")
        .get_result(&mut connection)
        .unwrap();
    assert_eq!(row.text.len(), 10_000_000);
    assert!(row.text.ends_with("0123456789"));
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused_with_the_parameters_to_check() {
    let Some((port, authority)) = server() else { return };
    let url =
        |parameters: &str| format!("postgres://postgres@127.0.0.1:{port}/postgres?{parameters}");
    // The system does not trust the test certificate authority.
    let unknown = refusal(&url("sslmode=verify-full"));
    assert!(unknown.contains("UnknownIssuer") && unknown.contains("sslrootcert"), "{unknown}");
    // The certificate contains `localhost`, but not the address.
    assert!(is_encrypted(&url(&format!("sslmode=verify-ca&sslrootcert={authority}"))));
    let other_name = refusal(&url(&format!("sslmode=verify-full&sslrootcert={authority}")));
    assert!(
        other_name.contains("NotValidForName") || other_name.contains("not valid for name"),
        "{other_name}"
    );
    let missing = refusal(&url("sslmode=verify-ca&sslrootcert=/nowhere/root.crt"));
    assert!(missing.contains("/nowhere/root.crt"), "{missing}");
}

#[test]
fn a_server_without_encryption_is_refused_where_the_url_insists() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for answer in [b'N', b'H'] {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 8]).unwrap();
            stream.write_all(&[answer]).unwrap();
        }
    });
    let url = format!("postgres://u:hidden@127.0.0.1:{port}/d?sslmode=require");
    let refused = refusal(&url);
    assert!(refused.contains("offers no encryption") && !refused.contains("hidden"), "{refused}");
    let other_protocol = refusal(&url);
    assert!(other_protocol.contains("not a PostgreSQL server"), "{other_protocol}");
    let closed = refusal(&url);
    assert!(closed.contains("refused") && closed.contains(&port.to_string()), "{closed}");
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://u@127.0.0.1:{port}/d?sslmode=require&connect_timeout=1");
    let silent = refusal(&url);
    assert!(silent.contains("does not answer"), "{silent}");
    drop(listener);
}
