//! The places between two operations on the disk, by name: tests look in there, and do what another process could do.
//! In the product they are nothing.

#[cfg(not(test))]
#[inline]
pub(crate) const fn step(_name: &'static str) {}

#[cfg(test)]
pub(crate) use watched::{step, watched};

#[cfg(test)]
mod watched {
    use std::cell::RefCell;

    /// Hears the number of a step, from 0, and its name.
    type Watch = Box<dyn FnMut(usize, &'static str)>;

    thread_local! {
        static WATCH: RefCell<Option<(usize, Watch)>> = const { RefCell::new(None) };
    }

    /// Does `work` on this thread; `watch` hears each of its steps before it is made. Answers what `work` came to and how
    /// many steps it took.
    pub(crate) fn watched<T>(watch: impl FnMut(usize, &'static str) + 'static, work: impl FnOnce() -> T) -> (T, usize) {
        WATCH.set(Some((0, Box::new(watch))));
        let done = work();
        let (steps, _) = WATCH.take().expect("set above");
        (done, steps)
    }

    pub(crate) fn step(name: &'static str) {
        // Taken out while it hears: what it does has steps of its own, which nobody hears.
        let Some((number, mut watch)) = WATCH.take() else { return };
        watch(number, name);
        WATCH.set(Some((number + 1, watch)));
    }
}
