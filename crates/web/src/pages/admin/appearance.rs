//! The name of the installation, and the defaults of workspaces.
use askama::Template;
use carrel_domain::Error;
use carrel_domain::settings::names;
use carrel_services::preferences::SYSTEM_PROMPT;
use carrel_services::settings::preferences::MAX_LINKS;
use carrel_services::settings::{Leniency, preferences};
use serde_json::{Map, Value, json};

use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::brand::{Brand, NavLink};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "admin/appearance.html")]
struct AppearancePage {
    layout: PageLayout,
    name: String,
    support: String,
    icon: String,
    /// Links, one address per line.
    links: String,
    prompt: String,
    default_prompt: &'static str,
    chunk_size: String,
    chunk_overlap: String,
    is_sharing_allowed: bool,
    keeps_originals: bool,
    /// Address of the logo, and of the form that changes it.
    picture: Option<String>,
    picture_form: &'static str,
}

/// The preferences of the form, by the names under which they are stored.
const FIELDS: [&str; 8] = [
    "custom_app_name",
    "support_email",
    ICON,
    names::SYSTEM_PROMPT,
    names::CHUNK_SIZE,
    names::CHUNK_OVERLAP,
    names::SHARING,
    names::KEEP_ORIGINALS,
];

pub async fn show(current_user: CurrentUser<role::Admin>) -> PageResult {
    let values = current_user.ports().settings.all().await?;
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    let brand = Brand::from_settings(&values);
    let page = AppearancePage {
        layout: current_user.admin_layout(t("appearance.title")).await?,
        name: value("custom_app_name"),
        support: value("support_email"),
        icon: value(ICON),
        links: brand.links.iter().fold(String::new(), |lines, link| {
            if lines.is_empty() {
                link.address.clone()
            } else {
                format!("{lines}\n{}", link.address)
            }
        }),
        prompt: value(names::SYSTEM_PROMPT),
        default_prompt: SYSTEM_PROMPT,
        chunk_size: value(names::CHUNK_SIZE),
        chunk_overlap: value(names::CHUNK_OVERLAP),
        is_sharing_allowed: value(names::SHARING) == "on",
        picture: Some(brand.logo_address()).filter(|_| brand.has_logo()),
        picture_form: "/admin/appearance/logo",
        keeps_originals: current_user.ports().library.originals.is_enabled().await?,
    };
    response::page(&current_user.request, &page)
}

pub async fn save(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let submitted_names = FIELDS.iter().filter(|name| form.has(name));
    let mut body: Map<String, Value> =
        submitted_names.map(|name| ((*name).to_owned(), Value::from(form.text(name)))).collect();
    let settings = &*current_user.ports().settings;
    if form.has(FOOTER) {
        let existing = Brand::from_settings(&settings.all().await?).links;
        body.insert(FOOTER.to_owned(), footer(form.text(FOOTER), &existing)?);
    }
    preferences::change(settings, &body, Leniency::Strict, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/admin/appearance", "saved"))
}

const ICON: &str = "meta_page_favicon";
const FOOTER: &str = "footer_data";
/// The default icon of a link in other interfaces.
const DEFAULT_ICON: &str = "LinkSimple";

/// Parses links, one per line. Existing links keep their icons.
fn footer(text: &str, existing: &[NavLink]) -> Result<Value, Error> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let links: Result<Vec<_>, Error> = lines
        .map(|line| {
            if !preferences::is_safe_to_follow(line) {
                let reason = format!("\"{line}\" is not an https, http or mailto address");
                return Err(Error::invalid(FOOTER, reason));
            }
            let icon = existing.iter().find(|link| link.address == line);
            let icon = icon.map_or(DEFAULT_ICON, |link| link.icon.as_str());
            Ok(json!({ "icon": icon, "url": line }))
        })
        .collect();
    let links = links?;
    if links.len() > MAX_LINKS {
        let reason = format!("there are {} links; at most {MAX_LINKS} are shown", links.len());
        return Err(Error::invalid(FOOTER, reason));
    }
    Ok(if links.is_empty() { Value::Null } else { Value::from(links) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_lines_and_keep_their_icons() {
        let existing = [NavLink { address: "https://a.test/".into(), icon: "House".into() }];
        let links = footer("https://a.test/\r\n\n mailto:b@c.d ", &existing).unwrap();
        let expected = json!([
            { "icon": "House", "url": "https://a.test/" },
            { "icon": "LinkSimple", "url": "mailto:b@c.d" },
        ]);
        assert_eq!(links, expected);
        assert_eq!(footer(" \n", &existing).unwrap(), Value::Null);
        let error = footer("https://a.test/\njavascript:alert(1)", &existing).unwrap_err();
        assert!(error.to_string().contains("javascript"), "{error}");
        let error = footer(&"https://a.test/\n".repeat(21), &existing).unwrap_err();
        assert!(error.to_string().contains("there are 21 links"), "{error}");
    }
}
