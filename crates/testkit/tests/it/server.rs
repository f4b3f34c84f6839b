//! The process wrapper with a shell script in the place of the server.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use stateset_testkit::server::Launch;

/// A process that notes each start, leaves the port to the test, and ends with 3 on SIGTERM.
fn script() -> Launch {
    let script = "echo \"started $NAME in $(pwd)\"; trap 'exit 3' TERM; while :; do sleep 0.05; done";
    Launch::new("/bin/sh").unwrap().argument("-c").argument(script)
}

fn answer_ready(launch: &Launch) {
    let listener = TcpListener::bind(launch.address()).unwrap();
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let received = stream.read(&mut [0; 1000]).unwrap();
            assert!(received > 0);
            let status = if count == 0 { "503 Not yet" } else { "200 OK" };
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
}

#[tokio::test]
async fn started_stopped_killed_and_started_again() {
    let launch = script().variable("NAME", "one");
    answer_ready(&launch);
    let mut server = launch.start().await.unwrap();
    let status = server.terminate(Duration::from_secs(5)).await.unwrap();
    assert_eq!(status.code(), Some(3));

    server.set_variable("NAME", "two");
    server.restart().await.unwrap();
    assert!(server.respawn().is_err(), "it still runs");
    let status = server.kill9().await.unwrap();
    assert_eq!(status.code(), None);

    let folder = server.folder().display().to_string();
    assert!(server.log().contains(&format!("started one in {folder}")), "{}", server.log());
    // The wait for readiness was answered by the test, maybe before the second shell wrote its line.
    drop(server);
    assert!(!std::path::Path::new(&folder).exists());
}

#[tokio::test]
async fn a_server_that_ends_early_shows_its_log() {
    let launch = Launch::new("/bin/sh").unwrap().argument("-c").argument("echo no such setting >&2; exit 2");
    let error = launch.start().await.unwrap_err().to_string();
    assert!(error.contains("no such setting") && error.contains("exit status: 2"), "{error}");
}
