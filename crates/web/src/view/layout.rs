//! The layout of every page: the installation's name, the navigation, and messages about changes.
use carrel_domain::thread::{Thread, ThreadFilter};
use carrel_domain::user::Role;
use carrel_domain::workspace::Workspace;
use chrono::{DateTime, NaiveDate, Utc};

use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::redirect::segment;
use crate::session::current_user::{CurrentUser, Identity, role};
use crate::view::brand::Brand;
use crate::view::days;
use crate::view::texts;

/// The part of the interface to which a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Home,
    Workspace,
    Documents,
    Search,
    Account,
    Administration,
}

/// Threads that are listed.
const LISTED: u32 = 100;

/// A workspace in the side bar, or a thread of the current one.
#[derive(Clone, Debug)]
pub struct NavEntry {
    pub name: String,
    pub slug: String,
    /// Address of the workspace's picture.
    pub picture: Option<String>,
    pub is_current: bool,
}

/// Returns the address of a workspace's picture, if it has one.
pub fn picture_address(workspace: &Workspace) -> Option<String> {
    let name = workspace.picture.as_deref()?;
    Some(format!("/w/{}/picture/{}", segment(workspace.slug.as_str()), segment(name)))
}

/// Threads created in the same period.
#[derive(Clone, Debug)]
pub struct ThreadGroup {
    /// Key of the heading.
    pub heading: &'static str,
    pub threads: Vec<NavEntry>,
}

#[derive(Clone, Debug)]
pub struct PageLayout {
    pub brand: Brand,
    pub title: String,
    pub section: Section,
    pub workspaces: Vec<NavEntry>,
    /// The visitor's threads of the current workspace, grouped by age.
    pub threads: Vec<ThreadGroup>,
    /// The thread the visitor came from, which the other pages of its workspace lead back to.
    pub thread: Option<String>,
    /// The visitor's name.
    pub name: String,
    /// Distinguishes visitors who use the same browser.
    pub visitor: String,
    pub is_admin: bool,
    pub is_manager: bool,
    pub is_shared: bool,
    /// Message about the last change.
    pub done: Option<&'static str>,
    /// Id of the deletion that can be undone.
    pub undo: Option<i64>,
    /// Path of the page.
    pub path: String,
}

impl PageLayout {
    pub fn is(&self, section: &str) -> bool {
        format!("{:?}", self.section).eq_ignore_ascii_case(section)
    }

    /// True if the page is at `path` or below it.
    pub fn at(&self, path: &str) -> bool {
        self.path == path || self.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns the conversation that the pages of a workspace link back to.
    pub fn conversation(&self, slug: &str) -> String {
        match &self.thread {
            Some(thread) => format!("/w/{slug}/t/{thread}"),
            None => format!("/w/{slug}"),
        }
    }

    /// Returns the query that passes the thread on to other pages of the workspace.
    pub fn along(&self) -> String {
        self.thread.as_ref().map(|thread| format!("?t={thread}")).unwrap_or_default()
    }

    /// True if the page is a conversation of the workspace.
    pub fn is_conversation(&self, slug: &str) -> bool {
        self.path == format!("/w/{slug}") || self.path == self.conversation(slug)
    }
}

impl<P> CurrentUser<P> {
    /// Returns the layout of a page with this title.
    pub async fn layout(&self, title: &str, section: Section) -> Result<PageLayout, PageError> {
        self.layout_in(title, section, None).await
    }

    /// Like [`CurrentUser::layout`], in the workspace with this slug.
    pub async fn layout_in(
        &self,
        title: &str,
        section: Section,
        current: Option<&str>,
    ) -> Result<PageLayout, PageError> {
        let workspaces = self.workspaces().await?;
        let at = workspaces.iter().find(|known| current == Some(known.slug.as_str()));
        let listed = match at {
            Some(at) => {
                let threads = &self.ports().threads;
                let listed = ThreadFilter { limit: LISTED, ..ThreadFilter::default() };
                threads.latest(at.id, self.identity.id(), &listed).await?
            }
            None => Vec::new(),
        };
        let asked = Fields::of_query(&self.request);
        let thread = self.request.match_info().get("thread").unwrap_or(asked.text("t"));
        let thread = listed.iter().map(|known| known.slug.as_str()).find(|slug| *slug == thread);
        let thread = thread.map(str::to_owned);
        let entry = |workspace: Workspace| NavEntry {
            is_current: current == Some(workspace.slug.as_str()),
            picture: picture_address(&workspace),
            slug: workspace.slug.to_string(),
            name: workspace.settings.name,
        };
        let day = |moment| days::day(self.request.headers(), moment);
        let threads = grouped(listed, thread.as_deref(), day, day(self.at));
        let done = asked.text_or_none("done");
        Ok(PageLayout {
            brand: self.site.brand().await?,
            title: title.to_owned(),
            section,
            workspaces: workspaces.into_iter().map(entry).collect(),
            threads,
            thread,
            name: match &self.identity {
                Identity::Owner => texts::t("layout.owner").to_owned(),
                Identity::User(user) => user.username.clone(),
            },
            visitor: self.identity.id().map_or_else(|| "owner".to_owned(), |id| id.to_string()),
            is_admin: self.identity.may(Role::Admin),
            is_manager: self.identity.may(Role::Manager),
            is_shared: self.identity.user().is_some(),
            done: done.and_then(|done| texts::find(&format!("done.{done}"))),
            undo: asked.number("undo").ok().flatten(),
            path: self.request.path().to_owned(),
        })
    }
}

impl CurrentUser<role::Admin> {
    /// Returns the layout of a page of the administration.
    pub async fn admin_layout(&self, title: &str) -> Result<PageLayout, PageError> {
        self.layout(title, Section::Administration).await
    }
}

/// Groups threads under headings, newest first.
fn grouped(
    listed: Vec<Thread>,
    current: Option<&str>,
    day: impl Fn(DateTime<Utc>) -> NaiveDate,
    today: NaiveDate,
) -> Vec<ThreadGroup> {
    let mut groups: Vec<ThreadGroup> = Vec::new();
    for known in listed {
        let heading = days::heading(day(known.created_at), today);
        let entry = NavEntry {
            is_current: current == Some(known.slug.as_str()),
            slug: known.slug.to_string(),
            picture: None,
            name: known.name,
        };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.threads.push(entry),
            None => groups.push(ThreadGroup { heading, threads: vec![entry] }),
        }
    }
    groups
}
