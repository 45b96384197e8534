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

/// Maximum number of threads in the side bar.
const MAX_THREADS: u32 = 100;

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
    pub is_multi_user: bool,
    /// Message about the last change.
    pub notice: Option<&'static str>,
    /// Id of the deletion that can be undone.
    pub undo: Option<i64>,
    /// Path of the page.
    pub path: String,
}

impl PageLayout {
    pub fn is_section(&self, section: &str) -> bool {
        format!("{:?}", self.section).eq_ignore_ascii_case(section)
    }

    /// True if the page is at `path` or below it.
    pub fn is_at(&self, path: &str) -> bool {
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
    pub fn thread_query(&self) -> String {
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
        let workspace =
            workspaces.iter().find(|workspace| current == Some(workspace.slug.as_str()));
        let thread_list = match workspace {
            Some(workspace) => {
                let threads = &self.ports().threads;
                let filter = ThreadFilter { limit: MAX_THREADS, ..ThreadFilter::default() };
                threads.latest(workspace.id, self.identity.id(), &filter).await?
            }
            None => Vec::new(),
        };
        let query = Fields::of_query(&self.request);
        let thread = self.request.match_info().get("thread").unwrap_or(query.text("t"));
        let thread =
            thread_list.iter().map(|thread| thread.slug.as_str()).find(|slug| *slug == thread);
        let thread = thread.map(str::to_owned);
        let entry = |workspace: Workspace| NavEntry {
            is_current: current == Some(workspace.slug.as_str()),
            picture: picture_address(&workspace),
            slug: workspace.slug.to_string(),
            name: workspace.settings.name,
        };
        let day = |time| days::day(self.request.headers(), time);
        let threads = group_by_age(thread_list, thread.as_deref(), day, day(self.now));
        let notice = query.text_or_none("done");
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
            is_admin: self.identity.has_role(Role::Admin),
            is_manager: self.identity.has_role(Role::Manager),
            is_multi_user: self.identity.user().is_some(),
            notice: notice.and_then(|key| texts::find(&format!("done.{key}"))),
            undo: query.number("undo").ok().flatten(),
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
fn group_by_age(
    threads: Vec<Thread>,
    current: Option<&str>,
    day: impl Fn(DateTime<Utc>) -> NaiveDate,
    today: NaiveDate,
) -> Vec<ThreadGroup> {
    let mut groups: Vec<ThreadGroup> = Vec::new();
    for thread in threads {
        let heading = days::heading(day(thread.created_at), today);
        let entry = NavEntry {
            is_current: current == Some(thread.slug.as_str()),
            slug: thread.slug.to_string(),
            picture: None,
            name: thread.name,
        };
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.threads.push(entry),
            None => groups.push(ThreadGroup { heading, threads: vec![entry] }),
        }
    }
    groups
}
