//! The claims of the module: one derivation, the same probability both ways, bounded stories, a small vocabulary.

use super::{log_prob, sample, sample_with_offers, vocabulary};

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
        let (tale, offers) = sample_with_offers(seed);
        assert_eq!(tale, sample(seed));
        assert_eq!(tale.words.len(), offers.len());
        let mut log_prob = 0.0;
        for (word, offer) in tale.words.iter().zip(&offers) {
            assert!((offer.iter().map(|entry| entry.1).sum::<f64>() - 1.0).abs() < 1e-12);
            log_prob += offer.iter().find(|entry| entry.0 == *word).expect("a told word was on offer").1.ln();
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
    assert!(words.len() <= 1024 - 3, "{} words", words.len());
    for seed in 500_000..505_000 {
        let tale = sample(seed);
        assert!((60..=256).contains(&tale.words.len()), "{} words: {}", tale.words.len(), tale.text());
        assert!(tale.log_prob < 0.0);
        assert!(tale.words.iter().all(|word| words.binary_search(word).is_ok()));
    }
}
