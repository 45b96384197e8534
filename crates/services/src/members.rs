//! Access to workspaces.
use carrel_domain::audit::By;
use carrel_domain::member::{Member, Members};
use carrel_domain::user::{Role, User, Users};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Result, UserId, WorkspaceId};
use serde_json::json;

/// Returns the members of a workspace and every admin, by user id.
pub async fn with_admins(
    members: &dyn Members,
    users: &dyn Users,
    workspace: WorkspaceId,
) -> Result<Vec<Member>> {
    let mut list = members.of(workspace).await?;
    for user in users.list().await? {
        let is_member = list.iter().any(|member| member.user == user.id);
        if user.role == Role::Admin && !is_member {
            list.push(Member {
                user: user.id,
                username: user.username,
                role: user.role,
                updated_at: user.updated_at,
            });
        }
    }
    list.sort_by_key(|member| member.user);
    Ok(list)
}

/// Returns whether a user has access to a workspace: members, managers and admins do, and the owner
/// of a server without users.
pub async fn may_access_workspace(
    members: &dyn Members,
    user: Option<&User>,
    workspace: WorkspaceId,
) -> Result<bool> {
    let Some(user) = user.filter(|user| user.role == Role::Default) else { return Ok(true) };
    Ok(members.workspaces_of_user(user.id).await?.contains(&workspace))
}

/// Returns those of `workspaces` that a user has access to. See [`may_access_workspace`].
pub async fn accessible_workspaces(
    members: &dyn Members,
    user: Option<&User>,
    mut workspaces: Vec<Workspace>,
) -> Result<Vec<Workspace>> {
    if let Some(user) = user.filter(|user| user.role == Role::Default) {
        let accessible = members.workspaces_of_user(user.id).await?;
        workspaces.retain(|workspace| accessible.contains(&workspace.id));
    }
    Ok(workspaces)
}

/// Adds members to a workspace, or replaces them if `reset` is set.
pub async fn manage(
    members: &dyn Members,
    workspace: WorkspaceId,
    users: &[UserId],
    reset: bool,
    by: &By,
) -> Result<()> {
    let details = json!({ "workspaceId": workspace.0, "users": users.len(), "reset": reset });
    let event = by.event("workspace_users_updated", details.to_string());
    match reset {
        true => members.replace(workspace, users, event).await,
        false => members.add(workspace, users, event).await,
    }
}

/// Like [`manage`], but ignores users that do not exist. Returns whether any exists.
pub async fn manage_existing(
    members: &dyn Members,
    workspace: WorkspaceId,
    users: &[UserId],
    reset: bool,
    by: &By,
) -> Result<bool> {
    let existing = members.existing_users(users).await?;
    if !existing.is_empty() {
        manage(members, workspace, &existing, reset, by).await?;
    }
    Ok(!existing.is_empty())
}
