//! Enums that are stored or sent as text: one list from which both directions are made.

/// Gives an enum `ALL`, `as_str` and `parse` from one list of variants and their texts.
///
/// A variant missing from the list is a compile error, so nothing can be written that cannot be
/// read again.
///
/// ```
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Size {
///     Small,
///     Large,
/// }
/// carrel_domain::text_enum!(Size { Small = "small", Large = "large" });
///
/// assert_eq!(Size::Small.as_str(), "small");
/// assert_eq!(Size::parse("large"), Some(Size::Large));
/// assert_eq!(Size::parse("medium"), None);
/// assert_eq!(Size::ALL.len(), 2);
/// ```
#[macro_export]
macro_rules! text_enum {
    ($name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $name {
            /// Every variant, in the order of the list.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The text that stands for this variant.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// The variant that `text` stands for.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::api_key::{KeyOrigin, Scope};
    use crate::audit::ActorKind;
    use crate::invite::InviteStatus;
    use crate::job::{ItemState, JobKind, JobState};
    use crate::user::Role;
    use crate::workspace::{ChatMode, SearchMode};

    /// Asserts for each enum that every variant is read as it was written, and nothing else is.
    macro_rules! round_trip {
        ($($name:ident),+ $(,)?) => {$(
            for (number, variant) in $name::ALL.into_iter().enumerate() {
                let text = variant.as_str();
                assert_eq!($name::parse(text), Some(variant), "{} {text}", stringify!($name));
                let same = |other: &$name| other.as_str() == text;
                assert_eq!($name::ALL.iter().position(same), Some(number), "{text} stands twice");
                assert_eq!($name::parse(&text.to_uppercase()), None);
            }
            assert_eq!($name::parse(""), None);
        )+};
    }

    #[test]
    fn every_variant_is_read_as_it_was_written() {
        round_trip!(
            ActorKind,
            ChatMode,
            InviteStatus,
            ItemState,
            KeyOrigin,
            JobKind,
            Role,
            Scope,
            SearchMode,
            JobState,
        );
    }
}
