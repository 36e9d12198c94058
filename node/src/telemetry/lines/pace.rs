//! Rate limit of log lines: a few a minute for each subject, then a count of the events left out.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tracing::callsite::Identifier;

/// Lines of one subject within a [`SPAN`].
pub(super) const LINES: u64 = 10;
/// Period in which the lines of a subject are counted.
const SPAN: Duration = Duration::from_secs(60);
/// Maximum number of subjects; events of further subjects share the limit of their place in the code.
const SUBJECTS: usize = 1024;
/// Characters of a message kept for the line with the count.
const MESSAGE_CHARS: usize = 120;

/// Subject of an event: its place in the code, and the peer, key or feed that it names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) site: Identifier,
    pub(super) who: String,
}

/// Lines in the current period, by subject.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<Subject, Count>);

#[derive(Debug)]
struct Count {
    since: Instant,
    events: u64,
    message: String,
}

/// Decision on an event: whether it is written, and the counts to write before it (message, events left out).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) admitted: bool,
    pub(super) ended: Vec<(String, u64)>,
}

impl Pace {
    /// Counts an event and decides whether it is written.
    pub(super) fn turn(&mut self, mut subject: Subject, message: String, now: Instant) -> Turn {
        let mut ended = Vec::new();
        self.0.retain(|_, count| {
            let over = now.saturating_duration_since(count.since) >= SPAN;
            if over && count.events > LINES {
                ended.push((std::mem::take(&mut count.message), count.events - LINES));
            }
            !over
        });
        ended.sort();
        if self.0.len() >= SUBJECTS && !self.0.contains_key(&subject) {
            subject.who.clear();
        }
        let kept = || message.chars().take(MESSAGE_CHARS).collect();
        let count = self.0.entry(subject).or_insert_with(|| Count { since: now, events: 0, message: kept() });
        count.events += 1;
        Turn { admitted: count.events <= LINES, ended }
    }
}

#[cfg(test)]
mod tests {
    use tracing::{
        Metadata,
        callsite::{Callsite, Identifier},
        subscriber::Interest,
    };

    use super::*;

    struct Site;

    impl Callsite for Site {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("nobody asks")
        }
    }

    static SITE: Site = Site;

    fn subject(who: &str) -> Subject {
        Subject { site: Identifier(&SITE), who: who.to_owned() }
    }

    #[test]
    fn a_minute_has_ten_lines_of_a_subject_and_the_next_says_how_many_were_left_out() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let admitted = (0..1_003).filter(|_| pace.turn(subject("a"), "bad".into(), start).admitted).count();
        assert_eq!(admitted, 10);
        let turn = pace.turn(subject("b"), "other".into(), start + Duration::from_secs(59));
        assert_eq!(turn, Turn { admitted: true, ended: vec![] });
        let turn = pace.turn(subject("a"), "bad".into(), start + SPAN);
        assert_eq!(turn, Turn { admitted: true, ended: vec![("bad".into(), 993)] });
    }

    #[test]
    fn subjects_beyond_the_table_share_the_lines_of_their_place() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let subjects = 10 * SUBJECTS;
        let admitted = (0..subjects).filter(|n| pace.turn(subject(&n.to_string()), String::new(), start).admitted);
        assert_eq!(admitted.count(), SUBJECTS + 10);
        assert!(pace.0.len() <= SUBJECTS + 1);
    }
}
