//! The command line without a server.
use anyhow::Result;
use e2e::{Backend, Carrel, TestServer};
use serde_json::json;

fn new_storage() -> Result<(tempfile::TempDir, Carrel)> {
    let directory = tempfile::tempdir()?;
    let carrel = Carrel::new(&directory.path().join("storage"))?;
    Ok((directory, carrel))
}

#[test]
fn a_question_about_an_added_file_is_answered_with_its_source() -> Result<()> {
    let (directory, carrel) = new_storage()?;
    let file = directory.path().join("moons.txt");
    std::fs::write(&file, "Mars has two moons, Phobos and Deimos.")?;
    let added = carrel.run(&["add", "planets", &file.display().to_string()])?;
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(added.stdout.contains("moons.txt as custom-documents/moons.txt-"), "{added:?}");
    let answer = carrel.run(&["ask", "planets", "Which moons does Mars have?"])?;
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(
        answer.stdout.contains("Phobos and Deimos") && answer.stdout.contains("moons.txt"),
        "{answer:?}"
    );
    Ok(())
}

#[test]
fn files_that_fail_are_named_and_the_others_are_added() -> Result<()> {
    let (directory, carrel) = new_storage()?;
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("good.txt"), "Some text.")?;
    std::fs::write(path("empty.txt"), "")?;
    let added = carrel.run(&[
        "add",
        "alpha",
        &path("empty.txt"),
        &path("missing.txt"),
        &path("good.txt"),
    ])?;
    assert_eq!(added.code, Some(1), "{added:?}");
    assert!(added.stdout.contains("good.txt as "), "{added:?}");
    assert!(
        added.stderr.contains("empty.txt") && added.stderr.contains("missing.txt"),
        "{added:?}"
    );
    let answer = carrel.run(&["ask", "nowhere", "Anything?"])?;
    assert_eq!(answer.code, Some(1));
    assert!(
        answer.stderr.starts_with("error: ") && answer.stderr.contains("nowhere"),
        "{answer:?}"
    );
    Ok(())
}

#[test]
fn wrong_settings_are_all_named_at_once() -> Result<()> {
    let (_directory, carrel) = new_storage()?;
    let wrong = carrel
        .with("CARREL_LISTEN", "nowhere")
        .with("DATABASE_URL", "mysql://root:hidden-password@x/y")
        .with("CARREL_BODY_LIMIT", "many")
        .with("LLM_PROVIDER", "no-such-provider");
    let checked = wrong.run(&["config", "check"])?;
    assert_eq!(checked.code, Some(1));
    let output = format!("{}{}", checked.stdout, checked.stderr);
    for name in ["CARREL_LISTEN", "DATABASE_URL", "CARREL_BODY_LIMIT", "LLM_PROVIDER"] {
        assert!(output.contains(name), "{name} is missing in {output}");
    }
    assert!(!output.contains("hidden-password"));
    Ok(())
}

#[test]
fn help_version_and_completions_need_no_storage() -> Result<()> {
    let (directory, carrel) = new_storage()?;
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["completions", "bash"],
        &["openapi"],
    ] {
        let mut command = carrel.command(arguments);
        let output = command.output()?;
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    assert!(!directory.path().join("storage").exists());
    assert_eq!(carrel.run(&["no-such-command"])?.code, Some(2));
    Ok(())
}

#[tokio::test]
async fn a_running_server_sees_what_the_command_line_adds() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let file = server.storage().with_file_name("bees.txt");
    std::fs::write(&file, "Bees make honey.")?;
    for count in 1..=2 {
        let added = server.carrel().run(&["add", "hive", &file.display().to_string()])?;
        assert_eq!(added.code, Some(0), "{added:?}");
        let found = json!({ "query": "honey" });
        let found = server.admin().post("/v1/workspace/hive/vector-search", found).await?.ok()?;
        assert_eq!(found["results"].as_array().map(Vec::len), Some(count));
    }
    Ok(())
}

#[test]
fn the_first_admin_is_created_once() -> Result<()> {
    use std::io::Write;
    use std::process::Stdio;
    let (_directory, carrel) = new_storage()?;
    for (arguments, code) in [
        (&["multi-user", "enable", "boss"][..], 0),
        (&["multi-user", "enable", "other"], 1),
        (&["user", "create", "sample-sam", "--role", "manager"], 0),
        (&["user", "create", "sample-sam"], 1),
        (&["user", "create", "Wrong Name"], 1),
    ] {
        let mut arguments = arguments.to_vec();
        arguments.push("--password-stdin");
        let mut command = carrel.command(&arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn()?;
        running.stdin.take().map(|mut stdin| stdin.write_all(b"hunter2\n")).transpose()?;
        let output = running.wait_with_output()?;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    }
    Ok(())
}
