//! Landlock: the process cannot open files by name, connect, or signal other processes.
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetError, RulesetStatus, Scope,
};

/// The newest rules that are asked for; an older kernel applies those that it knows.
const NEWEST: ABI = ABI::V6;

/// Restricts this thread, and those it starts, for good. What is open stays usable. The inner error
/// says that the kernel has no Landlock.
pub fn restrict() -> Result<Result<(), &'static str>, String> {
    let RestrictionStatus { ruleset, landlock, .. } =
        restrict_all().map_err(|error| format!("Landlock: {error}"))?;
    match (ruleset, landlock) {
        (RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced, _) => Ok(Ok(())),
        (RulesetStatus::NotEnforced, LandlockStatus::Available { .. }) => {
            Err("Landlock is there and restricts nothing".to_owned())
        }
        (RulesetStatus::NotEnforced, _) => Ok(Err("Landlock")),
    }
}

/// Everything is handled and nothing is allowed.
fn restrict_all() -> Result<RestrictionStatus, RulesetError> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    rules.create()?.restrict_self()
}
