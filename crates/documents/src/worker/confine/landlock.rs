//! Landlock: the process cannot open files by name, connect, or signal other processes.
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetError, RulesetStatus, Scope,
};

/// The newest rules requested; an older kernel applies the ones it supports.
const NEWEST: ABI = ABI::V6;

/// Restricts this thread, and those it starts, for good. Open files stay usable. The inner error
/// says that the kernel does not support Landlock.
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

/// Handles every kind of access and allows none.
fn restrict_all() -> Result<RestrictionStatus, RulesetError> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    rules.create()?.restrict_self()
}
