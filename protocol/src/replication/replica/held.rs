//! A circle held by this node, and the heads of its feeds.
//!
//! Heads of keys that no roster certifies are parked: they do not count, and return unchanged if a roster certifies the
//! key again.

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use crate::{
    bytes::{
        ids::{FeedKey, Incarnation},
        seal::Secret,
    },
    log::feed::{FeedHead, circle_root},
    membership::circle::Circle,
};

/// A circle held by this node.
#[derive(Clone, Debug)]
pub struct Held {
    /// The definition of the circle.
    pub circle: Circle,
    /// The secret that keys the circle's tags and roots on the wire.
    pub secret: Secret,
    feeds: BTreeMap<(FeedKey, Incarnation), FeedHead>,
    parked: BTreeMap<(FeedKey, Incarnation), FeedHead>,
    /// The root, computed on demand: a batch of entries costs one pass over the heads, not one each.
    root: OnceCell<[u8; 32]>,
}

/// The room that a key has for a new feed in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// The key has fewer incarnations than may count.
    Free,
    /// The new feed counts, and displaces this larger incarnation of its key.
    InPlaceOf(Incarnation),
    /// The new feed does not count: as many smaller incarnations as may count do.
    Full,
}

impl Held {
    pub(crate) fn new(circle: Circle, secret: Secret) -> Self {
        Self { circle, secret, feeds: BTreeMap::new(), parked: BTreeMap::new(), root: OnceCell::new() }
    }

    /// The root of the circle: a hash over its frontier.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        *self.root.get_or_init(|| circle_root(self.feeds.iter()))
    }

    /// The feeds' heads, in the order of their names.
    pub fn lines(&self) -> impl Iterator<Item = (&(FeedKey, Incarnation), &FeedHead)> {
        self.feeds.iter()
    }

    /// The heads of feeds whose names follow `name`, in order; all heads for `None`.
    pub fn heads_after(
        &self,
        name: Option<(FeedKey, Incarnation)>,
    ) -> impl Iterator<Item = (&(FeedKey, Incarnation), &FeedHead)> {
        self.feeds.range((name.map_or(Unbounded, Excluded), Unbounded))
    }

    /// The head of a feed.
    #[must_use]
    pub fn head(&self, name: &(FeedKey, Incarnation)) -> Option<&FeedHead> {
        self.feeds.get(name)
    }

    /// The incarnations of a key that count, in ascending order.
    pub fn incarnations(&self, key: &FeedKey) -> impl DoubleEndedIterator<Item = Incarnation> {
        let all = (*key, Incarnation([0; 8]))..=(*key, Incarnation([0xff; 8]));
        self.feeds.range(all).map(|((_, run), _)| *run)
    }

    /// The room for a feed without a head, where `most` incarnations of a key count.
    pub(super) fn room(&self, key: &FeedKey, run: Incarnation, most: usize) -> Room {
        match self.incarnations(key).next_back() {
            Some(largest) if self.incarnations(key).count() >= most => {
                if run < largest {
                    Room::InPlaceOf(largest)
                } else {
                    Room::Full
                }
            }
            _ => Room::Free,
        }
    }

    pub(super) fn set(&mut self, name: (FeedKey, Incarnation), head: FeedHead) {
        self.feeds.insert(name, head);
        self.root.take();
    }

    pub(super) fn remove(&mut self, name: &(FeedKey, Incarnation)) {
        self.feeds.remove(name);
        self.root.take();
    }

    /// Parks the heads of keys that are not certified, and restores those of keys that are.
    pub(super) fn park_uncertified(&mut self, is_certified: impl Fn(&FeedKey) -> bool) {
        let gone = self.feeds.extract_if(.., |(key, _), _| !is_certified(key)).collect::<Vec<_>>();
        let back = self.parked.extract_if(.., |(key, _), _| is_certified(key)).collect::<Vec<_>>();
        if !gone.is_empty() || !back.is_empty() {
            self.root.take();
        }
        self.parked.extend(gone);
        self.feeds.extend(back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::ids::EntryId;

    const KEY: FeedKey = FeedKey([1; 32]);

    fn held(runs: &[u8]) -> Held {
        let mut held = Held::new(Circle::Commons, Secret::new([0; 32]));
        for key in [FeedKey([0; 32]), KEY, FeedKey([2; 32])] {
            runs.iter().for_each(|run| {
                held.set((key, Incarnation([*run; 8])), FeedHead::Open { seq: 1, id: EntryId([0; 32]) })
            });
        }
        held
    }

    #[test]
    fn an_incarnation_beyond_the_limit_counts_only_in_place_of_a_larger_one() {
        let room = |run: u8| held(&[10, 20, 30]).room(&KEY, Incarnation([run; 8]), 3);
        assert_eq!(held(&[10, 20]).room(&KEY, Incarnation([30; 8]), 3), Room::Free);
        assert_eq!(room(25), Room::InPlaceOf(Incarnation([30; 8])));
        assert_eq!(room(1), Room::InPlaceOf(Incarnation([30; 8])));
        assert_eq!(room(31), Room::Full);
    }

    /// A key was certified by two organisations for a while. Its heads were forgotten meanwhile, and a fork with them.
    #[test]
    fn a_key_that_is_certified_again_stands_where_it_stood() {
        let mut held = held(&[10]);
        held.set((KEY, Incarnation([10; 8])), FeedHead::Forked { at: 3, trunk: EntryId([7; 32]), sealed: 0 });
        let before = held.root();
        held.park_uncertified(|key| *key != KEY);
        assert!(held.head(&(KEY, Incarnation([10; 8]))).is_none() && held.root() != before);
        assert_eq!(held.lines().count(), 2);
        held.park_uncertified(|_| true);
        assert_eq!(held.root(), before);
    }
}
