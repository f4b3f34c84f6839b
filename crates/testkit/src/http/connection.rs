//! One connection: requests out, responses in, one after the other.

use std::io::{Error, ErrorKind, Write as _};
use std::net::SocketAddr;

use httparse::Status;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{HttpError, Request, Response};

const HEADERS: usize = 64;

/// A connection kept between requests. There is no limit of time here: wrap calls in `tokio::time::timeout`.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    host: String,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// How much of `incoming` has been used.
    used: usize,
    reusable: bool,
}

/// How the rest of a body is delimited.
#[derive(Debug)]
pub(super) enum Framing {
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

/// Status line and headers.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self, HttpError> {
        let stream = TcpStream::connect(address).await.map_err(HttpError::Connect)?;
        stream.set_nodelay(true).map_err(HttpError::Connect)?;
        let host = address.to_string();
        Ok(Self { stream, host, outgoing: Vec::new(), incoming: Vec::new(), used: 0, reusable: true })
    }

    /// Sends a request and reads its response.
    pub async fn exchange(&mut self, request: &Request<'_>) -> Result<Response, HttpError> {
        self.send(request).await?;
        self.read_response(request.method).await
    }

    /// Sends bytes as they are: half a request, nonsense, a header too long.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.stream.write_all(bytes).await.map_err(HttpError::Lost)
    }

    /// Reads a response, also one that follows [`Self::send_raw`]. The method tells whether a body comes.
    pub async fn read_response(&mut self, method: &str) -> Result<Response, HttpError> {
        let (Head { status, headers }, mut framing) = self.read_head(method).await?;
        let mut body = Vec::new();
        while self.read_body(&mut framing, &mut body).await? {}
        Ok(Response { status, headers, body })
    }

    /// Whether another request may follow on this connection, by what the server said.
    pub fn is_reusable(&self) -> bool {
        self.reusable && self.unused().is_empty()
    }

    /// Whether the server has not closed the connection, as far as the kernel knows.
    pub fn is_open(&self) -> bool {
        match self.stream.try_read(&mut [0]) {
            Err(error) => error.kind() == ErrorKind::WouldBlock,
            // Either the end, or bytes nobody asked for: in both cases no place for a request.
            Ok(_) => false,
        }
    }

    pub(super) async fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError> {
        // From here on the connection is good for another request only if a whole response is read.
        self.reusable = false;
        self.outgoing.clear();
        let written = write_request(&mut self.outgoing, request, &self.host);
        written.expect("a Vec takes any bytes");
        self.stream.write_all(&self.outgoing).await.map_err(HttpError::Lost)
    }

    pub(super) async fn read_head(&mut self, method: &str) -> Result<(Head, Framing), HttpError> {
        loop {
            let Some((head, length, keep_alive, framing)) = parse_head(self.unused(), method)? else {
                self.fill().await?;
                continue;
            };
            self.used += length;
            // An interim response (100, 103) precedes the real one.
            if head.status >= 200 {
                self.reusable = keep_alive && !matches!(framing, Framing::UntilClose);
                return Ok((head, framing));
            }
        }
    }

    /// Appends the next piece of the body to `out`; `false` when the body is complete. Nothing is lost if
    /// the future is dropped while it waits.
    pub(super) async fn read_body(&mut self, framing: &mut Framing, out: &mut Vec<u8>) -> Result<bool, HttpError> {
        loop {
            *framing = match *framing {
                Framing::Done | Framing::Length(0) => {
                    *framing = Framing::Done;
                    return Ok(false);
                },
                Framing::Length(left) => {
                    let taken = self.take(left, out).await?;
                    *framing = Framing::Length(left - taken);
                    return Ok(true);
                },
                Framing::Chunk(0) => Framing::ChunkEnd,
                Framing::Chunk(left) => {
                    let taken = self.take(left, out).await?;
                    *framing = Framing::Chunk(left - taken);
                    return Ok(true);
                },
                Framing::ChunkSize => match self.chunk_size().await? {
                    0 => Framing::Trailer,
                    size => Framing::Chunk(size),
                },
                Framing::ChunkEnd if self.line_length().await? == 0 => Framing::ChunkSize,
                Framing::ChunkEnd => return Err(HttpError::Malformed("a chunk is longer than it said")),
                Framing::Trailer if self.line_length().await? == 0 => Framing::Done,
                Framing::Trailer => Framing::Trailer,
                Framing::UntilClose => {
                    return match self.take(u64::MAX, out).await {
                        Ok(_) => Ok(true),
                        Err(HttpError::Lost(error)) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
                        Err(error) => Err(error),
                    };
                },
            }
        }
    }

    fn unused(&self) -> &[u8] {
        self.incoming.get(self.used..).unwrap_or_default()
    }

    async fn fill(&mut self) -> Result<(), HttpError> {
        if self.used == self.incoming.len() {
            self.incoming.clear();
            self.used = 0;
        } else if self.used > 64 * 1024 {
            self.incoming.drain(..self.used);
            self.used = 0;
        }
        self.incoming.reserve(16 * 1024);
        match self.stream.read_buf(&mut self.incoming).await.map_err(HttpError::Lost)? {
            0 => Err(HttpError::Lost(Error::from(ErrorKind::UnexpectedEof))),
            _ => Ok(()),
        }
    }

    async fn take(&mut self, most: u64, out: &mut Vec<u8>) -> Result<u64, HttpError> {
        if self.unused().is_empty() {
            self.fill().await?;
        }
        let unused = self.unused();
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(unused.len());
        out.extend_from_slice(&unused[..count]);
        self.used += count;
        Ok(count as u64)
    }

    async fn chunk_size(&mut self) -> Result<u64, HttpError> {
        loop {
            match httparse::parse_chunk_size(self.unused()) {
                Ok(Status::Complete((length, size))) => {
                    self.used += length;
                    return Ok(size);
                },
                Ok(Status::Partial) => self.fill().await?,
                Err(_) => return Err(HttpError::Malformed("not the size of a chunk")),
            }
        }
    }

    /// Uses up one line, and tells its length without the line break.
    async fn line_length(&mut self) -> Result<usize, HttpError> {
        loop {
            let unused = self.unused();
            if let Some(end) = unused.windows(2).position(|pair| pair == b"\r\n") {
                self.used += end + 2;
                return Ok(end);
            }
            self.fill().await?;
        }
    }
}

fn write_request(out: &mut Vec<u8>, request: &Request<'_>, host: &str) -> std::io::Result<()> {
    // A test may come by another name.
    let named = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = named.map_or(host, |(_, name)| name);
    write!(out, "{} {} HTTP/1.1\r\nhost: {host}\r\n", request.method, request.path)?;
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        write!(out, "{name}: {value}\r\n")?;
    }
    if let Some(body) = request.body {
        write!(out, "content-length: {}\r\n", body.len())?;
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(request.body.unwrap_or_default());
    Ok(())
}

type ParsedHead = (Head, usize, bool, Framing);

fn parse_head(bytes: &[u8], method: &str) -> Result<Option<ParsedHead>, HttpError> {
    let mut parsed_headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut parsed_headers);
    let length = match parsed.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err(HttpError::Malformed("not a status line and headers")),
    };
    let status = parsed.code.ok_or(HttpError::Malformed("no status"))?;
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let head = Head { status, headers };
    let keep_alive = parsed.version == Some(1) && !head.mentions("connection", "close");
    let framing = framing_of(&head, method)?;
    Ok(Some((head, length, keep_alive, framing)))
}

fn framing_of(head: &Head, method: &str) -> Result<Framing, HttpError> {
    if method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304 {
        return Ok(Framing::Done);
    }
    if head.mentions("transfer-encoding", "chunked") {
        return Ok(Framing::ChunkSize);
    }
    match head.value("content-length") {
        Some(text) => text.parse().map(Framing::Length).or(Err(HttpError::Malformed("not a length"))),
        None => Ok(Framing::UntilClose),
    }
}

impl Head {
    fn value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn mentions(&self, name: &str, token: &str) -> bool {
        self.value(name).is_some_and(|value| value.to_ascii_lowercase().contains(token))
    }
}
