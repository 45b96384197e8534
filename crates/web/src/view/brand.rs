//! The name, icon and links that an installation shows on its pages.
use std::collections::BTreeMap;

use carrel_domain::settings::names;
use serde_json::Value;
use url::Url;

use crate::http::assets;
use crate::http::response::segment;
use crate::session::session_cookie;

/// The product's name, for installations without their own.
const NAME: &str = "carrel";

/// The name and links of this installation.
#[derive(Clone, Debug)]
pub struct Brand {
    pub name: String,
    pub support: Option<String>,
    /// Links at the bottom of the side bar.
    pub links: Vec<NavLink>,
    /// Address of the favicon, if it is on this server.
    favicon: Option<String>,
    /// Name of the logo's picture.
    logo: Option<String>,
}

/// A link that an operator has added.
#[derive(Clone, Debug)]
pub struct NavLink {
    pub address: String,
    /// Name of an icon, as other interfaces use it.
    pub icon: String,
}

impl NavLink {
    fn from_value(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Self { address: text("url")?, icon: text("icon").unwrap_or_default() })
    }

    /// Returns its label: the host or the mail address.
    pub fn label(&self) -> String {
        let url = Url::parse(&self.address).ok();
        let host = url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
        let path = || url.as_ref().map(|url| url.path().to_owned());
        host.or_else(path).unwrap_or_else(|| self.address.clone())
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self { name: NAME.to_owned(), support: None, links: Vec::new(), favicon: None, logo: None }
    }
}

impl Brand {
    pub fn from_settings(settings: &BTreeMap<String, String>) -> Self {
        let setting = |name: &str| settings.get(name).filter(|text| !text.trim().is_empty());
        let links =
            setting("footer_data").and_then(|text| serde_json::from_str::<Value>(text).ok());
        let links = links.as_ref().and_then(Value::as_array).into_iter().flatten();
        Self {
            name: setting("custom_app_name").cloned().unwrap_or_else(|| NAME.to_owned()),
            support: setting("support_email").cloned(),
            links: links.filter_map(NavLink::from_value).collect(),
            favicon: setting("meta_page_favicon")
                .filter(|text| session_cookie::is_local_address(text))
                .cloned(),
            logo: setting(names::LOGO).cloned(),
        }
    }

    /// Returns the address of the logo.
    pub fn logo_address(&self) -> String {
        match &self.logo {
            Some(name) => format!("/logo/{}", segment(name)),
            None => assets::address("mark.svg"),
        }
    }

    /// True if a logo was uploaded.
    pub fn has_logo(&self) -> bool {
        self.logo.is_some()
    }

    /// Returns the address of the favicon.
    pub fn favicon_address(&self) -> String {
        self.favicon.clone().unwrap_or_else(|| assets::address("mark.svg"))
    }
}
