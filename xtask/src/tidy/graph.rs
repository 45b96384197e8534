//! Checks which package may depend on which. The graph points downwards only; see
//! docs/ARCHITECTURE.md.
use anyhow::{Context, Result};
use serde_json::Value;

const DOMAIN: &str = "carrel-domain";
const TLS: &str = "carrel-tls";
const POSTGRES: &str = "carrel-postgres";

/// Every package of the workspace, with the packages it may depend on. Dependencies of tests and
/// build scripts count too.
const LAYERS: &[(&str, &[&str])] = &[
    (DOMAIN, &[]),
    (TLS, &[]),
    (POSTGRES, &[TLS]),
    ("carrel-ocr", &[]),
    ("carrel-kernels", &[]),
    ("carrel-speech", &["carrel-kernels", DOMAIN]),
    ("carrel-services", &[DOMAIN]),
    ("carrel-persistence", &[DOMAIN, POSTGRES]),
    ("carrel-vectors", &[DOMAIN, POSTGRES]),
    ("carrel-providers", &[DOMAIN, TLS]),
    ("carrel-embedder", &["carrel-kernels", DOMAIN, TLS]),
    ("carrel-documents", &["carrel-ocr", "carrel-speech", DOMAIN]),
    ("carrel-export", &[DOMAIN]),
    ("carrel-import", &["carrel-services", DOMAIN, POSTGRES]),
    ("carrel-http", &["carrel-services", DOMAIN]),
    ("carrel-api", &["carrel-http", "carrel-services", DOMAIN]),
    ("carrel-web", &["carrel-http", "carrel-services", DOMAIN]),
    ("carrel-server", ALL),
    ("e2e", END_TO_END),
    ("fuzz", END_TO_END),
    ("xtask", &[]),
];

/// Additional packages that the tests and examples of a package may use.
const EXAMPLES: &[(&str, &[&str])] = &[(
    "carrel-services",
    &["carrel-documents", "carrel-persistence", "carrel-providers", "carrel-vectors"],
)];

const ALL: &[&str] = &[
    DOMAIN,
    "carrel-services",
    "carrel-persistence",
    "carrel-vectors",
    "carrel-providers",
    "carrel-embedder",
    "carrel-documents",
    "carrel-speech",
    "carrel-export",
    "carrel-import",
    "carrel-http",
    "carrel-api",
    "carrel-web",
];

const END_TO_END: &[&str] = &[
    "carrel-server",
    DOMAIN,
    "carrel-services",
    "carrel-persistence",
    "carrel-vectors",
    "carrel-providers",
    "carrel-embedder",
    "carrel-documents",
    "carrel-speech",
    "carrel-export",
    "carrel-import",
    "carrel-http",
    "carrel-api",
    "carrel-web",
];

/// Libraries that are restricted to certain packages.
const KEPT: &[(&str, &[&str])] = &[
    ("actix-web", &["carrel-http", "carrel-api", "carrel-web", "carrel-server", "e2e"]),
    ("clap", &["carrel-server"]),
    ("diesel", &["carrel-import", "carrel-persistence", POSTGRES, "carrel-vectors", "e2e"]),
    ("diesel_migrations", &["carrel-persistence"]),
    ("genai", &["carrel-providers"]),
    ("object_store", &["carrel-documents"]),
    ("opentelemetry", &["carrel-server"]),
    ("prometheus-client", &["carrel-services"]),
    ("rten", &["carrel-ocr", "carrel-speech"]),
    ("symphonia", &["carrel-speech"]),
    ("safetensors", &["carrel-embedder"]),
    ("utoipa", &["carrel-api"]),
];

/// Libraries that depend on a runtime, a protocol or the system; the domain must not use them.
const UNKNOWN_TO_DOMAIN: &[&str] = &["reqwest", "serde_json", "tokio", "tracing"];

/// Returns the violations in the metadata of the workspace.
pub fn problems(metadata: &Value) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().context("cargo lists no packages")? {
        let name = package["name"].as_str().context("a package has no name")?;
        let Some((_, below)) = LAYERS.iter().find(|(known, _)| *known == name) else {
            problems.push(format!("{name} has no place in the crate graph; give it one in xtask"));
            continue;
        };
        let for_examples =
            EXAMPLES.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, all)| all);
        for dependency in package["dependencies"].as_array().context("no dependencies")? {
            let of_tests = dependency["kind"].as_str() == Some("dev");
            let dependency = dependency["name"].as_str().context("a dependency has no name")?;
            // A package may name itself, to turn on a feature for its own tests.
            let is_own = dependency != name && LAYERS.iter().any(|(known, _)| *known == dependency);
            let exception = KEPT.iter().find(|(name_kept, _)| *name_kept == dependency);
            let strange = name == DOMAIN && UNKNOWN_TO_DOMAIN.contains(&dependency);
            let is_shown = of_tests && for_examples.contains(&dependency);
            if (is_own && !below.contains(&dependency) && !is_shown)
                || exception.is_some_and(|(_, by)| !by.contains(&name))
                || strange
            {
                problems.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(package: &str, dependency: &str) -> Vec<String> {
        let dependencies = json!([{"name": dependency, "kind": "dev"}, {"name": "anyhow"}]);
        let metadata = json!({"packages": [{"name": package, "dependencies": dependencies}]});
        problems(&metadata).unwrap()
    }

    #[test]
    fn only_downward_dependencies_are_allowed() {
        assert!(judged("carrel-server", "carrel-api").is_empty());
        assert!(judged("carrel-api", "carrel-services").is_empty());
        assert!(judged("carrel-embedder", "carrel-embedder").is_empty());
        for (package, dependency) in [
            (DOMAIN, "carrel-services"),
            ("carrel-vectors", "carrel-persistence"),
            ("carrel-api", "carrel-providers"),
            ("carrel-embedder", "e2e"),
            ("xtask", DOMAIN),
        ] {
            let expected = format!("{package} must not depend on {dependency}");
            assert_eq!(judged(package, dependency), [expected]);
        }
    }

    #[test]
    fn an_example_may_use_more_than_its_package() {
        assert!(judged("carrel-services", "carrel-persistence").is_empty());
        let dependencies = json!([{"name": "carrel-persistence", "kind": null}]);
        let named = json!([{"name": "carrel-services", "dependencies": dependencies}]);
        assert_eq!(problems(&json!({"packages": named})).unwrap().len(), 1);
    }

    #[test]
    fn libraries_are_kept_to_their_layer() {
        assert!(judged("carrel-persistence", "diesel").is_empty());
        assert_eq!(judged("carrel-api", "diesel").len(), 1);
        assert_eq!(judged(DOMAIN, "tokio").len(), 1);
    }

    #[test]
    fn a_package_without_a_layer_is_reported() {
        assert!(judged("carrel-new", "anyhow")[0].contains("carrel-new has no place"));
    }
}
