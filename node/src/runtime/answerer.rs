//! Answers and progress: channels from the runtime to the client of a request.

use protocol::app::control::{Problem, Progress, Reply, Unit};
use tokio::sync::{mpsc, oneshot};

/// Capacity of the progress channel; further lines are dropped.
const LINES: usize = 4;

/// Sender of the answer to a request.
#[derive(Debug)]
pub struct Answerer {
    reply: oneshot::Sender<Result<Reply, Problem>>,
    /// Sender of progress.
    pub teller: Teller,
}

/// Sender of progress, at most one line for each hundredth. Never waits; the receiver may be gone.
#[derive(Clone, Debug)]
pub struct Teller {
    to: mpsc::Sender<Progress>,
    last: Option<(Unit, u64)>,
}

/// Receivers of a request's answer and progress.
#[derive(Debug)]
pub struct Awaited {
    /// Receiver of the answer.
    pub reply: oneshot::Receiver<Result<Reply, Problem>>,
    /// Receiver of progress.
    pub progress: mpsc::Receiver<Progress>,
}

impl Answerer {
    /// Creates the channels of one request.
    #[must_use]
    pub fn new() -> (Self, Awaited) {
        let (reply, replied) = oneshot::channel();
        let (to, progress) = mpsc::channel(LINES);
        (Self { reply, teller: Teller { to, last: None } }, Awaited { reply: replied, progress })
    }

    /// Sends the answer; the receiver may be gone.
    pub fn answer(self, answer: Result<Reply, Problem>) {
        let _nobody_waits = self.reply.send(answer);
    }

    /// Whether the receiver is gone.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.reply.is_closed()
    }
}

impl Teller {
    /// Reports progress: `done` of `all`.
    pub fn tell(&mut self, unit: Unit, done: u64, all: u64) {
        let progress = Progress::new(unit, done, all);
        let now = (unit, progress.percent());
        if self.last != Some(now) {
            self.last = Some(now);
            let _nobody_listens_or_it_is_late = self.to.try_send(progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hundredth_is_told_once_and_telling_never_waits() {
        let (mut answerer, mut awaited) = Answerer::new();
        for done in 0..=500 {
            answerer.teller.tell(Unit::Records, done, 10_000);
        }
        let mut told = Vec::new();
        while let Ok(progress) = awaited.progress.try_recv() {
            told.push(progress.done);
        }
        assert_eq!(told, [0, 100, 200, 300], "four lines wait, the later ones are not told");
        answerer.teller.tell(Unit::Written, 0, 10_000);
        assert_eq!(awaited.progress.try_recv().map(|progress| progress.unit), Ok(Unit::Written));
        drop(awaited);
        answerer.teller.tell(Unit::Written, 9_000, 10_000);
        assert!(answerer.is_alone());
    }
}
