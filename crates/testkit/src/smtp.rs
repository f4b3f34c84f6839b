//! A small SMTP server that keeps what it is given: EHLO, AUTH, MAIL, RCPT, DATA, RSET, NOOP, QUIT (RFC 5321, RFC 4954).
//! Replies can be scripted per command, to be refused as a real server refuses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Most bytes of one message.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// A message as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and body, lines ending in `\r\n`, dots unstuffed.
    pub data: String,
    /// What AUTH said, still in base64; empty without AUTH.
    pub credentials: String,
}

#[derive(Debug, Default)]
struct Shared {
    received: Vec<Received>,
    /// By the beginning of a command line, in upper case.
    replies: HashMap<String, String>,
}

/// The server. Dropping it closes its port and all connections.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
}

impl SmtpServer {
    /// On a free port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// On this address, for instance one that a server had before.
    pub async fn start_at(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let server = Self { address: listener.local_addr()?, shared: Arc::default(), tasks: Arc::default() };
        let (shared, tasks) = (Arc::clone(&server.shared), Arc::clone(&server.tasks));
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                let task = spawn(async move { drop(serve(stream, &shared).await) });
                tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
            }
        };
        let task = spawn(accept);
        server.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        Ok(server)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything accepted so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared().received.clone()
    }

    /// Answers every command that begins so (`RCPT TO:<BAD@`, in upper case) with this line instead, such as
    /// `550 5.1.1 no such user`. `None` ends that.
    pub fn script(&self, command: &str, reply: Option<&str>) {
        let mut shared = self.shared();
        match reply {
            Some(reply) => drop(shared.replies.insert(command.to_owned(), reply.to_owned())),
            None => drop(shared.replies.remove(command)),
        }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the handle is kept and the task ends with the server")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(task).abort_handle()
}

/// A transaction of RFC 5321 in the making.
#[derive(Default)]
struct Mail {
    from: String,
    to: Vec<String>,
}

async fn serve(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 testkit ESMTP\r\n").await?;
    let (mut mail, mut credentials) = (Mail::default(), String::new());
    while let Some(line) = lines.next_line().await? {
        let command = line.to_ascii_uppercase();
        let scripted = {
            let shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.replies.iter().find(|(start, _)| command.starts_with(*start)).map(|(_, reply)| reply.clone())
        };
        let verb = command.split([' ', ':']).next().unwrap_or_default();
        let reply = match (scripted, verb) {
            (Some(reply), _) => reply,
            (None, "EHLO") => "250-testkit\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME".to_owned(),
            (None, "HELO" | "NOOP") => "250 OK".to_owned(),
            (None, "AUTH") => {
                credentials = line.split(' ').skip(2).collect();
                "235 2.7.0 accepted".to_owned()
            },
            (None, "MAIL") => {
                mail = Mail { from: address(&line), to: Vec::new() };
                "250 OK".to_owned()
            },
            (None, "RCPT") if mail.from.is_empty() => "503 MAIL first".to_owned(),
            (None, "RCPT") => {
                mail.to.push(address(&line));
                "250 OK".to_owned()
            },
            (None, "DATA") if mail.to.is_empty() => "503 RCPT first".to_owned(),
            (None, "DATA") => {
                write.write_all(b"354 go on\r\n").await?;
                let data = data(&mut lines).await?;
                let Mail { from, to } = std::mem::take(&mut mail);
                let received = Received { from, to, data, credentials: credentials.clone() };
                shared.lock().unwrap_or_else(PoisonError::into_inner).received.push(received);
                "250 kept".to_owned()
            },
            (None, "RSET") => {
                mail = Mail::default();
                "250 OK".to_owned()
            },
            (None, "QUIT") => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            },
            (None, _) => "500 unknown command".to_owned(),
        };
        write.write_all(reply.as_bytes()).await?;
        write.write_all(b"\r\n").await?;
    }
    Ok(())
}

async fn data(lines: &mut tokio::io::Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>) -> std::io::Result<String> {
    let mut data = String::new();
    while let Some(line) = lines.next_line().await? {
        if line == "." {
            break;
        }
        if data.len() + line.len() > MESSAGE_BYTES {
            return Err(std::io::Error::other("the message is too long"));
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push_str("\r\n");
    }
    Ok(data)
}

/// What stands between the angle brackets.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inner, _)| inner);
    inner.unwrap_or_default().to_owned()
}
