//! States as words: lower case in databases and JSON of ours, upper case in the view of the contracts.

/// A word that names no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no {1}")]
pub struct UnknownWord(pub String, pub &'static str);

macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident: $($(#[doc = $state_doc:literal])* $state:ident $word:literal;)*) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $state_doc])* $state,)*
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$state),*];

            /// The word for it, in lower case.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$state => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::machine::UnknownWord;

            /// In lower or upper case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|state| state.word().eq_ignore_ascii_case(text));
                found.copied().ok_or_else(|| $crate::machine::UnknownWord(text.to_owned(), stringify!($name)))
            }
        }
    };
}

pub(super) use words;
