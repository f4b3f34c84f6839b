//! What a tool is, and the table of all of them.

use std::pin::Pin;
use std::sync::Arc;

use rmcp::model::{CallToolResult, Tool as Published, ToolAnnotations};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::arguments;
use crate::gate::Asked;
use crate::outcome::{Failure, Refusal, answered, refused};
use crate::server::{self, Desk};
use crate::tools::{bulk, events, keys, orders, outbox};

type Object = Map<String, Value>;
type Called = Pin<Box<dyn Future<Output = CallToolResult> + Send>>;

/// What a call does, which is what clients are told before they ask a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Read,
    /// It adds or finishes something; once more changes nothing more.
    Once,
    /// As [`Self::Once`], in another system.
    OnceOutside,
    /// It has effects outside that cannot be taken back, such as a second mail. The same plan once more does nothing more.
    Outside,
}

impl Effect {
    fn annotations(self, title: &str) -> ToolAnnotations {
        let mut hints = ToolAnnotations::with_title(title).read_only(self == Self::Read);
        hints = hints.destructive(self == Self::Outside).idempotent(true);
        hints.open_world(matches!(self, Self::OnceOutside | Self::Outside))
    }
}

/// One tool.
pub(crate) trait Tool: 'static {
    /// As agents call it.
    const NAME: &'static str;
    /// For people.
    const TITLE: &'static str;
    /// When to use it, and what comes back.
    const ABOUT: &'static str;
    /// What a call does.
    const EFFECT: Effect;
    /// What it takes.
    type Arguments: DeserializeOwned + JsonSchema + Send + 'static;
    /// What it gives. Of a change, `applied` must sort before all other members: structured results are written in the
    /// order of their names.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// Answers.
    fn call(call: Call, arguments: Self::Arguments) -> impl Future<Output = Result<Self::Output, Failure>> + Send;

    /// One sentence before the JSON.
    fn sentence(_: &Self::Output) -> Option<&str> {
        None
    }
}

/// One call of a tool.
pub(crate) struct Call {
    pub(crate) desk: Arc<Desk>,
    /// In whose name a change is made.
    pub(crate) actor: String,
    /// What the call says about being carried out.
    pub(crate) asked: Asked,
    /// Tool and arguments as text, without `apply` and `plan_id`.
    pub(crate) bound: String,
    /// When it came, microseconds since 1970 UTC.
    pub(crate) now: i64,
}

/// A tool in the table.
pub(crate) struct Entry {
    pub(crate) published: Published,
    call: fn(Arc<Desk>, String, Object, Arc<Object>) -> Called,
    pub(crate) effect: Effect,
}

impl Entry {
    fn of<T: Tool>() -> Self {
        let input = Arc::new(input_schema::<T::Arguments>());
        let published = Published::new(T::NAME, T::ABOUT, input)
            .with_title(T::TITLE)
            .with_raw_output_schema(Arc::new(output_schema::<T::Output>()))
            .with_annotations(T::EFFECT.annotations(T::TITLE));
        Self { published, call: run::<T>, effect: T::EFFECT }
    }

    pub(crate) fn call(&self, desk: Arc<Desk>, actor: String, arguments: Object) -> Called {
        (self.call)(desk, actor, arguments, Arc::clone(&self.published.input_schema))
    }
}

/// Every tool, in the order in which they are listed. Those of the storefront only where there is one.
pub(crate) fn table(storefront: bool) -> Vec<Entry> {
    let mut all = vec![
        Entry::of::<events::ListEvents>(),
        Entry::of::<events::GetEvent>(),
        Entry::of::<events::EntityTimeline>(),
        Entry::of::<events::VerifyEvent>(),
        Entry::of::<outbox::ListOutbox>(),
        Entry::of::<outbox::Explain>(),
        Entry::of::<outbox::AcknowledgeEvent>(),
        Entry::of::<keys::GetIdempotencyKey>(),
        Entry::of::<keys::CreateIdempotencyKey>(),
        Entry::of::<bulk::ReplayEvents>(),
        Entry::of::<bulk::RedriveDeadLetters>(),
    ];
    if storefront {
        all.push(Entry::of::<orders::CreateOrder>());
    }
    all
}

fn run<T: Tool>(desk: Arc<Desk>, actor: String, given: Object, schema: Arc<Object>) -> Called {
    Box::pin(async move {
        let now = server::now();
        let given = arguments::normal(given, &schema);
        let (asked, bound) = match asked(T::NAME, &given) {
            Ok(asked) => asked,
            Err(refusal) => return refused(refusal),
        };
        let answer = match arguments::read::<T::Arguments>(given, &schema) {
            Ok(arguments) => T::call(Call { desk, actor, asked, bound, now }, arguments).await,
            Err(refusal) => Err(refusal),
        };
        match answer {
            Ok(answer) => answered(&answer, T::sentence(&answer)),
            Err(refusal) => refused(refusal),
        }
    })
}

/// What the arguments say about being carried out, and the rest of them as text.
fn asked(tool: &str, given: &Object) -> Result<(Asked, String), Failure> {
    let mut rest = given.clone();
    let apply = match rest.remove("apply") {
        None => false,
        Some(Value::Bool(apply)) => apply,
        Some(_) => return Err(Failure::argument("apply is true or false", "")),
    };
    let plan_id = match rest.remove("plan_id") {
        None => None,
        Some(Value::String(id)) => Some(id),
        Some(_) => return Err(Failure::argument("plan_id is the text that a preview gave", "")),
    };
    let bound = format!("{tool} {}", Value::Object(rest));
    Ok((Asked { apply, plan_id }, bound))
}

fn input_schema<T: JsonSchema>() -> Object {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    let mut schema = object(schema.to_value());
    for name in ["title", "description"] {
        schema.remove(name);
    }
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    schema
}

/// Answer or refusal: every structured result fits it. The root says that it is an object, as older clients demand.
fn output_schema<T: JsonSchema>() -> Object {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let answer = generator.subschema_for::<T>().to_value();
    let refusal = generator.subschema_for::<Refusal>().to_value();
    let definitions = generator.take_definitions(true);
    object(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "anyOf": [answer, refusal],
        "$defs": definitions,
    }))
}

fn object(schema: Value) -> Object {
    match schema {
        Value::Object(schema) => schema,
        // A schema that takes everything.
        _ => Object::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K01–K09: names, annotations and schemas are a contract.
    #[test]
    fn the_table_is_as_published() {
        let names: Vec<String> = table(true).iter().map(|tool| tool.published.name.to_string()).collect();
        assert_eq!(
            names,
            [
                "list_events",
                "get_event",
                "entity_timeline",
                "verify_event",
                "list_outbox",
                "explain",
                "acknowledge_event",
                "get_idempotency_key",
                "create_idempotency_key",
                "replay_events",
                "redrive_dead_letters",
                "create_order",
            ]
        );
        assert_eq!(table(false).len(), names.len() - 1);
        for tool in table(true) {
            let (name, tool) = (tool.published.name.clone(), tool.published);
            let hints = tool.annotations.expect("annotations");
            let input = Value::Object((*tool.input_schema).clone());
            assert_eq!(input["type"], "object", "{name}");
            let properties = input["properties"].as_object().expect("properties");
            let writes = properties.contains_key("apply");
            assert_eq!(hints.read_only_hint, Some(!writes), "{name}");
            assert_eq!(hints.is_destructive(), name == "replay_events", "{name}");
            for forbidden in ["tenant", "tenant_id", "store", "store_id", "url", "database"] {
                assert!(!properties.contains_key(forbidden), "{name} lets an agent choose {forbidden}");
            }
            for (argument, schema) in properties {
                assert!(schema["description"].is_string(), "{name}: {argument} is not described");
            }
            let output = Value::Object((*tool.output_schema.expect("an output schema")).clone());
            assert_eq!(output["type"], "object", "{name}");
        }
    }

    /// K08: `applied` is the first member that is written.
    #[test]
    fn applied_comes_first() {
        for tool in table(true) {
            let output = Value::Object((*tool.published.output_schema.expect("an output schema")).clone());
            let answer = output["anyOf"][0]["$ref"].as_str().expect("a reference");
            let answer = answer.strip_prefix("#/$defs/").expect("a definition");
            let properties = output["$defs"][answer]["properties"].as_object().expect("properties");
            if properties.contains_key("applied") {
                assert_eq!(properties.keys().min().map(String::as_str), Some("applied"), "{}", tool.published.name);
                assert!(tool.effect != Effect::Read);
            }
        }
    }
}
