//! The files of texts, by the room whose code names their messages. A test of that room counts them.

use protocol::record::schema::Language;

/// An area of the texts: one file in the folder of each language.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// The name of its files, without the ending.
    pub name: &'static str,
    en: Option<&'static str>,
    ru: &'static str,
    uk: &'static str,
}

impl Area {
    /// The path of the area's file below `lang`, and its content; none in English if another program has the English
    /// texts.
    pub(crate) fn file(&self, language: Language) -> Option<(String, &'static str)> {
        let text = match language {
            Language::En => self.en?,
            Language::Ru => self.ru,
            Language::Uk => self.uk,
        };
        Some((format!("{}/{}.ftl", crate::language::tag(language), self.name), text))
    }
}

macro_rules! content {
    ($language:literal, $name:literal) => {
        include_str!(concat!("../lang/", $language, "/", $name, ".ftl"))
    };
}

macro_rules! area {
    ($name:literal) => {
        Area { en: Some(content!("en", $name)), ..area!($name but in English) }
    };
    ($name:literal but in English) => {
        Area { name: $name, en: None, ru: content!("ru", $name), uk: content!("uk", $name) }
    };
}

/// Texts of every room, which the functions of this package name.
pub const SHARED: &[Area] = &[area!("answers")];

/// Texts of `cli`. In English the texts about commands are beside their arguments, and the headings come from the
/// argument parser (clap); the sentence and the next step of a problem travel with it.
pub const CLI: &[Area] = &[
    area!("words"),
    area!("typed"),
    area!("dates"),
    area!("standing"),
    area!("record"),
    area!("fields"),
    area!("sheet"),
    area!("setup"),
    area!("sharing"),
    area!("questions"),
    area!("doctor"),
    area!("demo"),
    area!("codes"),
    area!("usage" but in English),
    area!("commands" but in English),
];

/// Texts of `node`, for its pages.
pub const NODE: &[Area] = &[area!("archive")];

/// All areas.
pub(crate) fn all() -> impl Iterator<Item = &'static Area> {
    [SHARED, CLI, NODE].into_iter().flatten()
}
