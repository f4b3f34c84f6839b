//! The client against a server that answers with fixed bytes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};
use stateset_testkit::free_port;
use stateset_testkit::http::{Client, Connection, HttpError, Request};

/// Each inner list is one connection, closed after its last answer; each item answers one
/// request without a body.
fn serve(connections: &'static [&'static [&'static str]]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for answers in connections {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in *answers {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        break;
                    }
                    request.extend(byte);
                }
                stream.write_all(answer.replace("{echo}", &String::from_utf8_lossy(&request)).as_bytes()).unwrap();
            }
        }
    });
    address
}

#[tokio::test]
async fn bodies_of_every_framing_on_one_connection() {
    let address = serve(&[&[
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nT: 1\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nto the end",
    ]]);
    let client = Client::new(address).with_header("authorization", "ApiKey x");
    let response = client.get("/a").await.unwrap();
    assert_eq!(response.header("content-length"), Some("7"));
    assert_eq!(response.json::<Value>().unwrap(), json!({ "a": 1 }));
    let response = client.get("/b").await.unwrap().expect_status(201).unwrap();
    assert_eq!(response.text(), "hello, world");
    assert_eq!(client.get("/c").await.unwrap().status, 204);
    assert_eq!(client.send(Request::new("HEAD", "/d")).await.unwrap().body, b"");
    assert_eq!(client.get("/e").await.unwrap().text(), "to the end");
}

#[tokio::test]
async fn a_request_is_written_as_given() {
    let address = serve(&[&["HTTP/1.1 200 OK\r\n\r\n{echo}"]]);
    let client = Client::new(address).with_header("x-one", "1");
    let headers = [("x-two", "2")];
    let request = Request { headers: &headers, body: Some(b""), ..Request::new("POST", "/p?q=1") };
    let echo = client.send(request).await.unwrap().text();
    let expected =
        format!("POST /p?q=1 HTTP/1.1\r\nhost: {address}\r\nx-one: 1\r\nx-two: 2\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(echo, expected);
}

#[tokio::test]
async fn failures_say_whether_the_request_may_have_been_processed() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    assert!(matches!(Client::new(nobody).get("/").await, Err(HttpError::Connect(_))));

    let address = serve(&[&[""], &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], &["nonsense\r\n\r\n"]]);
    let client = Client::new(address);
    assert!(matches!(client.get("/").await, Err(HttpError::Lost(_))));
    assert!(matches!(client.get("/").await, Err(HttpError::Lost(_))));
    assert!(matches!(client.get("/").await, Err(HttpError::Malformed(_))));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(silent.local_addr().unwrap()).with_timeout(Duration::from_millis(50));
    assert!(matches!(client.get("/").await, Err(HttpError::Timeout)));
}

#[tokio::test]
async fn a_connection_the_server_closed_is_not_used_again() {
    let address = serve(&[
        &["HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ]);
    let client = Client::new(address);
    client.get("/").await.unwrap();
    client.get("/").await.unwrap();
    // Here the server closes without a word; give its segment time to arrive.
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.get("/").await.unwrap();
}

#[tokio::test]
async fn raw_bytes_and_event_streams() {
    let address = serve(&[
        &["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
           c\r\nid: 1\ndata: \r\nf\r\na\n\nid: 2\ndata: \r\n3\r\nb\n\n\r\n0\r\n\r\n"],
        &["HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"],
    ]);
    let mut connection = Connection::open(address).await.unwrap();
    connection.send_raw(b"GET / HTTP/1.1\r\nhalf").await.unwrap();
    connection.send_raw(b"\r\n\r\n").await.unwrap();
    assert_eq!(connection.read_response("GET").await.unwrap().status, 400);

    let second = Duration::from_secs(1);
    let client = Client::new(address);
    let mut stream = client.events("/stream", &[("last-event-id", "0")]).await.unwrap();
    let first = stream.next(second).await.unwrap().unwrap();
    assert_eq!((first.id.as_deref(), first.data.as_str()), (Some("1"), "a"));
    assert_eq!(stream.next(second).await.unwrap().unwrap().data, "b");
    assert_eq!(stream.next(second).await.unwrap(), None);

    match client.events("/stream", &[]).await {
        Err(HttpError::Unexpected(response)) => assert_eq!((response.status, response.text().as_str()), (404, "no")),
        other => panic!("{other:?}"),
    }
}
