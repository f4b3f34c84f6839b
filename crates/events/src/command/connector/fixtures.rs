use serde::Serialize;
use serde_json::Value;
use stateset_connector::fixtures::{Recorded, shopify};
use stateset_connector::shopify::Shopify;
use stateset_inspect::Fault;
use url::Url;

use super::{Shop, secrets};
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Kind of shop
    shop: Shop,
    /// Send them to this listener of `connector serve`, such as <http://127.0.0.1:8090>
    #[arg(long, value_name = "URL", requires = "secret_file")]
    send: Option<Url>,
    /// The secret of that listener
    #[arg(long, value_name = "FILE")]
    secret_file: Option<std::path::PathBuf>,
    /// Only requests of this topic
    #[arg(long)]
    topic: Option<String>,
}

/// A request, and what the listener said to it.
#[derive(Serialize)]
struct Sent {
    topic: String,
    webhook_id: String,
    shop: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Ended {
        let Shop::Shopify = self.shop;
        let mut all = shopify();
        all.retain(|one| self.topic.as_ref().is_none_or(|topic| *topic == one.topic));
        let mut sent = Vec::with_capacity(all.len());
        match (&self.send, &self.secret_file) {
            (Some(to), Some(file)) => {
                let shopify = Shopify::new(secrets(file)?);
                let client = reqwest::Client::builder().no_proxy().timeout(context.settings.timeout).build();
                let client = client.map_err(|error| Fault::unavailable("the HTTP client", error))?;
                let to = to.join("webhooks/shopify").map_err(|error| Fault::usage(error.to_string(), "see --send"))?;
                for one in &all {
                    sent.push(send(&client, to.clone(), &shopify, one).await?);
                }
            },
            _ => sent.extend(all.iter().map(|one| row(one, None, None))),
        }
        context.output.print(&sent, |sent| {
            let mut sheet = Sheet::new(&["topic", "webhook_id", "status", "answer"]);
            for one in sent {
                let status = one.status.map(|status| status.to_string()).unwrap_or_default();
                sheet = sheet.row([one.topic.clone(), one.webhook_id.clone(), status, said(one.answer.as_ref())]);
            }
            sheet
        })?;
        Ok(Done::Well)
    }
}

/// The words of an answer.
fn said(answer: Option<&Value>) -> String {
    let Some(answer) = answer else { return String::new() };
    let word = answer["status"].as_str().or(answer["error"]["code"].as_str()).unwrap_or_default();
    let events = answer["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
    std::iter::once(word).chain(events).collect::<Vec<_>>().join(" ")
}

fn row(one: &Recorded, status: Option<u16>, answer: Option<Value>) -> Sent {
    Sent { topic: one.topic.clone(), webhook_id: one.webhook_id.clone(), shop: one.shop.clone(), status, answer }
}

async fn send(client: &reqwest::Client, to: Url, shopify: &Shopify, one: &Recorded) -> Result<Sent, Fault> {
    let mut request = client.post(to).header("content-type", "application/json").body(one.body().to_vec());
    for (name, value) in one.headers(shopify) {
        request = request.header(name, value);
    }
    let reply = request.send().await.map_err(|error| Fault::unavailable("the listener", error))?;
    let status = reply.status().as_u16();
    let body = reply.bytes().await.map_err(|error| Fault::unavailable("the listener", error))?;
    Ok(row(one, Some(status), serde_json::from_slice(&body).ok()))
}
