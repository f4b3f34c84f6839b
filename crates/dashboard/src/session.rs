//! Sessions: an API key is posted once and stays in this process; the browser gets a random cookie that is worth nothing
//! elsewhere, and nothing after eight hours or a restart.
//!
//! Kept are SHA-256 hashes of cookies and links, so that neither a look-up's time nor a core dump's map gives one away.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long a session lasts, whatever happens in it.
pub const SESSION_LASTS: Duration = Duration::from_hours(8);
/// How long a one-time link waits for its one use.
pub const LINK_LASTS: Duration = Duration::from_mins(15);
/// Most sessions at a time; beyond it the oldest ends. Each holds an API key and two numbers.
pub const MAX_SESSIONS: usize = 1_000;

type Digest = [u8; 32];

/// A visitor's session.
#[derive(Clone)]
pub struct Session {
    /// The API key that was posted.
    pub key: Arc<Zeroizing<String>>,
    /// What a form must carry to be one of ours.
    pub token: Arc<str>,
    /// Where the visitor reaches this server, such as `https://log.example`.
    pub origin: Arc<str>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Whether a form carried this session's token.
    pub fn sent(&self, token: &str) -> bool {
        bool::from(self.token.as_bytes().ct_eq(token.as_bytes()))
    }
}

struct Kept {
    session: Session,
    ends: Instant,
}

struct Link {
    key: Zeroizing<String>,
    ends: Instant,
}

/// The path that lets one browser in once, behind where the dashboard is mounted.
#[derive(Clone)]
pub struct OneTimeLink(String);

impl OneTimeLink {
    /// `/enter/<token>`.
    pub fn path(&self) -> String {
        format!("/enter/{}", self.0)
    }
}

impl fmt::Debug for OneTimeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeLink(…)")
    }
}

/// All sessions of this process.
#[derive(Default)]
pub struct Sessions {
    kept: Mutex<HashMap<Digest, Kept>>,
    links: Mutex<HashMap<Digest, Link>>,
}

impl Sessions {
    /// Begins a session for whoever posted `key` from `origin`; answers the cookie's value.
    pub fn begin(&self, key: &str, origin: &str) -> String {
        self.begin_at(key, origin, Instant::now())
    }

    fn begin_at(&self, key: &str, origin: &str, now: Instant) -> String {
        let cookie = random();
        let key = Arc::new(Zeroizing::new(key.to_owned()));
        let session = Session { key, token: random().into(), origin: origin.into() };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, known| known.ends > now);
        if kept.len() >= MAX_SESSIONS {
            let oldest = kept.iter().min_by_key(|(_, known)| known.ends).map(|(digest, _)| *digest);
            oldest.and_then(|digest| kept.remove(&digest));
        }
        kept.insert(digest(&cookie), Kept { session, ends: now + SESSION_LASTS });
        cookie
    }

    /// The session of a cookie, if it has one that is not over.
    pub fn find(&self, cookie: &str) -> Option<Session> {
        self.find_at(cookie, Instant::now())
    }

    fn find_at(&self, cookie: &str, now: Instant) -> Option<Session> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&digest(cookie)).filter(|known| known.ends > now).map(|known| known.session.clone())
    }

    /// Ends a cookie's session.
    pub fn end(&self, cookie: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(cookie));
    }

    /// A link that begins one session with `key`, once, within [`LINK_LASTS`].
    pub fn link(&self, key: &str) -> OneTimeLink {
        self.link_at(key, Instant::now())
    }

    fn link_at(&self, key: &str, now: Instant) -> OneTimeLink {
        let token = random();
        let link = Link { key: Zeroizing::new(key.to_owned()), ends: now + LINK_LASTS };
        self.links.lock().unwrap_or_else(PoisonError::into_inner).insert(digest(&token), link);
        OneTimeLink(token)
    }

    /// Whether a link still waits to be used.
    pub fn waits(&self, token: &str) -> bool {
        self.waits_at(token, Instant::now())
    }

    fn waits_at(&self, token: &str, now: Instant) -> bool {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.get(&digest(token)).is_some_and(|link| link.ends > now)
    }

    /// Uses a link up; answers the cookie of the session it began.
    pub fn enter(&self, token: &str, origin: &str) -> Option<String> {
        self.enter_at(token, origin, Instant::now())
    }

    fn enter_at(&self, token: &str, origin: &str, now: Instant) -> Option<String> {
        let link = self.links.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(token))?;
        (link.ends > now).then(|| self.begin_at(&link.key, origin, now))
    }
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// 256 random bits as text.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    const_hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{LINK_LASTS, MAX_SESSIONS, SESSION_LASTS, Sessions};

    const ORIGIN: &str = "http://log.example";

    #[test]
    fn a_session_ends_after_eight_hours() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let cookie = sessions.begin_at("a key", ORIGIN, start);
        let late = start + SESSION_LASTS;
        let found = sessions.find_at(&cookie, late - Duration::from_secs(1));
        assert_eq!(found.map(|session| session.key.to_string()), Some("a key".to_owned()));
        assert!(sessions.find_at(&cookie, late).is_none());
    }

    #[test]
    fn a_cookie_is_neither_the_key_nor_the_token() {
        let sessions = Sessions::default();
        let cookie = sessions.begin("a key", ORIGIN);
        let session = sessions.find(&cookie).unwrap();
        assert!(!cookie.contains("key") && *session.token != *cookie);
        assert!(session.sent(&session.token) && !session.sent("") && !session.sent(&cookie));
        assert!(!format!("{session:?}").contains("a key"));
        sessions.end(&cookie);
        assert!(sessions.find(&cookie).is_none());
    }

    #[test]
    fn a_link_lets_in_once_and_not_for_ever() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let token = |link: super::OneTimeLink| link.path().trim_start_matches("/enter/").to_owned();
        let first = token(sessions.link_at("a key", start));
        assert!(sessions.waits_at(&first, start));
        let cookie = sessions.enter_at(&first, ORIGIN, start).unwrap();
        assert!(sessions.find_at(&cookie, start).is_some());
        assert!(!sessions.waits_at(&first, start) && sessions.enter_at(&first, ORIGIN, start).is_none());
        let late = token(sessions.link_at("a key", start));
        let end = start + LINK_LASTS;
        assert!(!sessions.waits_at(&late, end) && sessions.enter_at(&late, ORIGIN, end).is_none());
    }

    #[test]
    fn there_are_never_too_many_and_the_oldest_goes_first() {
        let (sessions, mut now) = (Sessions::default(), Instant::now());
        let mut cookies = Vec::new();
        for _ in 0..=MAX_SESSIONS {
            cookies.push(sessions.begin_at("a key", ORIGIN, now));
            now += Duration::from_millis(1);
        }
        assert!(sessions.find_at(&cookies[0], now).is_none());
        assert!(cookies[1..].iter().all(|cookie| sessions.find_at(cookie, now).is_some()));
    }
}
