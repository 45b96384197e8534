//! The position of a passage in its original, in search results and in sources of answers.
use anyhow::Result;
use e2e::{Backend, Client, Mode, TestServer, in_both_modes};
use serde_json::{Value, json};

in_both_modes!(search_results_and_sources_have_the_position_of_a_passage);

/// Returns the best hit for a query at one of the mounts.
async fn best(admin: &Client, mount: &str, query: &str) -> Result<Value> {
    let body = json!({ "query": query, "topN": 1, "scoreThreshold": 0 });
    let found = admin.post(&format!("{mount}/workspace/alpha/vector-search"), body).await?.ok()?;
    Ok(found["results"][0].clone())
}

async fn search_results_and_sources_have_the_position_of_a_passage(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let lodging = "Lodging is booked by the travel desk. ".repeat(60);
    let handbook = format!(
        "# Handbook\n\nIntro.\n\n## Travel\n\n### Hotels\n\n{lodging}The badger sleeps in Riga.\n"
    );
    let rows: String = (2..200).map(|row| format!("C-{row:04};Firma {row};Kiel\n")).collect();
    let table = format!("customer_id;company;city\n{rows}");
    let talk = "1\n00:01:02,000 --> 00:01:04,000\nThe walrus opens the meeting.\n";
    let scan = "First page.\n\u{c}\nSecond page has an ocelot.\n\u{c}\n";
    for (name, content) in [
        ("handbook.md", handbook.as_str()),
        ("customers.csv", &table),
        ("talk.srt", talk),
        ("pages.txt", scan),
    ] {
        let into = [("addToWorkspaces", "alpha")];
        admin.upload(name, content.as_bytes(), &into).await?.ok()?;
    }
    for mount in ["/v1", "/api/v1"] {
        let found = best(admin, mount, "Where does the badger sleep?").await?;
        assert_eq!(found["metadata"]["headings"], json!(["Handbook", "Travel", "Hotels"]));
        let text = found["text"].as_str().unwrap_or_default();
        assert!(text.contains("section: Handbook › Travel › Hotels\n"), "{text}");

        let found = best(admin, mount, "C-0150").await?;
        let text = found["text"].as_str().unwrap_or_default();
        assert!(text.contains("\n\ncustomer_id;company;city\nC-0"), "{text}");
        let (row, end) = (&found["metadata"]["row"], &found["metadata"]["rowEnd"]);
        assert!(row.as_u64() <= Some(150) && end.as_u64() >= Some(150), "{row} to {end}");

        let found = best(admin, mount, "walrus meeting").await?;
        assert_eq!(found["metadata"]["time"], "00:01:02", "{found}");
        let found = best(admin, mount, "ocelot").await?;
        assert_eq!(found["metadata"]["page"], 1, "{found}");
        assert_eq!(found["metadata"]["pageEnd"], 2, "{found}");

        let question = json!({ "message": "Where does the badger sleep?", "mode": "query" });
        let answer = admin.post(&format!("{mount}/workspace/alpha/chat"), question).await?.ok()?;
        let source = &answer["sources"][0];
        assert_eq!(source["headings"], json!(["Handbook", "Travel", "Hotels"]), "{source}");
    }
    // The words of a heading find the passages below it.
    let hotels =
        json!({ "query": "hotels", "topN": 9, "scoreThreshold": 0, "searchMode": "lexical" });
    let found = admin.post("/v1/workspace/alpha/vector-search", hotels).await?.ok()?;
    let found = found["results"].as_array().cloned().unwrap_or_default();
    assert!(found.len() > 1, "{found:?}");
    Ok(())
}
