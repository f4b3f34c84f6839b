//! Traces (L05), read by a collector that takes the protocol apart by hand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stateset_testkit::http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{client, embedded, unsigned};

/// What is read of a span.
#[derive(Clone, Debug, Default)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    kind: u64,
    links: Vec<String>,
}

/// A collector of traces by OTLP over HTTP: takes `POST /v1/traces` and keeps the bodies.
struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&kept)));
            }
        });
        Ok(Self { address, bodies })
    }

    /// All spans so far, with the service's name of each batch checked.
    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        let mut spans = Vec::new();
        for resource_spans in bodies.iter().flat_map(|body| Message(body).all(1)) {
            assert!(resource_spans.windows(12).any(|text| text == b"service.name"));
            assert!(resource_spans.windows(7).any(|text| text == b"shop-42"));
            for span in Message(resource_spans).all(2).into_iter().flat_map(|scope| Message(scope).all(2)) {
                spans.push(Message(span).span());
            }
        }
        spans
    }
}

async fn serve(mut connection: TcpStream, kept: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut received = Vec::new();
    loop {
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
            if connection.read_buf(&mut received).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let head = String::from_utf8(received.drain(..end + 4).collect()).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
        let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
        while received.len() < length {
            assert_ne!(connection.read_buf(&mut received).await.unwrap(), 0);
        }
        kept.lock().unwrap().push(received.drain(..length).collect());
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    }
}

/// A protobuf message.
struct Message<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    fn fields(&self) -> Vec<(u64, Value<'a>)> {
        fn varint(rest: &mut &[u8]) -> u64 {
            let mut value = 0;
            for shift in (0..64).step_by(7) {
                let byte = rest[0];
                *rest = &rest[1..];
                value |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            value
        }
        let (mut rest, mut fields) = (self.0, Vec::new());
        while !rest.is_empty() {
            let tag = varint(&mut rest);
            let value = match tag & 7 {
                0 => Value::Number(varint(&mut rest)),
                2 => {
                    let length = usize::try_from(varint(&mut rest)).unwrap();
                    let (bytes, after) = rest.split_at(length);
                    rest = after;
                    Value::Bytes(bytes)
                },
                kind => {
                    let (bytes, after) = rest.split_at(if kind == 1 { 8 } else { 4 });
                    rest = after;
                    Value::Bytes(bytes)
                },
            };
            fields.push((tag >> 3, value));
        }
        fields
    }

    /// All byte fields with this number.
    fn all(&self, number: u64) -> Vec<&'a [u8]> {
        let wanted = |(found, value)| match value {
            Value::Bytes(bytes) if found == number => Some(bytes),
            _ => None,
        };
        self.fields().into_iter().filter_map(wanted).collect()
    }

    fn span(&self) -> Span {
        let hex = |bytes: &[u8]| const_hex::encode(bytes);
        let mut span = Span::default();
        for field in self.fields() {
            match field {
                (1, Value::Bytes(bytes)) => span.trace = hex(bytes),
                (2, Value::Bytes(bytes)) => span.id = hex(bytes),
                (4, Value::Bytes(bytes)) => span.parent = hex(bytes),
                (5, Value::Bytes(bytes)) => span.name = String::from_utf8(bytes.to_vec()).unwrap(),
                (6, Value::Number(kind)) => span.kind = kind,
                (13, Value::Bytes(link)) => span.links.extend(Message(link).all(2).into_iter().map(hex)),
                _ => {},
            }
        }
        span
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The spans of an ingest continue the caller's trace, the group commit is linked to it, a request without a trace begins
/// one of its own, whose id is in the log; a caller who does not sample is not traced; a stop loses no span.
#[tokio::test]
async fn an_ingest_continues_the_callers_trace() -> anyhow::Result<()> {
    let collector = Collector::start().await?;
    let mut server = embedded()?
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}/", collector.address))
        .variable("OTEL_SERVICE_NAME", "shop-42")
        .variable("LOG_FORMAT", "json")
        .variable("RUST_LOG", "stateset_sequencer::http=debug")
        .start()
        .await?;
    let client = client(&server);
    for (number, flags) in [(1, "01"), (2, "00")] {
        let body = unsigned(1, 2, number, &["{\"n\":1}"]);
        let trace = if flags == "01" { TRACE.to_owned() } else { "1".repeat(32) };
        let traceparent = format!("00-{trace}-{CALLER}-{flags}");
        let headers = [("traceparent", traceparent.as_str()), ("content-type", "application/json")];
        let path = "/api/v1/events/ingest";
        client
            .send(Request { headers: &headers, body: Some(body.as_bytes()), ..Request::new("POST", path) })
            .await?
            .expect_status(200)?;
    }
    client.get("/api/v1/nothing").await?.expect_status(404)?;
    server.terminate(Duration::from_secs(20)).await?;

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).cloned().collect::<Vec<_>>();
    let [request] = named("POST /api/v1/events/ingest").try_into().expect("the sampled request alone");
    assert_eq!((request.trace.as_str(), request.parent.as_str(), request.kind), (TRACE, CALLER, 2));
    for name in ["prepare", "append"] {
        let [inner] = named(name).try_into().unwrap_or_else(|found| panic!("{name}: {found:?}"));
        assert_eq!((inner.trace.as_str(), &inner.parent), (TRACE, &request.id), "{name}");
    }
    let [append] = named("append").try_into().expect("one");
    assert!(named("flush").iter().any(|flush| flush.links == [append.id.clone()]), "{:?}", named("flush"));
    assert!(!named("publish").is_empty());
    let [own] = named("GET ").try_into().expect("the request for nothing");
    assert!(own.parent.is_empty() && own.trace != TRACE, "{own:?}");
    let log = server.log();
    for trace in [TRACE, &own.trace, &"1".repeat(32)] {
        assert!(log.lines().any(|line| line.contains(trace)), "{trace} in\n{log}");
    }
    Ok(())
}

/// A collector that is away, or refuses, costs the server nothing but a line in the log.
#[tokio::test]
async fn without_a_collector_the_server_works() -> anyhow::Result<()> {
    let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let mut server = embedded()?
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{nobody}"))
        .variable("OTEL_BSP_SCHEDULE_DELAY", "50")
        .start()
        .await?;
    let body = unsigned(1, 2, 1, &["{}"]);
    super::push(&client(&server), &body).await?;
    assert!(server.terminate(Duration::from_secs(20)).await?.success());
    let log = server.log();
    assert_eq!(log.matches("traces are lost").count(), 1, "{log}");
    Ok(())
}
