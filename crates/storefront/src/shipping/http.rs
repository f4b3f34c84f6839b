//! What people ask of the shipping service.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stateset_api::code::Code;
use stateset_contracts::catalogue::{ShippingDelivered, ShippingDispatched};
use stateset_contracts::commerce::Commerce;
use stateset_contracts::envelope::{OrderId, OrderIdMode};
use stateset_contracts::machine::{Outcome, ShipmentEvent};
use stateset_outbox::axum::Work;
use stateset_outbox::contracts::draft;

use super::Shipments;
use super::store::{self, ShipmentRow};
use crate::dialect::Dialect;
use crate::http::{Answer, Body, Context, Failure, Params, addressed, text};
use crate::incoming::order_number;

/// Longest name of a carrier or a parcel.
const NAME_CHARS: usize = 100;

/// A shipment.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    shipment_id: i64,
    order_id: Option<OrderId>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_number: Option<String>,
    created_at: String,
}

fn shown(shipment: ShipmentRow) -> Shown {
    Shown {
        shipment_id: shipment.id,
        order_id: OrderId::from_key(&shipment.order_key, OrderIdMode::IntegerOrString),
        status: shipment.status.contract_view(),
        carrier: shipment.carrier,
        tracking_number: shipment.tracking_number,
        created_at: shipment.created_at,
    }
}

/// Of which order.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    order_id: String,
}

pub(super) async fn shipments<DB: Dialect>(
    State(service): State<Arc<Shipments<DB>>>,
    Params(of): Params<Of>,
) -> Answer<Vec<Shown>> {
    let shipments = store::of_order::<DB>(&mut *service.own.connection().await?, &of.order_id).await?;
    Ok((StatusCode::OK, Json(shipments.into_iter().map(shown).collect())))
}

/// Who takes the shipment.
#[derive(Debug, Deserialize)]
pub(super) struct Dispatch {
    carrier: String,
    tracking_number: String,
}

/// D05, D10: from `READY_TO_SHIP` only.
pub(super) async fn dispatch<DB: Dialect>(
    mut work: Work<DB>,
    context: Context,
    Path(id): Path<String>,
    Body(wanted): Body<Dispatch>,
) -> Answer<Shown> {
    let carrier = text("/carrier", wanted.carrier, NAME_CHARS)?;
    let tracking_number = text("/tracking_number", wanted.tracking_number, NAME_CHARS)?;
    let shipment = lock(&mut work, &id).await?;
    let Some(status) = step(&shipment, ShipmentEvent::Dispatched)? else {
        let same = (shipment.carrier.as_deref(), shipment.tracking_number.as_deref())
            == (Some(&*carrier), Some(&*tracking_number));
        if same {
            return Ok((StatusCode::OK, Json(shown(shipment))));
        }
        let detail = format!("shipment {id} has left with another carrier or tracking number");
        return Err(Failure::new(Code::InvalidTransition, detail));
    };
    let (known_carrier, known_number) = (Some(carrier.clone()), Some(tracking_number.clone()));
    let shipment = ShipmentRow { status, carrier: known_carrier, tracking_number: known_number, ..shipment };
    store::put::<DB>(work.connection(), &shipment).await?;
    let dispatched = ShippingDispatched { shipment_id: shipment.id.into(), carrier, tracking_number };
    let dispatched = addressed(Commerce::new(dispatched).order(&shipment.order_key), shipment.user_email.as_deref());
    work.write_event(context.on(draft(dispatched, None)?)).await?;
    Ok((StatusCode::OK, Json(shown(shipment))))
}

/// C18: nothing follows.
pub(super) async fn deliver<DB: Dialect>(
    mut work: Work<DB>,
    context: Context,
    Path(id): Path<String>,
) -> Answer<Shown> {
    let shipment = lock(&mut work, &id).await?;
    let Some(status) = step(&shipment, ShipmentEvent::Delivered)? else {
        return Ok((StatusCode::OK, Json(shown(shipment))));
    };
    let shipment = ShipmentRow { status, ..shipment };
    store::put::<DB>(work.connection(), &shipment).await?;
    let delivered = ShippingDelivered { shipment_id: shipment.id.into(), delivered_at: None };
    let delivered = addressed(Commerce::new(delivered).order(&shipment.order_key), shipment.user_email.as_deref());
    work.write_event(context.on(draft(delivered, None)?)).await?;
    Ok((StatusCode::OK, Json(shown(shipment))))
}

async fn lock<DB: Dialect>(work: &mut Work<DB>, id: &str) -> Result<ShipmentRow, Failure> {
    let unknown = || Failure::new(Code::ShipmentNotFound, format!("there is no shipment {id}"));
    let number = order_number(id).ok_or_else(unknown)?;
    store::lock::<DB>(work.connection(), number).await?.ok_or_else(unknown)
}

/// The state that follows; `None`: it is there already.
fn step(
    shipment: &ShipmentRow,
    event: ShipmentEvent,
) -> Result<Option<stateset_contracts::machine::Shipment>, Failure> {
    match shipment.status.command(event) {
        Outcome::Applied(status) => Ok(Some(status)),
        Outcome::AlreadyApplied => Ok(None),
        Outcome::Illegal(refusal) => Err(refusal.into()),
        Outcome::Waiting(what) => Err(Failure::new(Code::InvalidTransition, format!("{what} must come first"))),
    }
}
