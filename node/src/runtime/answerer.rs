//! Where an answer goes, and on the way to it how far the work is.

use protocol::app::control::{Problem, Progress, Reply, Unit};
use tokio::sync::{mpsc, oneshot};

/// Lines of progress that may wait; what does not fit is not told.
const LINES: usize = 4;

/// Where an answer goes.
#[derive(Debug)]
pub struct Answerer {
    reply: oneshot::Sender<Result<Reply, Problem>>,
    /// Where it is told how far the work is.
    pub teller: Teller,
}

/// Tells how far work is, each hundredth once. Telling never waits, and nobody needs to listen.
#[derive(Clone, Debug)]
pub struct Teller {
    to: mpsc::Sender<Progress>,
    last: Option<(Unit, u64)>,
}

/// What whoever asked waits for.
#[derive(Debug)]
pub struct Awaited {
    /// The answer.
    pub reply: oneshot::Receiver<Result<Reply, Problem>>,
    /// How far it is.
    pub progress: mpsc::Receiver<Progress>,
}

impl Answerer {
    /// For one request.
    #[must_use]
    pub fn new() -> (Self, Awaited) {
        let (reply, replied) = oneshot::channel();
        let (to, progress) = mpsc::channel(LINES);
        (Self { reply, teller: Teller { to, last: None } }, Awaited { reply: replied, progress })
    }

    /// Answers; whoever asked may be gone.
    pub fn answer(self, answer: Result<Reply, Problem>) {
        let _nobody_waits = self.reply.send(answer);
    }

    /// Whether whoever asked is gone.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.reply.is_closed()
    }
}

impl Teller {
    /// So many of all.
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
