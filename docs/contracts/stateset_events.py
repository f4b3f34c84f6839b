"""The types of the event catalogue, for Python 3.11 and later.

Written by `cargo xtask codegen` from the event catalogue. Do not edit.
"""

from typing import Any, Final, Literal, NotRequired, TypedDict


class Address(TypedDict):
    """Where somebody lives."""

    #: Who receives there. Personal.
    name: NotRequired[str]
    #: Street and number. Personal.
    line1: str
    #: Anything else of the address. Personal.
    line2: NotRequired[str]
    #: Town. Personal.
    city: str
    #: Postal code. Personal.
    postal_code: NotRequired[str]
    #: ISO 3166-1, two letters.
    country: str


class AuditEventRecorded(TypedDict):
    """Somebody did something that is kept for auditors."""

    #: The entry.
    audit_id: str
    #: What was done, for programs.
    action: str
    #: Who did it. Personal.
    actor: str
    #: What it was done to, such as `product/1`.
    subject: str
    #: What else is worth keeping.
    details: NotRequired[dict[str, Any]]


class BillingCycleCreated(TypedDict):
    """A period that will be charged has begun."""

    #: The subscription.
    subscription_id: str
    #: The period.
    billing_cycle_id: str
    #: When it begins.
    starts_at: str
    #: When it ends.
    ends_at: str
    #: What will be charged.
    amount_cents: int
    #: Of the amount.
    currency: str


class CartCheckedOut(TypedDict):
    """The cart became an order."""

    #: The cart.
    cart_id: str
    #: The order.
    order_id: str


class CartCreated(TypedDict):
    """An empty cart exists."""

    #: The cart.
    cart_id: str
    #: Whose, if known.
    customer_id: NotRequired[str]
    #: Of all amounts.
    currency: str


class CartItemAdded(TypedDict):
    """Something was put into the cart."""

    #: The cart.
    cart_id: str
    #: The product.
    product_id: int
    #: How many pieces.
    qty: int
    #: Price of one piece.
    unit_price_cents: int


class CustomerAddressAdded(TypedDict):
    """The customer has one more address."""

    #: The customer.
    customer_id: str
    #: Names the address among the customer's.
    address_id: str
    #: The address.
    address: "Address"


class CustomerCreated(TypedDict):
    """A customer is known."""

    #: The customer.
    customer_id: str
    #: Where to write. Personal.
    email: NotRequired[str]
    #: How to address. Personal.
    name: NotRequired[str]


class CustomerUpdated(TypedDict):
    """Something about the customer changed; what is not named did not."""

    #: The customer.
    customer_id: str
    #: Where to write from now on. Personal.
    email: NotRequired[str]
    #: How to address from now on. Personal.
    name: NotRequired[str]


class InventoryAdjusted(TypedDict):
    """A stock was corrected."""

    #: The stock keeping unit.
    sku: str
    #: Pieces that came, or went if negative.
    delta: int
    #: Why, for programs.
    reason: str
    #: How many pieces there are now.
    on_hand: NotRequired[int]


class InventoryFulfilled(TypedDict):
    """The reserved pieces have left the stock."""

    #: The stock keeping unit.
    sku: str
    #: How many pieces.
    qty: int
    #: The reservation they were kept back under.
    reservation_id: NotRequired[str]


class InventoryInitialized(TypedDict):
    """The first count of a stock."""

    #: The stock keeping unit.
    sku: str
    #: How many pieces there are.
    on_hand: int
    #: Where.
    location: NotRequired[str]


class InventoryItemCreated(TypedDict):
    """A kind of thing can be kept in stock from now on."""

    #: The stock keeping unit.
    sku: str
    #: What it is called.
    name: str


class InventoryReservationConfirmed(TypedDict):
    """The reservation no longer expires."""

    #: The stock keeping unit.
    sku: str
    #: How many pieces.
    qty: int
    #: The reservation.
    reservation_id: str


class InventoryReservationReleased(TypedDict):
    """The pieces are free again."""

    #: The stock keeping unit.
    sku: str
    #: How many pieces.
    qty: int
    #: The reservation.
    reservation_id: str
    #: Why, for programs.
    reason: NotRequired[str]


class InventoryReserved(TypedDict):
    """Pieces are kept back for an order."""

    #: The stock keeping unit.
    sku: str
    #: How many pieces.
    qty: int
    #: The reservation.
    reservation_id: str
    #: Until when, unless it is confirmed.
    expires_at: NotRequired[str]


class OrderCancelled(TypedDict):
    """The order will not be fulfilled; its reserved stock goes back."""

    #: Why, for programs.
    reason: str
    #: Why, in somebody's own words. Personal.
    note: NotRequired[str]
    #: Who asked for it, such as `customer` or `merchant`.
    cancelled_by: NotRequired[str]


class OrderConfirmed(TypedDict):
    """The shop has accepted the order."""

    #: When, if not at the event's own time.
    confirmed_at: NotRequired[str]


class OrderCreated(TypedDict):
    """An order exists: checkout succeeded and its stock is reserved."""

    #: What the customer pays: all items, tax and shipping.
    amount_cents: int
    #: Of all amounts.
    currency: str
    #: What was ordered.
    items: list["OrderItem"]
    #: Tax within the amount. Before version 2 there was none.
    tax_cents: NotRequired[int]
    #: Shipping within the amount. Before version 2 there was none.
    shipping_cents: NotRequired[int]


class OrderDelivered(TypedDict):
    """All parcels of the order have arrived."""

    #: When, if not at the event's own time.
    delivered_at: NotRequired[str]


class OrderItem(TypedDict):
    """One line of an order."""

    #: The product.
    product_id: int
    #: How many pieces.
    qty: int
    #: Price of one piece.
    unit_price_cents: int


class OrderProcessing(TypedDict):
    """Work on the order has begun; it is being packed."""

    #: Where it is packed.
    location: NotRequired[str]


class OrderRefunded(TypedDict):
    """The customer has the money back."""

    #: How much was given back.
    amount_cents: int
    #: Of the amount.
    currency: str
    #: The payment it was taken from.
    payment_id: NotRequired[str]
    #: Why, for programs.
    reason: NotRequired[str]


class OrderShipped(TypedDict):
    """All parcels of the order have left."""

    #: The shipments it left in.
    shipment_ids: NotRequired[list[int]]


class PaymentCreated(TypedDict):
    """A payment was begun; no money has moved."""

    #: What shall be paid.
    amount_cents: int
    #: Of the amount.
    currency: str
    #: Who moves the money.
    provider: str
    #: The provider's name of the payment.
    payment_id: str


class PaymentFailed(TypedDict):
    """The payment did not go through. The order stays open and may be paid again."""

    #: What should have been paid.
    amount_cents: int
    #: Of the amount.
    currency: str
    #: Who should have moved the money.
    provider: str
    #: The provider's name of the payment.
    payment_id: str
    #: Why, for people.
    reason: str
    #: Why, for programs.
    code: str


class PaymentRefunded(TypedDict):
    """The money has gone back."""

    #: What went back.
    amount_cents: int
    #: Of the amount.
    currency: str
    #: Who moved the money.
    provider: str
    #: The provider's name of the payment.
    payment_id: str
    #: The provider's name of the refund.
    refund_id: NotRequired[str]
    #: Why, for programs.
    reason: NotRequired[str]


class PaymentSucceeded(TypedDict):
    """The money has moved."""

    #: What was paid; it must be the order's amount.
    amount_cents: int
    #: Of the amount.
    currency: str
    #: Who moved the money.
    provider: str
    #: The provider's name of the payment.
    payment_id: str


class PriceChangeApplied(TypedDict):
    """A price was changed."""

    #: The change.
    price_change_id: str
    #: The product.
    product_id: int
    #: Price of one piece before.
    old_price_cents: int
    #: Price of one piece from now on.
    new_price_cents: int
    #: Of both.
    currency: str
    #: Why, for programs.
    reason: NotRequired[str]


class ProductActivated(TypedDict):
    """The product can be bought."""

    #: The product.
    product_id: int


class ProductCreated(TypedDict):
    """A product exists."""

    #: The product.
    product_id: int
    #: What it is called.
    title: str
    #: Its stock keeping unit.
    sku: NotRequired[str]
    #: Price of one piece.
    price_cents: NotRequired[int]
    #: Of the price.
    currency: NotRequired[str]


class ProductDeactivated(TypedDict):
    """The product can no longer be bought."""

    #: The product.
    product_id: int


class ProductUpdated(TypedDict):
    """Something about the product changed; what is not named did not."""

    #: The product.
    product_id: int
    #: What it is called from now on.
    title: NotRequired[str]
    #: Its stock keeping unit from now on.
    sku: NotRequired[str]
    #: Price of one piece from now on.
    price_cents: NotRequired[int]
    #: Of the price.
    currency: NotRequired[str]


class ReturnApproved(TypedDict):
    """The shop agrees."""

    #: The return.
    return_id: str
    #: Until when the goods must be sent.
    send_by: NotRequired[str]


class ReturnCompleted(TypedDict):
    """Nothing more happens with the return."""

    #: The return.
    return_id: str


class ReturnItem(TypedDict):
    """One line of a return."""

    #: The product.
    product_id: int
    #: How many pieces.
    qty: int
    #: Why, for programs.
    reason: NotRequired[str]


class ReturnReceived(TypedDict):
    """The goods have come back."""

    #: The return.
    return_id: str
    #: What came back.
    items: list["ReturnItem"]


class ReturnRefunded(TypedDict):
    """The customer has the money for the returned goods."""

    #: The return.
    return_id: str
    #: How much was given back.
    amount_cents: int
    #: Of the amount.
    currency: str


class ReturnRejected(TypedDict):
    """The shop does not agree."""

    #: The return.
    return_id: str
    #: Why, for programs.
    reason: str


class ReturnRequested(TypedDict):
    """A customer wants to send something back."""

    #: The return.
    return_id: str
    #: What shall come back.
    items: list["ReturnItem"]
    #: Why, in the customer's own words. Personal.
    comment: NotRequired[str]


class ShipmentCreated(TypedDict):
    """A shipment is planned; it waits for the payment."""

    #: The shipment.
    shipment_id: int


class ShippingCancelled(TypedDict):
    """The shipment will not leave."""

    #: The shipment.
    shipment_id: int
    #: Why, for programs.
    reason: str


class ShippingDelivered(TypedDict):
    """The shipment has arrived."""

    #: The shipment.
    shipment_id: int
    #: When, if not at the event's own time.
    delivered_at: NotRequired[str]


class ShippingDispatched(TypedDict):
    """The carrier has the shipment."""

    #: The shipment.
    shipment_id: int
    #: Who carries it.
    carrier: str
    #: The carrier's name of the parcel.
    tracking_number: str


class ShippingReady(TypedDict):
    """The payment has cleared; the shipment may leave."""

    #: The shipment.
    shipment_id: int


class ShopifySyncCompleted(TypedDict):
    """The shop was read to its end."""

    #: The shop's domain.
    shop: str
    #: The run.
    sync_id: str
    #: Products that were read.
    products: int
    #: Orders that were read.
    orders: int


class ShopifySyncFailed(TypedDict):
    """The shop could not be read to its end."""

    #: The shop's domain.
    shop: str
    #: The run.
    sync_id: str
    #: Why, for people.
    reason: str
    #: Why, for programs.
    code: str


class ShopifySyncOrder(TypedDict):
    """An order as the shop has it."""

    #: The shop's domain.
    shop: str
    #: The shop's id of it.
    external_id: str
    #: The number the customer sees.
    number: NotRequired[int]
    #: What the customer pays.
    amount_cents: int
    #: Of the amount.
    currency: str


class ShopifySyncProduct(TypedDict):
    """A product as the shop has it."""

    #: The shop's domain.
    shop: str
    #: The shop's id of it.
    external_id: str
    #: What it is called.
    title: str
    #: The shop's own words for its state.
    status: NotRequired[str]
    #: Price of one piece of the first variant.
    price_cents: NotRequired[int]
    #: Of the price.
    currency: NotRequired[str]


class ShopifySyncStarted(TypedDict):
    """A shop is being read."""

    #: The shop's domain.
    shop: str
    #: This run.
    sync_id: str
    #: From when on, if not from the beginning.
    since: NotRequired[str]


class SubscriptionCancelled(TypedDict):
    """It has ended."""

    #: The subscription.
    subscription_id: str
    #: Why, for programs.
    reason: NotRequired[str]


class SubscriptionCreated(TypedDict):
    """A subscription runs."""

    #: The subscription.
    subscription_id: str
    #: Whose.
    customer_id: str
    #: Which plan.
    plan: str
    #: Price of one cycle.
    amount_cents: int
    #: Of the amount.
    currency: str


class SubscriptionPaused(TypedDict):
    """Nothing is charged until it is resumed."""

    #: The subscription.
    subscription_id: str
    #: When it resumes by itself.
    until: NotRequired[str]


class SubscriptionResumed(TypedDict):
    """It is charged again."""

    #: The subscription.
    subscription_id: str


EventType = Literal[
    "order.created",
    "order.confirmed",
    "order.processing",
    "order.shipped",
    "order.delivered",
    "order.cancelled",
    "order.refunded",
    "payment.created",
    "payment.succeeded",
    "payment.failed",
    "payment.refunded",
    "shipment.created",
    "shipping.ready",
    "shipping.dispatched",
    "shipping.delivered",
    "shipping.cancelled",
    "inventory.item_created",
    "inventory.initialized",
    "inventory.adjusted",
    "inventory.reserved",
    "inventory.reservation_confirmed",
    "inventory.reservation_released",
    "inventory.fulfilled",
    "return.requested",
    "return.approved",
    "return.rejected",
    "return.received",
    "return.refunded",
    "return.completed",
    "cart.created",
    "cart.item_added",
    "cart.checked_out",
    "customer.created",
    "customer.updated",
    "customer.address_added",
    "product.created",
    "product.updated",
    "product.activated",
    "product.deactivated",
    "subscription.created",
    "subscription.paused",
    "subscription.resumed",
    "subscription.cancelled",
    "billing_cycle.created",
    "shopify.sync.started",
    "shopify.sync.product",
    "shopify.sync.order",
    "shopify.sync.completed",
    "shopify.sync.failed",
    "pricechange.applied",
    "audit_event.recorded",
]

#: What each type of event carries.
PAYLOADS: Final[dict[str, type]] = {
    "order.created": OrderCreated,
    "order.confirmed": OrderConfirmed,
    "order.processing": OrderProcessing,
    "order.shipped": OrderShipped,
    "order.delivered": OrderDelivered,
    "order.cancelled": OrderCancelled,
    "order.refunded": OrderRefunded,
    "payment.created": PaymentCreated,
    "payment.succeeded": PaymentSucceeded,
    "payment.failed": PaymentFailed,
    "payment.refunded": PaymentRefunded,
    "shipment.created": ShipmentCreated,
    "shipping.ready": ShippingReady,
    "shipping.dispatched": ShippingDispatched,
    "shipping.delivered": ShippingDelivered,
    "shipping.cancelled": ShippingCancelled,
    "inventory.item_created": InventoryItemCreated,
    "inventory.initialized": InventoryInitialized,
    "inventory.adjusted": InventoryAdjusted,
    "inventory.reserved": InventoryReserved,
    "inventory.reservation_confirmed": InventoryReservationConfirmed,
    "inventory.reservation_released": InventoryReservationReleased,
    "inventory.fulfilled": InventoryFulfilled,
    "return.requested": ReturnRequested,
    "return.approved": ReturnApproved,
    "return.rejected": ReturnRejected,
    "return.received": ReturnReceived,
    "return.refunded": ReturnRefunded,
    "return.completed": ReturnCompleted,
    "cart.created": CartCreated,
    "cart.item_added": CartItemAdded,
    "cart.checked_out": CartCheckedOut,
    "customer.created": CustomerCreated,
    "customer.updated": CustomerUpdated,
    "customer.address_added": CustomerAddressAdded,
    "product.created": ProductCreated,
    "product.updated": ProductUpdated,
    "product.activated": ProductActivated,
    "product.deactivated": ProductDeactivated,
    "subscription.created": SubscriptionCreated,
    "subscription.paused": SubscriptionPaused,
    "subscription.resumed": SubscriptionResumed,
    "subscription.cancelled": SubscriptionCancelled,
    "billing_cycle.created": BillingCycleCreated,
    "shopify.sync.started": ShopifySyncStarted,
    "shopify.sync.product": ShopifySyncProduct,
    "shopify.sync.order": ShopifySyncOrder,
    "shopify.sync.completed": ShopifySyncCompleted,
    "shopify.sync.failed": ShopifySyncFailed,
    "pricechange.applied": PriceChangeApplied,
    "audit_event.recorded": AuditEventRecorded,
}

#: The current version of each payload.
SCHEMA_VERSIONS: Final[dict[str, int]] = {
    "order.created": 2,
    "order.confirmed": 1,
    "order.processing": 1,
    "order.shipped": 1,
    "order.delivered": 1,
    "order.cancelled": 1,
    "order.refunded": 1,
    "payment.created": 1,
    "payment.succeeded": 1,
    "payment.failed": 1,
    "payment.refunded": 1,
    "shipment.created": 1,
    "shipping.ready": 1,
    "shipping.dispatched": 1,
    "shipping.delivered": 1,
    "shipping.cancelled": 1,
    "inventory.item_created": 1,
    "inventory.initialized": 1,
    "inventory.adjusted": 1,
    "inventory.reserved": 1,
    "inventory.reservation_confirmed": 1,
    "inventory.reservation_released": 1,
    "inventory.fulfilled": 1,
    "return.requested": 1,
    "return.approved": 1,
    "return.rejected": 1,
    "return.received": 1,
    "return.refunded": 1,
    "return.completed": 1,
    "cart.created": 1,
    "cart.item_added": 1,
    "cart.checked_out": 1,
    "customer.created": 1,
    "customer.updated": 1,
    "customer.address_added": 1,
    "product.created": 1,
    "product.updated": 1,
    "product.activated": 1,
    "product.deactivated": 1,
    "subscription.created": 1,
    "subscription.paused": 1,
    "subscription.resumed": 1,
    "subscription.cancelled": 1,
    "billing_cycle.created": 1,
    "shopify.sync.started": 1,
    "shopify.sync.product": 1,
    "shopify.sync.order": 1,
    "shopify.sync.completed": 1,
    "shopify.sync.failed": 1,
    "pricechange.applied": 1,
    "audit_event.recorded": 1,
}

#: Other names of the same facts.
ALIASES: Final[dict[str, str]] = {
    "payment.completed": "payment.succeeded",
    "shipment.shipped": "shipping.dispatched",
    "shipment.delivered": "shipping.delivered",
    "inventory.released": "inventory.reservation_released",
    "return.created": "return.requested",
    "audit_event": "audit_event.recorded",
}


class Envelope(TypedDict):
    """A message of the topics. Members that are not listed may come, and versions that are higher."""

    type: str
    order_id: int | str
    user_email: NotRequired[str]
    timestamp: str
    data: dict[str, Any]
    version: int


def canonical_type(name: str) -> str | None:
    """The canonical name for a name or an alias; None if the catalogue has neither."""
    return name if name in SCHEMA_VERSIONS else ALIASES.get(name)
