//! The texts that people read, in three languages, and the one way to look up a text.
//!
//! The texts are messages of [Project Fluent](https://projectfluent.org) in `lang/<language>/<area>.ftl`, compiled in. A room
//! names the messages that it shows with [`messages!`], which makes a function of each; so a text that is named twice, not
//! at all or without a parameter does not compile or fails a test. [`areas`] says which room names which file.
//!
//! A text is in the [`language`] of the thread: a command has one for its whole run, a page one while it is rendered. So no
//! function between a command or a page and its texts carries the language.

mod answers;
pub mod areas;
mod keys;
pub mod language;
mod messages;

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use protocol::record::schema::Language;

pub use answers::yes_no;
pub use fluent_bundle::FluentValue;
pub use keys::keys;
pub use messages::Parameter;

type Bundle = FluentBundle<FluentResource>;

/// The messages of each language, parsed when the first text of that language is looked up.
static BUNDLES: [OnceLock<Bundle>; 3] = [const { OnceLock::new() }; 3];

/// The text of a key in the language of this thread. Every key that is named in the code exists in every language: tests
/// count them. A key that exists in none stands for its text.
#[must_use]
pub fn text(key: &str, parameters: &[(&str, FluentValue<'_>)]) -> String {
    find(key, None, parameters).unwrap_or_else(|| key.to_owned())
}

/// The text of a key, or of one of its attributes, in the language of this thread: `None` if the language has no such
/// text, or if the text names a parameter that is not given.
#[must_use]
pub fn find(key: &str, attribute: Option<&str>, parameters: &[(&str, FluentValue<'_>)]) -> Option<String> {
    let bundle = bundle(language::current());
    let message = bundle.get_message(key)?;
    let pattern = match attribute {
        Some(attribute) => message.get_attribute(attribute)?.value(),
        None => message.value()?,
    };
    let parameters: FluentArgs<'_> = parameters.iter().cloned().collect();
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&parameters), &mut errors).into_owned();
    errors.is_empty().then_some(text)
}

fn bundle(language: Language) -> &'static Bundle {
    BUNDLES[language as usize].get_or_init(|| read(language))
}

fn read(language: Language) -> Bundle {
    let name = language::tag(language).parse().expect("our three tags are those of languages (BCP 47)");
    let mut bundle = Bundle::new_concurrent(vec![name]);
    // Without this Fluent puts marks around a parameter that isolate its direction of writing; a terminal shows them as
    // garbage.
    bundle.set_use_isolating(false);
    for (path, text) in areas::all().filter_map(|area| area.file(language)) {
        let resource = FluentResource::try_new(text.to_owned());
        let resource = resource.unwrap_or_else(|(_, errors)| panic!("{path}: {errors:?}"));
        bundle.add_resource(resource).unwrap_or_else(|errors| panic!("{path}: {errors:?}"));
    }
    bundle
}

#[cfg(test)]
mod tests;
