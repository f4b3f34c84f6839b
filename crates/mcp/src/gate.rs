//! Whether a change is made: the one place that decides it.

use std::sync::Arc;

use stateset_inspect::Apply;

use crate::outcome::{Failure, Next};
use crate::plan::{Plan, Plans};

/// How much a tool can change with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One thing, which the arguments name.
    One,
    /// Whatever passes a filter.
    Many,
}

/// What a call says about being carried out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) apply: bool,
    pub(crate) plan_id: Option<String>,
}

/// What comes of it.
#[derive(Debug)]
pub(crate) enum Decision<T> {
    /// Nothing is changed, and why.
    Preview(Because),
    /// It is done, as it was previewed if there was a preview.
    Execute(Option<Arc<Plan<T>>>),
}

/// Why a change is only previewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because {
    /// The call did not say `apply: true`.
    NotAsked,
    /// It did, but the server only looks.
    ServerReads,
}

impl Because {
    /// What the caller can do, for the end of a preview's message.
    pub(crate) fn advice(self, reach: Reach) -> &'static str {
        match (self, reach) {
            (Self::NotAsked, Reach::One) => "To do it, make the same call with apply: true.",
            (Self::NotAsked, Reach::Many) => {
                "To do it, make the same call with apply: true and this plan_id, within 15 minutes."
            },
            (Self::ServerReads, _) => {
                "This server was started without --apply, so apply: true has no effect: a person has to start it with \
                 --apply, or do it with the command line."
            },
        }
    }
}

/// `arguments` are the call's, without `apply` and `plan_id`.
pub(crate) fn decide<T>(
    reach: Reach,
    server_applies: bool,
    asked: &Asked,
    plans: &Plans<T>,
    arguments: &str,
    now: i64,
) -> Result<Decision<T>, Failure> {
    if !asked.apply {
        return Ok(Decision::Preview(Because::NotAsked));
    }
    if !server_applies {
        return Ok(Decision::Preview(Because::ServerReads));
    }
    match &asked.plan_id {
        Some(id) => Ok(Decision::Execute(Some(plans.check(id, arguments, now)?))),
        None if reach == Reach::One => Ok(Decision::Execute(None)),
        None => Err(Failure::new(
            "PLAN_REQUIRED",
            Next::Preview,
            "a change of whatever passes a filter needs the plan_id of a fresh preview of the same arguments",
            "make the same call without apply, look at what it says, and give its plan_id",
        )),
    }
}

impl<T> Decision<T> {
    /// The same for the surface below.
    pub(crate) fn apply(&self, actor: &str) -> Apply {
        let actor = actor.to_owned();
        match self {
            Self::Preview(_) => Apply::Preview { actor },
            Self::Execute(_) => Apply::Execute { actor },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K07, and the rule that a server's `--apply` is necessary and not sufficient.
    #[test]
    fn a_change_is_made_only_if_everybody_agrees() {
        let plans = Plans::<()>::new();
        let (id, _) = plans.issue("a", None, 0).expect("an id");
        for reach in [Reach::One, Reach::Many] {
            for server in [false, true] {
                for apply in [false, true] {
                    for plan_id in [None, Some(id.clone()), Some("pl_forged".to_owned())] {
                        let asked = Asked { apply, plan_id: plan_id.clone() };
                        let decision = decide(reach, server, &asked, &plans, "a", 1);
                        let fresh = plan_id.as_deref() == Some(id.as_str());
                        let agreed = server && apply && (fresh || plan_id.is_none() && reach == Reach::One);
                        let executes = matches!(decision, Ok(Decision::Execute(_)));
                        assert_eq!(executes, agreed, "{reach:?} {server} {asked:?}: {decision:?}");
                    }
                }
            }
        }
        let asked = Asked { apply: true, plan_id: None };
        let refusal = decide(Reach::Many, true, &asked, &plans, "a", 1).expect_err("no plan");
        assert_eq!((refusal.code.as_str(), refusal.disposition), ("PLAN_REQUIRED", Next::Preview));
    }
}
