//! Listeners of a broker that ask for a password, one of them over TLS, with a certificate authority of our own.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::free_port;

const USER: &str = "relay";
const PASSWORD: &str = "relay-secret";

/// Where they are and what they trust.
#[derive(Clone, Debug)]
pub struct Secured {
    /// `host:port` of the listener without TLS; PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
    pub sasl: String,
    /// `host:port` of the one with TLS; its certificate is for `localhost`.
    pub sasl_tls: String,
    /// PEM of the authority that signed it.
    pub ca_pem: String,
    /// PEM of an authority that did not.
    pub other_ca_pem: String,
    /// The one user.
    pub user: &'static str,
    /// Its password.
    pub password: &'static str,
    keystore: String,
}

/// Both authorities and the broker's certificate, with OpenSSL's own program.
const CERTIFICATES: &str = "\
set -e
for name in ca other; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj \"/CN=test $name\" \
        -keyout $name.key -out $name.pem
done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout broker.key -out broker.csr
printf 'subjectAltName=DNS:localhost' > broker.ext
openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile broker.ext -out broker.crt
cat broker.key broker.crt > broker.pem
";

impl Secured {
    pub(super) async fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let made = Command::new("sh").args(["-c", CERTIFICATES]).current_dir(folder).output().await;
        let made = made.context("running openssl")?;
        ensure!(made.status.success(), "no certificates: {}", String::from_utf8_lossy(&made.stderr));
        let read = |name: &str| fs::read_to_string(folder.join(name));
        Ok(Self {
            sasl: format!("127.0.0.1:{}", free_port()?),
            sasl_tls: format!("localhost:{}", free_port()?),
            ca_pem: read("ca.pem")?,
            other_ca_pem: read("other.pem")?,
            user: USER,
            password: PASSWORD,
            keystore: folder.join("broker.pem").display().to_string(),
        })
    }

    pub(super) fn listeners(&self) -> String {
        let port = self.sasl_tls.rsplit(':').next().unwrap_or_default();
        format!(",SASL_PLAINTEXT://{},SASL_SSL://127.0.0.1:{port}", self.sasl)
    }

    pub(super) fn advertised(&self) -> String {
        format!(",SASL_PLAINTEXT://{},SASL_SSL://{}", self.sasl, self.sasl_tls)
    }

    pub(super) fn properties(&self) -> String {
        let protocols = ["PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL"].map(|name| format!("{name}:{name}")).join(",");
        let mut lines = vec![format!("listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocols}")];
        for listener in ["sasl_plaintext", "sasl_ssl"] {
            let name = format!("listener.name.{listener}");
            let modules = "org.apache.kafka.common.security";
            lines.push(format!("{name}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"));
            lines.push(format!(
                "{name}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";"
            ));
            for scram in ["scram-sha-256", "scram-sha-512"] {
                lines.push(format!("{name}.{scram}.sasl.jaas.config={modules}.scram.ScramLoginModule required;"));
            }
        }
        lines.push("listener.name.sasl_ssl.ssl.keystore.type=PEM".to_owned());
        lines.push(format!("listener.name.sasl_ssl.ssl.keystore.location={}", self.keystore));
        lines.join("\n") + "\n"
    }
}

/// Arguments of the tool that formats the log folder.
pub(super) fn users() -> Vec<String> {
    let user = |scram: &str| {
        ["--add-scram".to_owned(), format!("{scram}=[name={USER},password={PASSWORD}]")]
    };
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].iter().flat_map(|scram| user(scram)).collect()
}
