//! `DATABASE_URL=postgres://… cargo run -p example-axum-checkout`, then
//! `curl -d '{"currency":"EUR","items":[{"product_id":"p1","qty":2,"unit_price_cents":999}]}' \
//!   -H 'content-type: application/json' -H 'Idempotency-Key: create_order_1' localhost:3000/orders/checkout`

use anyhow::Context as _;
use sqlx::PgPool;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "whoever starts it has to know where it listens")]
async fn main() -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this is the command's configuration")]
    let url = std::env::var("DATABASE_URL").context("set DATABASE_URL to the URL of a PostgreSQL database")?;
    #[expect(clippy::disallowed_methods, reason = "this is the command's configuration")]
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let router = example_axum_checkout::service(PgPool::connect(&url).await?).await?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
