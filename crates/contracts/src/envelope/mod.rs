//! The envelope of the event contracts: what consumers of the Kafka topics read.
//!
//! ```json
//! {"type":"payment.succeeded","order_id":123,"user_email":"cust@example.com","timestamp":"2025-08-25T20:12:34Z","data":{},"version":1}
//! ```
//!
//! It only ever grows: members keep their names and types. So a writer writes exactly these, in this order, and a reader
//! accepts members and versions it does not know.

mod order_id;
mod read;
mod write;

pub use self::order_id::{LARGEST_EXACT, OrderId, OrderIdMode};
pub use self::read::{Envelope, PayloadFault, Unreadable};
pub use self::write::{Outgoing, TypeName, Unmapped};
