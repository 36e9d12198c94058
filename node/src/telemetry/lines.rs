//! Log events as lines: rate-limited by subject, and free of control characters.
//!
//! Peers cause much of what is logged, as often as they like and partly in their own words. So each subject has a few
//! lines a minute and then a count, and no character of a line moves the cursor or begins another line.

mod pace;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Format, Writer},
    },
    registry::LookupSpan,
};

use pace::{Pace, Subject};

/// Formatter that writes an event as one line, unless its subject is over the rate limit.
pub(super) struct Lines {
    format: Format,
    pace: Mutex<Pace>,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { format: format::format().with_target(false), pace: Mutex::default() }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // At DEBUG and below nothing is limited.
        if *event.metadata().level() <= Level::INFO {
            let mut said = Said::default();
            event.record(&mut said);
            let subject = Subject { site: event.metadata().callsite(), who: said.who };
            let turn =
                self.pace.lock().unwrap_or_else(PoisonError::into_inner).turn(subject, said.message, Instant::now());
            for (message, more) in turn.ended {
                writeln!(writer, "… and {more} more: {}", in_one_line(&message))?;
            }
            if !turn.admitted {
                return Ok(());
            }
        }
        let mut line = String::new();
        self.format.format_event(ctx, Writer::new(&mut line), event)?;
        writeln!(writer, "{}", in_one_line(line.trim_end()))
    }
}

/// Message of an event, and the peer, key or feed that it names.
#[derive(Default)]
struct Said {
    message: String,
    who: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "peer" | "key" | "feed" | "fault" => self.who += &format!("{value:?} "),
            _ => {}
        }
    }
}

/// Escapes every character that controls a terminal, begins a line, or turns the direction of writing.
fn in_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        let turns = matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if char.is_control() || turns { line.extend(char.escape_default()) } else { line.push(char) }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use tracing_subscriber::{Layer as _, filter::LevelFilter, fmt as lines, layer::SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, what: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let layer = lines::layer().with_writer(move || writer.clone()).with_ansi(false).event_format(Lines::new());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer.with_filter(level)), what);
        let bytes = written.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect()
    }

    /// Regression: a member sent a thousand faulty entries; a thousand warnings hid everything else in the log.
    #[test]
    fn a_thousand_warnings_of_one_peer_are_a_few_lines_and_those_of_another_are_seen() {
        let lines = logged(LevelFilter::INFO, || {
            for _ in 0..1_000 {
                for peer in [1, 1, 2] {
                    tracing::warn!(peer, "an entry says nothing here");
                }
            }
            tracing::warn!("something else");
        });
        let of = |peer: &str| lines.iter().filter(|line| line.contains(peer)).count();
        assert_eq!(
            (of("peer=1"), of("peer=2"), lines.len()),
            (pace::LINES as usize, pace::LINES as usize, 2 * pace::LINES as usize + 1)
        );
        assert!(lines.last().is_some_and(|line| line.ends_with("something else")), "{lines:?}");
    }

    #[test]
    fn who_asks_for_everything_gets_everything() {
        let lines =
            logged(LevelFilter::DEBUG, || (0..1_000).for_each(|_| tracing::debug!(peer = 1, "dialled in vain")));
        assert_eq!(lines.len(), 1_000);
    }

    #[test]
    fn nothing_that_came_from_outside_begins_a_line_or_moves_the_cursor() {
        let evil = "closed\n2026-01-01T00:00:00Z  INFO all is well\r\u{1b}[2J\u{202e}\u{9b}31m\0";
        let lines = logged(LevelFilter::INFO, || {
            tracing::info!(reason = evil, error = %evil, "severed {evil}");
            tracing::warn!("{evil}");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        for line in lines {
            assert!(!line.chars().any(|char| char.is_control() || char == '\u{202e}'), "{line:?}");
        }
    }
}
