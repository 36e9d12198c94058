//! The language of this program's texts: which one is spoken, and how a text is found in it.
//!
//! The texts are messages of Project Fluent in `protocol/texts/lang/<language>/<area>.ftl`, compiled in; the functions of
//! [`crate::texts`] are their names. One command speaks one language on one thread, so the language is a property of the
//! thread and no function between a command and its texts carries it.

mod choice;

use std::cell::{Cell, OnceCell};

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use protocol::record::schema::Language;

pub(crate) use choice::{Tongue, asked_for, of_locale, spoken_in};

type Bundle = FluentBundle<FluentResource>;

/// The files of a language.
macro_rules! files {
    ($language:literal: $($area:literal)*) => {
        &[$((
            concat!($language, "/", $area),
            include_str!(concat!("../../protocol/texts/lang/", $language, "/", $area, ".ftl")),
        )),*]
    };
}

/// English need not say again what stands beside the arguments of commands, what their reader (clap) says itself, and the
/// sentence and next step that travel with a problem.
const EN: &[(&str, &str)] = files!("en": "words" "typed" "dates" "standing" "record" "fields" "sheet" "setup" "sharing" "questions" "doctor" "demo" "codes");
const RU: &[(&str, &str)] = files!("ru": "words" "typed" "dates" "standing" "record" "fields" "sheet" "setup" "sharing" "questions" "doctor" "demo" "codes" "usage" "commands");
const UK: &[(&str, &str)] = files!("uk": "words" "typed" "dates" "standing" "record" "fields" "sheet" "setup" "sharing" "questions" "doctor" "demo" "codes" "usage" "commands");

thread_local! {
    static SPOKEN: Cell<Language> = const { Cell::new(Language::En) };
    static BUNDLES: [OnceCell<Bundle>; 3] = const { [OnceCell::new(), OnceCell::new(), OnceCell::new()] };
}

/// Speaks this language from now on.
pub(crate) fn speak(language: Language) {
    SPOKEN.set(language);
}

/// The language spoken.
pub(crate) fn spoken() -> Language {
    SPOKEN.get()
}

/// The text of a key. Every key that is named in the code exists in every language: a test counts them.
pub(crate) fn say(key: &str, parameters: &[(&str, FluentValue<'_>)]) -> String {
    find(key, None, parameters).unwrap_or_else(|| key.to_owned())
}

/// The text of a key, or of one of its attributes: nothing if this language has none, or if it names a parameter that is
/// not given.
pub(crate) fn find(key: &str, attribute: Option<&str>, parameters: &[(&str, FluentValue<'_>)]) -> Option<String> {
    BUNDLES.with(|bundles| {
        let language = spoken();
        let bundle = bundles[language as usize].get_or_init(|| bundle(language));
        let message = bundle.get_message(key)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let parameters: FluentArgs<'_> = parameters.iter().cloned().collect();
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&parameters), &mut errors).into_owned();
        errors.is_empty().then_some(text)
    })
}

/// The files of a language, each with its name.
const fn files(language: Language) -> &'static [(&'static str, &'static str)] {
    match language {
        Language::En => EN,
        Language::Ru => RU,
        Language::Uk => UK,
    }
}

fn bundle(language: Language) -> Bundle {
    let name = choice::name(language);
    let mut bundle = Bundle::new(vec![name.parse().expect("our three names are language tags")]);
    // A terminal shows the marks that would isolate a parameter's direction of writing as garbage.
    bundle.set_use_isolating(false);
    for (file, text) in files(language) {
        let resource = FluentResource::try_new((*text).to_owned());
        let resource = resource.unwrap_or_else(|(_, errors)| panic!("{file}.ftl: {errors:?}"));
        bundle.add_resource(resource).unwrap_or_else(|errors| panic!("{file}.ftl: {errors:?}"));
    }
    bundle
}

#[cfg(test)]
pub(crate) use tests::keys;

#[cfg(test)]
mod tests;
