//! Actions of one character: sentences that move people, goods and toys.

use super::chooser::Chooser;
use super::places::{ANIMALS, PLACES};
use super::state::{MOST, Promise, Whereabouts};
use super::story::Story;
use super::words::{ACTS, ADVERBS, Act, DEEDS, GOODS, LOOKS, NUMBERS, Word};

impl<C: Chooser> Story<'_, C> {
    /// A sentence about what character `who` does.
    pub fn one_acts(&mut self, who: usize) {
        let mut options: Vec<(Word, u32)> = Vec::new();
        let mut meanings = Vec::new();
        for &(act, verbs) in ACTS {
            let likely = self.likelihood(act, who);
            for &(verb, weight) in verbs {
                let bonus = if self.cast[who].temper.verbs.contains(&verb) { 6 } else { 0 };
                options.push((verb, (weight + bonus) * likely));
                meanings.push(act);
            }
        }
        options.extend(DEEDS.iter().map(|deed| (deed.past, 3 * deed.weight)));
        let choice = self.pick(&options);
        match meanings.get(choice) {
            Some(&act) => self.one_does(act, who),
            None => {
                self.say("the");
                self.pick_thing(DEEDS[choice - meanings.len()].objects);
            }
        }
        match meanings.get(choice) {
            Some(Act::Speak | Act::Feel) => self.say("."),
            _ => self.maybe_adverb(who),
        }
    }

    /// Factor of an act's verbs' weights in the current state; 0 where the act is impossible.
    fn likelihood(&self, act: Act, who: usize) -> u32 {
        let place = self.cast[who].place;
        let company = self.together();
        let when = |possible: bool, likelihood: u32| if possible { likelihood } else { 0 };
        match act {
            Act::Go => when(true, if company { 5 } else { 9 }),
            Act::Find => 7,
            Act::Give => when(company && (self.holds(who) || self.givable(who).iter().any(|&most| most > 0)), 9),
            Act::Eat => when(self.cast[who].most(|kind| GOODS[kind].edible) > 0, 5),
            Act::Hide => when(self.holds(who), 6),
            Act::Seek => when(self.toys.iter().any(|toy| toy.whereabouts.is_at(place)), 10),
            Act::See => 6,
            Act::Speak => when(company, 6),
            Act::Feel => 5,
            Act::Want => 5,
            Act::Promise => when(company && self.promise.is_none(), 6),
            Act::Hug => when(company, 3),
        }
    }

    /// The rest of a sentence after its verb.
    fn one_does(&mut self, act: Act, who: usize) {
        match act {
            Act::Go => self.goes(who),
            Act::Find => self.finds(who),
            Act::Give => self.gives(who),
            Act::Eat => self.eats(who),
            Act::Hide => self.hides(who),
            Act::Seek => self.seeks(who),
            Act::See => self.sees(self.cast[who].place),
            Act::Speak => self.speaks(who),
            Act::Feel => self.feels(who),
            Act::Want => {
                self.say("to");
                self.deed();
            }
            Act::Promise => {
                self.say("to help");
                self.say(self.cast[1 - who].name);
                let (verb, object) = self.deed();
                self.promise = Some(Promise { by: who, verb, object });
            }
            Act::Hug => {
                // Only the first character's relation to the second has been told.
                if who == 0 {
                    self.say(self.cast[0].pronoun.possessive);
                    self.say(self.relation);
                } else {
                    self.say(self.cast[0].name);
                }
            }
        }
    }

    /// The end of a sentence; in two of three cases with an adverb that suits the character.
    fn maybe_adverb(&mut self, who: usize) {
        let temper = self.cast[who].temper;
        let weight = |word: Word, weight: u32| weight + if temper.adverbs.contains(&word) { 20 } else { 0 };
        let mut options: Vec<_> = ADVERBS.iter().map(|&(word, own)| (word, weight(word, own))).collect();
        options.push((".", options.iter().map(|option| option.1).sum::<u32>() / 2));
        if self.pick(&options) < ADVERBS.len() {
            self.say(".");
        }
    }

    /// `went to the park with tom`, or the other way about, `went to the park and met tom`.
    fn goes(&mut self, who: usize) {
        let company = self.together();
        let friend = self.cast[1 - who].place;
        self.say("to the");
        let there = self.destination(self.cast[who].place, (!company).then_some(friend));
        self.cast[who].place = there;
        if company && self.pick(&[("with", 3), ("alone", 2)]) == 0 {
            self.say(self.cast[1 - who].name);
            self.cast[1 - who].place = there;
        } else if there == friend {
            self.say("and met");
            self.say(self.cast[1 - who].name);
        }
    }

    /// `found two shells in the sand`, `found a green hat behind the log`.
    fn finds(&mut self, who: usize) {
        let place = self.cast[who].place;
        let mut options: Vec<_> = NUMBERS[1..=4].iter().copied().zip([4, 6, 4, 2]).collect();
        options.push(("a", if self.toys.len() < 4 { 4 } else { 0 }));
        match self.pick(&options) + 1 {
            5 => self.new_toy(who),
            count => {
                let character = &self.cast[who];
                let weights: Vec<u32> = (0..GOODS.len())
                    .map(|kind| match GOODS[kind].weight {
                        _ if character.count(kind) + count > MOST => 0,
                        _ if character.kinds().any(|own| own == kind) => 30,
                        weight if PLACES[place].goods.contains(&GOODS[kind].one) => weight + 6,
                        weight => weight.div_ceil(4),
                    })
                    .collect();
                let kind = self.pick_good(count, |kind| weights[kind]);
                self.cast[who].change(kind, count as isize);
                self.changed.push((who, kind));
            }
        }
        self.pick_spot(place);
    }

    /// `gave tom two apples`, `gave tom the red ball`.
    fn gives(&mut self, who: usize) {
        let other = 1 - who;
        self.say(self.cast[other].name);
        let limits = self.givable(who);
        let most = limits.iter().copied().max().unwrap_or(0);
        let mut options: Vec<_> = NUMBERS[1..=4].iter().copied().zip([4, 6, 3, 1]).take(most).collect();
        options.push(("the", if self.holds(who) { 7 } else { 0 }));
        match self.pick_word(&options) {
            "the" => {
                let toy = self.pick_toy(|toy| toy.whereabouts == Whereabouts::With(who));
                self.toys[toy].whereabouts = Whereabouts::With(other);
            }
            number => {
                let count = NUMBERS.iter().position(|&word| word == number).expect("it was on distribution");
                let kind = self.pick_good(count, |kind| if limits[kind] >= count { GOODS[kind].weight } else { 0 });
                self.cast[who].change(kind, -(count as isize));
                self.cast[other].change(kind, count as isize);
                self.changed.extend([(who, kind), (other, kind)]);
            }
        }
    }

    /// `ate two apples`, goods that the character has.
    fn eats(&mut self, who: usize) {
        let most = self.cast[who].most(|kind| GOODS[kind].edible);
        let count = self.pick_number(&[6, 5, 2], most);
        let counts: Vec<usize> = (0..GOODS.len()).map(|kind| self.cast[who].count(kind)).collect();
        let fits = |kind: usize| GOODS[kind].edible && counts[kind] >= count;
        let kind = self.pick_good(count, |kind| if fits(kind) { GOODS[kind].weight } else { 0 });
        self.cast[who].change(kind, -(count as isize));
        self.changed.push((who, kind));
    }

    /// `put the red ball under the bench`.
    fn hides(&mut self, who: usize) {
        let place = self.cast[who].place;
        self.say("the");
        let toy = self.pick_toy(|toy| toy.whereabouts == Whereabouts::With(who));
        let spot = self.pick_spot(place);
        self.toys[toy].whereabouts = Whereabouts::Hidden { place, spot };
    }

    /// `looked for the red ball and found it under the bench`.
    fn seeks(&mut self, who: usize) {
        let place = self.cast[who].place;
        self.say("for the");
        let toy = self.pick_toy(|toy| toy.whereabouts.is_at(place));
        self.say("and found it");
        if let Whereabouts::Hidden { place, spot } = self.toys[toy].whereabouts {
            self.say_spot(place, spot);
        }
        self.toys[toy].whereabouts = Whereabouts::With(who);
    }

    /// `saw a little duck swimming beside the fountain`: an animal of the place, and what such animals do.
    pub fn sees(&mut self, place: usize) {
        self.say("a");
        self.pick(LOOKS);
        let animal = self.pick_animal(place);
        self.pick(ANIMALS[animal].2);
        self.pick_spot(place);
    }

    /// Says `climb the tree` and returns its verb and its noun.
    fn deed(&mut self) -> (Word, Word) {
        let verbs: Vec<_> = DEEDS.iter().map(|deed| (deed.base, deed.weight)).collect();
        let verb = self.pick(&verbs);
        self.say("the");
        (DEEDS[verb].base, self.pick_thing(DEEDS[verb].objects))
    }

    /// Largest number of each kind that the character can give: what it has, as far as the other one can count.
    fn givable(&self, who: usize) -> Vec<usize> {
        let (giver, taker) = (&self.cast[who], &self.cast[1 - who]);
        (0..GOODS.len()).map(|kind| giver.count(kind).min(MOST - taker.count(kind))).collect()
    }

    /// Whether the character holds a toy.
    fn holds(&self, who: usize) -> bool {
        self.toys.iter().any(|toy| toy.whereabouts == Whereabouts::With(who))
    }
}
