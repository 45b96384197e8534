//! The settings of a widget in its form.
use carrel_domain::widget::{WebOrigin, WidgetSettings};
use carrel_domain::workspace::ChatMode;
use carrel_domain::{Error, Result, WorkspaceId};

use crate::http::form::Fields;

/// Maximum number of sites of one widget.
const MAX_ORIGINS: usize = 1000;

const FIELDS: [&str; 11] = [
    "workspace",
    "enabled",
    "mode",
    "sites",
    "allowlist_domains",
    "model",
    "temperature",
    "prompt",
    "day_limit",
    "session_limit",
    "history",
];

/// Reads the settings of a widget from its form.
///
/// # Errors
/// [`Error::Invalid`] for an invalid field, and for an empty list of sites, which never means any site.
pub fn settings(form: &Fields, workspace: WorkspaceId) -> Result<WidgetSettings> {
    form.check_fields(&FIELDS, &[])?;
    let invalid_mode = || Error::invalid("mode", "must be `chat` or `query`");
    let mode = ChatMode::parse(form.text("mode")).ok_or_else(invalid_mode)?;
    if !matches!(mode, ChatMode::Chat | ChatMode::Query) {
        return Err(invalid_mode());
    }
    Ok(WidgetSettings {
        workspace,
        enabled: form.has("enabled"),
        mode,
        origins: match form.text("sites") {
            "any" => None,
            _ => Some(origins(form.text("allowlist_domains"))?),
        },
        allows_model: form.has("model"),
        allows_temperature: form.has("temperature"),
        allows_prompt: form.has("prompt"),
        day_limit: limit(form, "day_limit")?,
        session_limit: limit(form, "session_limit")?,
        history: limit(form, "history")?,
    })
}

fn limit(form: &Fields, name: &'static str) -> Result<Option<i32>> {
    match form.number::<i32>(name)? {
        Some(limit) if limit < 1 => Err(Error::invalid(name, "must be a whole number from 1")),
        limit => Ok(limit),
    }
}

/// Parses a list of sites, separated by line breaks or commas.
fn origins(text: &str) -> Result<Vec<WebOrigin>> {
    let invalid = |reason| Error::invalid("allowlist_domains", reason);
    let texts = text.split(['\n', ',']).map(str::trim).filter(|text| !text.is_empty());
    let mut origins = Vec::new();
    for text in texts {
        let origin = WebOrigin::parse(text)?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
        if origins.len() > MAX_ORIGINS {
            return Err(invalid("must not contain more than 1000 sites"));
        }
    }
    match origins.is_empty() {
        true => Err(invalid("must name a site such as https://example.com")),
        false => Ok(origins),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<WidgetSettings> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        settings(&Fields::from(pairs.collect::<Vec<_>>()), WorkspaceId(1))
    }

    #[test]
    fn a_form_sets_everything_about_a_widget() {
        let settings = parse(&[
            ("workspace", "a"),
            ("mode", "chat"),
            ("sites", "listed"),
            ("allowlist_domains", "a.test\r\nhttp://b.test:8080, a.test"),
            ("temperature", "1"),
            ("day_limit", "20"),
            ("session_limit", ""),
        ]);
        let settings = settings.unwrap();
        let origins: Vec<_> = settings.origins.iter().flatten().map(WebOrigin::as_str).collect();
        assert_eq!(origins, ["https://a.test", "http://b.test:8080"]);
        assert_eq!((settings.enabled, settings.mode), (false, ChatMode::Chat));
        assert_eq!((settings.allows_model, settings.allows_temperature), (false, true));
        assert_eq!(
            (settings.day_limit, settings.session_limit, settings.history),
            (Some(20), None, None)
        );
    }

    #[test]
    fn a_widget_allows_any_site_only_on_request() {
        assert_eq!(parse(&[("mode", "query"), ("sites", "any")]).unwrap().origins, None);
        for fields in [
            &[("mode", "query"), ("sites", "listed")][..],
            &[("mode", "query")],
            &[("mode", "query"), ("allowlist_domains", "bad host")],
            &[("mode", "automatic"), ("sites", "any")],
            &[("mode", "query"), ("sites", "any"), ("day_limit", "0")],
            &[("mode", "query"), ("sites", "any"), ("other", "1")],
        ] {
            assert!(matches!(parse(fields), Err(Error::Invalid { .. })), "{fields:?}");
        }
    }
}
