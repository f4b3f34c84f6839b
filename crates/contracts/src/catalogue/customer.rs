//! `customer.*`: who buys. Nearly all of it is personal.

use super::{Family, OrderKey};
use crate::declare::{contracts, object};
use crate::scalar::{Email, Id};

const CUSTOMER: Family = Family { entity: "customer", topic: None, order_key: OrderKey::None, title: "Customers" };

object! {
    /// Where somebody lives.
    Address {
        /// Who receives there.
        name: Option<String> => personal,
        /// Street and number.
        line1: String => personal,
        /// Anything else of the address.
        line2: Option<String> => personal,
        /// Town.
        city: String => personal,
        /// Postal code.
        postal_code: Option<String> => personal,
        /// ISO 3166-1, two letters.
        country: String,
    }
}

contracts! { CUSTOMERS: CUSTOMER;
    /// A customer is known.
    "customer.created" version 1 => CustomerCreated {
        /// The customer.
        customer_id: Id,
        /// Where to write.
        email: Option<Email>,
        /// How to address.
        name: Option<String> => personal,
    } { user_email: Absent, aliases: [], id: customer_id, example: r#"{"customer_id":"cust_1","email":"cust@example.com","name":"Ada Example"}"# }

    /// Something about the customer changed; what is not named did not.
    "customer.updated" version 1 => CustomerUpdated {
        /// The customer.
        customer_id: Id,
        /// Where to write from now on.
        email: Option<Email>,
        /// How to address from now on.
        name: Option<String> => personal,
    } { user_email: Absent, aliases: [], id: customer_id, example: r#"{"customer_id":"cust_1","name":"Ada B. Example"}"# }

    /// The customer has one more address.
    "customer.address_added" version 1 => CustomerAddressAdded {
        /// The customer.
        customer_id: Id,
        /// Names the address among the customer's.
        address_id: Id,
        /// The address.
        address: Address,
    } {
        user_email: Absent,
        aliases: [],
        id: customer_id,
        example: r#"{"customer_id":"cust_1","address_id":"addr_1","address":{"name":"Ada Example","line1":"1 Main Street","city":"Springfield","postal_code":"12345","country":"US"}}"#
    }
}
