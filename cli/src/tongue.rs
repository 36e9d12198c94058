//! The language of a command: the typed one, else that of the locale, else English.

use std::{ffi::OsString, fmt};

use clap::ValueEnum;
use habeas_texts::language::{self, tag};
use protocol::record::schema::Language;

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

/// The language asked for by `--lang`, before the arguments are read: their own texts are in that language.
pub(crate) fn asked_for(args: &[OsString]) -> Option<Language> {
    let texts = args.iter().map(|arg| arg.to_str().unwrap_or_default()).take_while(|arg| *arg != "--");
    let texts: Vec<_> = texts.collect();
    let after = texts.windows(2).find_map(|pair| (pair[0] == "--lang").then_some(pair[1]));
    let value = after.or_else(|| texts.iter().find_map(|text| text.strip_prefix("--lang=")))?;
    Tongue::from_str(value, false).ok().map(Language::from)
}

/// The language of a POSIX locale, such as `uk_UA.UTF-8`; English for a language without texts.
pub(crate) fn of_locale(locale: &str) -> Language {
    spoken_in(locale).unwrap_or(Language::En)
}

/// The language spoken in a POSIX locale, if there are texts in it; `C` and `POSIX` name none.
pub(crate) fn spoken_in(locale: &str) -> Option<Language> {
    let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
    language::ALL.into_iter().find(|known| tag(*known) == language)
}

impl Tongue {
    /// The question about the language, in all of them: for a person who has chosen none.
    pub(crate) fn question() -> String {
        let each = (1..).zip(Self::value_variants()).map(|(nth, tongue)| format!("{nth} {}", tongue.own_name()));
        format!("Language / Язык / Мова:  {}  [1] ", each.collect::<Vec<_>>().join("  "))
    }

    /// The language that an answer to the question names: by a number, a tag, or the beginning of a name.
    pub(crate) fn answered(answer: &str) -> Option<Self> {
        let answer = answer.trim().to_lowercase();
        let names = |nth: usize, tongue: Self| {
            let name = tongue.own_name().to_lowercase();
            answer == nth.to_string() || answer == tongue.to_string() || name.starts_with(&answer)
        };
        let all = (1..).zip(Self::value_variants().iter().copied());
        all.filter(|_| !answer.is_empty()).find(|(nth, tongue)| names(*nth, *tongue)).map(|(_, tongue)| tongue)
    }

    const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ru => "Русский",
            Self::Uk => "Українська",
        }
    }
}

impl fmt::Display for Tongue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(tag(Language::from(*self)))
    }
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
    fn the_language_is_answered_by_its_number_its_tag_or_its_own_name() {
        let check = |answer: &str, expected| assert_eq!(Tongue::answered(answer), expected, "{answer}");
        check("1\n", Some(Tongue::En));
        check(" 2 ", Some(Tongue::Ru));
        check("uk", Some(Tongue::Uk));
        check("Укр", Some(Tongue::Uk));
        check("русский\n", Some(Tongue::Ru));
        for nothing in ["\n", "4", "de", ""] {
            check(nothing, None);
        }
        assert_eq!(Tongue::question(), "Language / Язык / Мова:  1 English  2 Русский  3 Українська  [1] ");
    }

    #[test]
    fn no_language_is_chosen_where_the_locale_names_none_of_ours() {
        let check = |locale, expected| assert_eq!(spoken_in(locale), expected, "{locale}");
        check("en_GB.UTF-8", Some(Language::En));
        check("uk_UA.UTF-8", Some(Language::Uk));
        for none in ["C", "C.UTF-8", "POSIX", "de_DE.UTF-8", ""] {
            check(none, None);
        }
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
