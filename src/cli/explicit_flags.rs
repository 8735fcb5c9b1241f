//! Which flags were given: what would have no effect is refused.

use super::{Cli, Failure};
use crate::Named;
use crate::factorize::Setting;
use crate::methods::Method;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches};

/// Names of the fields whose flags are given. Must be the first field of a command: the fields after it take their
/// values away.
pub struct Given(Vec<String>);

impl Given {
    /// Whether the flag of this field is given.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|given| given == name)
    }

    /// Refuses what was given of `refused`; `why` goes on from "--flag", `hint` says what to do.
    pub fn refuse(&self, refused: impl Fn(&str) -> bool, why: &str, hint: &str) -> Result<(), Failure> {
        match self.0.iter().find(|name| refused(name)) {
            Some(name) => Err(Failure::new(format!("--{} {why}", flag(name)), hint).usage()),
            None => Ok(()),
        }
    }

    /// Refuses given flags that none of these methods uses.
    pub fn refuse_for(&self, methods: &[Method]) -> Result<(), Failure> {
        if !methods.contains(&Method::Dsf) {
            self.refuse(
                is_for_runs,
                "is for dsf, of whose settings other methods take the density only",
                "leave it out",
            )?;
        }
        if !methods.iter().any(|method| method.has_threshold()) {
            self.refuse(|name| name == "threshold", "is for admm and sparsegpt", "leave it out")?;
        }
        Ok(())
    }
}

/// Whether it is a setting of DSF runs that no other method has.
fn is_for_runs(name: &str) -> bool {
    name == "preset" || Setting::named(name).is_some_and(|setting| setting != Setting::Density)
}

/// The flag of a field, as written.
fn flag(name: &str) -> String {
    let command = Cli::command();
    let mut all = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let long = all.find(|argument| argument.get_id() == name).and_then(clap::Arg::get_long);
    long.unwrap_or(name).to_owned()
}

impl Args for Given {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = matches.ids().map(clap::Id::as_str);
        // Groups are in the list as well, by the names of their types.
        let flags = given.filter(|name| name.starts_with(|first: char| first.is_ascii_lowercase()));
        let flags = flags.filter(|name| matches.value_source(name) == Some(ValueSource::CommandLine));
        Ok(Self(flags.map(str::to_owned).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
