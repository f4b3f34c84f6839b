//! Every text that somebody else wrote, in every field of every page.

use axum::http::StatusCode;

use crate::harness::{Browser, HOSTILE, pages};

#[tokio::test]
async fn text_of_others_never_becomes_markup() {
    let mut browser = Browser::logged_in().await;
    let mut shown = 0;
    for path in pages() {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        shown += answer.body.matches("&lt;img src=x onerror=&quot;").count();
        for bad in ["<img", "onerror=\"", "--></script>", "javascript:"] {
            assert!(!answer.body.contains(bad), "{path} holds {bad}");
        }
        scripts_are_files(&answer.body, &path);
    }
    assert!(shown > 60, "the hostile text was in {shown} places only: something is not shown");
}

#[tokio::test]
async fn a_fault_is_told_as_text_too() {
    let mut browser = Browser::logged_in().await;
    let path = format!("/dashboard/stream/{}", stateset_dashboard::place::segment(HOSTILE));
    for path in [
        format!("{path}/{path}"),
        path.clone(),
        format!("/dashboard/open?tenant_id={}", stateset_dashboard::place::segment(HOSTILE)),
    ] {
        let answer = browser.get(&path).await;
        assert!(answer.status.is_client_error(), "{path}");
        assert!(!answer.body.contains("<img"), "{path}");
    }
}

/// The policy refuses anything inline; nothing of the kind is there to be refused.
fn scripts_are_files(body: &str, path: &str) {
    for tag in body.split('<').filter(|tag| tag.starts_with("script")) {
        assert!(tag.starts_with("script type=\"module\" src=\"/dashboard/assets/"), "{path}: {tag}");
    }
    for attribute in [" style=", " onclick=", " onload=", " onsubmit=", "<style", "<iframe", "<object", "<base"] {
        assert!(!body.contains(attribute), "{path} holds {attribute}");
    }
}

/// The one way around the escaping is not in the sources.
#[test]
fn nothing_is_put_in_unescaped() {
    fn look(folder: &std::path::Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("PreEscaped"), "{}", path.display());
            }
        }
    }
    look(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    // And in the browser nothing is read as markup.
    for script in ["page.js", "live.js", "prove.js"] {
        let text = std::fs::read_to_string(format!("{}/assets/{script}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for bad in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!text.contains(bad), "{script} holds {bad}");
        }
    }
}
