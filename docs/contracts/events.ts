// Written by `cargo xtask codegen` from the event catalogue. Do not edit.
/* eslint-disable */

/** Where somebody lives. */
export interface Address {
  /** Who receives there. Personal. */
  name?: string;
  /** Street and number. Personal. */
  line1: string;
  /** Anything else of the address. Personal. */
  line2?: string;
  /** Town. Personal. */
  city: string;
  /** Postal code. Personal. */
  postal_code?: string;
  /** ISO 3166-1, two letters. */
  country: string;
}

/** Somebody did something that is kept for auditors. */
export interface AuditEventRecorded {
  /** The entry. */
  audit_id: string;
  /** What was done, for programs. */
  action: string;
  /** Who did it. Personal. */
  actor: string;
  /** What it was done to, such as `product/1`. */
  subject: string;
  /** What else is worth keeping. */
  details?: Record<string, unknown>;
}

/** A period that will be charged has begun. */
export interface BillingCycleCreated {
  /** The subscription. */
  subscription_id: string;
  /** The period. */
  billing_cycle_id: string;
  /** When it begins. */
  starts_at: string;
  /** When it ends. */
  ends_at: string;
  /** What will be charged. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
}

/** The cart became an order. */
export interface CartCheckedOut {
  /** The cart. */
  cart_id: string;
  /** The order. */
  order_id: string;
}

/** An empty cart exists. */
export interface CartCreated {
  /** The cart. */
  cart_id: string;
  /** Whose, if known. */
  customer_id?: string;
  /** Of all amounts. */
  currency: string;
}

/** Something was put into the cart. */
export interface CartItemAdded {
  /** The cart. */
  cart_id: string;
  /** The product. */
  product_id: number;
  /** How many pieces. */
  qty: number;
  /** Price of one piece. */
  unit_price_cents: number;
}

/** The customer has one more address. */
export interface CustomerAddressAdded {
  /** The customer. */
  customer_id: string;
  /** Names the address among the customer's. */
  address_id: string;
  /** The address. */
  address: Address;
}

/** A customer is known. */
export interface CustomerCreated {
  /** The customer. */
  customer_id: string;
  /** Where to write. Personal. */
  email?: string;
  /** How to address. Personal. */
  name?: string;
}

/** Something about the customer changed; what is not named did not. */
export interface CustomerUpdated {
  /** The customer. */
  customer_id: string;
  /** Where to write from now on. Personal. */
  email?: string;
  /** How to address from now on. Personal. */
  name?: string;
}

/** A stock was corrected. */
export interface InventoryAdjusted {
  /** The stock keeping unit. */
  sku: string;
  /** Pieces that came, or went if negative. */
  delta: number;
  /** Why, for programs. */
  reason: string;
  /** How many pieces there are now. */
  on_hand?: number;
}

/** The reserved pieces have left the stock. */
export interface InventoryFulfilled {
  /** The stock keeping unit. */
  sku: string;
  /** How many pieces. */
  qty: number;
  /** The reservation they were kept back under. */
  reservation_id?: string;
}

/** The first count of a stock. */
export interface InventoryInitialized {
  /** The stock keeping unit. */
  sku: string;
  /** How many pieces there are. */
  on_hand: number;
  /** Where. */
  location?: string;
}

/** A kind of thing can be kept in stock from now on. */
export interface InventoryItemCreated {
  /** The stock keeping unit. */
  sku: string;
  /** What it is called. */
  name: string;
}

/** The reservation no longer expires. */
export interface InventoryReservationConfirmed {
  /** The stock keeping unit. */
  sku: string;
  /** How many pieces. */
  qty: number;
  /** The reservation. */
  reservation_id: string;
}

/** The pieces are free again. */
export interface InventoryReservationReleased {
  /** The stock keeping unit. */
  sku: string;
  /** How many pieces. */
  qty: number;
  /** The reservation. */
  reservation_id: string;
  /** Why, for programs. */
  reason?: string;
}

/** Pieces are kept back for an order. */
export interface InventoryReserved {
  /** The stock keeping unit. */
  sku: string;
  /** How many pieces. */
  qty: number;
  /** The reservation. */
  reservation_id: string;
  /** Until when, unless it is confirmed. */
  expires_at?: string;
}

/** The order will not be fulfilled; its reserved stock goes back. */
export interface OrderCancelled {
  /** Why, for programs. */
  reason: string;
  /** Why, in somebody's own words. Personal. */
  note?: string;
  /** Who asked for it, such as `customer` or `merchant`. */
  cancelled_by?: string;
}

/** The shop has accepted the order. */
export interface OrderConfirmed {
  /** When, if not at the event's own time. */
  confirmed_at?: string;
}

/** An order exists: checkout succeeded and its stock is reserved. */
export interface OrderCreated {
  /** What the customer pays: all items, tax and shipping. */
  amount_cents: number;
  /** Of all amounts. */
  currency: string;
  /** What was ordered. */
  items: OrderItem[];
  /** Tax within the amount. Before version 2 there was none. */
  tax_cents?: number;
  /** Shipping within the amount. Before version 2 there was none. */
  shipping_cents?: number;
}

/** All parcels of the order have arrived. */
export interface OrderDelivered {
  /** When, if not at the event's own time. */
  delivered_at?: string;
}

/** One line of an order. */
export interface OrderItem {
  /** The product. */
  product_id: number;
  /** How many pieces. */
  qty: number;
  /** Price of one piece. */
  unit_price_cents: number;
}

/** Work on the order has begun; it is being packed. */
export interface OrderProcessing {
  /** Where it is packed. */
  location?: string;
}

/** The customer has the money back. */
export interface OrderRefunded {
  /** How much was given back. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
  /** The payment it was taken from. */
  payment_id?: string;
  /** Why, for programs. */
  reason?: string;
}

/** All parcels of the order have left. */
export interface OrderShipped {
  /** The shipments it left in. */
  shipment_ids?: number[];
}

/** A payment was begun; no money has moved. */
export interface PaymentCreated {
  /** What shall be paid. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
  /** Who moves the money. */
  provider: string;
  /** The provider's name of the payment. */
  payment_id: string;
}

/** The payment did not go through. The order stays open and may be paid again. */
export interface PaymentFailed {
  /** What should have been paid. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
  /** Who should have moved the money. */
  provider: string;
  /** The provider's name of the payment. */
  payment_id: string;
  /** Why, for people. */
  reason: string;
  /** Why, for programs. */
  code: string;
}

/** The money has gone back. */
export interface PaymentRefunded {
  /** What went back. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
  /** Who moved the money. */
  provider: string;
  /** The provider's name of the payment. */
  payment_id: string;
  /** The provider's name of the refund. */
  refund_id?: string;
  /** Why, for programs. */
  reason?: string;
}

/** The money has moved. */
export interface PaymentSucceeded {
  /** What was paid; it must be the order's amount. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
  /** Who moved the money. */
  provider: string;
  /** The provider's name of the payment. */
  payment_id: string;
}

/** A price was changed. */
export interface PriceChangeApplied {
  /** The change. */
  price_change_id: string;
  /** The product. */
  product_id: number;
  /** Price of one piece before. */
  old_price_cents: number;
  /** Price of one piece from now on. */
  new_price_cents: number;
  /** Of both. */
  currency: string;
  /** Why, for programs. */
  reason?: string;
}

/** The product can be bought. */
export interface ProductActivated {
  /** The product. */
  product_id: number;
}

/** A product exists. */
export interface ProductCreated {
  /** The product. */
  product_id: number;
  /** What it is called. */
  title: string;
  /** Its stock keeping unit. */
  sku?: string;
  /** Price of one piece. */
  price_cents?: number;
  /** Of the price. */
  currency?: string;
}

/** The product can no longer be bought. */
export interface ProductDeactivated {
  /** The product. */
  product_id: number;
}

/** Something about the product changed; what is not named did not. */
export interface ProductUpdated {
  /** The product. */
  product_id: number;
  /** What it is called from now on. */
  title?: string;
  /** Its stock keeping unit from now on. */
  sku?: string;
  /** Price of one piece from now on. */
  price_cents?: number;
  /** Of the price. */
  currency?: string;
}

/** The shop agrees. */
export interface ReturnApproved {
  /** The return. */
  return_id: string;
  /** Until when the goods must be sent. */
  send_by?: string;
}

/** Nothing more happens with the return. */
export interface ReturnCompleted {
  /** The return. */
  return_id: string;
}

/** One line of a return. */
export interface ReturnItem {
  /** The product. */
  product_id: number;
  /** How many pieces. */
  qty: number;
  /** Why, for programs. */
  reason?: string;
}

/** The goods have come back. */
export interface ReturnReceived {
  /** The return. */
  return_id: string;
  /** What came back. */
  items: ReturnItem[];
}

/** The customer has the money for the returned goods. */
export interface ReturnRefunded {
  /** The return. */
  return_id: string;
  /** How much was given back. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
}

/** The shop does not agree. */
export interface ReturnRejected {
  /** The return. */
  return_id: string;
  /** Why, for programs. */
  reason: string;
}

/** A customer wants to send something back. */
export interface ReturnRequested {
  /** The return. */
  return_id: string;
  /** What shall come back. */
  items: ReturnItem[];
  /** Why, in the customer's own words. Personal. */
  comment?: string;
}

/** A shipment is planned; it waits for the payment. */
export interface ShipmentCreated {
  /** The shipment. */
  shipment_id: number;
}

/** The shipment will not leave. */
export interface ShippingCancelled {
  /** The shipment. */
  shipment_id: number;
  /** Why, for programs. */
  reason: string;
}

/** The shipment has arrived. */
export interface ShippingDelivered {
  /** The shipment. */
  shipment_id: number;
  /** When, if not at the event's own time. */
  delivered_at?: string;
}

/** The carrier has the shipment. */
export interface ShippingDispatched {
  /** The shipment. */
  shipment_id: number;
  /** Who carries it. */
  carrier: string;
  /** The carrier's name of the parcel. */
  tracking_number: string;
}

/** The payment has cleared; the shipment may leave. */
export interface ShippingReady {
  /** The shipment. */
  shipment_id: number;
}

/** The shop was read to its end. */
export interface ShopifySyncCompleted {
  /** The shop's domain. */
  shop: string;
  /** The run. */
  sync_id: string;
  /** Products that were read. */
  products: number;
  /** Orders that were read. */
  orders: number;
}

/** The shop could not be read to its end. */
export interface ShopifySyncFailed {
  /** The shop's domain. */
  shop: string;
  /** The run. */
  sync_id: string;
  /** Why, for people. */
  reason: string;
  /** Why, for programs. */
  code: string;
}

/** An order as the shop has it. */
export interface ShopifySyncOrder {
  /** The shop's domain. */
  shop: string;
  /** The shop's id of it. */
  external_id: string;
  /** The number the customer sees. */
  number?: number;
  /** What the customer pays. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
}

/** A product as the shop has it. */
export interface ShopifySyncProduct {
  /** The shop's domain. */
  shop: string;
  /** The shop's id of it. */
  external_id: string;
  /** What it is called. */
  title: string;
  /** The shop's own words for its state. */
  status?: string;
  /** Price of one piece of the first variant. */
  price_cents?: number;
  /** Of the price. */
  currency?: string;
}

/** A shop is being read. */
export interface ShopifySyncStarted {
  /** The shop's domain. */
  shop: string;
  /** This run. */
  sync_id: string;
  /** From when on, if not from the beginning. */
  since?: string;
}

/** It has ended. */
export interface SubscriptionCancelled {
  /** The subscription. */
  subscription_id: string;
  /** Why, for programs. */
  reason?: string;
}

/** A subscription runs. */
export interface SubscriptionCreated {
  /** The subscription. */
  subscription_id: string;
  /** Whose. */
  customer_id: string;
  /** Which plan. */
  plan: string;
  /** Price of one cycle. */
  amount_cents: number;
  /** Of the amount. */
  currency: string;
}

/** Nothing is charged until it is resumed. */
export interface SubscriptionPaused {
  /** The subscription. */
  subscription_id: string;
  /** When it resumes by itself. */
  until?: string;
}

/** It is charged again. */
export interface SubscriptionResumed {
  /** The subscription. */
  subscription_id: string;
}

/** What each type of event carries. */
export interface Payloads {
  "order.created": OrderCreated;
  "order.confirmed": OrderConfirmed;
  "order.processing": OrderProcessing;
  "order.shipped": OrderShipped;
  "order.delivered": OrderDelivered;
  "order.cancelled": OrderCancelled;
  "order.refunded": OrderRefunded;
  "payment.created": PaymentCreated;
  "payment.succeeded": PaymentSucceeded;
  "payment.failed": PaymentFailed;
  "payment.refunded": PaymentRefunded;
  "shipment.created": ShipmentCreated;
  "shipping.ready": ShippingReady;
  "shipping.dispatched": ShippingDispatched;
  "shipping.delivered": ShippingDelivered;
  "shipping.cancelled": ShippingCancelled;
  "inventory.item_created": InventoryItemCreated;
  "inventory.initialized": InventoryInitialized;
  "inventory.adjusted": InventoryAdjusted;
  "inventory.reserved": InventoryReserved;
  "inventory.reservation_confirmed": InventoryReservationConfirmed;
  "inventory.reservation_released": InventoryReservationReleased;
  "inventory.fulfilled": InventoryFulfilled;
  "return.requested": ReturnRequested;
  "return.approved": ReturnApproved;
  "return.rejected": ReturnRejected;
  "return.received": ReturnReceived;
  "return.refunded": ReturnRefunded;
  "return.completed": ReturnCompleted;
  "cart.created": CartCreated;
  "cart.item_added": CartItemAdded;
  "cart.checked_out": CartCheckedOut;
  "customer.created": CustomerCreated;
  "customer.updated": CustomerUpdated;
  "customer.address_added": CustomerAddressAdded;
  "product.created": ProductCreated;
  "product.updated": ProductUpdated;
  "product.activated": ProductActivated;
  "product.deactivated": ProductDeactivated;
  "subscription.created": SubscriptionCreated;
  "subscription.paused": SubscriptionPaused;
  "subscription.resumed": SubscriptionResumed;
  "subscription.cancelled": SubscriptionCancelled;
  "billing_cycle.created": BillingCycleCreated;
  "shopify.sync.started": ShopifySyncStarted;
  "shopify.sync.product": ShopifySyncProduct;
  "shopify.sync.order": ShopifySyncOrder;
  "shopify.sync.completed": ShopifySyncCompleted;
  "shopify.sync.failed": ShopifySyncFailed;
  "pricechange.applied": PriceChangeApplied;
  "audit_event.recorded": AuditEventRecorded;
}

/** The current version of each payload. */
export const SCHEMA_VERSIONS = {
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
} as const;

/** Other names of the same facts. */
export const ALIASES = {
  "payment.completed": "payment.succeeded",
  "shipment.shipped": "shipping.dispatched",
  "shipment.delivered": "shipping.delivered",
  "inventory.released": "inventory.reservation_released",
  "return.created": "return.requested",
  "audit_event": "audit_event.recorded",
} as const;

/** The types whose messages carry `user_email`. */
export const WITH_USER_EMAIL = [
  "order.created",
  "order.cancelled",
  "order.refunded",
  "payment.succeeded",
  "payment.failed",
  "payment.refunded",
  "shipping.ready",
  "shipping.dispatched",
  "shipping.delivered",
  "shipping.cancelled",
  "return.requested",
  "return.approved",
  "return.rejected",
  "return.refunded",
] as const;

/** The canonical name of a type of event. */
export type EventType = keyof Payloads;

/** A message of the topics. Members that are not listed may come, and versions that are higher. */
export interface Envelope<T extends EventType = EventType> {
  type: T;
  order_id: number | string;
  user_email?: string;
  /** UTC, such as 2025-08-25T20:12:34Z. */
  timestamp: string;
  data: Payloads[T];
  version: number;
}

/** Any message of the topics: `switch (event.type)` narrows `event.data`. */
export type AnyEnvelope = { [T in EventType]: Envelope<T> }[EventType];

/** The canonical name for a name or an alias; `undefined` if the catalogue has neither. */
export function canonicalType(name: string): EventType | undefined {
  if (Object.prototype.hasOwnProperty.call(SCHEMA_VERSIONS, name)) return name as EventType;
  return Object.prototype.hasOwnProperty.call(ALIASES, name) ? ALIASES[name as keyof typeof ALIASES] : undefined;
}
