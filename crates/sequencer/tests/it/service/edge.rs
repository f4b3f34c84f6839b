//! Rates, origins, addresses, TLS.

use std::time::Duration;

use stateset_testkit::http::{Client, Request, Response};

use super::{client, embedded, scope};

async fn send(client: &Client, method: &str, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Response> {
    Ok(client.send(Request { headers, ..Request::new(method, path) }).await?)
}

/// L11: without authentication a loopback address keeps strangers out, but not the page of a stranger whose name was made to
/// point here in the middle of a visit: it would be of the same origin.
#[tokio::test]
async fn without_authentication_a_name_of_somebody_is_refused() -> anyhow::Result<()> {
    let path = format!("/api/v1/head?{}", scope(1, 1));
    for (mode, name, status) in [
        ("disabled", "evil.example:8080", 403),
        ("disabled", "127.0.0.1.evil.example", 403),
        ("disabled", "localhost:8080", 200),
        ("disabled", "127.0.0.1:8080", 200),
        ("required", "log.example", 200),
    ] {
        let server = embedded()?.variable("AUTH_MODE", mode).start().await?;
        let client = if mode == "required" { client(&server) } else { server.client() };
        let response = send(&client, "GET", &path, &[("host", name)]).await?.expect_status(status)?;
        if status == 403 {
            assert_eq!(response.json::<serde_json::Value>()?["code"], "INSUFFICIENT_PERMISSIONS");
            send(&client, "GET", "/dashboard", &[("host", name)]).await?.expect_status(403)?;
        }
    }
    Ok(())
}

/// L11: over its rate a tenant gets 429 with when to come back; others are not touched, and nobody spends another's rate.
#[tokio::test]
async fn a_tenant_over_its_rate_is_told_when_to_come_back() -> anyhow::Result<()> {
    let server = embedded()?.variable("RATE_LIMIT_PER_MINUTE", "3").start().await?;
    let client = client(&server);
    let (one, two) = (format!("/api/v1/head?{}", scope(1, 1)), format!("/api/v1/head?{}", scope(2, 1)));
    for _ in 0..5 {
        // Without a credential nothing is charged.
        server.client().get(&one).await?.expect_status(401)?;
    }
    for left in ["2", "1", "0"] {
        let response = client.get(&one).await?.expect_status(200)?;
        assert_eq!(response.header("ratelimit-policy"), Some("\"tenant\";q=3;w=60"));
        let standing = response.header("ratelimit").unwrap_or_default().to_owned();
        assert!(standing.starts_with(&format!("\"tenant\";r={left};t=")), "{standing}");
    }
    let refused = client.get(&one).await?.expect_status(429)?;
    assert_eq!(refused.json::<serde_json::Value>()?["code"], "RATE_LIMIT_EXCEEDED");
    let wait: u64 = refused.header("retry-after").unwrap_or_default().parse()?;
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit"), Some(format!("\"tenant\";r=0;t={wait}").as_str()));
    client.get(&two).await?.expect_status(200)?;
    client.get("/health").await?.expect_status(200)?;
    Ok(())
}

/// L11: a minted key with a `rateLimit` of its own is bounded by it as well, also without a limit of the tenant; another
/// key of the tenant is not, and what the key may not do costs the tenant nothing.
#[tokio::test]
async fn a_key_over_its_own_rate_is_told_when_to_come_back() -> anyhow::Result<()> {
    for (of_tenant, policy) in [(None, "\"key\";q=2;w=60"), (Some("5"), "\"key\";q=2;w=60, \"tenant\";q=5;w=60")] {
        let launch = embedded()?;
        let launch = of_tenant.into_iter().fold(launch, |launch, rate| launch.variable("RATE_LIMIT_PER_MINUTE", rate));
        let server = launch.start().await?;
        let tenant = uuid::Uuid::from_u128(1);
        let mut keys = Vec::new();
        for body in [serde_json::json!({"tenantId": tenant, "rateLimit": 2}), serde_json::json!({"tenantId": tenant})] {
            let minted = client(&server).post_json("/api/v1/api-keys", &body).await?.expect_status(200)?;
            keys.push(minted.json::<serde_json::Value>()?["apiKey"].as_str().unwrap_or_default().to_owned());
        }
        let [small, free] =
            [&keys[0], &keys[1]].map(|key| server.client().with_header("authorization", &format!("ApiKey {key}")));
        let path = format!("/api/v1/head?{}", scope(1, 1));
        for left in [1, 0] {
            let response = small.get(&path).await?.expect_status(200)?;
            assert_eq!(response.header("ratelimit-policy"), Some(policy));
            let standing = response.header("ratelimit").unwrap_or_default().to_owned();
            assert!(standing.starts_with(&format!("\"key\";r={left};t=")), "{standing}");
        }
        for _ in 0..3 {
            let refused = small.get(&path).await?.expect_status(429)?;
            let problem = refused.json::<serde_json::Value>()?;
            assert_eq!(problem["code"], "RATE_LIMIT_EXCEEDED");
            assert_eq!(problem["detail"], "the API key may send 2 requests a minute");
            let wait: u64 = refused.header("retry-after").unwrap_or_default().parse()?;
            assert!((1..=30).contains(&wait), "{wait}");
            assert_eq!(refused.header("ratelimit"), Some(format!("\"key\";r=0;t={wait}").as_str()));
        }
        // Two were spent on making keys and two by the small key: one of the tenant's five is left.
        let other = free.get(&path).await?.expect_status(200)?;
        assert_eq!(other.header("ratelimit-policy"), of_tenant.map(|_| "\"tenant\";q=5;w=60"));
        if of_tenant.is_some() {
            free.get(&path).await?.expect_status(429)?;
        }
    }
    Ok(())
}

/// Without the variable there is no limit and no header.
#[tokio::test]
async fn without_a_rate_there_are_no_headers() -> anyhow::Result<()> {
    let server = embedded()?.start().await?;
    let response = client(&server).get(&format!("/api/v1/head?{}", scope(1, 1))).await?.expect_status(200)?;
    assert_eq!(response.header("ratelimit"), None);
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("cache-control", "no-store")]
    {
        assert_eq!(response.header(name), Some(value), "{name}");
    }
    assert!(response.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    assert_eq!(response.header("access-control-allow-origin"), None);
    assert_eq!(response.header("strict-transport-security"), None);
    Ok(())
}

/// L12: only the origins named may call from a browser; errors carry the header too, or a page could not read them.
#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() -> anyhow::Result<()> {
    let listed = "https://shop.example.com";
    let server = embedded()?.variable("CORS_ALLOW_ORIGINS", format!("{listed}, http://localhost:3000")).start().await?;
    let client = server.client();
    let path = format!("/api/v1/head?{}", scope(1, 1));
    let preflight = [("access-control-request-method", "GET"), ("access-control-request-headers", "authorization")];
    let ask = |origin| [("origin", origin), preflight[0], preflight[1]];
    let allowed = send(&client, "OPTIONS", &path, &ask(listed)).await?.expect_status(200)?;
    assert_eq!(allowed.header("access-control-allow-origin"), Some(listed));
    assert!(allowed.header("access-control-allow-headers").is_some_and(|names| names.contains("authorization")));
    let foreign = send(&client, "OPTIONS", &path, &ask("https://evil.example.com")).await?;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let error = send(&client, "GET", &path, &[("origin", listed)]).await?.expect_status(401)?;
    assert_eq!(error.header("access-control-allow-origin"), Some(listed));
    assert_eq!(error.header("access-control-allow-credentials"), None);
    let server = embedded()?.variable("CORS_ALLOW_ORIGINS", "*").start().await?;
    let any = send(&server.client(), "GET", "/health", &[("origin", "https://any.example.com")]).await?;
    assert_eq!(any.header("access-control-allow-origin"), Some("*"));
    Ok(())
}

/// Administration only from the list, and a client cannot talk itself onto it.
#[tokio::test]
async fn administration_comes_from_listed_addresses_only() -> anyhow::Result<()> {
    let forged = [("x-forwarded-for", "10.1.2.3")];
    let server = embedded()?.variable("ADMIN_IP_ALLOWLIST", "10.0.0.0/8").start().await?;
    let revoke =
        "/api/v1/agents/00000000-0000-0000-0000-000000000009/keys/1?tenant_id=00000000-0000-0000-0000-000000000001";
    let outside = send(&client(&server), "DELETE", revoke, &forged).await?.expect_status(403)?;
    assert!(outside.text().contains("this address"), "{}", outside.text());
    client(&server).get(&format!("/api/v1/head?{}", scope(1, 1))).await?.expect_status(200)?;
    let server = embedded()?
        .variable("ADMIN_IP_ALLOWLIST", "10.0.0.0/8")
        .variable("TRUST_PROXY_HEADERS", "true")
        .start()
        .await?;
    let inside = send(&client(&server), "DELETE", revoke, &forged).await?;
    assert_eq!(inside.status, 404, "{}", inside.text());
    send(&client(&server), "DELETE", revoke, &[("x-forwarded-for", "10.1.2.3, 192.0.2.1")])
        .await?
        .expect_status(403)?;
    Ok(())
}

/// One more connection than allowed is closed at once, and the others go on.
#[tokio::test]
async fn connections_are_bounded() -> anyhow::Result<()> {
    let server = embedded()?.variable("MAX_CONNECTIONS", "16").start().await?;
    let mut open = Vec::new();
    for _ in 0..16 {
        let mut connection = stateset_testkit::http::Connection::open(server.address()).await?;
        if connection.exchange(&Request::new("GET", "/health")).await.is_err() {
            // The readiness probe's connection may still have been open.
            continue;
        }
        open.push(connection);
    }
    assert!(open.len() >= 14, "{}", open.len());
    let mut refused = 0;
    for _ in 0..4 {
        let mut connection = stateset_testkit::http::Connection::open(server.address()).await?;
        refused += usize::from(connection.exchange(&Request::new("GET", "/health")).await.is_err());
    }
    assert!(refused >= 2, "{refused}");
    let response = open[0].exchange(&Request::new("GET", "/metrics")).await?;
    assert!(response.text().contains("stateset_http_connections_refused_total"), "{}", response.text());
    Ok(())
}

/// With certificate and key the server speaks TLS, checked by OpenSSL; a pair that does not fit refuses to start.
#[tokio::test]
async fn tls_is_spoken_with_a_certificate() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    make_certificate(&certificate, &key).await?;
    let launch = embedded()?.variable("TLS_CERT_FILE", &certificate).variable("TLS_KEY_FILE", &key);
    let address = launch.address();
    let mut server = launch.spawn()?;
    let answer = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let script = "printf 'GET /health HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n' | \
                openssl s_client -quiet -no_ign_eof -verify_return_error -CAfile \"$1\" -servername localhost -connect \"$2\"";
            let run = tokio::process::Command::new("sh")
                .args(["-c", script, "sh"])
                .arg(&certificate)
                .arg(address.to_string())
                .output()
                .await?;
            let text = String::from_utf8_lossy(&run.stdout).into_owned();
            if text.contains("HTTP/1.1") {
                return anyhow::Ok(text);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await??;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    assert!(server.client().get("/health").await.is_err(), "plain HTTP was answered");
    server.kill9().await?;
    let mut wrong =
        embedded()?.variable("TLS_CERT_FILE", &certificate).variable("TLS_KEY_FILE", &certificate).spawn()?;
    assert!(!wrong.wait(Duration::from_secs(20)).await?.success());
    assert!(wrong.log().contains("TLS_KEY_FILE"), "{}", wrong.log());
    Ok(())
}

async fn make_certificate(certificate: &std::path::Path, key: &std::path::Path) -> anyhow::Result<()> {
    let run = tokio::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .output()
        .await?;
    anyhow::ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(())
}
