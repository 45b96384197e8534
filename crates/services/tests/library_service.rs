//! Tests the example that the documentation of these crates refers to.
#[expect(dead_code, reason = "its `main` is for the command line")]
#[path = "../examples/library_service.rs"]
mod library_service;

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_service_answers_from_a_document_and_writes_a_report() {
    let directory = tempfile::tempdir().unwrap();
    library_service::run(directory.path()).await.unwrap();
    let report = std::fs::read_to_string(directory.path().join("report.md")).unwrap();
    assert!(report.contains("Bees make honey."), "{report}");
    assert!(report.ends_with("From: Animals\n"), "{report}");
}

#[test]
fn it_takes_less_than_a_hundred_lines() {
    let example = include_str!("../examples/library_service.rs");
    assert!(example.lines().count() < 100);
}
