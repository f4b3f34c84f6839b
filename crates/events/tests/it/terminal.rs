//! Pipes that end early, disks that are full, narrow terminals, Ctrl-C.

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::harness::Shop;
use crate::story::until;

/// Runs a line of bash in which `$SE` is the program.
async fn bash(shop: &Shop, line: &str) -> (i32, String, String) {
    let output = Command::new("bash")
        .args(["-c", line])
        .current_dir(shop.home.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .env("SE", env!("CARGO_BIN_EXE_stateset-events"))
        .env("HOME", shop.home.path())
        .env("STATESET_DATABASE_URL", &shop.url)
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

async fn many() -> Shop {
    let shop = Shop::sqlite().await;
    for number in 1..=40 {
        let order = format!("ord_{number}");
        shop.write(number, "order.created", ("order", &order), &order, json!({"note": "x".repeat(9_000)})).await;
    }
    shop
}

/// A reader that has enough is no fault; an answer that could not be written is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_may_end_early_and_a_disk_may_not_be_full() {
    let shop = many().await;
    for line in ["list", "list --json --include-payload", "tail --from-beginning", "outbox", "stats -o yaml"] {
        let (code, out, err) = bash(&shop, &format!("set -o pipefail; $SE {line} | head -c 20")).await;
        assert_eq!(code, 0, "{line}: {out} {err}");
        assert!(!err.contains("panicked") && !err.contains("error"), "{line}: {err}");
    }
    let (code, _, err) = bash(&shop, "$SE list > /dev/full").await;
    assert!(code == 1 && err.contains("OUTPUT_LOST"), "{code} {err}");
}

/// Ids are whole and nothing is wider than the terminal, as far as an id is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_terminal_gets_narrow_tables() {
    let shop = many().await;
    let on = |columns: u16, line: &str| format!("script -qec \"stty cols {columns} rows 24; $SE {line}\" /dev/null");
    let id = crate::harness::id(40).display();
    for (columns, line) in [(80, "list"), (60, "list"), (80, "timeline order/ord_40"), (80, "top --once")] {
        let (code, out, err) = bash(&shop, &on(columns, line)).await;
        assert_eq!(code, 0, "{out} {err}");
        assert!(line == "top --once" || out.contains(&id), "{line}: {out}");
        for shown in out.lines().map(|shown| shown.trim_end().replace("\u{1b}[0m", "")) {
            assert!(shown.chars().count() <= usize::from(columns), "{columns}, {line}: {shown:?}");
        }
    }
    let (_, colored, _) = bash(&shop, &on(200, "doctor")).await;
    assert!(colored.contains("\u{1b}["), "a terminal gets colours: {colored:?}");
    let (_, plain, _) = bash(&shop, &format!("export NO_COLOR=1; {}", on(200, "doctor"))).await;
    assert!(!plain.contains("\u{1b}["), "and none with NO_COLOR: {plain:?}");
}

/// Ctrl-C ends what goes on for ever in order, with 0.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_is_an_orderly_end() {
    let shop = Shop::sqlite().await.with_order().await;
    shop.file(
        "routes.toml",
        "[[destination]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://127.0.0.1:9/'\n\
        secret_env = 'HOOK_SECRET'\nallow_private = true\n[[destination.route]]\nname = 'all'\ntypes = 'none.*'\n",
    );
    shop.run("routes apply routes.toml --apply").await.well();
    let port = stateset_testkit::free_port().unwrap();
    let worker = format!("worker run --routes routes.toml --listen 127.0.0.1:{port}");
    for (line, begun) in
        [("tail --from-beginning", "order.created"), ("top --every 1s", "pending"), (worker.as_str(), "delivering")]
    {
        let mut child = shop.start_with(line, &[("HOOK_SECRET", crate::story::secret())]);
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        loop {
            let said = tokio::select! {
                line = lines.next_line() => line,
                line = errors.next_line() => line,
            };
            if said.unwrap().expect("it goes on").contains(begun) {
                break;
            }
        }
        let pid = child.id().expect("it runs").to_string();
        Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
        let ended = child.wait_with_output().await.unwrap();
        assert_eq!(ended.status.code(), Some(0), "{line}: {ended:?}");
    }
    until(|| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()).await;
}
