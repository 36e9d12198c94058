//! Which language: what was typed, else what the surroundings say, else English.

use std::ffi::OsString;

use clap::ValueEnum;
use protocol::schema::Language;

/// A language that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tongue {
    /// English.
    En,
    /// Русский.
    Ru,
    /// Українська.
    Uk,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::En => Self::En,
            Tongue::Ru => Self::Ru,
            Tongue::Uk => Self::Uk,
        }
    }
}

/// The language tag.
pub(super) const fn name(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Ru => "ru",
        Language::Uk => "uk",
    }
}

/// What `--lang` says, before the arguments are read: their own texts are in that language.
pub(crate) fn asked_for(args: &[OsString]) -> Option<Language> {
    let texts = args.iter().map(|arg| arg.to_str().unwrap_or_default()).take_while(|arg| *arg != "--");
    let texts: Vec<_> = texts.collect();
    let after = texts.windows(2).find_map(|pair| (pair[0] == "--lang").then_some(pair[1]));
    let value = after.or_else(|| texts.iter().find_map(|text| text.strip_prefix("--lang=")))?;
    Tongue::from_str(value, false).ok().map(Language::from)
}

/// The language of a POSIX locale, such as `uk_UA.UTF-8`; English for all that we do not speak.
pub(crate) fn of_locale(locale: &str) -> Language {
    let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
    [Language::Ru, Language::Uk].into_iter().find(|known| name(*known) == language).unwrap_or(Language::En)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_asked_for_anywhere_before_two_dashes() {
        let check = |args: &[&str], expected| {
            let args: Vec<_> = args.iter().map(OsString::from).collect();
            assert_eq!(asked_for(&args), expected, "{args:?}");
        };
        check(&["habeas", "--lang", "ru", "status"], Some(Language::Ru));
        check(&["habeas", "status", "--lang=uk"], Some(Language::Uk));
        check(&["habeas", "status", "--lang", "en"], Some(Language::En));
        check(&["habeas", "status", "--lang"], None);
        check(&["habeas", "status", "--lang", "de"], None);
        check(&["habeas", "import", "--", "--lang=uk"], None);
        check(&["habeas", "status"], None);
    }

    #[test]
    fn a_locale_names_one_of_three_languages_or_means_english() {
        let check = |locale, expected| assert_eq!(of_locale(locale), expected, "{locale}");
        check("uk_UA.UTF-8", Language::Uk);
        check("ru_RU.UTF-8", Language::Ru);
        check("ru", Language::Ru);
        check("uk@euro", Language::Uk);
        check("en_GB.UTF-8", Language::En);
        check("C", Language::En);
        check("de_DE", Language::En);
        check("", Language::En);
    }
}
