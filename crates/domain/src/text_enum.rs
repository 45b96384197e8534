//! A macro for enums that are stored or sent as text.

/// Generates `ALL`, `as_str` and `parse` for an enum from one list of variants and their texts.
///
/// A variant missing from the list is a compile error, so every value that can be written can be
/// read.
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
            /// Every variant, in list order.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// Returns the text of this variant.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// Returns the variant with this text.
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

    /// Asserts that every variant of each enum is parsed from its own text and from no other.
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
    fn every_variant_survives_a_round_trip() {
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
