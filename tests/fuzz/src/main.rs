//! Feeds every reader with changed inputs: `[TARGET] [INPUTS] [SEED]`.

use dsf_explorer_fuzz::mutate::Mutator;
use dsf_explorer_fuzz::targets::{TARGETS, Target};
use std::collections::HashSet;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

/// Inputs for each target.
const INPUTS: u64 = 1_000_000;

/// Seconds that no input may take.
const LONGEST: f64 = 5.0;

/// Inputs that led somewhere new, at most so many.
const KEPT: usize = 4000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (numbers, names): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.parse::<u64>().is_ok());
    let number = |at: usize, default| numbers.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    if let Some(unknown) = names.iter().find(|name| TARGETS.iter().all(|target| target.name != name.as_str())) {
        eprintln!("{unknown} is no target: {}", TARGETS.map(|target| target.name).join(", "));
        return ExitCode::from(2);
    }
    let wanted =
        TARGETS.iter().filter(|target| names.is_empty() || names.iter().any(|name| name.as_str() == target.name));
    let found = wanted.map(|target| fuzz(target, number(0, INPUTS), number(1, 1))).collect::<Vec<_>>();
    if found.contains(&true) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Feeds one target; whether something was found.
fn fuzz(target: &Target, inputs: u64, seed: u64) -> bool {
    let start = Instant::now();
    let mut corpus = (target.seeds)();
    assert!(!corpus.is_empty(), "{} has no seeds", target.name);
    let mut ways: HashSet<String> = HashSet::new();
    let mut slowest = 0f64;
    for input in &corpus {
        ways.insert(way(&(target.run)(input)));
    }
    let mut mutator = Mutator::new(seed);
    // A reader may catch a panic of a library, which is not to be told a million times.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for number in 0..inputs {
        let (at, other) = (mutator.below(corpus.len()), mutator.below(corpus.len()));
        let input = mutator.changed(&corpus[at], &corpus[other], target.words);
        let before = Instant::now();
        let said = catch_unwind(|| (target.run)(&input));
        let secs = before.elapsed().as_secs_f64();
        slowest = slowest.max(secs);
        let finding = match &said {
            Err(_) => Some("panics".to_owned()),
            Ok(_) if secs > LONGEST => Some(format!("takes {secs:.1} s")),
            Ok(_) => None,
        };
        if let Some(finding) = finding {
            let file = std::env::temp_dir().join(format!("fuzz-{}-{seed}-{number}", target.name));
            let written = std::fs::write(&file, &input).is_ok();
            let place = if written { file.display().to_string() } else { "nowhere".to_owned() };
            std::panic::set_hook(hook);
            let _ = catch_unwind(|| (target.run)(&input)); // says where
            eprintln!("{}: input {number} of seed {seed} {finding}; it is in {place}", target.name);
            return true;
        }
        // Without coverage, another message is the sign of another way through the reader.
        if corpus.len() < KEPT && said.is_ok_and(|said| ways.insert(way(&said))) {
            corpus.push(input);
        }
    }
    std::panic::set_hook(hook);
    let (secs, ways) = (start.elapsed().as_secs_f64(), ways.len());
    println!(
        "{}: {inputs} inputs, {ways} ways, the slowest {slowest:.3} s, {secs:.0} s in all: nothing found",
        target.name
    );
    false
}

/// What was said without what differs from input to input: numbers and names in quotes.
fn way(said: &str) -> String {
    let mut quoted = false;
    let plain = |&c: &char| {
        quoted ^= c == '"';
        !quoted && !c.is_ascii_digit()
    };
    said.chars().take(2000).filter(plain).collect()
}
