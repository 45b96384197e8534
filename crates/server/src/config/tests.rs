use super::*;

fn environment(values: &[(&str, &str)]) -> Environment {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
    values.collect()
}

fn flags(values: &[(&'static str, &str)]) -> Flags {
    values.iter().map(|(flag, value)| (*flag, (*value).to_owned())).collect()
}

/// Creates a storage directory with a `.env` file.
fn storage(env_file: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), env_file).unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    (directory, path)
}

fn source_of(reading: &ConfigReport, name: &str) -> (Option<String>, String) {
    let effective = reading.effective.iter().find(|effective| effective.name == name).unwrap();
    (effective.value.clone(), effective.source.to_string())
}

#[test]
fn flags_override_the_environment_the_file_and_the_defaults() {
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
fn every_problem_is_reported_at_once_and_by_name() {
    let (_directory, path) = storage("nonsense\nCARREL_UPLOAD_LIMIT=lots\n");
    let reading = read(
        flags(&[("--storage", &path), ("--listen", "everywhere")]),
        environment(&[
            ("CARREL_API_KEY", "short-secret"),
            ("CARREL_WORKERS", "0"),
            ("DATABASE_URL", "mysql://u:hidden@h/d"),
            ("VECTOR_DB", "faiss"),
            ("LLM_PROVIDER", "nobody"),
        ]),
    );
    let problems = reading.config.err().unwrap();
    for (name, place) in [
        ("line 1 must have the form NAME=value", ".env"),
        ("CARREL_LISTEN must be an IP address", "flag --listen"),
        ("CARREL_API_KEY must be a text of 16", "environment"),
        ("CARREL_WORKERS must be a number from 1", "not `0`"),
        ("DATABASE_URL must be sqlite://", "environment"),
        ("VECTOR_DB must be lancedb", "not `faiss`"),
        ("LLM_PROVIDER must be one of extractive, ", "not `nobody`"),
        ("CARREL_UPLOAD_LIMIT must be a whole", ".env:2"),
    ] {
        let matching =
            problems.iter().filter(|problem| problem.contains(name) && problem.contains(place));
        assert_eq!(matching.count(), 1, "{name}: {problems:#?}");
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
    let debug_output = format!("{:?}", reading.effective);
    assert!(
        !debug_output.contains("sixteen") && !debug_output.contains("hidden"),
        "{debug_output}"
    );
    assert!(reading.config.is_ok());
}

#[test]
fn misspelt_variables_are_reported_from_every_source() {
    let (_directory, path) = storage("CARREL_WORKER=2\n");
    let reading = read(
        flags(&[("--storage", &path)]),
        environment(&[("CARREL_LISTN", "127.0.0.1:1"), ("CARREL_COLOUR", "red")]),
    );
    let [colour, listen, workers] = &reading.warnings[..] else { panic!("{:?}", reading.warnings) };
    assert!(colour.ends_with("is unknown"));
    assert!(listen.ends_with("did you mean CARREL_LISTEN?"));
    assert!(workers.contains(".env") && workers.ends_with("did you mean CARREL_WORKERS?"));
    assert!(reading.config.is_ok());
}

#[test]
fn storage_defaults_to_the_data_directory_of_the_user() {
    for (variables, expected) in [
        (&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")][..], Some("/d/carrel")),
        (&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")], Some("/h/.local/share/carrel")),
        (&[("HOME", "/h")], Some("/h/.local/share/carrel")),
        (&[], None),
    ] {
        assert_eq!(default_storage(&environment(variables)).as_deref(), expected);
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
fn settings_start_with_the_values_of_the_environment_and_the_file() {
    let file =
        "GENERIC_OPEN_AI_MODEL_PREF=file\nGENERIC_OPEN_AI_API_KEY='a # b'\nVECTOR_DB=qdrant\n";
    let (_directory, path) = storage(file);
    let environment_values = environment(&[("GENERIC_OPEN_AI_MODEL_PREF", "environment")]);
    let raw = read(flags(&[("--storage", &path)]), environment_values).config.ok().unwrap().raw;
    let effective = |name| raw.find(name).unwrap().map(|(value, _)| value);
    assert_eq!(effective("GENERIC_OPEN_AI_MODEL_PREF"), Some("environment"));
    assert_eq!(effective("GENERIC_OPEN_AI_API_KEY"), Some("a # b"));
    assert_eq!((effective("VECTOR_DB"), effective("OPEN_AI_KEY")), (Some("qdrant"), None));
}

#[test]
fn the_operator_sets_the_password_rules() {
    let (_directory, path) = storage("PASSWORDNUMERIC=1\nPASSWORDREQUIREMENTS=3\n");
    let environment_values = environment(&[("PASSWORDMINCHAR", "12"), ("PASSWORDMAXCHAR", "64")]);
    let rules =
        read(flags(&[("--storage", &path)]), environment_values).config.ok().unwrap().passwords;
    assert_eq!((rules.min_length, rules.max_length, rules.digits, rules.kinds), (12, 64, 1, 3));
    for (variables, expected) in [
        (&[("PASSWORDMINCHAR", "300")][..], "must not be above"),
        (&[("PASSWORDMAXCHAR", "0")], "from 1 to 1000"),
        (&[("PASSWORDREQUIREMENTS", "5")], "from 0 to 4"),
        (&[("PASSWORDSYMBOL", "-1")], "from 0 to 100"),
    ] {
        let reading = read(flags(&[("--storage", &path)]), environment(variables));
        let problems = reading.config.err().unwrap();
        assert!(problems.len() == 1 && problems[0].contains(expected), "{problems:?}");
    }
}

#[test]
fn a_secret_key_is_read_completely_and_never_shown() {
    let (_directory, path) = storage("");
    let key = "0123456789abcdef".repeat(4);
    let reading = read(flags(&[("--storage", &path)]), environment(&[("CARREL_SECRET_KEY", &key)]));
    assert!(!format!("{:?}", reading.effective).contains(&key));
    assert!(reading.config.ok().unwrap().secret_key.is_some());
    let short_key = environment(&[("CARREL_SECRET_KEY", &key[1..])]);
    let problems = read(flags(&[("--storage", &path)]), short_key).config.err().unwrap();
    assert!(problems[0].contains("64 hexadecimal") && !problems[0].contains(&key[1..]));
}

#[test]
fn only_production_writes_its_settings_to_a_file() {
    let (_directory, path) = storage("");
    for (app, production) in [("production", true), ("development", false), ("", false)] {
        let reading = read(flags(&[("--storage", &path)]), environment(&[("APP_ENV", app)]));
        assert_eq!(reading.config.ok().unwrap().production, production);
    }
}
