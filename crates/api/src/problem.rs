//! The one error body: RFC 9457 problem details with our extensions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem; relative to the documentation.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This occurrence in a sentence.
    pub detail: String,
    /// Path of the request.
    pub instance: String,
    /// Stable code.
    pub code: String,
    /// What to do about it.
    pub fix: String,
    /// Single faults, where there are several places that can be at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// Names this request in the server's log.
    pub trace_id: String,
    /// The form that published clients of the ingest routes read.
    pub error: PublishedError,
    /// On the routes of the Confluent schema registry: its own number of the error, such as 40401.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
    /// On those routes: same as `detail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One fault in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// JSON Pointer into the body, or the name of a parameter.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The error object of the published ingest routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedError {
    /// Stable code.
    pub code: String,
    /// Same as `detail`.
    pub message: String,
}
