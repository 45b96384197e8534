use super::*;

fn environment(values: &[(&str, &str)]) -> Environment {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
    values.collect()
}

fn flags(values: &[(&'static str, &str)]) -> Flags {
    values.iter().map(|(flag, value)| (*flag, (*value).to_owned())).collect()
}

/// A storage directory with a `.env` file in it.
fn storage(env_file: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), env_file).unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    (directory, path)
}

fn source_of(reading: &Reading, name: &str) -> (Option<String>, String) {
    let found = reading.effective.iter().find(|effective| effective.name == name).unwrap();
    (found.value.clone(), found.source.to_string())
}

#[test]
fn flags_go_before_the_environment_the_file_and_the_defaults() {
    let file = "CARREL_LISTEN=127.0.0.1:1\nCARREL_WORKERS=1\nCARREL_UPLOAD_LIMIT='1MB'\n";
    let (_directory, path) = storage(file);
    let reading = read(
        flags(&[("--listen", "127.0.0.1:3"), ("--storage", &path)]),
        environment(&[("CARREL_LISTEN", "127.0.0.1:2"), ("CARREL_WORKERS", "2")]),
    );
    let file = format!("{path}/.env:3");
    assert_eq!(source_of(&reading, "CARREL_LISTEN").1, "flag --listen");
    assert_eq!(source_of(&reading, "CARREL_WORKERS").1, "environment");
    assert_eq!(source_of(&reading, "CARREL_UPLOAD_LIMIT"), (Some("1MB".into()), file));
    assert_eq!(source_of(&reading, "CARREL_BODY_LIMIT").1, "default");
    let config = reading.config.ok().unwrap();
    assert_eq!(config.listen.address.port(), 3);
    assert_eq!((config.listen.workers, config.limits.upload), (2, 1_000_000));
    assert_eq!(config.database.url, format!("sqlite://{path}/carrel.db"));
}

#[test]
fn every_problem_is_told_at_once_and_by_name() {
    let (_directory, path) = storage("nonsense\nCARREL_UPLOAD_LIMIT=lots\n");
    let reading = read(
        flags(&[("--storage", &path), ("--listen", "everywhere")]),
        environment(&[
            ("CARREL_API_KEY", "short-secret"),
            ("CARREL_WORKERS", "0"),
            ("DATABASE_URL", "mysql://u:hidden@h/d"),
            ("VECTOR_DB", "qdrant"),
            ("LLM_PROVIDER", "nobody"),
        ]),
    );
    let problems = reading.config.err().unwrap();
    for (name, place) in [
        ("line 1 is not of the form NAME=value", ".env"),
        ("CARREL_LISTEN must be an IP address", "flag --listen"),
        ("CARREL_API_KEY must be a text of 16", "environment"),
        ("CARREL_WORKERS must be a number from 1", "not `0`"),
        ("DATABASE_URL must be sqlite://", "environment"),
        ("VECTOR_DB must be lancedb", "not `qdrant`"),
        ("LLM_PROVIDER must be one of extractive, ", "not `nobody`"),
        ("CARREL_UPLOAD_LIMIT must be a whole", ".env:2"),
    ] {
        let told = problems.iter().filter(|told| told.contains(name) && told.contains(place));
        assert_eq!(told.count(), 1, "{name}: {problems:#?}");
    }
    assert_eq!(problems.len(), 8, "{problems:#?}");
    assert!(!format!("{problems:?}").contains("hidden"));
    assert!(!format!("{problems:?}").contains("short-secret"));
}

#[test]
fn secrets_are_not_shown() {
    let (_directory, path) = storage("");
    let reading = read(
        flags(&[("--storage", &path)]),
        environment(&[
            ("CARREL_API_KEY", "sixteen-characters"),
            ("DATABASE_URL", "postgres://u:hidden@h/d"),
        ]),
    );
    let shown = format!("{:?}", reading.effective);
    assert!(!shown.contains("sixteen") && !shown.contains("hidden"), "{shown}");
    assert!(reading.config.is_ok());
}

#[test]
fn misspelt_variables_are_pointed_out_wherever_they_are() {
    let (_directory, path) = storage("CARREL_WORKER=2\n");
    let reading = read(
        flags(&[("--storage", &path)]),
        environment(&[("CARREL_LISTN", "127.0.0.1:1"), ("CARREL_COLOUR", "red")]),
    );
    let [colour, listen, workers] = &reading.warnings[..] else { panic!("{:?}", reading.warnings) };
    assert!(colour.ends_with("means nothing"));
    assert!(listen.ends_with("did you mean CARREL_LISTEN?"));
    assert!(workers.contains(".env") && workers.ends_with("did you mean CARREL_WORKERS?"));
    assert!(reading.config.is_ok());
}

#[test]
fn storage_is_kept_where_the_user_keeps_data() {
    for (given, expected) in [
        (&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")][..], Some("/d/carrel")),
        (&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")], Some("/h/.local/share/carrel")),
        (&[("HOME", "/h")], Some("/h/.local/share/carrel")),
        (&[], None),
    ] {
        assert_eq!(default_storage(&environment(given)).as_deref(), expected);
    }
    let reading = read(Flags::new(), environment(&[("CARREL_STORAGE", "")]));
    assert!(reading.config.err().unwrap()[0].starts_with("CARREL_STORAGE must be set"));
}

#[test]
fn an_empty_value_counts_as_none() {
    let (_directory, path) = storage("CARREL_WORKERS=3\n");
    let reading = read(
        flags(&[("--storage", &path)]),
        environment(&[("CARREL_WORKERS", ""), ("CARREL_API_KEY", ""), ("VECTOR_DB", "lancedb")]),
    );
    let config = reading.config.ok().unwrap();
    assert_eq!((config.listen.workers, config.api_key), (3, None));
}

#[test]
fn providers_read_the_environment_before_the_file() {
    let file = "GENERIC_OPEN_AI_MODEL_PREF=file\nGENERIC_OPEN_AI_API_KEY='a # b'\n";
    let (_directory, path) = storage(file);
    let given = environment(&[("GENERIC_OPEN_AI_MODEL_PREF", "environment")]);
    let reading = read(flags(&[("--storage", &path)]), given);
    let providers = reading.config.ok().unwrap().providers;
    assert_eq!(providers.get("GENERIC_OPEN_AI_MODEL_PREF").as_deref(), Some("environment"));
    assert_eq!(providers.get("GENERIC_OPEN_AI_API_KEY").as_deref(), Some("a # b"));
    assert_eq!(providers.get("OPEN_AI_KEY"), None);
}
