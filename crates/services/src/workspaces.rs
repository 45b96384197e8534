//! Creating, changing and deleting workspaces.
use carrel_domain::audit::By;
use carrel_domain::model::{ModelChoice, Models};
use carrel_domain::settings::Settings;
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::{NewWorkspace, Workspace, WorkspaceSettings, Workspaces};
use carrel_domain::{Error, Result, Slug};
use serde_json::json;

use crate::preferences::Preferences;

/// The provider that existing clients use for model routers.
pub const ROUTER: &str = "anythingllm-router";

/// The number of slugs tried for one name. Eight random digits rarely collide.
const MAX_ATTEMPTS: u32 = 8;

/// The number of characters of a name used for the slug.
const MAX_NAME_CHARS: usize = 512;

/// Creates a workspace with the slug derived from its name, or a numbered one if that is taken. If
/// `settings` has no prompt, the server's default is stored in the workspace.
pub async fn create(
    workspaces: &dyn Workspaces,
    settings: &dyn Settings,
    new: WorkspaceSettings,
    by: &By,
) -> Result<Workspace> {
    let name = new.name.clone();
    create_named(workspaces, settings, new, &name, by).await
}

/// Like [`create`], but derives the slug from `name`, which can be longer than the stored name.
pub async fn create_named(
    workspaces: &dyn Workspaces,
    settings: &dyn Settings,
    mut new: WorkspaceSettings,
    name: &str,
    by: &By,
) -> Result<Workspace> {
    let name: String = name.chars().take(MAX_NAME_CHARS).collect();
    if new.prompt.is_none() {
        new.prompt = Some(Preferences::read(settings).await?.system_prompt().to_owned());
    }
    let mut slug = Slug::of(&name);
    for _ in 0..MAX_ATTEMPTS {
        let event =
            by.event("api_workspace_created", json!({ "workspaceName": new.name }).to_string());
        let candidate = NewWorkspace { slug, settings: new.clone(), created_at: by.at };
        match workspaces.create(candidate, event).await {
            Err(Error::AlreadyExists { .. }) => {
                slug = Slug::numbered(&name, rand::random_range(0..100_000_000));
            }
            result => return result,
        }
    }
    Err(Error::AlreadyExists { kind: "workspace", key: new.name })
}

/// Checks that a newly selected provider or model can answer.
///
/// # Errors
/// [`Error::Invalid`] in the field `chatProvider`, with what is missing.
pub fn check_model(
    models: &dyn Models,
    current: Option<&WorkspaceSettings>,
    settings: &WorkspaceSettings,
) -> Result<()> {
    let choice_of = |settings: &WorkspaceSettings| ModelChoice {
        provider: settings.chat_provider.clone(),
        model: settings.chat_model.clone(),
    };
    let choice = choice_of(settings);
    let is_router = choice.provider.as_deref() == Some(ROUTER);
    if is_router || choice.provider.is_none() || current.map(choice_of).as_ref() == Some(&choice) {
        return Ok(());
    }
    match models.chat(&choice) {
        Ok(_) => Ok(()),
        Err(error @ Error::Internal(_)) => Err(error),
        // It names its field already.
        Err(Error::Invalid { reason, .. }) => Err(Error::invalid("chatProvider", reason)),
        Err(error) => Err(Error::invalid("chatProvider", error.to_string())),
    }
}

/// Replaces the settings of a workspace.
pub async fn update(
    workspaces: &dyn Workspaces,
    workspace: &Workspace,
    settings: WorkspaceSettings,
    by: &By,
) -> Result<Workspace> {
    let prompt_changed = settings.prompt != workspace.settings.prompt;
    let details =
        json!({ "workspaceName": settings.name, "promptChanged": prompt_changed }).to_string();
    workspaces.update(workspace.id, settings, by.event("api_workspace_updated", details)).await
}

/// Validates settings of a workspace.
pub fn check(settings: &WorkspaceSettings) -> Result<()> {
    let name = settings.name.chars().count();
    for (field, is_fine, allowed) in [
        ("name", (1..=255).contains(&name), "must be text of 1 to 255 characters"),
        (
            "temperature",
            settings.temperature.is_none_or(|value| (0.0..=f64::MAX).contains(&value)),
            "must be a number of 0 or more, or empty",
        ),
        ("history", settings.history >= 0, "must be a whole number of 0 or more"),
        (
            "least_similarity",
            (0.0..=1.0).contains(&settings.least_similarity),
            "must be a number from 0 to 1",
        ),
        ("passages", settings.passages >= 1, "must be a whole number of 1 or more"),
    ] {
        if !is_fine {
            return Err(Error::invalid(field, allowed));
        }
    }
    Ok(())
}

/// Returns the workspace with a slug. [`Error::NotFound`] if it does not exist.
pub async fn by_slug(workspaces: &dyn Workspaces, slug: &str) -> Result<Workspace> {
    workspaces.by_slug(slug).await?.ok_or_else(|| Error::not_found("workspace", slug))
}

/// Returns the workspaces with the given slugs, and a warning for each slug that does not exist.
pub async fn find_by_slugs(
    workspaces: &dyn Workspaces,
    slugs: &[String],
) -> Result<(Vec<Workspace>, Vec<String>)> {
    let (mut found, mut warnings) = (Vec::<Workspace>::new(), Vec::new());
    for slug in slugs {
        match workspaces.by_slug(slug).await? {
            Some(workspace) if found.iter().any(|item| item.id == workspace.id) => {}
            Some(workspace) => found.push(workspace),
            None => warnings.push(format!("no workspace matches `{slug}`")),
        }
    }
    Ok((found, warnings))
}

/// Deletes a workspace with its conversations and passages. Its documents stay in the library.
pub async fn delete(
    workspaces: &dyn Workspaces,
    index: &dyn VectorIndex,
    slug: &str,
    by: &By,
) -> Result<()> {
    let workspace = by_slug(workspaces, slug).await?;
    let details = json!({ "workspaceName": workspace.settings.name }).to_string();
    if !workspaces.delete(workspace.id, by.event("api_workspace_deleted", details)).await? {
        return Err(Error::not_found("workspace", slug));
    }
    index.drop_workspace(workspace.id).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{FakeSettings, FakeWorkspaces, by};

    #[tokio::test]
    async fn names_may_repeat_and_slugs_do_not() {
        let workspaces = FakeWorkspaces::default();
        let mut slugs = Vec::new();
        for _ in 0..3 {
            let new = WorkspaceSettings::named("Alpha Team");
            let workspace =
                create(&workspaces, &FakeSettings::default(), new, &by()).await.unwrap();
            slugs.push(workspace.slug.to_string());
        }
        assert_eq!(slugs[0], "alpha-team");
        assert!(slugs[1..].iter().all(|slug| slug.len() == "alpha-team-12345678".len()));
        assert_ne!(slugs[1], slugs[2]);
    }

    #[tokio::test]
    async fn a_workspace_without_a_prompt_gets_the_default() {
        let new = WorkspaceSettings::named("A");
        let (workspaces, settings) = (FakeWorkspaces::default(), FakeSettings::default());
        let workspace = create(&workspaces, &settings, new, &by()).await.unwrap();
        assert!(workspace.settings.prompt.unwrap().contains("{datetime}"));
    }
}
