//! What surrounds every page: the name of the installation, the way around, word of what was done.
use std::collections::BTreeMap;

use carrel_domain::user::Role;
use serde_json::Value;
use url::Url;

use crate::assets;
use crate::form::Fields;
use crate::gate;
use crate::refusal::Refusal;
use crate::texts;
use crate::visit::{Visit, Who};

/// What the product is called where nobody has named the installation.
const NAME: &str = "carrel";

/// What this installation calls itself.
#[derive(Clone, Debug)]
pub struct Brand {
    pub name: String,
    pub support: Option<String>,
    /// At the foot of the side bar.
    pub links: Vec<Link>,
    /// The address of the icon of tabs, if it is on this server.
    favicon: Option<String>,
}

/// A link somebody put there.
#[derive(Clone, Debug)]
pub struct Link {
    pub address: String,
    /// The name of an icon, as other interfaces know them.
    pub icon: String,
}

impl Link {
    fn of(stored: &Value) -> Option<Self> {
        let text = |name: &str| stored[name].as_str().map(str::to_owned);
        Some(Self { address: text("url")?, icon: text("icon").unwrap_or_default() })
    }

    /// What it is called: the host, or whom to write to.
    pub fn label(&self) -> String {
        let url = Url::parse(&self.address).ok();
        let host = url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
        let path = || url.as_ref().map(|url| url.path().to_owned());
        host.or_else(path).unwrap_or_else(|| self.address.clone())
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: NAME.to_owned(), support: None, links: Vec::new(), favicon: None }
    }
}

impl Brand {
    pub fn of(settings: &BTreeMap<String, String>) -> Self {
        let given = |name: &str| settings.get(name).filter(|text| !text.trim().is_empty());
        let links = given("footer_data").and_then(|text| serde_json::from_str::<Value>(text).ok());
        let links = links.as_ref().and_then(Value::as_array).into_iter().flatten();
        Self {
            name: given("custom_app_name").cloned().unwrap_or_else(|| NAME.to_owned()),
            support: given("support_email").cloned(),
            links: links.filter_map(Link::of).collect(),
            favicon: given("meta_page_favicon").filter(|text| gate::is_own(text)).cloned(),
        }
    }

    /// The icon of tabs.
    pub fn icon(&self) -> String {
        self.favicon.clone().unwrap_or_else(|| assets::address("mark.svg"))
    }
}

/// Which part of the interface a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Home,
    Workspace,
    Documents,
    Search,
    Account,
    Administration,
}

/// A workspace in the side bar.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub slug: String,
    pub is_current: bool,
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub brand: Brand,
    pub title: String,
    pub section: Section,
    pub workspaces: Vec<Entry>,
    /// How the visitor is called.
    pub name: String,
    /// What tells the visitor from others who use the same browser.
    pub visitor: String,
    pub is_admin: bool,
    pub is_manager: bool,
    pub is_shared: bool,
    /// What was done just now.
    pub done: Option<&'static str>,
    /// The path of the page.
    pub path: String,
}

impl Frame {
    pub fn is(&self, section: &str) -> bool {
        format!("{:?}", self.section).eq_ignore_ascii_case(section)
    }

    /// Whether the page is at `path`, or below it.
    pub fn at(&self, path: &str) -> bool {
        self.path == path || self.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl<P> Visit<P> {
    /// The frame of a page with a title.
    pub async fn frame(&self, title: &str, section: Section) -> Result<Frame, Refusal> {
        self.frame_in(title, section, None).await
    }

    /// As [`Visit::frame`], in the workspace of a slug.
    pub async fn frame_in(
        &self,
        title: &str,
        section: Section,
        current: Option<&str>,
    ) -> Result<Frame, Refusal> {
        let entry = |workspace: carrel_domain::workspace::Workspace| Entry {
            is_current: current == Some(workspace.slug.as_str()),
            slug: workspace.slug.to_string(),
            name: workspace.settings.name,
        };
        let done = Fields::of_query(&self.request).given("done");
        Ok(Frame {
            brand: self.site.brand().await?,
            title: title.to_owned(),
            section,
            workspaces: self.workspaces().await?.into_iter().map(entry).collect(),
            name: match &self.who {
                Who::Owner => texts::t("frame.owner").to_owned(),
                Who::User(user) => user.username.clone(),
            },
            visitor: self.who.id().map_or_else(|| "owner".to_owned(), |id| id.to_string()),
            is_admin: self.who.may(Role::Admin),
            is_manager: self.who.may(Role::Manager),
            is_shared: self.who.user().is_some(),
            done: done.and_then(|done| texts::find(&format!("done.{done}"))),
            path: self.request.path().to_owned(),
        })
    }
}
