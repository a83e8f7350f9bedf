//! Which names there are: as the cache has them, on the medium, and what is in between.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::mem;

use super::schedule::NameRule;
use crate::noise::Noise;

type Names = BTreeMap<String, u64>;

#[derive(Default)]
pub(super) struct Directory {
    cached: Names,
    durable: Names,
    /// What a sync failed to make durable and no later one will. All of it is older than all that is pending.
    limbo: Vec<NameChange>,
    pending: Vec<NameChange>,
}

/// What one operation does to names. Both parts happen or none, unless a later durable change made one of them void.
#[derive(Default)]
struct NameChange {
    taken: Option<String>,
    given: Option<(String, u64)>,
}

impl Directory {
    pub(super) fn all_durable(names: Names) -> Self {
        Self { cached: names.clone(), durable: names, ..Self::default() }
    }

    pub(super) fn get(&self, name: &str) -> io::Result<u64> {
        self.cached.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn must_not_hold(&self, name: &str) -> io::Result<()> {
        if self.cached.contains_key(name) { Err(ErrorKind::AlreadyExists.into()) } else { Ok(()) }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.cached.keys().cloned().collect()
    }

    pub(super) fn link(&mut self, name: &str, inode: u64) {
        self.change(NameChange { taken: None, given: Some((name.to_owned(), inode)) });
    }

    pub(super) fn unlink(&mut self, name: &str) {
        self.change(NameChange { taken: Some(name.to_owned()), given: None });
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, inode: u64) {
        self.change(NameChange { taken: Some(from.to_owned()), given: Some((to.to_owned(), inode)) });
    }

    /// Gives a name durably, whatever happened to it before.
    pub(super) fn put(&mut self, name: &str, inode: u64) {
        for earlier in self.limbo.iter_mut().chain(&mut self.pending) {
            earlier.give_way(name);
        }
        self.cached.insert(name.to_owned(), inode);
        self.durable.insert(name.to_owned(), inode);
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.cached);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in mem::take(&mut self.pending) {
            for name in change.taken.iter().chain(change.given.iter().map(|(name, _)| name)) {
                self.limbo.iter_mut().for_each(|earlier| earlier.give_way(name));
            }
            change.apply(&mut self.durable);
        }
        self.limbo.retain(|change| change.taken.is_some() || change.given.is_some());
    }

    pub(super) fn fail_sync(&mut self) {
        self.limbo.append(&mut self.pending);
    }

    /// The names that a medium may hold.
    pub(super) fn after_crash(&self, rule: NameRule, noise: &mut Noise) -> Names {
        let mut names = self.durable.clone();
        let in_order = noise.below(self.pending.len() + 1);
        for change in &self.limbo {
            if rule.persists(noise) {
                change.apply(&mut names);
            }
        }
        for (index, change) in self.pending.iter().enumerate() {
            let persists = if rule == NameRule::InOrder { index < in_order } else { rule.persists(noise) };
            if persists {
                change.apply(&mut names);
            }
        }
        names
    }
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        if let Some(name) = &self.taken {
            names.remove(name);
        }
        if let Some((name, inode)) = &self.given {
            names.insert(name.clone(), *inode);
        }
    }

    /// A later change to this name is durable.
    fn give_way(&mut self, name: &str) {
        self.taken.take_if(|taken| taken == name);
        self.given.take_if(|(given, _)| given == name);
    }
}
