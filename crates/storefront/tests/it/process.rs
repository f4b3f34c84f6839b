//! The real program as a child process, to be killed.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;
use stateset_testkit::free_port;
use stateset_testkit::http::Client;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::Http;

/// A process of the storefront, on one port for all of its lives.
pub(crate) struct Process {
    arguments: Vec<String>,
    address: SocketAddr,
    child: Option<Child>,
}

impl Process {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        let mut process = Self { arguments, address, child: None };
        process.start_again().await;
        process
    }

    pub(crate) async fn start_again(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stateset-storefront"))
            .args(["serve", "--listen", &self.address.to_string()])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(said["listening"], format!("http://{}", self.address));
        self.child = Some(child);
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.start_kill().unwrap();
        child.wait().await.unwrap();
    }

    pub(crate) fn http(&self) -> Http {
        Http(Client::new(self.address))
    }
}
