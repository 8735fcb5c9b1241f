//! Tests of the module's claims: one derivation, the same probability both ways, bounded stories, a small vocabulary,
//! and facts and songs that are the same in all stories.

use std::collections::{HashMap, HashSet};

use super::state::names;
use super::words::{Kin, Word};
use super::{excerpt, facts, held_out, log_prob, places::PLACES, sample, sample_with_distributions, songs, vocabulary};

#[test]
fn following_the_text_gives_the_probability_of_telling_it() {
    for seed in 100_000..102_000 {
        let tale = sample(seed);
        assert_eq!(log_prob(&tale.words), Ok(tale.log_prob), "{}", tale.text());
    }
}

#[test]
fn offers_are_the_distributions_the_words_were_drawn_from() {
    for seed in 0..200 {
        let (tale, distributions) = sample_with_distributions(seed);
        assert_eq!(tale, sample(seed));
        assert_eq!(tale.words.len(), distributions.len());
        let mut log_prob = 0.0;
        for (word, distribution) in tale.words.iter().zip(&distributions) {
            assert!((distribution.iter().map(|entry| entry.1).sum::<f64>() - 1.0).abs() < 1e-12);
            log_prob +=
                distribution.iter().find(|entry| entry.0 == *word).expect("a told word has a probability").1.ln();
        }
        assert_eq!(log_prob, tale.log_prob);
    }
}

#[test]
fn other_texts_are_not_of_the_language() {
    let words = sample(7).words;
    assert_eq!(log_prob(&words[..words.len() - 1]), Err(words.len() - 1), "too short");
    assert_eq!(log_prob(&[&words[..], &["."]].concat()), Err(words.len()), "too long");
    for at in 0..words.len() {
        let mut changed = words.clone();
        changed[at] = "volcanoes";
        assert_eq!(log_prob(&changed), Err(at), "a foreign word");
    }
}

#[test]
fn a_seed_gives_its_story_and_no_other() {
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
}

#[test]
fn stories_have_their_length_and_words() {
    let words = vocabulary();
    let tokens = words.len() + 3;
    assert!((900..=1024).contains(&tokens), "{tokens} tokens with the special ones");
    for seed in 500_000..505_000 {
        let tale = sample(seed);
        assert!((100..=250).contains(&tale.words.len()), "{} words: {}", tale.words.len(), tale.text());
        assert!(tale.log_prob < 0.0);
        assert!(tale.words.iter().all(|word| words.binary_search(word).is_ok()));
    }
}

#[test]
fn a_quarter_of_the_words_are_known_by_heart() {
    let (mut known, mut all) = (0, 0);
    for seed in 0..2000 {
        let (tale, distributions) = sample_with_distributions(seed);
        assert!(tale.memorized.iter().all(|&at| distributions[at].len() == 1), "a fact leaves nothing to guess");
        known += tale.memorized.len();
        all += tale.words.len();
    }
    let share = known as f64 / all as f64;
    assert!((0.22..0.35).contains(&share), "{share}");
}

#[test]
fn what_people_always_do_is_the_same_in_all_stories() {
    let mut told: HashMap<(Word, Word), Vec<Word>> = HashMap::new();
    let mut again = 0;
    for seed in 0..4000 {
        let words = sample(seed).words;
        for (at, _) in words.iter().enumerate().filter(|&(at, &word)| word == "as" && words[at + 1] == "always") {
            // `as always in the garden , mia wore ... .`
            let (place, name) = (words[at + 4], words[at + 6]);
            let habit: Vec<Word> = words[at + 7..].iter().copied().take_while(|&word| word != ".").collect();
            let before = told.entry((name, place)).or_insert_with(|| habit.clone());
            again += usize::from(*before == habit);
            assert_eq!(*before, habit, "{name} in the {place}");
        }
    }
    assert!(again > 2 * told.len(), "most habits are told again");
}

#[test]
fn a_verse_is_the_same_in_all_stories() {
    let mut sung: HashMap<Vec<Word>, Vec<Word>> = HashMap::new();
    for seed in 0..4000 {
        let words = sample(seed).words;
        for (at, _) in words.iter().enumerate().filter(|entry| *entry.1 == "verse") {
            // `first verse of the silver mill : ... .`
            let title = vec![words[at - 1], words[at + 3], words[at + 4]];
            let verse: Vec<Word> = words[at + 6..].iter().copied().take_while(|&word| word != ".").collect();
            assert_eq!(*sung.entry(title).or_insert_with(|| verse.clone()), verse);
        }
    }
    assert_eq!(sung.len(), songs::TITLES.len() * songs::SAME_TITLE * 2, "every verse was sung");
    assert_eq!(sung.values().collect::<HashSet<_>>().len(), sung.len(), "no two are alike");
}

#[test]
fn the_language_is_the_one_the_model_was_trained_on() {
    let people: Vec<_> = [Kin::Anyone, Kin::Pet].into_iter().flat_map(names).collect();
    assert!(people.iter().enumerate().all(|(number, name)| name.person == number));
    let bond = facts::bond(0);
    let bond = [people[0].word, bond.look, bond.trade, bond.coat, bond.animal, bond.name];
    assert_eq!(bond.join(" "), "mia strict miller green puppy bubbles");
    let habit = facts::habit(0, 0);
    let habit = [habit.look, habit.clothes, habit.deed, habit.nature, habit.object, habit.mood, habit.witness];
    assert_eq!(habit.join(" "), "woolly hood teased wild pumpkin modern miller", "in the {}", PLACES[0].name);
    assert_eq!(
        songs::verse(0, 0, 0).join(" "),
        "moth , snail , there is a penguin in the pear , my sleepy peacock has lost her jolly hare"
    );
    // Any change of a weight, or of a word on offer, shows here.
    let sum: f64 = (0..1000).map(|seed| sample(seed).log_prob).sum();
    assert!((sum + 104_723.680_081_920).abs() < 1e-6, "{sum}");
}

#[test]
fn a_passage_is_whole_stories_between_marks() {
    let passage = held_out(5, 600);
    let text = passage.text();
    assert_eq!(text.split(' ').count(), passage.tokens());
    assert!((600..900).contains(&passage.tokens()));
    let stories: Vec<_> = text.strip_suffix(" </s>").expect("an end mark").split(" </s> <s> ").collect();
    assert_eq!(stories.len(), passage.tales.len());
    let log_prob = stories.iter().map(|story| log_prob(&story.split(' ').collect::<Vec<_>>()).expect("a story"));
    assert!((log_prob.sum::<f64>() - passage.log_prob()).abs() < 1e-9);
    assert!((1.2..2.5).contains(&passage.floor()), "{}", passage.floor());
}

#[test]
fn an_excerpts_windows_begin_with_stories_and_have_their_probability() {
    // One window that holds exactly the first story and its marks has that story's probability.
    let tale = super::sample(super::mix_seed(!5, 0));
    let one = excerpt(5, 1, tale.words.len() + 2);
    assert_eq!(one.text, tale.text() + " </s>");
    assert!((one.log_prob - tale.log_prob).abs() < 1e-9);
    assert_eq!(one.predicted, tale.words.len() + 1);
    // Each of many begins with the mark, and has as many tokens as asked for.
    let (windows, context) = (9, 100);
    let text = format!("<s> {}", excerpt(5, windows, context).text);
    let words: Vec<_> = text.split(' ').collect();
    assert_eq!(words.len(), windows * context);
    assert!(words.chunks(context).all(|window| window[0] == "<s>"));
}
