//! The language of the texts: a property of the thread, English until it is set.

use std::cell::Cell;

use protocol::record::schema::Language;

/// All languages; every text is written in each of them.
pub const ALL: [Language; 3] = [Language::En, Language::Ru, Language::Uk];

thread_local! {
    static CURRENT: Cell<Language> = const { Cell::new(Language::En) };
}

/// The tag of a language (BCP 47).
#[must_use]
pub const fn tag(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Ru => "ru",
        Language::Uk => "uk",
    }
}

/// The language of this thread's texts.
#[must_use]
pub fn current() -> Language {
    CURRENT.get()
}

/// Sets the language of this thread's texts, for a program that has one language for its whole run.
pub fn set(language: Language) {
    CURRENT.set(language);
}

/// Runs `work` with its texts in `language`, for a program that has one language for each page. However the work ends,
/// the thread then has its former language again.
pub fn within<T>(language: Language, work: impl FnOnce() -> T) -> T {
    let _former = Former(CURRENT.replace(language));
    work()
}

/// The former language, to which the thread returns.
struct Former(Language);

impl Drop for Former {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::{panic, thread};

    use super::*;

    #[test]
    fn a_language_that_was_set_for_some_work_ends_with_it_even_if_the_work_panics() {
        set(Language::Ru);
        let inside = within(Language::Uk, || (current(), within(Language::En, current), current()));
        assert_eq!(inside, (Language::Uk, Language::En, Language::Uk));
        assert!(panic::catch_unwind(|| within(Language::Uk, || panic!("on purpose"))).is_err());
        assert_eq!(current(), Language::Ru);
    }

    #[test]
    fn the_language_of_a_thread_is_not_that_of_another() {
        set(Language::Ru);
        let other = thread::spawn(current).join().expect("it reads one value");
        assert_eq!((current(), other), (Language::Ru, Language::En));
    }
}
