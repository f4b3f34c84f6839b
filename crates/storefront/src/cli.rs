//! The command line, for this program and for others that offer the same service.

use std::net::SocketAddr;

use clap::Args;

use crate::settings::{KafkaPlace, Place, Service, Settings, SmtpPlace};

/// How a storefront is served.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ServeArguments {
    /// Services of this process: order, payment, shipping, notification, with commas; or all
    #[arg(long, env = "STOREFRONT_SERVICE", default_value = "all", value_name = "NAMES")]
    pub service: String,
    /// Where to listen; port 0 takes a free one. One line of JSON on stdout says which
    #[arg(long, env = "STOREFRONT_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// sqlite:FOLDER, with a file per service, or postgres://…, with a schema per service
    #[arg(long, env = "STOREFRONT_DATABASE", default_value = "sqlite:storefront-data", value_name = "URL", hide_env_values = true)]
    pub database: Place,
    /// Kafka brokers, with commas; without them the services hand their events over inside the process
    #[arg(long, env = "STOREFRONT_KAFKA", value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Topics of order, payment and shipping events, in this order
    #[arg(long, env = "STOREFRONT_TOPICS", value_delimiter = ',', num_args = 3, value_name = "NAMES",
          default_value = "order.events,payment.events,shipping.events")]
    pub topics: Vec<String>,
    /// Consumer groups are named NAME-order, NAME-payment and so on
    #[arg(long, env = "STOREFRONT_GROUP", default_value = "storefront", value_name = "NAME")]
    pub group: String,
    /// Mail server, without TLS: one for development, or a relay on the same machine
    #[arg(long, env = "STOREFRONT_SMTP", default_value = "localhost:1025", value_name = "HOST:PORT")]
    pub smtp: SmtpPlace,
    /// Sender of mails
    #[arg(long, env = "STOREFRONT_MAIL_FROM", default_value = "shop@storefront.example", value_name = "ADDRESS")]
    pub mail_from: String,
}

const EXAMPLES: &str = "Examples:
  stateset-storefront serve
      the whole shop in one process, with its files in ./storefront-data
  stateset-storefront serve --database postgres://shop@localhost/shop --kafka localhost:9094
      the whole shop over Kafka
  stateset-storefront serve --service order --listen 127.0.0.1:8081 --kafka localhost:9094
      one of its services; start the others likewise";

impl ServeArguments {
    /// The settings. An error says what to write instead.
    pub fn settings(self) -> Result<Settings, String> {
        let services = match self.service.trim() {
            "all" => Service::ALL.to_vec(),
            names => names.split(',').map(|name| name.trim().parse()).collect::<Result<Vec<_>, _>>()?,
        };
        let topics: [String; 3] = self
            .topics
            .try_into()
            .map_err(|_| "--topics names three: of order, payment and shipping events".to_owned())?;
        let kafka = self.kafka.map(|brokers| KafkaPlace { brokers, topics, group: self.group });
        let settings = Settings {
            services,
            listen: self.listen,
            kafka,
            smtp: self.smtp,
            mail_from: self.mail_from,
            ..Settings::new(self.database)
        };
        settings.check()?;
        Ok(settings)
    }
}
