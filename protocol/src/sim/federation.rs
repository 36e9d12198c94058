//! Founding a simulated federation: organisations, devices, and the conduct of each machine.

use super::{
    Plan,
    adversary::Conduct,
    dice::Dice,
    machine::{Clock, Keys, Machine},
    world::Organisation,
};
use crate::{
    bytes::{cose::Signer, ids::RegistryId, seal::Entropy, words},
    membership::{
        charter::{
            Founder, Genesis, Members,
            roster::{Link, Roster, organisation},
        },
        circle::{Circle, grant::Opening},
    },
};

/// A founded federation, switched off.
pub(super) struct Federation {
    pub(super) registry: RegistryId,
    pub(super) organisations: Vec<Organisation>,
    pub(super) machines: Vec<Machine>,
}

impl Federation {
    /// Founds `plan.nodes` machines of three to five organisations; the last one joins later, if the plan says so.
    pub(super) fn new(dice: &mut Dice, plan: &Plan) -> Self {
        let mut entropy = Entropy::new(dice.bytes());
        let founders = if plan.joins { plan.nodes - 1 } else { plan.nodes };
        let organisations = founders.min(usize::try_from(dice.between(3, 5)).expect("small"));
        let belongs: Vec<_> =
            (0..plan.nodes).map(|at| if at < organisations { at } else { dice.index(organisations) }).collect();
        let keys: Vec<_> = (0..plan.nodes).map(|_| Keys::new(dice)).collect();
        let organisations: Vec<_> = (0..organisations)
            .map(|org| {
                let devices = (0..founders).filter(|at| belongs[*at] == org).map(|at| &keys[at]);
                organise(devices, &mut entropy)
            })
            .collect();
        let founder = |org: &Organisation| {
            let sign = words::call_sign(*org.id.0.first_chunk().expect("an id has 32 bytes"));
            Founder((*org.roster.root_key()).into(), sign, org.roster.head())
        };
        let genesis = Genesis::new(1, entropy.bytes(), organisations.iter().map(founder).collect());
        let rosters = organisations.iter().map(|org| org.roster.clone()).collect();
        let members = Members::new(&genesis, rosters).expect("the genesis pins these rosters");
        let commons = Opening::fresh(Circle::Commons, &mut entropy);
        let network_key = entropy.secret();
        let machines = keys.into_iter().enumerate().map(|(at, keys)| {
            let org = &organisations[belongs[at]];
            let (founding, openings) = if at < founders {
                (Some(members.clone()), vec![commons.clone(), org.own.clone()])
            } else {
                (None, vec![])
            };
            Machine {
                party: at,
                org: org.id,
                keys,
                network_key: network_key.clone(),
                founding,
                openings,
                conduct: conduct(at, plan, dice),
                clock: Clock {
                    offset: dice.below(1 << 40),
                    percent: dice.between(60, 160),
                    skew: dice.between(0, 4 * 86_400).cast_signed() - 2 * 86_400,
                },
                disk: crate::store::Memory::default(),
                backup: None,
                state: None,
                sessions: std::collections::BTreeMap::new(),
                wake: None,
                view: super::view::View::default(),
                memories: super::people::Memories::new([u8::try_from(at).expect("few"); 32]),
                watch: super::invariants::Watch::default(),
                uncertified: false,
                restores: 0,
            }
        });
        let machines = machines.collect();
        Self { registry: genesis.id(), organisations, machines }
    }
}

fn organise<'a>(devices: impl Iterator<Item = &'a Keys>, entropy: &mut Entropy) -> Organisation {
    let root = Signer::new(&entropy.secret());
    let id = organisation(&root.public());
    let mut roster: Option<Roster> = None;
    for keys in devices {
        let link = Link::certify(&root, roster.as_ref(), &keys.serving(&id));
        match &mut roster {
            Some(roster) => {
                roster.take(link).expect("it follows");
            }
            None => roster = Some(Roster::start(link).expect("a first link")),
        }
    }
    let own = Opening::fresh(Circle::Own(id), entropy);
    Organisation { id, root, roster: roster.expect("every organisation has a device"), own }
}

/// The conduct of a machine by its number: honest ones come first; then the stripper or vandal, the forker, and the
/// joiner.
fn conduct(at: usize, plan: &Plan, dice: &mut Dice) -> Conduct {
    match at {
        4 if plan.mischief => {
            if dice.chance(50) {
                Conduct::Vandal
            } else {
                Conduct::Stripper
            }
        }
        5 if plan.mischief => Conduct::Forker,
        _ => Conduct::Honest,
    }
}
