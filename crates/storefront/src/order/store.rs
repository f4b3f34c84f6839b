//! Facts of the order service, in and out.

use sqlx::Error;
use stateset_contracts::catalogue::OrderItem;
use stateset_contracts::machine::Order;

use super::rules::{Goods, Step};
use crate::dialect::{Dialect, Row, look_once, look_one, statement, values};

/// An order as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderRow {
    pub(super) id: i64,
    pub(super) user_email: Option<String>,
    pub(super) currency: String,
    pub(super) amount_cents: i64,
    pub(super) state: Order,
    pub(super) payment_id: Option<String>,
    pub(super) created_at: String,
}

/// What a checkout adds.
pub(super) struct NewOrder<'a> {
    pub(super) user_email: Option<&'a str>,
    pub(super) currency: &'a str,
    pub(super) amount_cents: i64,
    pub(super) items: &'a [OrderItem],
}

/// Adds an order; gives its number.
pub(super) async fn add<DB: Dialect>(connection: &mut DB::Connection, order: &NewOrder<'_>) -> Result<i64, Error> {
    let Order { lifecycle, payment, fulfilment } = Order::NEW;
    let mut values = values![order.user_email, order.currency, order.amount_cents];
    values.extend(values![lifecycle.word(), payment.word(), fulfilment.word()]);
    let id = look_one::<DB>(connection, statement!("order_add"), values).await?.int()?;
    for (place, item) in (1_i64..).zip(order.items) {
        let values = values![id, place, item.product_id.0, item.qty.0, item.unit_price_cents.0];
        DB::change(connection, statement!("order_item_add"), values).await?;
    }
    Ok(id)
}

/// An order, locked for whoever decides about it.
pub(super) async fn lock<DB: Dialect>(connection: &mut DB::Connection, id: i64) -> Result<Option<OrderRow>, Error> {
    let row = look_once::<DB>(connection, statement!("order_get"), values![id]).await?;
    row.map(read).transpose()
}

/// An order as it is.
pub(super) async fn show<DB: Dialect>(connection: &mut DB::Connection, id: i64) -> Result<Option<OrderRow>, Error> {
    let row = look_once::<DB>(connection, statement!("order_show"), values![id]).await?;
    row.map(read).transpose()
}

fn read(mut row: Row) -> Result<OrderRow, Error> {
    Ok(OrderRow {
        id: row.int()?,
        user_email: row.opt_text()?,
        currency: row.text()?,
        amount_cents: row.int()?,
        state: Order { lifecycle: row.word()?, payment: row.word()?, fulfilment: row.word()? },
        payment_id: row.opt_text()?,
        created_at: row.instant()?,
    })
}

/// The lines of an order.
pub(super) async fn items<DB: Dialect>(connection: &mut DB::Connection, id: i64) -> Result<Vec<OrderItem>, Error> {
    let rows = DB::look(connection, statement!("order_items"), values![id]).await?;
    let item = |mut row: Row| {
        Ok(OrderItem { product_id: row.int()?.into(), qty: row.int()?.into(), unit_price_cents: row.int()?.into() })
    };
    rows.into_iter().map(item).collect()
}

/// Writes an order's next state, and moves its goods.
pub(super) async fn take<DB: Dialect>(connection: &mut DB::Connection, step: &Step) -> Result<(), Error> {
    let Step { order, goods } = step;
    let Order { lifecycle, payment, fulfilment } = order.state;
    let mut values = values![order.id, lifecycle.word(), payment.word(), fulfilment.word()];
    values.extend(values![order.payment_id.as_deref()]);
    DB::change(connection, statement!("order_set"), values).await?;
    let statement = match goods {
        Goods::Stay => return Ok(()),
        Goods::Released => statement!("stock_release"),
        Goods::Left => statement!("stock_leave"),
    };
    for (product, pieces) in by_product(&items::<DB>(connection, order.id).await?) {
        DB::change(connection, statement, values![product, pieces]).await?;
    }
    Ok(())
}

/// Reserves the goods of an order. `Err` names the product of which there is too little: roll back.
pub(super) async fn reserve<DB: Dialect>(
    connection: &mut DB::Connection,
    items: &[OrderItem],
) -> Result<Result<(), Missing>, Error> {
    for (product, wanted) in by_product(items) {
        if DB::change(connection, statement!("stock_reserve"), values![product, wanted]).await? == 0 {
            let (on_hand, reserved) = stock::<DB>(connection, product).await?.unwrap_or_default();
            return Ok(Err(Missing { product, wanted, available: on_hand - reserved }));
        }
    }
    Ok(Ok(()))
}

/// Too little of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) product: i64,
    pub(super) wanted: i64,
    pub(super) available: i64,
}

/// Pieces in the warehouse, and how many of them are reserved.
pub(super) async fn stock<DB: Dialect>(
    connection: &mut DB::Connection,
    product: i64,
) -> Result<Option<(i64, i64)>, Error> {
    let row = look_once::<DB>(connection, statement!("stock_get"), values![product]).await?;
    row.map(|mut row| Ok((row.int()?, row.int()?))).transpose()
}

/// Sets how many pieces there are; `false` if more are reserved.
pub(super) async fn set_stock<DB: Dialect>(
    connection: &mut DB::Connection,
    product: i64,
    on_hand: i64,
) -> Result<bool, Error> {
    Ok(DB::change(connection, statement!("stock_set"), values![product, on_hand]).await? == 1)
}

/// Pieces by product, in the order of products: two orders that lock the same ones lock them in one order.
fn by_product(items: &[OrderItem]) -> Vec<(i64, i64)> {
    let mut sums = std::collections::BTreeMap::new();
    for item in items {
        *sums.entry(item.product_id.0).or_insert(0) += item.qty.0;
    }
    sums.into_iter().collect()
}
