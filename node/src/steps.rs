//! Test hooks between two disk operations, by name: a test stops there, or does what another process could do. In the
//! product they compile to nothing.

#[cfg(not(test))]
#[inline]
pub(crate) const fn step(_name: &'static str) {}

#[cfg(test)]
pub(crate) use watched::{step, watched};

#[cfg(test)]
mod watched {
    use std::cell::RefCell;

    /// A callback that gets the number of a step, from 0, and its name.
    type Watch = Box<dyn FnMut(usize, &'static str)>;

    thread_local! {
        static WATCH: RefCell<Option<(usize, Watch)>> = const { RefCell::new(None) };
    }

    /// Runs `work` on this thread and calls `watch` before each of its steps. Returns the result of `work` and the
    /// number of steps.
    pub(crate) fn watched<T>(watch: impl FnMut(usize, &'static str) + 'static, work: impl FnOnce() -> T) -> (T, usize) {
        WATCH.set(Some((0, Box::new(watch))));
        let done = work();
        let (steps, _) = WATCH.take().expect("set above");
        (done, steps)
    }

    pub(crate) fn step(name: &'static str) {
        // Taken out during the callback: steps that the callback itself runs are not watched.
        let Some((number, mut watch)) = WATCH.take() else { return };
        watch(number, name);
        WATCH.set(Some((number + 1, watch)));
    }
}
