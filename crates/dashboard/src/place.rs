//! Where a page is: the mount point, the stream it is about, and links from there, percent-encoded once and here.

use url::form_urlencoded;
use uuid::Uuid;

/// Tenant and store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Owner of the store.
    pub tenant: Uuid,
    /// The store.
    pub store: Uuid,
}

impl Scope {
    /// As the API's parameters.
    pub fn query(self) -> String {
        format!("tenant_id={}&store_id={}", self.tenant, self.store)
    }
}

/// A mount point, and the stream that links stay in.
#[derive(Clone, Debug)]
pub struct Place {
    /// `/dashboard`, without a slash at the end.
    pub base: String,
    /// The stream.
    pub scope: Option<Scope>,
}

impl Place {
    /// A path of the dashboard: `at("/login")`; `at("/")` is the mount point, which has no slash at its end.
    pub fn at(&self, path: &str) -> String {
        if path == "/" { self.base.clone() } else { format!("{}{path}", self.base) }
    }

    /// A path inside the stream; the list of streams if there is none.
    pub fn inside(&self, path: &str) -> String {
        match self.scope {
            Some(scope) => format!("{}/stream/{}/{}{path}", self.base, scope.tenant, scope.store),
            None => self.at("/"),
        }
    }

    /// The page of one event.
    pub fn event(&self, id: Uuid) -> String {
        self.inside(&format!("/events/{id}"))
    }

    /// The history of an entity.
    pub fn entity(&self, kind: &str, id: &str) -> String {
        self.inside(&format!("/entities?{}", query(&[("entity_type", kind), ("entity_id", id)])))
    }

    /// Events that pass one filter.
    pub fn events_with(&self, name: &str, value: &str) -> String {
        self.inside(&format!("/events?{}", query(&[(name, value)])))
    }
}

/// Pairs as a query string; those without value are left out.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        text.append_pair(name, value);
    }
    text.finish()
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    // Percent-encoding of forms writes a space as `+`, which in a path is a plus sign.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The pairs of a query string or a form.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Where to go after a login: only a path of the dashboard, whatever was asked for.
pub fn local(base: &str, wanted: &str) -> String {
    let inside = wanted.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !wanted.contains("//");
    if inside && plain { wanted.to_owned() } else { base.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{local, query, segment};

    #[test]
    fn a_login_leads_nowhere_else() {
        for good in ["/dashboard", "/dashboard/", "/dashboard/stream/a/b?x=1", "/dashboard?x"] {
            assert_eq!(local("/dashboard", good), good);
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/dashboard",
            "/dashboardx",
            "/dashboard//evil.example",
            "/dashboard/\\evil",
            "/dashboard/\r\nx: y",
        ] {
            assert_eq!(local("/dashboard", bad), "/dashboard", "{bad:?}");
        }
    }

    #[test]
    fn text_of_others_stays_one_value() {
        assert_eq!(query(&[("a", "x&b=1"), ("none", ""), ("c", "ä/ ?")]), "a=x%26b%3D1&c=%C3%A4%2F+%3F");
        assert_eq!(segment("a/b c?d+é"), "a%2Fb%20c%3Fd%2B%C3%A9");
    }
}
