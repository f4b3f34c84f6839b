//! Previews under short names: the long id of a plan in a file of the user's own, for as long as the plan is valid.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use stateset_inspect::{Fault, Kind};

/// As long as a plan is valid.
const KEPT: Duration = Duration::from_mins(15);

/// Where plans are kept.
#[derive(Clone, Debug)]
pub(crate) struct Plans(PathBuf);

impl Plans {
    /// In the user's folder of state.
    pub(crate) fn below(state: &Path) -> Self {
        Self(state.join("plans"))
    }

    /// Keeps the long id; gives the short name. `None`: it cannot be kept, and the long one has to do.
    pub(crate) fn keep(&self, plan: &str, now: SystemTime) -> Option<String> {
        self.collect(now);
        let name = format!("p_{:08x}", checksum(plan.as_bytes()));
        std::fs::create_dir_all(&self.0).ok()?;
        std::fs::write(self.0.join(&name), plan).ok()?;
        Some(name)
    }

    /// The long id: of a short name, or the id itself.
    pub(crate) fn find(plans: Option<&Self>, name: &str) -> Result<String, Fault> {
        if !is_name(name) {
            return Ok(name.trim().to_owned());
        }
        let kept = plans.and_then(|plans| std::fs::read_to_string(plans.0.join(name)).ok());
        kept.map(|plan| plan.trim().to_owned()).ok_or_else(|| {
            let fix = "preview again: the same command without --apply; plans are kept for 15 minutes, for this user on this \
                       machine";
            Fault::new(Kind::NotFound, "PLAN_NOT_FOUND", format!("there is no plan {name:.40}"), fix)
        })
    }

    /// Removes plans that nobody can carry out any more. What cannot be removed is tried again next time.
    fn collect(&self, now: SystemTime) {
        for file in self.0.read_dir().into_iter().flatten().flatten() {
            let ours = file.file_name().to_str().is_some_and(is_name);
            let written = file.metadata().and_then(|data| data.modified());
            if ours && written.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > KEPT)) {
                std::fs::remove_file(file.path()).ok();
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    text.strip_prefix("p_").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// FNV-1a: tells the plans of one user apart.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_plans_go_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let plans = Plans::below(folder.path());
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(10_000);
        let (old, fresh) = (plans.keep("plan_old", now).expect("kept"), plans.keep("plan_fresh", now).expect("kept"));
        let other = folder.path().join("plans/notes.txt");
        std::fs::write(&other, "mine").expect("written");
        let age = |path: &Path, age: Duration| {
            std::fs::File::options()
                .write(true)
                .open(path)
                .and_then(|file| file.set_modified(now - age))
                .expect("aged");
        };
        age(&other, Duration::from_hours(1));
        age(&folder.path().join("plans").join(&fresh), KEPT);
        age(&folder.path().join("plans").join(&old), KEPT + Duration::from_secs(1));
        let newest = plans.keep("plan_newest", now).expect("kept");
        assert_eq!(Plans::find(Some(&plans), &fresh).expect("still valid"), "plan_fresh");
        assert_eq!(Plans::find(Some(&plans), &newest).expect("valid"), "plan_newest");
        assert_eq!(Plans::find(Some(&plans), &old).expect_err("collected").code, "PLAN_NOT_FOUND");
        assert_eq!(Plans::find(None, "plan_whole").expect("no name"), "plan_whole");
        assert!(other.exists());
    }
}
