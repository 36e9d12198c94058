//! Names of messages: a function for each, whose parameters are the message's.

use std::{fmt::Display, path::Path};

use fluent_bundle::FluentValue;
use protocol::app::control;

/// Names messages: makes a function of each, and for tests the list `KEYS` of them.
///
/// `written(path: &Path);` is the message `written`, whose text names the parameter `$path`; a text that is asked for
/// without one does not compile. The functions belong to the crate that names them, so its compiler finds those that
/// nothing calls.
#[macro_export]
macro_rules! messages {
    ($($(#[$doc:meta])* $key:ident($($parameter:ident: $type:ty),*);)*) => {
        $($(#[$doc])* pub(crate) fn $key($($parameter: $type),*) -> String {
            $crate::text(
                stringify!($key),
                &[$((stringify!($parameter), $crate::Parameter::value($parameter))),*],
            )
        })*

        /// The keys named here, each with its parameters.
        #[cfg(test)]
        pub(super) const KEYS: &[(&str, &[&str])] = &[$((stringify!($key), &[$(stringify!($parameter)),*])),*];
    };
}

/// A type that can be a parameter of a message.
pub trait Parameter<'a> {
    /// The parameter as Fluent takes it.
    fn value(self) -> FluentValue<'a>;
}

impl<'a> Parameter<'a> for &'a str {
    fn value(self) -> FluentValue<'a> {
        self.into()
    }
}

impl<'a> Parameter<'a> for &'a Path {
    fn value(self) -> FluentValue<'a> {
        self.to_string_lossy().into()
    }
}

impl<'a> Parameter<'a> for &dyn Display {
    fn value(self) -> FluentValue<'a> {
        self.to_string().into()
    }
}

impl<'a> Parameter<'a> for u64 {
    fn value(self) -> FluentValue<'a> {
        self.into()
    }
}

impl<'a> Parameter<'a> for usize {
    fn value(self) -> FluentValue<'a> {
        self.into()
    }
}

impl<'a> Parameter<'a> for &'a control::Parameter {
    fn value(self) -> FluentValue<'a> {
        match self {
            control::Parameter::Number(number) => (*number).into(),
            control::Parameter::Text(text) => (&**text).into(),
        }
    }
}
