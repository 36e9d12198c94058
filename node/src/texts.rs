//! Texts that the node shows to people: each function is a Fluent message of `protocol/texts/lang`, with the
//! message's parameters.

pub(crate) mod archive;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use habeas_texts::{areas, keys, language};

    use super::*;

    #[test]
    fn every_text_named_in_the_code_exists_with_its_parameters_and_none_is_unused() {
        let parameters = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let named = archive::KEYS.iter().map(|(key, names)| ((*key).to_owned(), parameters(names)));
        let named: BTreeMap<String, BTreeSet<String>> = named.collect();
        for language in language::ALL {
            assert_eq!(keys(areas::NODE, language), named, "{language:?}");
        }
    }
}
