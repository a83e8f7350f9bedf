//! What a crash does, drawn from a seed.

use crate::noise::Noise;

/// What of all that isn't durable has reached the medium when the power goes: which unit (512 or 4096 bytes), how
/// likely a unit is there, whether the length runs ahead of the data or behind them, what is in the place of what is
/// missing, which names.
///
/// A seed means much the same at every moment of a history; crashes at many moments see more with other seeds at each.
#[derive(Clone, Debug)]
pub struct Schedule {
    seed: u64,
    plan: Plan,
    /// Every file has a plan of its own: one may be there and another not.
    each_file_its_own: bool,
    names: NameRule,
}

impl Schedule {
    /// A schedule that depends on `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let names = [NameRule::None, NameRule::All, NameRule::Any, NameRule::InOrder, NameRule::InOrder];
        Self {
            seed,
            names: one_of(&names, &mut noise),
            each_file_its_own: noise.below(2) == 0,
            plan: Plan::draw(&mut noise),
        }
    }

    /// The medium holds what was durable.
    #[must_use]
    pub const fn nothing_persists() -> Self {
        let plan = Plan {
            unit: 4096,
            units: Units::None,
            length: FinalLength::Durable,
            gaps: Gaps::AsTheyWere,
            lost_set_len: 100,
        };
        Self { seed: 0, plan, each_file_its_own: false, names: NameRule::None }
    }

    /// The medium holds what the cache held, limbo and all.
    #[must_use]
    pub const fn everything_persists() -> Self {
        let plan =
            Plan { unit: 4096, units: Units::All, length: FinalLength::Last, gaps: Gaps::AsTheyWere, lost_set_len: 0 };
        Self { seed: 0, plan, each_file_its_own: false, names: NameRule::All }
    }

    pub(super) fn names(&self) -> (NameRule, Noise) {
        (self.names, self.noise(0))
    }

    /// What happens to a file. It doesn't depend on which other files there are.
    pub(super) fn file(&self, inode: u64) -> (Plan, Noise) {
        let mut noise = self.noise(inode);
        let plan = if self.each_file_its_own { Plan::draw(&mut noise) } else { self.plan };
        (plan, noise)
    }

    fn noise(&self, salt: u64) -> Noise {
        Noise::new(Noise::new(self.seed).number() ^ salt)
    }
}

/// What of the changes to names persists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameRule {
    None,
    All,
    /// The first ones, as a journal has it.
    InOrder,
    /// Each by itself.
    Any,
}

impl NameRule {
    /// Whether a change persists that is in no order with others.
    pub(super) fn persists(self, noise: &mut Noise) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::InOrder | Self::Any => noise.below(2) == 0,
        }
    }
}

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// What the medium writes at a time, in bytes.
    pub(super) unit: usize,
    pub(super) units: Units,
    pub(super) length: FinalLength,
    pub(super) gaps: Gaps,
    /// How likely a `set_len` is lost while what was done after it persists, in percent.
    pub(super) lost_set_len: usize,
}

/// Which of the units that were written persist.
#[derive(Clone, Copy, Debug)]
pub(super) enum Units {
    None,
    All,
    /// The first ones by place, and perhaps a torn one.
    Prefix,
    /// The last ones by place, and perhaps a torn one.
    Suffix,
    EveryOther,
    /// All that was done up to some change, and perhaps some units of that one.
    InOrder,
    /// Each by itself, so many percent whole and so many torn.
    Chance {
        whole: usize,
        torn: usize,
    },
}

/// Which length persists.
#[derive(Clone, Copy, Debug)]
pub(super) enum FinalLength {
    Durable,
    Last,
    /// The greatest there was: ahead of all data.
    Longest,
    /// Any there was.
    Any,
}

/// What is in the place of bytes that were never there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gaps {
    /// What was there before a cut, else zeros.
    AsTheyWere,
    Zeros,
    /// 0xFF: erased flash.
    Ones,
    Stale,
    Noise,
    /// Any of these, unit by unit.
    Any,
}

impl Plan {
    fn draw(noise: &mut Noise) -> Self {
        const LENGTHS: [FinalLength; 5] =
            [FinalLength::Durable, FinalLength::Last, FinalLength::Longest, FinalLength::Any, FinalLength::Any];
        const GAPS: [Gaps; 6] = [Gaps::AsTheyWere, Gaps::Zeros, Gaps::Ones, Gaps::Stale, Gaps::Noise, Gaps::Any];
        Self {
            unit: one_of(&[512, 4096], noise),
            units: Units::draw(noise),
            length: one_of(&LENGTHS, noise),
            gaps: one_of(&GAPS, noise),
            lost_set_len: one_of(&[0, 50, 100], noise),
        }
    }
}

impl Units {
    fn draw(noise: &mut Noise) -> Self {
        match noise.below(10) {
            0 => Self::None,
            1 => Self::All,
            2 => Self::Prefix,
            3 => Self::Suffix,
            4 => Self::EveryOther,
            5 => Self::InOrder,
            _ => Self::Chance { whole: one_of(&[10, 40, 70], noise), torn: one_of(&[0, 10, 30], noise) },
        }
    }
}

impl Gaps {
    /// What it is for one unit.
    pub(super) fn of_unit(self, noise: &mut Noise) -> Self {
        match self {
            Self::Any => one_of(&[Self::AsTheyWere, Self::Zeros, Self::Ones, Self::Stale, Self::Noise], noise),
            decided => decided,
        }
    }
}

fn one_of<T: Copy>(choice: &[T], noise: &mut Noise) -> T {
    choice[noise.below(choice.len())]
}
