//! The beginning of a story, which introduces everything that is needed later.

use super::chooser::Chooser;
use super::facts;
use super::places::PLACES;
use super::state::{Character, names};
use super::story::Story;
use super::words::{FOODS, GOODS, HOME_LOOKS, HOMES, Kin, LANDMARKS, RELATIONS, TEMPERS, TIMES, Temper, WEATHER, Word};

impl<C: Chooser> Story<'_, C> {
    /// `shy mia and her brave brother tom lived in a tall house near the sea .` and the sentences after it.
    pub fn opening(&mut self) {
        let temper = self.temper();
        self.introduce(Kin::Anyone, temper);
        self.say("and");
        self.say(self.cast[0].pronoun.possessive);
        let temper = self.temper();
        let relations: Vec<_> = RELATIONS.iter().map(|relation| (relation.0, relation.1)).collect();
        let relation = self.pick(&relations);
        self.relation = relations[relation].0;
        self.introduce(RELATIONS[relation].2, temper);

        self.say("lived in a");
        let look = self.pick_word(HOME_LOOKS);
        let home = self.pick_word(HOMES);
        self.say("near the");
        let landmark = self.pick_word(LANDMARKS);
        self.home = [look, home, landmark];
        self.say(".");

        self.tastes();
        self.bond(0);
        self.bond(1);
        self.say(self.cast[0].name);
        self.say("had");
        self.belongings(0);
        self.say(",");
        self.say(self.cast[1].name);
        self.belongings(1);
        self.say(".");

        self.say("one");
        let weather: Vec<_> = WEATHER.iter().map(|weather| (weather.0, weather.1)).collect();
        self.weather = self.pick(&weather);
        self.pick(TIMES);
        self.say("they met");
        let place = self.pick_place(|place| PLACES[place].weight);
        self.cast.iter_mut().for_each(|character| character.place = place);
        self.say(".");
    }

    fn temper(&mut self) -> &'static Temper {
        let options: Vec<_> = TEMPERS.iter().map(|temper| (temper.word, temper.weight)).collect();
        &TEMPERS[self.pick(&options)]
    }

    /// Introduces a character by a name that is not taken.
    fn introduce(&mut self, kin: Kin, temper: &'static Temper) {
        let names = names(kin);
        let taken = |name: Word| self.cast.iter().any(|character| character.name == name);
        let options: Vec<_> =
            names.iter().map(|name| (name.word, if taken(name.word) { 0 } else { name.weight })).collect();
        let name = &names[self.pick(&options)];
        self.cast.push(Character::new(name, temper));
    }

    /// `mia liked soup and tom rice .`
    fn tastes(&mut self) {
        self.say(self.cast[0].name);
        self.say("liked");
        let first = self.pick_word(FOODS);
        self.say("and");
        self.say(self.cast[1].name);
        let others: Vec<_> =
            FOODS.iter().map(|&(food, weight)| (food, if food == first { 0 } else { weight })).collect();
        let second = self.pick_word(&others);
        self.say(".");
        self.cast[0].food = first;
        self.cast[1].food = second;
    }

    /// `mia knew a tall baker and kept the grey snail dot .`
    fn bond(&mut self, who: usize) {
        let bond = facts::bond(self.cast[who].person);
        self.say(self.cast[who].name);
        self.say("knew a");
        self.recall(bond.look);
        self.recall(bond.trade);
        self.say("and kept the");
        self.recall(bond.coat);
        self.recall(bond.animal);
        self.recall(bond.name);
        self.say(".");
    }

    /// `four apples and a red ball`
    fn belongings(&mut self, who: usize) {
        let count = self.pick_number(&[2, 4, 6, 5, 4, 3, 2], 7);
        let kind = self.pick_good(count, |kind| GOODS[kind].weight);
        self.cast[who].change(kind, count as isize);
        self.say("and a");
        self.new_toy(who);
    }
}
