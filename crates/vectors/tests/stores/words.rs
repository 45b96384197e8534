//! Error messages for stores that cannot be used.
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

async fn error_of(settings: &[(&str, &str)]) -> String {
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let error = match stores::by(&settings, "words") {
        Ok(store) => store.watermarks().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn an_unreachable_store_is_reported_with_its_setting() {
    let unreachable = "http://user:hidden@127.0.0.1:9";
    let chroma = error_of(&[("VECTOR_DB", "chroma"), ("CHROMA_ENDPOINT", unreachable)]).await;
    assert!(chroma.starts_with("Chroma is unavailable: http://127.0.0.1:9/ cannot be reached"));
    assert!(chroma.contains("CHROMA_ENDPOINT") && !chroma.contains("hidden"), "{chroma}");
    let url = "postgresql://user:hidden@127.0.0.1:9/d";
    let with = [
        ("VECTOR_DB", "pgvector"),
        ("PGVECTOR_CONNECTION_STRING", url),
        ("PGVECTOR_TABLE_NAME", "vectors"),
    ];
    let pgvector = error_of(&with).await;
    assert!(pgvector.contains("PGVECTOR_CONNECTION_STRING") && !pgvector.contains("hidden"));
}

#[tokio::test]
async fn a_missing_or_wrong_setting_is_named() {
    let qdrant = error_of(&[("VECTOR_DB", "qdrant")]).await;
    assert_eq!(qdrant, "Qdrant is unavailable: QDRANT_ENDPOINT is not set");
    let chroma = error_of(&[("VECTOR_DB", "chroma"), ("CHROMA_ENDPOINT", "ftp://h")]).await;
    assert!(chroma.ends_with("CHROMA_ENDPOINT is not an address of http or https"));
    let with = [
        ("VECTOR_DB", "pgvector"),
        ("PGVECTOR_CONNECTION_STRING", "postgresql://h/d"),
        ("PGVECTOR_TABLE_NAME", "a\"; DROP TABLE b; --"),
    ];
    assert!(error_of(&with).await.contains("PGVECTOR_TABLE_NAME must be a name"));
}

#[tokio::test]
async fn a_wrong_key_is_told_from_a_missing_one() {
    let address = support::qdrant::address().await;
    let with = [("VECTOR_DB", "qdrant"), ("QDRANT_ENDPOINT", &*address)];
    assert!(error_of(&with).await.ends_with("it requires a key; set QDRANT_API_KEY"));
    let with = [with[0], with[1], ("QDRANT_API_KEY", "wrong")];
    let message = error_of(&with).await;
    assert!(message.ends_with("it refuses the key; check QDRANT_API_KEY"), "{message}");
    // The address is that of a server of another kind.
    let message = error_of(&[("VECTOR_DB", "chroma"), ("CHROMA_ENDPOINT", &*address)]).await;
    assert!(message.starts_with("Chroma is unavailable: it "), "{message}");
}

#[tokio::test]
async fn a_table_of_another_program_is_not_used() {
    let Some(url) = stores::address("CARREL_TEST_PGVECTOR") else { return };
    let table = format!("others_{}", stores::installation());
    let sql = |text: &str| {
        let text = text.replace("{}", &table);
        let run = std::process::Command::new("psql").args([&url, "-qXAtc", &text]).output();
        String::from_utf8(run.unwrap().stdout).unwrap()
    };
    sql("CREATE TABLE {} (id UUID PRIMARY KEY, namespace TEXT)");
    let with = [
        ("VECTOR_DB", "pgvector"),
        ("PGVECTOR_CONNECTION_STRING", &*url),
        ("PGVECTOR_TABLE_NAME", &*table),
    ];
    let message = error_of(&with).await;
    assert!(message.contains("belongs to another program; name another table"), "{message}");
    assert_eq!(sql("SELECT COUNT(*) FROM {}"), "0\n");
    assert_eq!(sql("SELECT to_regclass('{}_marks')"), "\n", "nothing was made beside it");
    sql("DROP TABLE {}");
}

#[tokio::test]
async fn a_server_without_pgvector_is_reported() {
    let Ok(url) = std::env::var("CARREL_TEST_POSTGRES") else { return };
    let with = [
        ("VECTOR_DB", "pgvector"),
        ("PGVECTOR_CONNECTION_STRING", &*url),
        ("PGVECTOR_TABLE_NAME", "vectors_of_tests"),
    ];
    // The connection succeeds if the extension is installed.
    let Err(error) = stores::by(&with.map(|(name, value)| (name, value.to_owned())), "words")
        .unwrap()
        .watermarks()
        .await
    else {
        return;
    };
    let message = error.to_string();
    let expected = if url == "skip" { "PGVECTOR_CONNECTION_STRING" } else { "install pgvector" };
    assert!(message.contains(expected), "{message}");
}

/// Returns the error of a Chroma server that responds to every request in the same way.
async fn answered(status: u16, body: &'static str) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    let settings = [
        ("VECTOR_DB", "chroma"),
        ("CHROMA_ENDPOINT", &*address),
        ("CHROMA_API_HEADER", "Authorization"),
        ("CHROMA_API_KEY", "hush-hush"),
    ];
    let settings = settings.map(|(name, value)| (name, value.to_owned()));
    stores::by(&settings, "words").unwrap().watermark(HERE).await.unwrap_err()
}

#[tokio::test]
async fn a_key_never_appears_in_messages() {
    for body in [r#"{"message": "no hush-hush here"}"#, "Authorization: Bearer hush-hush"] {
        let error = answered(400, body).await.to_string();
        assert!(error.contains("it answered 400") && !error.contains("hush-hush"), "{error}");
    }
}

#[tokio::test]
async fn refusals_are_told_from_outages() {
    for (status, is_refusal) in
        [(400, true), (413, true), (422, true), (401, false), (403, false), (429, false)]
    {
        let error = answered(status, "{}").await;
        assert_eq!(carrel_vectors::store::is_refusal(&error), is_refusal, "{error}");
    }
    for (status, body) in [(404, "<html>"), (500, "{}"), (503, "{}"), (200, "[]")] {
        let error = answered(status, body).await;
        assert!(!carrel_vectors::store::is_refusal(&error), "{error}");
    }
}

/// Returns the error for a stub's valid settings with some changed.
async fn said_with(kind: Kind, changed: &[(&str, &str)]) -> String {
    let mut settings = kind.settings().await.unwrap();
    for (name, value) in changed {
        let place = settings.iter_mut().find(|(known, _)| known == name).unwrap();
        place.1 = (*value).to_owned();
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    error_of(&settings).await
}

#[tokio::test]
async fn every_service_names_the_setting_of_a_wrong_key() {
    for (kind, key) in [
        (Kind::MilvusStub, "MILVUS_PASSWORD"),
        (Kind::ZillizStub, "ZILLIZ_API_TOKEN"),
        (Kind::PineconeStub, "PINECONE_API_KEY"),
        (Kind::WeaviateStub, "WEAVIATE_API_KEY"),
        (Kind::AstraStub, "ASTRA_DB_APPLICATION_TOKEN"),
    ] {
        let message = said_with(kind, &[(key, "hush-hush")]).await;
        assert!(
            message.contains("it refuses the key; check ") && message.ends_with(key),
            "{message}"
        );
        let none: Vec<_> = kind.settings().await.unwrap();
        let none: Vec<_> =
            none.iter().filter(|(name, _)| *name != key).map(|(n, v)| (*n, v.as_str())).collect();
        let message = error_of(&none).await;
        assert!(message.contains(key) && !message.contains("refuses"), "{message}");
    }
    if stores::address("CARREL_TEST_CHROMA").is_some() {
        for (setting, value) in [
            ("CHROMACLOUD_API_KEY", "hush-hush"),
            ("CHROMACLOUD_TENANT", "somebody"),
            ("CHROMACLOUD_DATABASE", "nothing"),
        ] {
            let message = said_with(Kind::ChromaCloud, &[(setting, value)]).await;
            assert!(message.contains(setting) && !message.contains("hush-hush"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_missing_or_unfit_index_is_named() {
    let index = "PINECONE_INDEX";
    let message = said_with(Kind::PineconeStub, &[(index, "nothing")]).await;
    assert!(
        message.contains("it has no index nothing") && message.ends_with("PINECONE_INDEX"),
        "{message}"
    );
    let unfit = support::vendors::pinecone::UNFIT;
    let message = said_with(Kind::PineconeStub, &[(index, unfit)]).await;
    assert!(
        message.contains("is not for dense vectors") && message.ends_with("PINECONE_INDEX"),
        "{message}"
    );
    let store = Kind::PineconeStub.open(&stores::installation()).await.unwrap();
    let world = World::over(Arc::default(), store, 0);
    world.rows.add(HERE, vec![vec![1.0; support::vendors::pinecone::DIMENSION + 1]]);
    world.rows.add(THERE, vec![vec![1.0, 0.0]]);
    let error = world.synced().reconcile(HERE).await.unwrap_err();
    assert!(carrel_vectors::store::is_refusal(&error), "other workspaces still work");
    let message = error.to_string();
    let expected = "accepts vectors of at most 8 dimensions, and those of this workspace have 9; name \
                  an index of 9 dimensions in PINECONE_INDEX";
    assert!(message.ends_with(expected), "{message}");
    world.synced().reconcile(THERE).await.unwrap();
    assert_eq!(world.stored_chunks(THERE).await, world.rows.ids(THERE));
}

#[tokio::test]
async fn vectors_with_too_many_dimensions_are_refused_with_a_message() {
    for kind in [Kind::AstraStub, Kind::ChromaCloud, Kind::ZillizStub, Kind::WeaviateStub] {
        let Some(store) = kind.open(&stores::installation()).await else { continue };
        let vector = vec![1.0; 70_000];
        let (chunk, document) = (ChunkId(1), WorkspaceDocumentId(1));
        let row = carrel_domain::vector::VectorRow { chunk, document, vector };
        let error = store.put(HERE, 70_000, &[row]).await.unwrap_err();
        assert!(carrel_vectors::store::is_refusal(&error), "{error}");
        assert!(error.to_string().contains("70000"), "{error}");
    }
}

#[tokio::test]
async fn a_user_name_without_a_password_is_refused() {
    let with = [("VECTOR_DB", "milvus"), ("MILVUS_ADDRESS", "h:1"), ("MILVUS_USERNAME", "root")];
    let message = error_of(&with).await;
    assert!(message.contains("both MILVUS_USERNAME and MILVUS_PASSWORD"), "{message}");
}
