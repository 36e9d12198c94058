//! Usage errors as failures: a code, a sentence, the nearest names, what to try next.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use habeas_texts::language;
use protocol::{bytes::ids::IdError, record::schema::Language};

use crate::{
    error::{Failure, Unfit, codes},
    texts::{self, typed},
};

/// The failure for a usage error; none if help or the version was asked for, or if nothing was typed.
pub(super) fn failure(error: &Error) -> Option<Failure> {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return None;
    }
    if let Some(Unfit(failure)) = error.source().and_then(|source| source.downcast_ref()) {
        return Some(failure.clone());
    }
    let what = sentence(error).unwrap_or_else(typed::not_understood);
    Some(Failure::new(codes::USAGE, what).with_details(hints(error)))
}

fn sentence(error: &Error) -> Option<String> {
    let said = |kind| error.get(kind).and_then(said);
    let argument = || said(ContextKind::InvalidArg);
    let value = || said(ContextKind::InvalidValue);
    Some(match error.kind() {
        ErrorKind::InvalidSubcommand => typed::unknown_command(&said(ContextKind::InvalidSubcommand)?),
        ErrorKind::UnknownArgument => match argument()? {
            option if option.starts_with('-') => typed::unknown_argument(&option),
            word => typed::word_too_many(&word),
        },
        ErrorKind::MissingRequiredArgument => typed::missing_argument(&argument()?),
        ErrorKind::MissingSubcommand => typed::missing_command(&said(ContextKind::ValidSubcommand)?),
        ErrorKind::InvalidValue if value()?.is_empty() => typed::no_value(&argument()?),
        ErrorKind::InvalidValue => typed::wrong_value(&value()?, &argument()?),
        ErrorKind::ValueValidation => match because(error) {
            Some(why) => typed::wrong_value_because(&value()?, &argument()?, &why),
            None => typed::wrong_value(&value()?, &argument()?),
        },
        ErrorKind::TooManyValues => typed::too_many_values(&value()?, &argument()?),
        ErrorKind::ArgumentConflict => match said(ContextKind::PriorArg) {
            Some(prior) if Some(&prior) != argument().as_ref() => typed::conflict(&argument()?, &prior),
            _ => typed::repeated(&argument()?),
        },
        _ => return None,
    })
}

/// The hints: the nearest names, the possible values, and the usage of the command.
fn hints(error: &Error) -> Vec<String> {
    let said = |kind| error.get(kind).and_then(said).filter(|text| !text.is_empty());
    let suggested = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let suggested = suggested.into_iter().find_map(said).map(|nearest| typed::did_you_mean(&nearest));
    let possible = said(ContextKind::ValidValue).map(|values| typed::possible_values(&values));
    let usage = |text: String| {
        let text = text.replacen("Usage:", &typed::heading_usage(), 1);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    [suggested, possible, said(ContextKind::Usage).map(usage)].into_iter().flatten().collect()
}

/// The cause that a value parser gives: ours and the known ones of clap in the current language, the rest in English.
fn because(error: &Error) -> Option<String> {
    let source = error.source()?;
    if let Some(id) = source.downcast_ref::<IdError>() {
        return Some(texts::wrong_id(id));
    }
    let text = source.to_string();
    if let Some((_, range)) = text.split_once(" is not in ") {
        return Some(typed::not_within(&range.replace("..=", "–")));
    }
    if text.contains("digit") {
        return Some(typed::not_a_number());
    }
    (language::current() == Language::En).then_some(text)
}

fn said(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}
