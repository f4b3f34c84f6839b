//! What a payload looks like, as data: from it come the JSON Schemas, the types of other languages and the pages.

/// The shape of one JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number within 64 bits.
    Integer {
        /// Smallest.
        least: Option<i64>,
    },
    /// A string.
    Text {
        /// A format of JSON Schema, such as `date-time`.
        format: Option<&'static str>,
        /// A regular expression that a linear engine runs.
        pattern: Option<&'static str>,
        /// Fewest characters.
        least: Option<u32>,
        /// Most characters.
        most: Option<u32>,
    },
    /// An array of values of one shape.
    List(Box<Self>),
    /// An object with named members. Further members are always allowed: contracts only grow.
    Object(Object),
    /// An object whose members nobody describes.
    Free,
}

/// An object with a name, so that other languages can name its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The name of the Rust type.
    pub name: &'static str,
    /// One or two sentences.
    pub summary: String,
    /// In the order in which they are written.
    pub fields: Vec<Field>,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it stands in the JSON.
    pub name: &'static str,
    /// One or two sentences.
    pub summary: String,
    /// Whether every payload has it.
    pub required: bool,
    /// Whether it tells who a person is, and must be erasable.
    pub personal: bool,
    /// The version of the schema that added it.
    pub since: u32,
    /// Its value.
    pub shape: Shape,
}

impl Object {
    /// The object as it was in an older version: without what was added later.
    #[must_use]
    pub fn at(&self, version: u32) -> Self {
        let fields = self.fields.iter().filter(|field| field.since <= version);
        let fields = fields.map(|field| Field { shape: field.shape.at(version), ..field.clone() }).collect();
        Self { fields, ..self.clone() }
    }

    /// Every object that its fields mention, each once, the innermost first; then itself.
    pub fn with_parts(&self) -> Vec<&Self> {
        let mut parts: Vec<&Self> = Vec::new();
        for field in &self.fields {
            for part in field.shape.objects() {
                if !parts.iter().any(|known| known.name == part.name) {
                    parts.push(part);
                }
            }
        }
        parts.push(self);
        parts
    }

    /// Where personal data lies, such as `/address/line1` or `/items/*/note`.
    pub fn personal_paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for field in &self.fields {
            let place = format!("/{}", field.name);
            if field.personal {
                paths.push(place);
            } else {
                paths.extend(field.shape.personal_paths().into_iter().map(|rest| format!("{place}{rest}")));
            }
        }
        paths
    }
}

impl Shape {
    fn at(&self, version: u32) -> Self {
        match self {
            Self::List(of) => Self::List(Box::new(of.at(version))),
            Self::Object(object) => Self::Object(object.at(version)),
            Self::Boolean | Self::Integer { .. } | Self::Text { .. } | Self::Free => self.clone(),
        }
    }

    fn objects(&self) -> Vec<&Object> {
        match self {
            Self::List(of) => of.objects(),
            Self::Object(object) => object.with_parts(),
            Self::Boolean | Self::Integer { .. } | Self::Text { .. } | Self::Free => Vec::new(),
        }
    }

    fn personal_paths(&self) -> Vec<String> {
        match self {
            Self::List(of) => of.personal_paths().into_iter().map(|rest| format!("/*{rest}")).collect(),
            Self::Object(object) => object.personal_paths(),
            Self::Boolean | Self::Integer { .. } | Self::Text { .. } | Self::Free => Vec::new(),
        }
    }
}

/// A Rust type that knows the shape of its JSON.
pub trait Shaped {
    /// Whether the member may be missing.
    const OPTIONAL: bool = false;
    /// Whether values tell who a person is.
    const PERSONAL: bool = false;

    /// The shape of its JSON.
    fn shape() -> Shape;

    /// Whether this value is left out of the JSON.
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T: Shaped> Shaped for Option<T> {
    const OPTIONAL: bool = true;
    const PERSONAL: bool = T::PERSONAL;

    fn shape() -> Shape {
        T::shape()
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Shaped> Shaped for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

impl Shaped for bool {
    fn shape() -> Shape {
        Shape::Boolean
    }
}

impl Shaped for i64 {
    fn shape() -> Shape {
        Shape::Integer { least: None }
    }
}

impl Shaped for String {
    fn shape() -> Shape {
        Shape::Text { format: None, pattern: None, least: None, most: None }
    }
}

impl Shaped for serde_json::Map<String, serde_json::Value> {
    fn shape() -> Shape {
        Shape::Free
    }
}
