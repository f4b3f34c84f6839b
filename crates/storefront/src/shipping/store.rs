//! Facts of the shipping service, in and out.

use sqlx::Error;
use stateset_contracts::machine::Shipment;

use crate::dialect::{Dialect, Row, look_once, look_one, statement, values};

/// A shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShipmentRow {
    /// 0 before it has a number.
    pub(super) id: i64,
    pub(super) order_key: String,
    pub(super) amount_cents: i64,
    pub(super) currency: String,
    pub(super) user_email: Option<String>,
    pub(super) status: Shipment,
    pub(super) carrier: Option<String>,
    pub(super) tracking_number: Option<String>,
    pub(super) created_at: String,
}

/// The shipment of an order, locked for whoever decides about it.
pub(super) async fn lock_of_order<DB: Dialect>(
    connection: &mut DB::Connection,
    key: &str,
) -> Result<Option<ShipmentRow>, Error> {
    look_once::<DB>(connection, statement!("shipment_of_order"), values![key]).await?.map(read).transpose()
}

/// A shipment, locked for whoever decides about it.
pub(super) async fn lock<DB: Dialect>(connection: &mut DB::Connection, id: i64) -> Result<Option<ShipmentRow>, Error> {
    look_once::<DB>(connection, statement!("shipment_get"), values![id]).await?.map(read).transpose()
}

/// The shipments of an order as they are.
pub(super) async fn of_order<DB: Dialect>(
    connection: &mut DB::Connection,
    key: &str,
) -> Result<Vec<ShipmentRow>, Error> {
    let rows = DB::look(connection, statement!("shipment_show"), values![key]).await?;
    rows.into_iter().map(read).collect()
}

/// Adds a shipment, or writes what it is now; gives its number.
pub(super) async fn put<DB: Dialect>(connection: &mut DB::Connection, shipment: &ShipmentRow) -> Result<i64, Error> {
    let ShipmentRow { id, order_key, amount_cents, currency, user_email, status, carrier, tracking_number, .. } =
        shipment;
    if *id == 0 {
        let values = values![order_key, *amount_cents, currency, user_email.as_deref(), status.word()];
        return look_one::<DB>(connection, statement!("shipment_add"), values).await?.int();
    }
    let values = values![*id, status.word(), carrier.as_deref(), tracking_number.as_deref()];
    DB::change(connection, statement!("shipment_set"), values).await?;
    Ok(*id)
}

fn read(mut row: Row) -> Result<ShipmentRow, Error> {
    Ok(ShipmentRow {
        id: row.int()?,
        order_key: row.text()?,
        amount_cents: row.int()?,
        currency: row.text()?,
        user_email: row.opt_text()?,
        status: row.word()?,
        carrier: row.opt_text()?,
        tracking_number: row.opt_text()?,
        created_at: row.instant()?,
    })
}
